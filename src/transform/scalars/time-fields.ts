// extract, date_part and date_trunc: fields of dates, timestamps and intervals (src/backend/utils/adt/timestamp.c, date.c).

import { Decimal, decimalOf, type NumericValue } from '../../flow/types/decimal.ts';
import type { Interval } from '../../flow/types/interval.ts';
import { civilFromDays, daysFromCivil, joinDay, splitDay } from '../../flow/types/timestamp.ts';

const ALIASES: Readonly<Record<string, string>> = {
  us: 'microseconds',
  usec: 'microseconds',
  usecs: 'microseconds',
  microsecond: 'microseconds',
  ms: 'milliseconds',
  msec: 'milliseconds',
  msecs: 'milliseconds',
  millisecond: 'milliseconds',
  seconds: 'second',
  sec: 'second',
  secs: 'second',
  s: 'second',
  minutes: 'minute',
  min: 'minute',
  mins: 'minute',
  m: 'minute',
  hours: 'hour',
  hr: 'hour',
  hrs: 'hour',
  h: 'hour',
  days: 'day',
  d: 'day',
  weeks: 'week',
  w: 'week',
  months: 'month',
  mon: 'month',
  mons: 'month',
  years: 'year',
  yr: 'year',
  yrs: 'year',
  y: 'year',
  decades: 'decade',
  dec: 'decade',
  centuries: 'century',
  cent: 'century',
  c: 'century',
  millenniums: 'millennium',
  millennia: 'millennium',
  mil: 'millennium',
  mils: 'millennium',
  qtr: 'quarter',
};

/** The field's own name for any of its spellings. */
export const fieldNamed = (name: string): string => {
  const lower = name.toLowerCase();
  return Object.hasOwn(ALIASES, lower) ? ALIASES[lower]! : lower;
};

const whole = (value: number): Decimal => new Decimal(value, 0);

/** Fields that grow without end are infinite for an infinite time; all others are NULL. */
export const GROWING: ReadonlySet<string> = new Set(['year', 'decade', 'century', 'millennium', 'isoyear', 'epoch']);

type DayField = (days: number) => number;

/** Monday of the ISO week that a day is in; 1970-01-01 was a Thursday. */
const mondayOf = (days: number): number => days - ((((days + 3) % 7) + 7) % 7);
const yearOf: DayField = (days) => civilFromDays(days).year;
const isoYearOf: DayField = (days) => yearOf(mondayOf(days) + 3);

/** PostgreSQL has no year zero: 1 BC is shown as -1. */
export const DAY_FIELDS: Readonly<Record<string, DayField>> = {
  day: (days) => civilFromDays(days).day,
  month: (days) => civilFromDays(days).month,
  quarter: (days) => Math.floor((civilFromDays(days).month - 1) / 3) + 1,
  year: (days) => shownYear(yearOf(days)),
  decade: (days) => {
    const year = yearOf(days);
    return year >= 0 ? Math.trunc(year / 10) : -Math.trunc((8 - (year - 1)) / 10);
  },
  century: (days) => century(yearOf(days), 100),
  millennium: (days) => century(yearOf(days), 1000),
  week: (days) => {
    const thursday = mondayOf(days) + 3;
    return Math.floor((thursday - daysFromCivil(yearOf(thursday), 1, 1)) / 7) + 1;
  },
  isoyear: (days) => shownYear(isoYearOf(days)),
  dow: (days) => (((days + 4) % 7) + 7) % 7,
  isodow: (days) => days - mondayOf(days) + 1,
  doy: (days) => days - daysFromCivil(yearOf(days), 1, 1) + 1,
};

const shownYear = (year: number): number => (year > 0 ? year : year - 1);
const century = (year: number, size: number): number =>
  year > 0 ? Math.trunc((year + size - 1) / size) : -Math.trunc((size - 1 - (year - 1)) / size);

/** Of local time; `epoch` and the time zone's fields are not among them. */
export function timestampField(field: string): ((us: bigint) => NumericValue) | undefined {
  const ofDay = Object.hasOwn(DAY_FIELDS, field) ? DAY_FIELDS[field] : undefined;
  if (ofDay) return (us) => whole(ofDay(splitDay(us).days));
  const ofTime = timeField(field);
  return ofTime && ((us) => ofTime(splitDay(us).dayUs));
}

/** Of microseconds since midnight (of an interval's time: with its sign). */
function timeField(field: string): ((us: number) => Decimal) | undefined {
  switch (field) {
    case 'microseconds':
      return (us) => whole(us % 60_000_000);
    case 'milliseconds':
      return (us) => new Decimal(us % 60_000_000, 3);
    case 'second':
      return (us) => new Decimal(us % 60_000_000, 6);
    case 'minute':
      return (us) => whole(Math.trunc(us / 60_000_000) % 60);
    case 'hour':
      return (us) => whole(Math.trunc(us / 3_600_000_000));
    default:
      return undefined;
  }
}

export const epochOfUs = (us: bigint): Decimal => decimalOf(us, 6);

export function intervalField(field: string): ((value: Interval) => NumericValue) | undefined {
  const years = (value: Interval): number => Math.trunc(value.months / 12);
  switch (field) {
    case 'epoch':
      return ({ months, days, us }) => {
        const quarterDays = 1461 * Math.trunc(months / 12) + 120 * (months % 12) + 4 * days;
        return decimalOf(BigInt(quarterDays) * 21_600_000_000n + us, 6);
      };
    case 'year':
      return (value) => whole(years(value));
    case 'decade':
      return (value) => whole(Math.trunc(years(value) / 10));
    case 'century':
      return (value) => whole(Math.trunc(years(value) / 100));
    case 'millennium':
      return (value) => whole(Math.trunc(years(value) / 1000));
    case 'quarter':
      return (value) => whole(Math.trunc((value.months % 12) / 3) + 1);
    case 'month':
      return (value) => whole(value.months % 12);
    case 'day':
      return (value) => whole(value.days);
    case 'hour':
      return (value) => decimalOf(value.us / 3_600_000_000n, 0);
    default: {
      const ofTime = timeField(field);
      return ofTime && ((value) => ofTime(Number(value.us % 3_600_000_000n)));
    }
  }
}

const CLOCK_UNITS: Readonly<Record<string, number>> = {
  microseconds: 1,
  milliseconds: 1000,
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
};

export interface Truncation {
  readonly truncate: (us: bigint) => bigint;
  /** Whole days and more: in a time zone the result has its own offset. */
  readonly calendar: boolean;
}

/** date_trunc of local time; undefined for a field it does not have. */
export function truncation(field: string): Truncation | undefined {
  const unit = Object.hasOwn(CLOCK_UNITS, field) ? CLOCK_UNITS[field]! : undefined;
  if (unit !== undefined) {
    return {
      calendar: false,
      truncate: (us) => {
        const { days, dayUs } = splitDay(us);
        return joinDay(days, dayUs - (dayUs % unit));
      },
    };
  }
  const first = firstDay(field);
  return first && { calendar: true, truncate: (us) => joinDay(first(splitDay(us).days), 0) };
}

function firstDay(field: string): DayField | undefined {
  const ofYear =
    (year: (year: number) => number): DayField =>
    (days) =>
      daysFromCivil(year(yearOf(days)), 1, 1);
  const span = (size: number): DayField =>
    ofYear((year) =>
      year > 0
        ? Math.trunc((year + size - 1) / size) * size - (size - 1)
        : -Math.trunc((size - 1 - (year - 1)) / size) * size + 1,
    );
  switch (field) {
    case 'day':
      return (days) => days;
    case 'week':
      return mondayOf;
    case 'month':
      return (days) => days - civilFromDays(days).day + 1;
    case 'quarter':
      return (days) => {
        const { year, month } = civilFromDays(days);
        return daysFromCivil(year, month - ((month - 1) % 3), 1);
      };
    case 'year':
      return ofYear((year) => year);
    case 'decade':
      return ofYear((year) => (year > 0 ? Math.trunc(year / 10) * 10 : -Math.trunc((8 - (year - 1)) / 10) * 10));
    case 'century':
      return span(100);
    case 'millennium':
      return span(1000);
    default:
      return undefined;
  }
}

const MONTH_UNITS: Readonly<Record<string, number>> = {
  month: 1,
  quarter: 3,
  year: 12,
  decade: 120,
  century: 1200,
  millennium: 12000,
};

export function intervalTruncation(field: string): ((value: Interval) => Interval) | undefined {
  if (field === 'day') return ({ months, days }) => ({ months, days, us: 0n });
  if (Object.hasOwn(MONTH_UNITS, field)) {
    const unit = MONTH_UNITS[field]!;
    return ({ months }) => ({ months: months - (months % unit), days: 0, us: 0n });
  }
  if (!Object.hasOwn(CLOCK_UNITS, field)) return undefined;
  const unit = BigInt(CLOCK_UNITS[field]!);
  return ({ months, days, us }) => ({ months, days, us: us - (us % unit) });
}
