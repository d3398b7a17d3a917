// Dates, timestamps and intervals: arithmetic, fields, truncation, zones.

import { Decimal, decimalFromInteger, numericToNumber, type NumericValue } from '../../flow/types/decimal.ts';
import {
  addIntervals,
  divideInterval,
  isFiniteInterval,
  makeInterval,
  multiplyInterval,
  negateInterval,
  roundHalfEven,
  subtractIntervals,
  type Interval,
} from '../../flow/types/interval.ts';
import { isKnownTimeZone, offsetSecondsAt } from '../../flow/types/time-zone.ts';
import {
  addToTimestamp,
  addToTimestamptz,
  subtractFromTimestamp,
  subtractFromTimestamptz,
  checkDays,
  checkUs,
  daysFromCivil,
  daysInMonth,
  INFINITY_DAYS,
  INFINITY_US,
  isFiniteDays,
  isFiniteUs,
  localFromZoned,
  MINUS_INFINITY_US,
  subtractTimestamps,
  usFromDate,
  zonedFromLocal,
} from '../../flow/types/timestamp.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { dataError, type FunctionSet } from './scalar-function.ts';
import {
  DAY_FIELDS,
  epochOfUs,
  GROWING,
  intervalField,
  intervalTruncation,
  timestampField,
  truncation,
} from './time-fields.ts';

const { bool, int4, float8, numeric, text, date, timestamp, timestamptz, interval } = OID;

export function addTimeFunctions(set: FunctionSet): void {
  addArithmetic(set);
  addFields(set);
  addTruncations(set);
  addZones(set);
  set.add('isfinite', [date], bool, isFiniteDays);
  set.add('isfinite', [timestamp], bool, isFiniteUs);
  set.add('isfinite', [timestamptz], bool, isFiniteUs);
  set.add('isfinite', [interval], bool, isFiniteInterval);
  set.add('to_timestamp', [float8], timestamptz, timestampFromEpoch);
  set.add('make_date', [int4, int4, int4], date, makeDate);
}

function addArithmetic(set: FunctionSet): void {
  const plusDays = (days: number, count: number): number => (isFiniteDays(days) ? checkDays(days + count) : days);
  set.add('+', [date, int4], date, plusDays);
  set.add('+', [int4, date], date, (count: number, days: number) => plusDays(days, count));
  set.add('-', [date, int4], date, (days: number, count: number) => plusDays(days, -count));
  set.add('-', [date, date], int4, (a: number, b: number) =>
    isFiniteDays(a) && isFiniteDays(b) ? a - b : dataError('cannot subtract infinite dates'),
  );
  set.add('+', [date, interval], timestamp, (days: number, span: Interval) => addToTimestamp(usFromDate(days), span));
  set.add('+', [interval, date], timestamp, (span: Interval, days: number) => addToTimestamp(usFromDate(days), span));
  set.add('-', [date, interval], timestamp, (days: number, span: Interval) =>
    subtractFromTimestamp(usFromDate(days), span),
  );
  set.add('+', [timestamp, interval], timestamp, addToTimestamp);
  set.add('+', [interval, timestamp], timestamp, (span: Interval, us: bigint) => addToTimestamp(us, span));
  set.add('-', [timestamp, interval], timestamp, subtractFromTimestamp);
  set.addMade(
    '+',
    [timestamptz, interval],
    timestamptz,
    ({ timezone }) =>
      (us: bigint, span: Interval) =>
        addToTimestamptz(us, span, timezone),
  );
  set.addMade(
    '+',
    [interval, timestamptz],
    timestamptz,
    ({ timezone }) =>
      (span: Interval, us: bigint) =>
        addToTimestamptz(us, span, timezone),
  );
  set.addMade(
    '-',
    [timestamptz, interval],
    timestamptz,
    ({ timezone }) =>
      (us: bigint, span: Interval) =>
        subtractFromTimestamptz(us, span, timezone),
  );
  set.add('-', [timestamp, timestamp], interval, subtractTimestamps);
  set.add('-', [timestamptz, timestamptz], interval, subtractTimestamps);
  set.add('+', [interval, interval], interval, addIntervals);
  set.add('-', [interval, interval], interval, subtractIntervals);
  set.add('-', [interval], interval, negateInterval);
  set.add('*', [interval, float8], interval, multiplyInterval);
  set.add('*', [float8, interval], interval, (factor: number, span: Interval) => multiplyInterval(span, factor));
  set.add('/', [interval, float8], interval, divideInterval);
}

const FIELDS = [
  ...Object.keys(DAY_FIELDS),
  'microseconds',
  'milliseconds',
  'second',
  'minute',
  'hour',
  'epoch',
  'timezone',
  'timezone_hour',
  'timezone_minute',
];

/** One function a field, `extract/epoch`: a field that a type does not have is refused when the view is compiled. */
function addFields(set: FunctionSet): void {
  const add = (field: string, oid: number, read: (timezone: string) => (value: never) => NumericValue | null): void => {
    set.addMade(`extract/${field}`, [oid], numeric, ({ timezone }) => read(timezone));
    set.addMade(`date_part/${field}`, [oid], float8, ({ timezone }) => {
      const get = read(timezone);
      const toFloat = FLOAT_FIELDS[field] ?? numericToNumber;
      return (value: never) => {
        const result = get(value);
        return result === null ? null : result instanceof Decimal ? toFloat(result) : result;
      };
    });
  };
  for (const field of FIELDS) {
    const local = timestampField(field);
    const ofTimestamp = field === 'epoch' ? epochOfUs : local;
    if (ofTimestamp)
      add(
        field,
        timestamp,
        () => (us: bigint) => (isFiniteUs(us) ? ofTimestamp(us) : endless(field, us === INFINITY_US)),
      );
    const ofZoned = zonedField(field);
    if (ofZoned) {
      add(
        field,
        timestamptz,
        (timezone) => (us: bigint) => (isFiniteUs(us) ? ofZoned(us, timezone) : endless(field, us === INFINITY_US)),
      );
    }
    const ofDate = Object.hasOwn(DAY_FIELDS, field) ? DAY_FIELDS[field] : field === 'epoch' ? epochOfDay : undefined;
    if (ofDate) {
      add(
        field,
        date,
        () => (days: number) =>
          isFiniteDays(days) ? decimalFromInteger(ofDate(days)) : endless(field, days === INFINITY_DAYS),
      );
    }
    const ofInterval = intervalField(field);
    if (ofInterval) add(field, interval, () => ofInterval);
  }
  // In float8 step by step, as interval_part_common has it: other last digits than the exact value's.
  set.add('date_part/epoch', [interval], float8, ({ months, days, us }: Interval) => {
    let seconds = Number(us) / 1_000_000;
    seconds += 365.25 * 86_400 * Math.trunc(months / 12);
    seconds += 30 * 86_400 * (months % 12);
    return seconds + 86_400 * days;
  });
}

/** date_part works in float8 step by step, seconds and their fraction apart; the last digit may differ from the exact value's. */
const FLOAT_FIELDS: Readonly<Record<string, (exact: Decimal) => number>> = {
  second: ({ unscaled }) => Math.trunc(Number(unscaled) / 1_000_000) + (Number(unscaled) % 1_000_000) / 1_000_000,
  milliseconds: ({ unscaled }) =>
    Math.trunc(Number(unscaled) / 1_000_000) * 1_000 + (Number(unscaled) % 1_000_000) / 1_000,
  epoch: ({ unscaled, scale }) => Number(unscaled) / 10 ** scale,
};

const epochOfDay = (days: number): number => days * 86_400;

const endless = (field: string, positive: boolean): number | null =>
  GROWING.has(field) ? (positive ? Infinity : -Infinity) : null;

function zonedField(field: string): ((us: bigint, timezone: string) => NumericValue) | undefined {
  switch (field) {
    case 'epoch':
      return epochOfUs;
    case 'timezone':
      return (us, timezone) => decimalFromInteger(offsetSecondsAt(us, timezone));
    case 'timezone_hour':
      return (us, timezone) => decimalFromInteger(Math.trunc(offsetSecondsAt(us, timezone) / 3600));
    case 'timezone_minute':
      return (us, timezone) => decimalFromInteger(Math.trunc((offsetSecondsAt(us, timezone) % 3600) / 60));
    default: {
      const local = timestampField(field);
      return local && ((us, timezone) => local(localFromZoned(us, timezone)));
    }
  }
}

const TRUNCATIONS = [
  'microseconds',
  'milliseconds',
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
  'decade',
  'century',
  'millennium',
];

function addTruncations(set: FunctionSet): void {
  for (const field of TRUNCATIONS) {
    const { truncate, calendar } = truncation(field)!;
    set.add(`date_trunc/${field}`, [timestamp], timestamp, (us: bigint) =>
      isFiniteUs(us) ? checkUs(truncate(us)) : us,
    );
    const zoned = (us: bigint, timezone: string): bigint => {
      if (!isFiniteUs(us)) return us;
      const local = localFromZoned(us, timezone);
      const result = truncate(local);
      // Below a day the offset stays: an hour that is there twice is truncated to itself.
      return calendar ? zonedFromLocal(result, timezone) : checkUs(us - (local - result));
    };
    set.addMade(
      `date_trunc/${field}`,
      [timestamptz],
      timestamptz,
      ({ timezone }) =>
        (us: bigint) =>
          zoned(us, timezone),
    );
    set.add(`date_trunc/${field}`, [timestamptz, text], timestamptz, (us: bigint, zone: string) =>
      zoned(us, known(zone)),
    );
    const ofInterval = intervalTruncation(field);
    if (ofInterval) set.add(`date_trunc/${field}`, [interval], interval, ofInterval);
  }
}

function addZones(set: FunctionSet): void {
  set.add('timezone', [text, timestamp], timestamptz, (zone: string, us: bigint) => zonedFromLocal(us, known(zone)));
  set.add('timezone', [text, timestamptz], timestamp, (zone: string, us: bigint) => localFromZoned(us, known(zone)));
}

/** Abbreviations (CET) mean in Postgres what its own tables say: only full names are known here. */
export const isNamedZone = (zone: string): boolean =>
  (/^(UTC|GMT)$/i.test(zone) || zone.includes('/')) && isKnownTimeZone(zone);

const known = (zone: string): string => (isNamedZone(zone) ? zone : dataError('time zone not recognized'));

const EPOCH_2000 = 946_684_800;

function timestampFromEpoch(seconds: number): bigint {
  if (Number.isNaN(seconds)) return dataError('timestamp cannot be NaN');
  if (!Number.isFinite(seconds)) return seconds > 0 ? INFINITY_US : MINUS_INFINITY_US;
  if (Math.abs(seconds) > 1e14) return dataError('timestamp out of range');
  return checkUs(BigInt(roundHalfEven((seconds - EPOCH_2000) * 1_000_000)) + BigInt(EPOCH_2000) * 1_000_000n);
}

function makeDate(year: number, month: number, day: number): number {
  const civil = year < 0 ? year + 1 : year;
  const valid = year !== 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(civil, month);
  return valid ? checkDays(daysFromCivil(civil, month, day)) : dataError('date field value out of range');
}

/** make_interval's arguments, all given. */
export function intervalFromParts(parts: readonly number[]): Interval {
  const [years, months, weeks, days, hours, minutes, seconds] = parts as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (!Number.isFinite(seconds)) return dataError('interval out of range');
  const time =
    BigInt(hours) * 3_600_000_000n + BigInt(minutes) * 60_000_000n + BigInt(roundHalfEven(seconds * 1_000_000));
  return makeInterval(years * 12 + months, weeks * 7 + days, time);
}
