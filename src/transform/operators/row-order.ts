// ORDER BY as a comparison of rows, made for searching: the first column is also kept as a float, which decides nearly always.
// Values lie in an array for each column, at a row's node: rows cost no object for their place in an order.

import { comparatorOf, type Compare } from '../../flow/types/comparison.ts';
import { numericToNumber, type NumericValue } from '../../flow/types/decimal.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { OID } from '../../flow/types/type-oid.ts';
import type { OrderKey } from '../view-plan.ts';

interface Column {
  readonly compare: Compare;
  readonly sign: 1 | -1;
  readonly nullsFirst: boolean;
}

export class RowOrder {
  readonly #columns: readonly Column[];
  readonly #primaryOf: ((value: Exclude<SqlValue, null>) => number) | undefined;
  /** Equal floats below 2^53 mean equal values of the first column. */
  readonly #exact: boolean;

  constructor(keys: readonly OrderKey[]) {
    this.#columns = keys.map(({ expression, descending, nullsFirst }) => ({
      compare: comparatorOf(expression.type.oid, expression.type.collation),
      sign: descending ? -1 : 1,
      nullsFirst,
    }));
    const first = keys[0]?.expression.type.oid;
    this.#primaryOf = first === undefined ? undefined : floatOf(first);
    this.#exact = first !== undefined && EXACT.has(first);
  }

  get width(): number {
    return this.#columns.length;
  }

  /** Of two rows with equal `primary`. Zero: peers. `values[column][node]` is a row's value of a column. */
  compareRest(primary: number, values: readonly (readonly SqlValue[])[], a: number, b: number): number {
    const columns = this.#columns;
    const start = this.#exact && primary < 2 ** 53 && primary > -(2 ** 53) ? 1 : 0;
    for (let index = start; index < columns.length; index++) {
      const column = columns[index]!;
      const x = values[index]![a]!;
      const y = values[index]![b]!;
      if (x === null || y === null) {
        if (x === y) continue;
        return (x === null) === column.nullsFirst ? -1 : 1;
      }
      const order = column.compare(x, y);
      if (order !== 0) return order * column.sign;
    }
    return 0;
  }

  /** Of the first column: never falls where it rises; equal for values that may differ. */
  primary(value: SqlValue | undefined): number {
    const column = this.#columns[0];
    if (column === undefined || value === undefined) return 0;
    if (value === null) return column.nullsFirst ? -Infinity : Infinity;
    if (this.#primaryOf === undefined) return 0;
    return this.#primaryOf(value) * column.sign + 0;
  }
}

/**
 * A value of the type as a float that never falls where the value rises; undefined for types without one. NaN sorts above
 * Infinity; as a float it shares Infinity's place, and the full comparison decides.
 */
export function floatOf(oid: number): ((value: Exclude<SqlValue, null>) => number) | undefined {
  const convert = PRIMARY[oid];
  if (convert === undefined || !HAS_NAN.has(oid)) return convert;
  return (value) => {
    const float = convert(value);
    return Number.isNaN(float) ? Infinity : float;
  };
}

const HAS_NAN: ReadonlySet<number> = new Set([OID.float4, OID.float8, OID.numeric]);
const PRIMARY: Readonly<Record<number, (value: Exclude<SqlValue, null>) => number>> = {
  [OID.int2]: Number,
  [OID.int4]: Number,
  [OID.int8]: Number,
  [OID.date]: Number,
  [OID.timestamp]: Number,
  [OID.timestamptz]: Number,
  [OID.float4]: Number,
  [OID.float8]: Number,
  [OID.numeric]: (value) => numericToNumber(value as NumericValue),
};
const EXACT: ReadonlySet<number> = new Set([
  OID.int2,
  OID.int4,
  OID.int8,
  OID.date,
  OID.timestamp,
  OID.timestamptz,
  OID.float4,
]);
