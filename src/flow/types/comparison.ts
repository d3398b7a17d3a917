// Comparison of two values of one type, as the type's btree operators have it.

import { MillraceError } from '../../runtime/errors.ts';
import { canonicalNumeric, compareFloat, compareNumeric, type NumericValue } from './decimal.ts';
import { compareIntervals, intervalSpanUs, type Interval } from './interval.ts';
import type { SqlValue } from './sql-value.ts';
import { COLLATION, isTextOid, OID } from './type-oid.ts';

/** Negative, zero, positive. Both values are of the type and not NULL. */
export type Compare = (a: Exclude<SqlValue, null>, b: Exclude<SqlValue, null>) => number;
export type Equal = (a: Exclude<SqlValue, null>, b: Exclude<SqlValue, null>) => boolean;

const compareSmall: Compare = (a, b) => (a as number) - (b as number);
const compareBig: Compare = (a, b) => (a === b ? 0 : (a as bigint) < (b as bigint) ? -1 : 1);

/** By code point, which is the byte order of UTF-8; JavaScript's own order differs where surrogates meet U+E000 and above. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x === y) continue;
    const xSurrogate = x >= 0xd800 && x < 0xe000;
    const ySurrogate = y >= 0xd800 && y < 0xe000;
    return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}

/** bpchar ignores trailing spaces. */
export const trimBpchar = (text: string): string => {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
};

/** True where text of this collation is ordered here: by code point. */
export const isOrderedCollation = (collation: number): boolean =>
  collation === COLLATION.c || collation === COLLATION.posix || collation === COLLATION.codePoint;

/** Throws SQL_UNSUPPORTED for text in a collation other than C, and for types that are only carried. */
export function comparatorOf(oid: number, collation: number): Compare {
  switch (oid) {
    case OID.bool:
      return (a, b) => Number(a) - Number(b);
    case OID.int2:
    case OID.int4:
    case OID.date:
      return compareSmall;
    case OID.int8:
    case OID.timestamp:
    case OID.timestamptz:
      return compareBig;
    case OID.float4:
    case OID.float8:
      return (a, b) => compareFloat(a as number, b as number);
    case OID.numeric:
      return (a, b) => compareNumeric(a as NumericValue, b as NumericValue);
    case OID.interval:
      return (a, b) => compareIntervals(a as Interval, b as Interval);
    case OID.uuid:
      return (a, b) => (a === b ? 0 : (a as string) < (b as string) ? -1 : 1);
    case OID.text:
    case OID.varchar:
    case OID.bpchar:
      if (!isOrderedCollation(collation)) {
        throw new MillraceError('SQL_UNSUPPORTED', 'the order of text in this collation is known to Postgres alone', {
          hint: 'Write `collate "C"` behind the expression.',
        });
      }
      return oid === OID.bpchar
        ? (a, b) => compareCodePoints(trimBpchar(a as string), trimBpchar(b as string))
        : (a, b) => compareCodePoints(a as string, b as string);
    default:
      throw new MillraceError('SQL_UNSUPPORTED', `values of type OID ${oid} are carried, not ordered`);
  }
}

/** Equality of the type; for text that of any deterministic collation. */
export function equalityOf(oid: number): Equal {
  if (oid === OID.bpchar) return (a, b) => trimBpchar(a as string) === trimBpchar(b as string);
  if (isTextOid(oid) || oid === OID.uuid) return (a, b) => a === b;
  const compare = comparatorOf(oid, COLLATION.none);
  return (a, b) => compare(a, b) === 0;
}

/** Text that two values share exactly when they are equal: keys of partitions, joins and distinct sets. */
export function equalityKeyOf(oid: number): (value: Exclude<SqlValue, null>) => string {
  switch (oid) {
    case OID.numeric:
      return (value) => canonicalNumeric(value as NumericValue);
    case OID.interval:
      return (value) => intervalSpanUs(value as Interval).toString();
    case OID.bpchar:
      return (value) => trimBpchar(value as string);
    case OID.float4:
    case OID.float8:
      return (value) => (value === 0 ? '0' : String(value));
    default:
      return String;
  }
}
