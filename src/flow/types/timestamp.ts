// date, timestamp and timestamptz: days or exact microseconds since 1970, over Postgres's whole range, in the proleptic
// Gregorian calendar. Text is that of datestyle ISO.

import { MillraceError } from '../../runtime/errors.ts';
import { formatFraction, isFiniteInterval, negateInterval, type Interval } from './interval.ts';
import { pad2 } from './two-digits.ts';
import { localFromUtc, offsetSecondsAt, utcFromLocal } from './time-zone.ts';

/** Timestamp infinity: beyond every timestamp, of which the latest, counted from 1970, are beyond 64 bits. */
export const INFINITY_US = 10n ** 19n;
export const MINUS_INFINITY_US = -INFINITY_US;
/** Date infinity: the int32 extremes. */
export const INFINITY_DAYS = 2 ** 31 - 1;
export const MINUS_INFINITY_DAYS = -(2 ** 31);

const DAY_US = 86_400_000_000n;
/** 4714-11-24 BC and the first moment after 294276 AD. */
const FIRST_US = BigInt(daysFromCivil(-4713, 11, 24)) * DAY_US;
const END_US = BigInt(daysFromCivil(294277, 1, 1)) * DAY_US;
const FIRST_DAY = daysFromCivil(-4713, 11, 24);
const END_DAY = daysFromCivil(5874898, 1, 1);

export const isFiniteUs = (us: bigint): boolean => us !== INFINITY_US && us !== MINUS_INFINITY_US;
export const isFiniteDays = (days: number): boolean => days !== INFINITY_DAYS && days !== MINUS_INFINITY_DAYS;

/** Days since 1970-01-01; year 0 is 1 BC. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export function civilFromDays(days: number): CivilDate {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const dayOfEra = z - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}

export const isLeapYear = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
export const daysInMonth = (year: number, month: number): number =>
  month === 2 ? (isLeapYear(year) ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;

/** Whole days since 1970 and microseconds into the day. */
export function splitDay(us: bigint): { readonly days: number; readonly dayUs: number } {
  let days = us / DAY_US;
  let rest = us % DAY_US;
  if (rest < 0n) {
    days -= 1n;
    rest += DAY_US;
  }
  return { days: Number(days), dayUs: Number(rest) };
}

export const joinDay = (days: number, dayUs: number): bigint => BigInt(days) * DAY_US + BigInt(dayUs);

export function checkUs(us: bigint): bigint {
  if (us < FIRST_US || us >= END_US) throw new MillraceError('DATA', 'timestamp out of range');
  return us;
}

export function checkDays(days: number): number {
  if (days < FIRST_DAY || days >= END_DAY) throw new MillraceError('DATA', 'date out of range');
  return days;
}

export function dateFromUs(us: bigint): number {
  if (us === INFINITY_US) return INFINITY_DAYS;
  if (us === MINUS_INFINITY_US) return MINUS_INFINITY_DAYS;
  return splitDay(us).days;
}

export function usFromDate(days: number): bigint {
  if (days === INFINITY_DAYS) return INFINITY_US;
  if (days === MINUS_INFINITY_DAYS) return MINUS_INFINITY_US;
  const us = BigInt(days) * DAY_US;
  if (us >= END_US) throw new MillraceError('DATA', 'date out of range for timestamp');
  return us;
}

/** The same for comparisons, which know no range: a date beyond it is after every timestamp. */
export function usFromDateUnchecked(days: number): bigint {
  if (days === INFINITY_DAYS) return INFINITY_US;
  if (days === MINUS_INFINITY_DAYS) return MINUS_INFINITY_US;
  const us = BigInt(days) * DAY_US;
  return us < END_US ? us : INFINITY_US - 1n;
}

/** A timestamp without zone, read as local time of the zone. */
export function zonedFromLocal(us: bigint, timezone: string): bigint {
  return isFiniteUs(us) ? checkUs(utcFromLocal(us, timezone)) : us;
}

/** The same for comparisons: what is out of range is before or after every finite timestamp. */
export function zonedFromLocalUnchecked(us: bigint, timezone: string): bigint {
  if (!isFiniteUs(us)) return us;
  if (us >= END_US) return INFINITY_US - 1n;
  const zoned = utcFromLocal(us, timezone);
  return zoned < FIRST_US ? FIRST_US - 1n : zoned < END_US ? zoned : INFINITY_US - 1n;
}

/** What the clock on the wall shows there. */
export function localFromZoned(us: bigint, timezone: string): bigint {
  return isFiniteUs(us) ? checkUs(localFromUtc(us, timezone)) : us;
}

/** Months by the calendar (clamped to the end of the month), then days, then time. */
export function addToTimestamp(us: bigint, interval: Interval): bigint {
  if (!isFiniteUs(us)) return infinitePlus(us, interval);
  let result = us;
  if (interval.months !== 0) result = addMonths(result, interval.months);
  if (interval.days !== 0) result += BigInt(interval.days) * DAY_US;
  return checkUs(result + interval.us);
}

/** The same for timestamptz: months and days are those of the zone's calendar. */
export function addToTimestamptz(us: bigint, interval: Interval, timezone: string): bigint {
  if (!isFiniteUs(us)) return infinitePlus(us, interval);
  let result = us;
  if (interval.months !== 0) {
    result = checkUs(utcFromLocal(addMonths(localFromUtc(result, timezone), interval.months), timezone));
  }
  if (interval.days !== 0) {
    const local = localFromUtc(result, timezone) + BigInt(interval.days) * DAY_US;
    result = checkUs(utcFromLocal(local, timezone));
  }
  return checkUs(result + interval.us);
}

/** Whatever the interval, one too long to be negated included. */
export function subtractFromTimestamp(us: bigint, interval: Interval): bigint {
  return isFiniteUs(us) ? addToTimestamp(us, negateInterval(interval)) : infinitePlus(us, interval);
}

export function subtractFromTimestamptz(us: bigint, interval: Interval, timezone: string): bigint {
  return isFiniteUs(us) ? addToTimestamptz(us, negateInterval(interval), timezone) : infinitePlus(us, interval);
}

function infinitePlus(us: bigint, interval: Interval): bigint {
  if (!isFiniteInterval(interval))
    throw new MillraceError('DATA', 'nothing is computed from an infinite interval here');
  return us;
}

function addMonths(us: bigint, months: number): bigint {
  const { days, dayUs } = splitDay(us);
  const { year, month, day } = civilFromDays(days);
  const total = year * 12 + (month - 1) + months;
  const newYear = Math.floor(total / 12);
  const newMonth = total - newYear * 12 + 1;
  return checkUs(joinDay(daysFromCivil(newYear, newMonth, Math.min(day, daysInMonth(newYear, newMonth))), dayUs));
}

/** Days and time apart, as `timestamp - timestamp` gives them. */
export function subtractTimestamps(a: bigint, b: bigint): Interval {
  if (!isFiniteUs(a) || !isFiniteUs(b)) throw new MillraceError('DATA', 'cannot subtract infinite timestamps');
  const difference = a - b;
  // Postgres below 17 wraps around here.
  if (BigInt.asIntN(64, difference) !== difference) throw new MillraceError('DATA', 'interval out of range');
  return { months: 0, days: Number(difference / DAY_US), us: difference % DAY_US };
}

const DATE = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const TIMESTAMP =
  /^(\d{4,7})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;

/** Days since 1970 of a date as Postgres prints it. Throws on anything else. */
export function parseDate(text: string): number {
  if (text === 'infinity') return INFINITY_DAYS;
  if (text === '-infinity') return MINUS_INFINITY_DAYS;
  const match = DATE.exec(text);
  if (!match) throw new TypeError('not a date as Postgres prints it');
  return daysFromCivil(yearOf(match[1]!, match[4]), Number(match[2]), Number(match[3]));
}

/**
 * Microseconds since 1970 of a timestamp or timestamptz as Postgres prints it; an offset is applied, its absence means
 * local time. Throws on anything else.
 */
export function parseTimestamp(text: string): bigint {
  const quick = parseQuickly(text);
  if (quick !== undefined) return quick;
  if (text === 'infinity') return INFINITY_US;
  if (text === '-infinity') return MINUS_INFINITY_US;
  const match = TIMESTAMP.exec(text);
  if (!match) throw new TypeError('not a timestamp as Postgres prints it');
  const [, year, month, day, hours, minutes, seconds, fraction, sign, zoneHours, zoneMinutes, zoneSeconds, bc] = match;
  const days = daysFromCivil(yearOf(year!, bc), Number(month), Number(day));
  const offset = Number(zoneHours ?? 0) * 3600 + Number(zoneMinutes ?? 0) * 60 + Number(zoneSeconds ?? 0);
  const time = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + (sign === '-' ? offset : -offset);
  return BigInt(days * 86_400 + time) * 1_000_000n + BigInt((fraction ?? '').padEnd(6, '0'));
}

/** The common form, years 1000 to 2200, no offset or one of whole hours, without a regular expression: every row has one. */
function parseQuickly(text: string): bigint | undefined {
  const length = text.length;
  if (length < 19 || text.charCodeAt(4) !== 45 || text.charCodeAt(10) !== 32) return undefined;
  const year = two(text, 0) * 100 + two(text, 2);
  if (!(year >= 1000 && year < 2200) || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  let seconds = two(text, 11) * 3600 + two(text, 14) * 60 + two(text, 17);
  let us = 0;
  let index = 19;
  if (text.charCodeAt(index) === 46) {
    let unit = 100_000;
    for (index++; index < length; index++, unit /= 10) {
      const digit = text.charCodeAt(index) - 48;
      if (digit < 0 || digit > 9) break;
      us += digit * unit;
    }
  }
  if (index < length) {
    const sign = text.charCodeAt(index);
    if (length !== index + 3 || (sign !== 43 && sign !== 45)) return undefined;
    const offset = two(text, index + 1) * 3600;
    seconds += sign === 43 ? -offset : offset;
  }
  const days = daysFromCivil(year, two(text, 5), two(text, 8));
  const total = (days * 86_400 + seconds) * 1_000_000 + us;
  return Number.isSafeInteger(total) ? BigInt(total) : undefined;
}

/** Two digits, or NaN. */
function two(text: string, index: number): number {
  const tens = text.charCodeAt(index) - 48;
  const ones = text.charCodeAt(index + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

const yearOf = (digits: string, bc: string | undefined): number => (bc ? 1 - Number(digits) : Number(digits));

export function formatDate(days: number): string {
  if (days === INFINITY_DAYS) return 'infinity';
  if (days === MINUS_INFINITY_DAYS) return '-infinity';
  const date = civilFromDays(days);
  return `${formatDay(date)}${date.year <= 0 ? ' BC' : ''}`;
}

function formatDay({ year, month, day }: CivilDate): string {
  const shown = String(year <= 0 ? 1 - year : year).padStart(4, '0');
  return `${shown}-${pad2(month)}-${pad2(day)}`;
}

/** `2026-01-02 03:04:05.6`; `separator` is T in JSON. */
export function formatTimestamp(us: bigint, separator: ' ' | 'T' = ' '): string {
  return formatMoment(us, separator, '');
}

/** `2026-01-02 04:04:05.6+01`, in the zone; in JSON (`T`) the offset always has minutes. */
export function formatTimestamptz(us: bigint, timezone: string, separator: ' ' | 'T' = ' '): string {
  if (!isFiniteUs(us)) return formatMoment(us, separator, '');
  const offset = offsetSecondsAt(us, timezone);
  return formatMoment(us + BigInt(offset) * 1_000_000n, separator, formatOffset(offset, separator === 'T'));
}

export function formatOffset(offset: number, minutesAlways: boolean): string {
  const amount = Math.abs(offset);
  const minutes = Math.floor(amount / 60) % 60;
  const seconds = amount % 60;
  let text = `${offset < 0 ? '-' : '+'}${pad2(Math.floor(amount / 3600))}`;
  if (minutesAlways || minutes !== 0 || seconds !== 0) text += `:${pad2(minutes)}`;
  return seconds === 0 ? text : `${text}:${pad2(seconds)}`;
}

function formatMoment(us: bigint, separator: ' ' | 'T', offset: string): string {
  if (us === INFINITY_US) return 'infinity';
  if (us === MINUS_INFINITY_US) return '-infinity';
  const { days, dayUs } = splitDay(us);
  const dayText = dayTextOf(days);
  const seconds = Math.floor(dayUs / 1_000_000);
  const clock = `${pad2(Math.floor(seconds / 3600))}:${pad2(Math.floor(seconds / 60) % 60)}:${pad2(seconds % 60)}`;
  const text = `${dayText}${separator}${clock}${formatFraction(dayUs % 1_000_000)}${offset}`;
  return days < FIRST_DAY_AD ? `${text} BC` : text;
}

/** 0001-01-01, days since 1970. */
const FIRST_DAY_AD = -719_162;
let lastDays = NaN;
let lastDayText = '';

/** Times mostly come in order, so the last day's text is kept. */
function dayTextOf(days: number): string {
  if (days !== lastDays) {
    lastDayText = formatDay(civilFromDays(days));
    lastDays = days;
  }
  return lastDayText;
}
