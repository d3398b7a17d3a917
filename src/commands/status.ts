// `millrace status`: what millrace.status says, drawn; with --watch again every second, in place.

import pc from 'picocolors';
import { checkSchema } from '../catalog/schema-version.ts';
import { readStatus, type PipelineStatusRow } from '../catalog/status.ts';
import { systemClock } from '../runtime/clock.ts';
import { Screen } from '../terminal/screen.ts';
import { formatBytes, formatCount, formatMs } from '../terminal/numbers.ts';
import { drawTable } from '../terminal/table.ts';
import { connect } from '../warehouse/connection.ts';
import { EXIT, printJson } from './exit.ts';
import { warehouseOf, type CommonFlags } from './flags.ts';
import { listenForSignals } from './signals.ts';

export type Flags = Pick<CommonFlags, 'warehouse' | 'json'> & { readonly watch?: boolean };

export async function runStatus(flags: Flags): Promise<void> {
  const client = await connect({ url: warehouseOf(flags), applicationName: 'millrace status' });
  using signals = listenForSignals();
  try {
    await checkSchema(client);
    let rows = await readStatus(client);
    if (flags.json) {
      printJson('status', rows);
    } else if (flags.watch) {
      using screen = new Screen(process.stdout);
      while (!signals.drain.aborted) {
        screen.draw(drawStatus(rows));
        await systemClock.sleep(1000, signals.drain);
        rows = await readStatus(client);
      }
    } else {
      process.stdout.write(`${drawStatus(rows)}\n`);
    }
    if (rows.some((row) => isTroubled(row.state))) process.exitCode = EXIT.degraded;
  } finally {
    await client.end();
  }
}

/** A table, then reason and hint of whatever needs a person. */
export function drawStatus(rows: readonly PipelineStatusRow[]): string {
  if (rows.length === 0) return 'There are no pipelines yet. Make one with `select millrace.create_pipeline(…)`.';
  const names = [
    'pipeline',
    'state',
    'lag',
    'WAL kept',
    'rows/s',
    'scores/s',
    'to score',
    'dead letters',
    'keys',
    'state size',
  ];
  const table = drawTable(names, rows.map(cellsOf));
  const notes = rows
    .filter((row) => row.reason !== null)
    .map(
      (row) =>
        `${pc.yellow(row.pipeline)}: ${row.reason}${row.hint === null ? '' : `\n  ${pc.cyan('hint')} ${row.hint}`}`,
    );
  return [table, ...notes].join('\n');
}

function cellsOf(row: PipelineStatusRow): (string | null)[] {
  const shown = (value: number | null, format: (value: number) => string): string | null =>
    value === null ? null : format(value);
  const backfill =
    row.state === 'backfilling' && row.backfillDone !== null
      ? ` ${formatCount(row.backfillDone)} of ${formatCount(row.backfillTotal ?? 0)}`
      : '';
  return [
    row.pipeline,
    `${row.state}${backfill}`,
    shown(row.lagMs, formatMs),
    shown(row.retainedWalBytes, formatBytes),
    shown(row.rowsPerSecond, formatCount),
    shown(row.scoresPerSecond, formatCount),
    shown(row.lagRecords, formatCount),
    shown(row.deadLetters, formatCount),
    shown(row.stateKeys, formatCount),
    shown(row.stateBytes, formatBytes),
  ];
}

function isTroubled(state: string): boolean {
  return state === 'failed' || state === 'degraded' || state === 'needs rebuild';
}
