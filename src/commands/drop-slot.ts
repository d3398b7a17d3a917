// `millrace drop-slot`: gives the WAL back when no connector runs any more.

import { forgetFolder } from '../catalog/folder.ts';
import { MillraceError } from '../runtime/errors.ts';
import { dropSlot, slotName, slotNotOurs, slotState } from '../source/slot.ts';
import { connect } from '../warehouse/connection.ts';
import { formatBytes } from '../terminal/numbers.ts';
import { printJson } from './exit.ts';
import { groupFolder, warehouseOf, type CommonFlags } from './flags.ts';

export type Flags = Pick<CommonFlags, 'warehouse' | 'group' | 'data' | 'json'>;

export async function runDropSlot(flags: Flags): Promise<void> {
  const slot = slotName(flags.group);
  const client = await connect({ url: warehouseOf(flags), applicationName: 'millrace drop-slot' });
  try {
    const before = await slotState(client, slot);
    // Postgres would drop it from here, too, and with it what that database's pipelines have not read.
    const here = await client.query<{ database: string }>('select current_database()::text as database');
    const { database } = here.rows[0]!;
    if (before && before.database !== database) throw slotNotOurs(before, database);
    const dropped = await dropSlot(client, slot).catch(stopItFirst);
    // A schema that was never installed has nothing to forget.
    const installed = await client.query<{ found: boolean }>(
      `select to_regclass('millrace._groups') is not null as found`,
    );
    if (installed.rows[0]?.found) await forgetFolder(client, flags.group);
    if (flags.json) {
      printJson('drop-slot', { slot, dropped, retainedBytes: before?.retainedBytes ?? 0 });
    } else if (!dropped) {
      process.stdout.write(`There is no slot ${slot}.\n`);
    } else {
      process.stdout.write(
        `Dropped ${slot}, which kept ${formatBytes(before?.retainedBytes ?? 0)} of WAL.\n` +
          `To start again from the tables: remove the folder ${groupFolder(flags)}, then run \`millrace up\` or \`millrace connector\`.\n`,
      );
    }
  } finally {
    await client.end();
  }
}

/** Waiting, as a connector does, is not for a person who wants the slot gone. */
function stopItFirst(error: unknown): never {
  if (!(error instanceof MillraceError) || error.code !== 'SLOT_IN_USE') throw error;
  throw new MillraceError(error.code, error.message, {
    hint: 'Stop that connector (or `millrace up`) first. With --group another group is meant.',
    cause: error,
  });
}
