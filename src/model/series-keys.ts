// Which series a row is of, and when: for kinds that forecast a series from its own past values. Options `series`, `time`, `period`.

import { z } from 'zod';
import type { ColumnType } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { timeSourceOf, type NumberSource } from './encoder/feature-role.ts';
import { categoryOf, numberOf } from './encoder/feature-value.ts';
import type { Input } from './learner.ts';
import type { FeatureRow } from './model.ts';
import { didYouMean } from './options.ts';
import type { StateReader, StateWriter } from './saved-state.ts';

/** A row of no series, or of one that is not known. */
export const NO_SERIES = -1;

/** A longer key is that of no series. */
const MAX_KEY_LENGTH = 200;
/** As estimated: a Map's entry and a short text. */
const BYTES_A_KEY = 100;

const UNITS_S: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3_600,
  day: 86_400,
  week: 604_800,
  // Of the Gregorian calendar's 400 years the mean: rounded to whole periods, months and years come out right.
  month: 2_629_746,
  year: 31_556_952,
};
const DURATION = /^(\d+(?:\.\d+)?) ?(second|minute|hour|day|week|month|year)s?$/;

const column = z.string().min(1);

export const seriesOptions = {
  /** One series for each value of this column, or of these together; all rows are one where it is not given. */
  series: z.union([column, z.array(column).min(1).max(8)]).optional(),
  /** Column that says when a value was: a date, timestamp or number. Without it values are in the order of their labels. */
  time: column.optional(),
  /** From one value of a series to the next; without it every later value is one step on. */
  period: z
    .union([z.number().positive().max(1e12), z.string().regex(DURATION, 'for example "1 day", "15 minutes" or 3600')])
    .optional(),
  /** Further series are not learned. */
  max_series: z.int().min(1).max(1_000_000).default(10_000),
};

export interface SeriesOptions {
  readonly series?: string | string[] | undefined;
  readonly time?: string | undefined;
  readonly period?: number | string | undefined;
  readonly max_series: number;
}

/** Seconds, or as the column counts; undefined where every later value is one step on. */
export function periodOf({ period }: SeriesOptions): number | undefined {
  if (typeof period !== 'string') return period;
  const [, count, unit] = DURATION.exec(period)!;
  return Number(count) * UNITS_S[unit!]!;
}

/** Columns that say series and time, which are then no features. */
export function seriesColumns({ series, time }: Pick<SeriesOptions, 'series' | 'time'>): readonly string[] {
  const names = series === undefined ? [] : typeof series === 'string' ? [series] : series;
  return time === undefined ? names : [...names, time];
}

/** Series by the text of their key, numbered as their first labels come. A number is never given to another. */
export class SeriesKeys {
  readonly #columns: readonly string[];
  readonly #time: string | undefined;
  readonly #timeSource: NumberSource;
  readonly #max: number;
  readonly #ids = new Map<string, number>();

  /** Throws MODEL_INVALID where the options name no column, or a time that is none. */
  constructor(columns: readonly ColumnType[], options: SeriesOptions, saved?: StateReader) {
    const { series, time } = options;
    for (const name of series === undefined ? [] : [series].flat()) columnOf(columns, 'series', name);
    this.#columns = seriesColumns({ series });
    this.#time = time;
    this.#timeSource = time === undefined ? 'number' : timeSource(columnOf(columns, 'time', time), options.period);
    if (options.period !== undefined && time === undefined)
      throw new MillraceError('MODEL_INVALID', 'model option "period" needs "time"', {
        hint: 'Name the column that says when a value was, e.g. "time": "day".',
      });
    this.#max = options.max_series;
    if (saved) for (let left = saved.u32(); left > 0; left--) this.#ids.set(saved.text(), this.#ids.size);
  }

  get bytes(): number {
    return this.#ids.size * BYTES_A_KEY;
  }

  /** Says of an encoded row which series it is of, and when. */
  read(row: FeatureRow, input: Input): void {
    const key = this.#keyOf(row);
    input.series = key === undefined ? NO_SERIES : (this.#ids.get(key) ?? NO_SERIES);
    input.time = this.#timeOf(row);
  }

  /** Makes the row's series known; false where it has none, has no time, or there are `max_series` others. */
  intern(row: FeatureRow): boolean {
    const key = this.#keyOf(row);
    if (key === undefined || (this.#time !== undefined && Number.isNaN(this.#timeOf(row)))) return false;
    if (this.#ids.has(key)) return true;
    if (this.#ids.size >= this.#max) return false;
    this.#ids.set(key, this.#ids.size);
    return true;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#ids.size);
    for (const key of this.#ids.keys()) writer.text(key);
  }

  /** Undefined where a column of it is NULL or not there. */
  #keyOf(row: FeatureRow): string | undefined {
    if (this.#columns.length === 0) return '';
    if (this.#columns.length === 1) return shortEnough(categoryOf(row[this.#columns[0]!]));
    const parts: string[] = [];
    for (const name of this.#columns) {
      const part = categoryOf(row[name]);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    return shortEnough(JSON.stringify(parts));
  }

  #timeOf(row: FeatureRow): number {
    return this.#time === undefined ? Number.NaN : numberOf(row[this.#time], this.#timeSource);
  }
}

function shortEnough(key: string | undefined): string | undefined {
  return key !== undefined && key.length <= MAX_KEY_LENGTH ? key : undefined;
}

function columnOf(columns: readonly ColumnType[], option: string, name: string): ColumnType {
  const found = columns.find((one) => one.name === name);
  if (found) return found;
  const names = columns.map((one) => one.name);
  throw new MillraceError('MODEL_INVALID', `model option "${option}" names "${name}", which is no feature`, {
    hint: `${didYouMean(name, names)}Features: ${names.join(', ')}. Key and event time are none: give the view the column once more under another name.`,
  });
}

function timeSource(column: ColumnType, period: number | string | undefined): NumberSource {
  const source = timeSourceOf(column.typeOid);
  if (source === undefined)
    throw new MillraceError('MODEL_INVALID', `model option "time" names "${column.name}" of type ${column.type}`, {
      hint: 'A date, a timestamp or a number is needed.',
    });
  if (source === 'number' && typeof period === 'string')
    throw new MillraceError('MODEL_INVALID', `model option "period" is a duration, "${column.name}" is a number`, {
      hint: 'Give the period as the column counts, e.g. "period": 1.',
    });
  return source;
}
