// What is asked before a stream is started: START_REPLICATION would not say it, or say it too late.

import type pg from 'pg';
import { formatLsn, parseLsn, type Lsn } from '../flow/lsn.ts';
import { MillraceError } from '../runtime/errors.ts';
import { slotInUse, slotLost, slotMissing, slotNotOurs, slotState } from './slot.ts';

export interface StreamStart {
  readonly confirmedLsn: Lsn;
  readonly from: Lsn;
  readonly serverEnd: Lsn;
  readonly statusIntervalMs: number;
}

/** Rejects with SLOT_MISSING, SLOT_LOST, SLOT_IN_USE, NOT_OUR_WAREHOUSE or STATE_LOST. */
export async function inspectStart(
  client: pg.Client,
  options: { readonly slot: string; readonly from: Lsn | undefined },
): Promise<StreamStart> {
  const { slot } = options;
  const system = await client.query<{ xlogpos: string; dbname: string }>('IDENTIFY_SYSTEM');
  const { xlogpos, dbname } = system.rows[0]!;
  const state = await slotState(client, slot);
  if (!state) throw slotMissing(slot);
  if (state.database !== dbname || state.plugin !== 'pgoutput') throw slotNotOurs(state, dbname);
  if (state.walStatus === 'lost') throw slotLost(slot, 'Postgres has removed WAL that it needs');
  if (state.activePid !== undefined) throw slotInUse(slot, state.activePid);
  const from = options.from ?? state.confirmedLsn;
  if (from < state.confirmedLsn)
    throw new MillraceError(
      'STATE_LOST',
      `the data folder ends at ${formatLsn(from)}, but the replication slot ${slot} was acknowledged up to ${formatLsn(state.confirmedLsn)}`,
      { hint: 'Attach the data folder that was used last, or rebuild the pipelines: select millrace.rebuild(name).' },
    );
  const timeout = await client.query<{ ms: string }>(
    `select setting as ms from pg_settings where name = 'wal_sender_timeout'`,
  );
  return {
    confirmedLsn: state.confirmedLsn,
    from,
    serverEnd: parseLsn(xlogpos),
    statusIntervalMs: statusIntervalMs(Number(timeout.rows[0]!.ms)),
  };
}

/** How often the acknowledgement is repeated, so that two may get lost in a wal_sender_timeout (0: there is none). */
export function statusIntervalMs(walSenderTimeoutMs: number): number {
  return walSenderTimeoutMs === 0 ? 10_000 : Math.max(100, Math.min(10_000, Math.floor(walSenderTimeoutMs / 3)));
}
