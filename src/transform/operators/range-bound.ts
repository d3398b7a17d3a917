// Where a RANGE frame with an offset begins or ends: the order key of the current row minus the offset, as Postgres's in_range
// functions have it (src/backend/utils/adt: timestamp.c, date.c, int.c, float.c, numeric.c).

import { subtractNumeric, type NumericValue } from '../../flow/types/decimal.ts';
import { negateInterval, type Interval } from '../../flow/types/interval.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import {
  addToTimestamp,
  addToTimestamptz,
  isFiniteDays,
  isFiniteUs,
  splitDay,
  usFromDate,
} from '../../flow/types/timestamp.ts';
import { hasFixedOffset } from '../../flow/types/time-zone.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { MillraceError } from '../../runtime/errors.ts';

/** Gives the bound for an order value that is not NULL; raises DATA where Postgres would. */
export type RangeBound = (value: Exclude<SqlValue, null>) => SqlValue;

/** `end`: the bound is the frame's end; of dates it is rounded down, not up, to a whole day. */
export function rangeBoundOf(oid: number, offset: SqlValue, timezone: string, end: boolean): RangeBound {
  switch (oid) {
    case OID.timestamp:
    case OID.timestamptz: {
      const interval = offset as Interval;
      const back = negateInterval(interval);
      // Nearly always hours or minutes: no calendar.
      if (interval.months === 0 && interval.days === 0) {
        return (value) => (isFiniteUs(value as bigint) ? (value as bigint) - interval.us : value);
      }
      return oid === OID.timestamp
        ? (value) => addToTimestamp(value as bigint, back)
        : (value) => addToTimestamptz(value as bigint, back, timezone);
    }
    case OID.date: {
      const back = negateInterval(offset as Interval);
      return (value) => {
        if (!isFiniteDays(value as number)) return value;
        const { days, dayUs } = splitDay(addToTimestamp(usFromDate(value as number), back));
        return end || dayUs === 0 ? days : days + 1;
      };
    }
    case OID.int2:
    case OID.int4:
      return (value) => (value as number) - Number(offset);
    case OID.int8:
      return (value) => (value as bigint) - BigInt(offset as number | bigint);
    case OID.float4:
    case OID.float8:
      return (value) => (value as number) - Number(offset);
    case OID.numeric:
      return (value) => subtractNumeric(value as NumericValue, offset as NumericValue);
    default:
      throw new MillraceError(
        'SQL_UNSUPPORTED',
        `RANGE with an offset over a value of type OID ${oid} is not computed`,
      );
  }
}

/**
 * True where a later value may have an earlier bound: March 29 and 31 less a month are both February 28, whatever the hour;
 * and local time jumps. Postgres's frames never move back within a partition, so there the greatest bound so far holds.
 */
export function boundsMayFall(oid: number, offset: SqlValue, timezone: string): boolean {
  if (oid !== OID.timestamp && oid !== OID.timestamptz && oid !== OID.date) return false;
  const { months, days } = offset as Interval;
  return months !== 0 || (days !== 0 && oid === OID.timestamptz && !hasFixedOffset(timezone));
}

/** At least as long as the interval can be on any calendar, microseconds; undefined where the offset is no interval. */
export function longestUs(oid: number, offset: SqlValue): number | undefined {
  if (oid !== OID.interval) return undefined;
  const { months, days, us } = offset as Interval;
  // 31-day months, and an hour for a change of daylight saving time.
  const calendar = months !== 0 || days !== 0 ? (months * 31 + days) * 86_400_000_000 + 3_600_000_000 : 0;
  return calendar + Number(us);
}
