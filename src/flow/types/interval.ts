// interval: months, days and microseconds apart, as Postgres keeps them. Arithmetic follows src/backend/utils/adt/timestamp.c.

import { pad2 } from './two-digits.ts';
import { MillraceError } from '../../runtime/errors.ts';

/** months, days and microseconds apart, as Postgres keeps them. */
export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly us: bigint;
}

/**
 * `infinity` and `-infinity`, which Postgres has from 17 on: carried, compared and printed. Whatever reads its parts, which is all
 * arithmetic, raises, so that the row is a dead letter.
 */
class InfiniteInterval implements Interval {
  readonly sign: 1 | -1;

  constructor(sign: 1 | -1) {
    this.sign = sign;
  }

  get months(): number {
    return this.#refuse();
  }

  get days(): number {
    return this.#refuse();
  }

  get us(): bigint {
    return this.#refuse();
  }

  #refuse(): never {
    throw new MillraceError('DATA', 'nothing is computed from an infinite interval here');
  }
}

const INFINITE: ReadonlyMap<string, Interval> = new Map([
  ['infinity', new InfiniteInterval(1)],
  ['-infinity', new InfiniteInterval(-1)],
]);
/** Longer than any that is finite. */
const INFINITE_US = 2n ** 80n;

const DAY_US = 86_400_000_000n;
const INT64_MAX = 2n ** 63n - 1n;

export function makeInterval(months: number, days: number, us: bigint): Interval {
  if (months !== (months | 0) || days !== (days | 0) || us > INT64_MAX || us < -INT64_MAX - 1n)
    throw new MillraceError('DATA', 'interval out of range');
  return { months: months + 0, days: days + 0, us };
}

export const addIntervals = (a: Interval, b: Interval): Interval =>
  makeInterval(a.months + b.months, a.days + b.days, a.us + b.us);

export const negateInterval = (a: Interval): Interval => makeInterval(0 - a.months, 0 - a.days, -a.us);

export const subtractIntervals = (a: Interval, b: Interval): Interval =>
  makeInterval(a.months - b.months, a.days - b.days, a.us - b.us);

/** A month counts as 30 days, a day as 24 hours: what Postgres compares by. */
export function intervalSpanUs(a: Interval): bigint {
  if (a instanceof InfiniteInterval) return BigInt(a.sign) * INFINITE_US;
  return (BigInt(a.months) * 30n + BigInt(a.days)) * DAY_US + a.us;
}

export const isFiniteInterval = (a: Interval): boolean => !(a instanceof InfiniteInterval);

export function compareIntervals(a: Interval, b: Interval): number {
  const difference = intervalSpanUs(a) - intervalSpanUs(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Fractions of months go to days, fractions of days to time, as interval_mul has it. */
export const multiplyInterval = (a: Interval, factor: number): Interval => scale(a, (part) => part * factor);

export function divideInterval(a: Interval, divisor: number): Interval {
  if (divisor === 0) throw new MillraceError('DATA', 'division by zero');
  return scale(a, (part) => part / divisor);
}

function scale(a: Interval, by: (part: number) => number): Interval {
  const months = by(a.months);
  const days = by(a.days);
  if (!fitsInt32(months) || !fitsInt32(days)) throw new MillraceError('DATA', 'interval out of range');
  const wholeMonths = Math.trunc(months);
  let wholeDays = Math.trunc(days);
  const monthDays = roundToMicro((months - wholeMonths) * 30);
  let seconds = roundToMicro((days - wholeDays + monthDays - Math.trunc(monthDays)) * 86_400);
  if (Math.abs(seconds) >= 86_400) {
    const carried = Math.trunc(seconds / 86_400);
    wholeDays += carried;
    seconds -= carried * 86_400;
  }
  wholeDays += Math.trunc(monthDays);
  const us = roundHalfEven(by(Number(a.us)) + seconds * 1_000_000);
  if (!Number.isFinite(us)) throw new MillraceError('DATA', 'interval out of range');
  return makeInterval(wholeMonths, wholeDays, BigInt(us));
}

/** Before its fraction is cut off. */
const fitsInt32 = (value: number): boolean => value >= -(2 ** 31) && value < 2 ** 31;

/** C's rint: to the nearest integer, halves to the even one. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const roundToMicro = (value: number): number => roundHalfEven(value * 1_000_000) / 1_000_000;

const INTERVAL =
  /^(?:([+-]?\d+) years?)? ?(?:([+-]?\d+) mons?)? ?(?:([+-]?\d+) days?)? ?(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;

/** Reads what Postgres prints under intervalstyle postgres. Throws on anything else. */
export function parseInterval(text: string): Interval {
  const infinite = INFINITE.get(text);
  if (infinite) return infinite;
  const match = INTERVAL.exec(text);
  if (!match || text === '') throw new TypeError(`not an interval as Postgres prints it: ${JSON.stringify(text)}`);
  const [, years, months, days, sign, hours, minutes, seconds, fraction] = match;
  let us = 0n;
  if (hours !== undefined) {
    us = (BigInt(hours) * 3600n + BigInt(Number(minutes) * 60 + Number(seconds))) * 1_000_000n;
    us += BigInt((fraction ?? '').padEnd(6, '0'));
    if (sign === '-') us = -us;
  }
  return makeInterval(Number(years ?? 0) * 12 + Number(months ?? 0), Number(days ?? 0), us);
}

/** As Postgres prints it under intervalstyle postgres: `1 year 2 mons -3 days +04:05:06.7`. */
export function formatInterval(value: Interval): string {
  if (value instanceof InfiniteInterval) return value.sign > 0 ? 'infinity' : '-infinity';
  let text = '';
  let before = false;
  const part = (amount: number, unit: string): void => {
    if (amount === 0) return;
    text += `${text ? ' ' : ''}${before && amount > 0 ? '+' : ''}${amount} ${unit}${amount === 1 ? '' : 's'}`;
    before = amount < 0;
  };
  part(Math.trunc(value.months / 12), 'year');
  part(value.months % 12, 'mon');
  part(value.days, 'day');
  if (text && value.us === 0n) return text;
  const negative = value.us < 0n;
  const us = negative ? -value.us : value.us;
  const seconds = Number((us / 1_000_000n) % 60n);
  const minutes = Number((us / 60_000_000n) % 60n);
  const hours = us / 3_600_000_000n;
  const fraction = Number(us % 1_000_000n);
  return (
    `${text}${text ? ' ' : ''}${negative ? '-' : before ? '+' : ''}` +
    `${hours.toString().padStart(2, '0')}:${pad2(minutes)}:${pad2(seconds)}${formatFraction(fraction)}`
  );
}

/** `.5` for 500000 microseconds, empty for none. */
export function formatFraction(us: number): string {
  if (us === 0) return '';
  let digits = 6;
  for (; us % 10 === 0; us /= 10) digits--;
  return `.${String(us).padStart(digits, '0')}`;
}
