// Rows in the order in which a live model would see them, and when their labels would come.

import type { ColumnType } from '../../flow/pipeline.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { MAX_MAGNITUDE } from '../../model/encoder/feature-value.ts';
import { microsecondsOf, type DataTable } from './data-table.ts';
import type { LabelledRow } from './prequential.ts';

export interface StreamOrder {
  /** Undefined: no row has one. */
  readonly label: ColumnType | undefined;
  /** Column whose value orders the rows; without it they stand in the order of the file. */
  readonly time: string | undefined;
  /** A duration where there is a time, else a number of rows. */
  readonly delay: string | undefined;
}

/** Rows whose time is missing come first, as they do in Postgres's NULLS FIRST; equal times keep their order. */
export function labelledRows({ rows }: DataTable, { label, time, delay }: StreamOrder): LabelledRow[] {
  const delayBy = delay === undefined ? 0 : time === undefined ? rowsOf(delay) : durationUs(delay);
  const ordered = rows.map((features, n) => ({ features, at: time === undefined ? n : timeUs(features[time], time) }));
  if (time !== undefined) ordered.sort((a, b) => a.at - b.at);
  return ordered.map(({ features, at }) => {
    const value = label === undefined ? null : features[label.name];
    const known = value !== null && isUsable(label!, value);
    return { features, at, dueAt: at + delayBy, label: known ? labelText(label!, value) : undefined };
  });
}

/** What the figures do not show by themselves. */
export function orderNotices(
  { rows }: DataTable,
  { label, time, delay }: StreamOrder,
  ordered: readonly LabelledRow[],
): string[] {
  const notices: string[] = [];
  const unusable =
    label === undefined ? [] : rows.filter((row) => row[label.name] !== null && !isUsable(label, row[label.name]));
  if (unusable.length > 0)
    notices.push(
      `${unusable.length} labels are no number up to 1e100, such as ${String(unusable[0]![label!.name])}: they are neither learned nor measured`,
    );
  const last = ordered.at(-1);
  const labelled = ordered.find((row) => row.label !== undefined);
  if (delay !== undefined && labelled && last && labelled.dueAt > last.at)
    notices.push(`no label came before the rows ended: they end before a delay of ${delay} is over`);
  // Seconds of the year 5138, milliseconds of 1973.
  if (time !== undefined && last && typeof last.features[time] === 'number' && last.at > 1e17)
    notices.push(
      `numbers in ${time} count as seconds since 1970, and are far in the future: divide them first if they are milliseconds`,
    );
  return notices;
}

/** A number that a model can learn and figures can be made of. */
function isUsable({ typeOid }: ColumnType, value: unknown): boolean {
  return !NUMBERS.has(typeOid) || Math.abs(Number(value)) <= MAX_MAGNITUDE;
}

/** OIDs of pg_type.dat: float4, float8, numeric; integers cannot be so large. */
const NUMBERS: ReadonlySet<number> = new Set([700, 701, 1700]);

function labelText({ type }: ColumnType, value: unknown): string {
  if (type === 'boolean' && typeof value === 'number') return value === 1 ? 'true' : 'false';
  return String(value);
}

function timeUs(value: unknown, column: string): number {
  if (value === null) return -Infinity;
  const us = typeof value === 'number' ? value * 1e6 : microsecondsOf(String(value));
  if (us !== undefined && Number.isFinite(us)) return us;
  throw new MillraceError('USAGE', `column ${column} has the value ${JSON.stringify(value)}, which is no time`, {
    hint: 'Times are 2026-01-31 or 2026-01-31 12:34:56+00, or seconds since 1970.',
  });
}

function rowsOf(text: string): number {
  const rows = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(rows)) return rows;
  throw new MillraceError('USAGE', `--delay ${text} is no number of rows`, {
    hint: 'Without --time a label comes so many rows later; with it, after a duration such as 7d, 36h, 90m or 30s.',
  });
}

const UNITS_US: Readonly<Record<string, number>> = { w: 604_800e6, d: 86_400e6, h: 3_600e6, m: 60e6, s: 1e6 };
/** Spelt out, too; but a month is no minute. */
const DURATION =
  /^(\d+(?:\.\d+)?)\s*(?:(w)(?:eeks?)?|(d)(?:ays?)?|(h)(?:ours?|rs?)?|(m)(?:in(?:ute)?s?)?|(s)(?:ec(?:ond)?s?)?)$/i;

function durationUs(text: string): number {
  const [, count, ...units] = DURATION.exec(text.trim()) ?? [];
  const unit = units.find((one) => one !== undefined);
  if (unit !== undefined) return Number(count) * UNITS_US[unit.toLowerCase()]!;
  throw new MillraceError('USAGE', `--delay ${text} is no duration`, { hint: 'For example 7d, 36h, 90m or 30s.' });
}
