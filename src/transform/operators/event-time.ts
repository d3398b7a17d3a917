// A point in time, in microseconds since 1970 UTC, from whichever type a view's time column has.

import type { SqlValue } from '../../flow/types/sql-value.ts';
import { usFromDate, zonedFromLocal } from '../../flow/types/timestamp.ts';
import { OID } from '../../flow/types/type-oid.ts';

/** A timestamp without zone, or a date, is read in the pipeline's TimeZone. Null for NULL and for types that are no time. */
export function instantOf(oid: number, timezone: string): (value: SqlValue) => number | null {
  switch (oid) {
    case OID.timestamptz:
      return (value) => (value === null ? null : Number(value));
    case OID.timestamp:
      return (value) => (value === null ? null : Number(zonedFromLocal(value as bigint, timezone)));
    case OID.date:
      return (value) => (value === null ? null : Number(zonedFromLocal(usFromDate(value as number), timezone)));
    default:
      return () => null;
  }
}
