// `millrace status`: what millrace.status says, drawn; with --watch again every second, in place.

import pc from 'picocolors';
import { checkSchema } from '../catalog/schema-version.ts';
import { readStatus, type PipelineStatusRow, type RetrainingRow } from '../catalog/status.ts';
import { systemClock } from '../runtime/clock.ts';
import { Screen, terminalWidth, visibleWidth, wrap } from '../terminal/screen.ts';
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
        screen.draw(drawStatus(rows, terminalWidth(process.stdout)));
        await systemClock.sleep(1000, signals.drain);
        rows = await readStatus(client);
      }
    } else {
      process.stdout.write(`${drawStatus(rows, terminalWidth(process.stdout))}\n`);
    }
    if (rows.some((row) => isTroubled(row.state))) process.exitCode = EXIT.degraded;
  } finally {
    await client.end();
  }
}

/** Columns, and the order in which they go where the terminal is too narrow for all: a figure cut in two would be another. */
const COLUMNS = [
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
] as const;
const FIRST_TO_GO: readonly (typeof COLUMNS)[number][] = ['keys', 'state size', 'scores/s', 'rows/s', 'WAL kept'];

/** A table, then reason and hint of whatever needs a person, whole. `width`: of the terminal, if it is one. */
export function drawStatus(rows: readonly PipelineStatusRow[], width = Infinity): string {
  if (rows.length === 0) return 'There are no pipelines yet. Make one with `select millrace.create_pipeline(…)`.';
  const cells = rows.map(cellsOf);
  let shown = COLUMNS.map((name, index) => ({ name, index }));
  const draw = (): string =>
    drawTable(
      shown.map(({ name }) => name),
      cells.map((row) => shown.map(({ index }) => row[index])),
    );
  let table = draw();
  for (const name of FIRST_TO_GO) {
    if (table.split('\n').every((line) => visibleWidth(line) <= width)) break;
    shown = shown.filter((column) => column.name !== name);
    table = draw();
  }
  return [table, ...rows.flatMap(notesOf).map((note) => wrap(note, width))].join('\n');
}

function notesOf({ pipeline, reason, hint, deadLetters, retraining }: PipelineStatusRow): string[] {
  const notes = reason === null ? [] : [`${pc.yellow(pipeline)}: ${reason}`];
  if (reason !== null && hint !== null) notes.push(`  ${pc.cyan('hint')} ${hint}`);
  if (deadLetters !== null && deadLetters > 0)
    notes.push(
      `${pc.yellow(pipeline)}: ${formatCount(deadLetters)} rows could not be computed and have no score`,
      `  ${pc.cyan('hint')} select * from millrace.dead_letters where pipeline = '${pipeline}': each goes when its row is corrected.`,
    );
  if (retraining !== null)
    notes.push(`${pc.cyan(pipeline)}: retraining ${retraining.command}, ${progressOf(retraining)}`);
  return notes;
}

function progressOf({ state, examples, trained, judged, patience, loss, servingLoss }: RetrainingRow): string {
  if (state === 'training')
    return `${formatCount(trained ?? 0)} of ${formatCount(examples ?? 0)} stored examples learned`;
  if (state === 'trained') return 'trained; it is compared with the serving model on examples that come';
  if (state === 'comparing')
    return `compared on ${formatCount(judged ?? 0)} of at most ${formatCount(patience)} examples: loss ${shownLoss(loss)}, the serving model's ${shownLoss(servingLoss)}`;
  return state;
}

const shownLoss = (loss: number | null): string => (loss === null ? '?' : loss.toPrecision(4));

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
