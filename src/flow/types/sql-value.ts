// Postgres values as JavaScript has them here. What a value means is decided by its type's OID, never by its JavaScript type.

import type { Decimal } from './decimal.ts';
import type { Interval } from './interval.ts';

/**
 * | Postgres | here |
 * |---|---|
 * | NULL | `null` |
 * | boolean | `boolean` |
 * | int2, int4, date (days since 1970) | `number` |
 * | int8, timestamp, timestamptz (microseconds since 1970; ±infinity as the int64 extremes) | `bigint` |
 * | float4 (rounded by `Math.fround`), float8 | `number` |
 * | numeric | {@link Decimal} where exact; a `number` for NaN, ±Infinity and what came of a division (decimal.ts) |
 * | interval | {@link Interval} |
 * | text, varchar, bpchar, and every type that is only carried | `string` |
 *
 * `undefined` is "not sent", and never reaches an expression.
 */
export type SqlValue = null | boolean | number | bigint | string | Decimal | Interval;
