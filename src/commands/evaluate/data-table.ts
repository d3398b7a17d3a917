// The rows that models are compared on, as a view would give them: typed columns, and each row's features as a record carries them.

import type { ColumnType } from '../../flow/pipeline.ts';
import type { FeatureRow } from '../../model/model.ts';

/** In the order in which they are given to the models. */
export interface DataTable {
  readonly columns: readonly ColumnType[];
  readonly rows: readonly FeatureRow[];
  /** What whoever reads the figures should know. */
  readonly notices?: readonly string[];
}

/** Types that are told apart in a file, where nothing says them. */
export const COLUMN_TYPES = {
  boolean: { typeOid: 16, type: 'boolean' },
  bigint: { typeOid: 20, type: 'bigint' },
  double: { typeOid: 701, type: 'double precision' },
  timestamptz: { typeOid: 1184, type: 'timestamp with time zone' },
  text: { typeOid: 25, type: 'text' },
} as const;

const INTEGER = /^[+-]?\d{1,15}$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** As Postgres reads and Python writes them; alone they do not make a column one of numbers. */
const NO_NUMBER = /^([+-]?nan|[+-]?inf(inity)?)$/i;
const BOOLEAN = /^(true|false|t|f)$/i;

const FITS: readonly (readonly [keyof typeof COLUMN_TYPES, (text: string) => boolean])[] = [
  ['boolean', (text) => BOOLEAN.test(text)],
  ['bigint', (text) => INTEGER.test(text)],
  ['double', (text) => NUMBER.test(text) || NO_NUMBER.test(text)],
  ['timestamptz', (text) => microsecondsOf(text) !== undefined],
];

/** The narrowest type that all texts of a column have; null stands for nothing. Text where there is no value at all. */
export function columnTypeOf(name: string, texts: readonly (string | null)[]): ColumnType {
  const values = texts.filter((text) => text !== null);
  const found = FITS.find(
    ([type, fits]) => values.every(fits) && (type !== 'double' || values.some((text) => NUMBER.test(text))),
  );
  return { name, ...COLUMN_TYPES[(values.length > 0 && found?.[0]) || 'text'] };
}

/** Of a column that is text though most of its values are not: which one made it so, and in which line it is. */
export function noticeOf(
  { name, type }: ColumnType,
  texts: readonly (string | null)[],
  lines: readonly number[],
): string | undefined {
  if (type !== COLUMN_TYPES.text.type) return undefined;
  const values = texts.filter((text) => text !== null);
  for (const [other, fits] of FITS.slice(1)) {
    if (other === 'bigint') continue;
    const fitting = values.filter(fits).length;
    if (fitting * 2 <= values.length) continue;
    const at = texts.findIndex((text) => text !== null && !fits(text));
    const others = other === 'double' ? 'numbers' : 'times';
    return `column ${name} is text for ${JSON.stringify(texts[at])} in line ${lines[at]}, though ${fitting} of ${values.length} values are ${others}; what is not known is left empty`;
  }
  return undefined;
}

/** A text as the JSON value of its column's type; NaN and infinity as Postgres has them in JSON. */
export function valueOf({ typeOid }: ColumnType, text: string | null): unknown {
  if (text === null) return null;
  if (typeOid === COLUMN_TYPES.double.typeOid && NO_NUMBER.test(text))
    return /nan/i.test(text) ? 'NaN' : text.startsWith('-') ? '-Infinity' : 'Infinity';
  if (typeOid === COLUMN_TYPES.boolean.typeOid) return /^t/i.test(text);
  if (typeOid === COLUMN_TYPES.bigint.typeOid || typeOid === COLUMN_TYPES.double.typeOid) return Number(text);
  return text;
}

const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?: ?(?:Z|([+-])(\d\d)(?::?(\d\d))?))?)?$/;

/** Microseconds since 1970 of a date or time; without a zone it is UTC, wherever this runs. Undefined where it is none. */
export function microsecondsOf(text: string): number | undefined {
  const found = TIME.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as Numbers;
  const [fraction, sign, zoneHour, zoneMinute] = found.slice(7);
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  // A month has its days, an hour its minutes.
  const same = new Date(ms).toISOString().slice(0, 19);
  const given = [year, month, day].map((part, at) => String(part).padStart(at === 0 ? 4 : 2, '0')).join('-');
  if (same !== `${given}T${[hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':')}`)
    return undefined;
  const offset = (sign === '-' ? -60e6 : 60e6) * (60 * Number(zoneHour ?? 0) + Number(zoneMinute ?? 0));
  return ms * 1000 + Math.round(Number(`0.${fraction ?? 0}`) * 1e6) - offset;
}

type Numbers = [number, number, number, number, number, number];
