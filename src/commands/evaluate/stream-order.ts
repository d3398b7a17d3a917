// Rows in the order in which a live model would see them, and when their labels would come.

import type { ColumnType } from '../../flow/pipeline.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { DataTable } from './data-table.ts';
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
    return { features, at, dueAt: at + delayBy, label: value === null ? undefined : labelText(label!, value) };
  });
}

function labelText({ type }: ColumnType, value: unknown): string {
  if (type === 'boolean' && typeof value === 'number') return value === 1 ? 'true' : 'false';
  return String(value);
}

function timeUs(value: unknown, column: string): number {
  if (value === null) return -Infinity;
  const us = typeof value === 'number' ? value * 1e6 : Date.parse(zoned(String(value))) * 1000;
  if (Number.isFinite(us)) return us;
  throw new MillraceError('USAGE', `column ${column} has the value ${JSON.stringify(value)}, which is no time`, {
    hint: 'Times are 2026-01-31 or 2026-01-31 12:34:56+00, or seconds since 1970.',
  });
}

/** As ECMAScript reads it; without a zone it is UTC, wherever this runs. */
function zoned(text: string): string {
  const iso = text.replace(' ', 'T').replace(/ (?=[Z+-])/, '');
  if (iso.length <= 10 || iso.endsWith('Z')) return iso;
  const zone = /([+-]\d\d):?(\d\d)?$/.exec(iso.slice(10));
  return zone ? `${iso.slice(0, 10 + zone.index)}${zone[1]}:${zone[2] ?? '00'}` : `${iso}Z`;
}

function rowsOf(text: string): number {
  const rows = Number(text);
  if (Number.isSafeInteger(rows) && rows >= 0) return rows;
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
