// The rows that models are compared on, as a view would give them: typed columns, and each row's features as a record carries them.

import type { ColumnType } from '../../flow/pipeline.ts';
import type { FeatureRow } from '../../model/model.ts';

/** In the order in which they are given to the models. */
export interface DataTable {
  readonly columns: readonly ColumnType[];
  readonly rows: readonly FeatureRow[];
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
const BOOLEAN = /^(true|false|t|f)$/i;
const TIME = /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d(:?\d\d)?))?)?$/;

/** The narrowest type that all texts of a column have; null stands for nothing. Text where there is no value at all. */
export function columnTypeOf(name: string, texts: Iterable<string | null>): ColumnType {
  const fitting = new Set<keyof typeof COLUMN_TYPES>(['boolean', 'bigint', 'double', 'timestamptz']);
  let values = 0;
  for (const text of texts) {
    if (text === null) continue;
    values++;
    if (fitting.has('boolean') && !BOOLEAN.test(text)) fitting.delete('boolean');
    if (fitting.has('bigint') && !INTEGER.test(text)) fitting.delete('bigint');
    if (fitting.has('double') && !NUMBER.test(text)) fitting.delete('double');
    if (fitting.has('timestamptz') && !TIME.test(text)) fitting.delete('timestamptz');
    if (fitting.size === 0) break;
  }
  const [narrowest] = values === 0 ? [] : fitting;
  return { name, ...COLUMN_TYPES[narrowest ?? 'text'] };
}

/** A text as the JSON value of its column's type. */
export function valueOf({ typeOid }: ColumnType, text: string | null): unknown {
  if (text === null) return null;
  if (typeOid === COLUMN_TYPES.boolean.typeOid) return /^t/i.test(text);
  if (typeOid === COLUMN_TYPES.bigint.typeOid || typeOid === COLUMN_TYPES.double.typeOid) return Number(text);
  return text;
}
