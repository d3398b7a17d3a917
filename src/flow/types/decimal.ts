// numeric: an unscaled integer and the scale it is printed with, so 10.50 stays 10.50. Values whose unscaled integer is a
// safe integer (nearly all) never touch BigInt.
//
// A value of type numeric is a Decimal or a number ({@link NumericValue}). Decimals are exact. A number is NaN, ±Infinity,
// or the float8 result of a division, avg, stddev, sqrt and the like (docs/design.md, section 5): such a value is compared
// with Postgres's by tolerance, and so is whatever is computed from it. numeric reaches further than float8 (5e-324 to
// 1.8e308): a result that float8 can't hold is computed as a Decimal, so a finite value never turns into Infinity or zero.

import { MillraceError } from '../../runtime/errors.ts';
import { toPrecisionHalfEven } from './float-text.ts';
import { pad2 } from './two-digits.ts';

export type NumericValue = Decimal | number;

/** Finite and exact: unscaled × 10^-scale. Scale is at least 0. */
export class Decimal {
  /** A number where it is a safe integer, else a bigint; never -0. */
  readonly unscaled: number | bigint;
  readonly scale: number;

  constructor(unscaled: number | bigint, scale: number) {
    this.unscaled = unscaled === 0 ? 0 : unscaled;
    this.scale = scale;
  }
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const POWERS = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
/** As Postgres's NUMERIC_MAX_RESULT_SCALE allows for products. */
const MAX_SCALE = 16383;

const pow10 = (exponent: number): bigint => 10n ** BigInt(exponent);

export function decimalOf(unscaled: bigint, scale: number): Decimal {
  const safe = unscaled <= MAX_SAFE && unscaled >= -MAX_SAFE;
  return new Decimal(safe ? Number(unscaled) : unscaled, scale);
}

export function decimalFromInteger(value: number | bigint): Decimal {
  return typeof value === 'bigint' ? decimalOf(value, 0) : new Decimal(value, 0);
}

/** As Postgres casts float8 (15 digits) and float4 (6 digits) to numeric. */
export function numericFromFloat(value: number, digits: 15 | 6): NumericValue {
  if (!Number.isFinite(value)) return value;
  // As %.15g: trailing zeros go. Not through a float again, which has no room below 1e-308 and above 1.797e308.
  return parseNumeric(withoutZeros(toPrecisionHalfEven(value, digits)))!;
}

/** `1.500e+20` as `1.5e+20`, `2.50` as `2.5`. */
const withoutZeros = (text: string): string => text.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '');

/** Reads what Postgres prints and accepts (`-12.50`, `1e3`, `NaN`, `-Infinity`); undefined for anything else. */
export function parseNumeric(text: string): NumericValue | undefined {
  const length = text.length;
  let index = 0;
  const negative = text.charCodeAt(0) === 45;
  if (negative) index = 1;
  let unscaled = 0;
  let scale = -1;
  let digits = 0;
  for (; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) {
      unscaled = unscaled * 10 + (code - 48);
      if (++digits > 15) return parseSlowly(text);
      if (scale >= 0) scale++;
    } else if (code === 46 && scale < 0) scale = 0;
    else return parseSlowly(text);
  }
  if (digits === 0) return undefined;
  return new Decimal(negative ? -unscaled : unscaled, scale < 0 ? 0 : scale);
}

const NUMERIC = /^[ \t\n\v\f\r]*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?[ \t\n\v\f\r]*$/;

function parseSlowly(text: string): NumericValue | undefined {
  const match = NUMERIC.exec(text);
  if (!match) {
    const special = /^[ \t\n\v\f\r]*(?:(nan)|([+-]?)inf(?:inity)?)[ \t\n\v\f\r]*$/i.exec(text);
    if (!special) return undefined;
    return special[1] ? NaN : special[2] === '-' ? -Infinity : Infinity;
  }
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole.length + fraction.length === 0) return undefined;
  let unscaled = BigInt(`${whole}${fraction}` || '0');
  if (sign === '-') unscaled = -unscaled;
  const scale = fraction.length - Number(exponent);
  if (scale > MAX_SCALE || scale < -131072) return undefined;
  return scale < 0 ? decimalOf(unscaled * pow10(-scale), 0) : decimalOf(unscaled, scale);
}

/** As Postgres prints it; an inexact number in its shortest form, without an exponent. */
export function formatNumeric(value: NumericValue): string {
  if (typeof value === 'number') return formatPlain(value);
  const { unscaled, scale } = value;
  if (scale === 0) return unscaled.toString();
  if (typeof unscaled === 'number' && scale < POWERS.length) {
    const power = POWERS[scale]!;
    const digits = unscaled < 0 ? -unscaled : unscaled;
    const fraction = digits % power;
    // A multiple of the power, so the division is exact.
    const whole = (digits - fraction) / power;
    const text = scale === 2 ? pad2(fraction) : String(fraction).padStart(scale, '0');
    return unscaled < 0 ? `-${whole}.${text}` : `${whole}.${text}`;
  }
  const negative = unscaled < 0;
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function formatPlain(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text === '-0' ? '0' : text;
  return formatNumeric(parseSlowly(text)!);
}

export function numericToNumber(value: NumericValue): number {
  if (typeof value === 'number') return value;
  const { unscaled, scale } = value;
  if (scale === 0) return Number(unscaled);
  // Both exact, so the one division rounds correctly.
  if (typeof unscaled === 'number' && scale < 16) return unscaled / POWERS[scale]!;
  return Number(formatNumeric(value));
}

/** NaN and ±Infinity are the only numerics that are not finite; a Decimal beyond float8 is. */
export const isFiniteNumeric = (value: NumericValue): boolean => typeof value !== 'number' || Number.isFinite(value);

/** The least float8 with all its digits, 2^-1022. */
const LEAST_NORMAL = 2.2250738585072014e-308;

/** Whether a float8 keeps its digits: neither zero, nor so small that it lost some, nor NaN or infinite. */
export const isNormal = (value: number): boolean => {
  const size = Math.abs(value);
  return size >= LEAST_NORMAL && size < Infinity;
};

/** Whether float8 holds the value: not a Decimal that becomes ±Infinity, zero, or a few digits. */
const fitsFloat = (value: NumericValue, asNumber: number): boolean =>
  typeof value === 'number' || isNormal(asNumber) || value.unscaled === 0;

/** A Decimal's sign, which is all of it that counts in a sum, product or quotient with NaN or ±Infinity; a number as it is. */
const besideInfinity = (value: NumericValue): number =>
  typeof value === 'number' ? value : value.unscaled > 0 ? 1 : value.unscaled < 0 ? -1 : 0;

/** A finite numeric, digit by digit. */
export const exactly = (value: NumericValue): Decimal =>
  typeof value === 'number' ? (parseNumeric(String(value)) as Decimal) : value;

/**
 * Of a finite positive numeric: a float8 in [1, 10) and the power of ten that it is multiplied with, which is where ln and
 * sqrt of a value beyond float8 come from.
 */
export function scientific(value: Decimal): { readonly mantissa: number; readonly exponent: number } {
  const digits = value.unscaled.toString();
  const mantissa = Number(`${digits[0]}.${digits.slice(1, 25)}`);
  return { mantissa, exponent: digits.length - 1 - value.scale };
}

const big = (value: Decimal): bigint => BigInt(value.unscaled);
const bigAt = (value: Decimal, scale: number): bigint =>
  value.scale === scale ? big(value) : big(value) * pow10(scale - value.scale);

/** The unscaled integer at a scale not below its own, where that is a safe integer; else NaN. */
function smallAt(value: Decimal, scale: number): number {
  if (typeof value.unscaled !== 'number') return NaN;
  if (value.scale === scale) return value.unscaled;
  const shift = scale - value.scale;
  if (shift > 15) return NaN;
  const result = value.unscaled * POWERS[shift]!;
  return Number.isSafeInteger(result) ? result : NaN;
}

export function addNumeric(a: NumericValue, b: NumericValue): NumericValue {
  if (typeof a === 'number' || typeof b === 'number') {
    const left = numericToNumber(a);
    const right = numericToNumber(b);
    const inexact = left + right;
    if (Number.isFinite(inexact) && fitsFloat(a, left) && fitsFloat(b, right)) return inexact;
    if (isFiniteNumeric(a) && isFiniteNumeric(b)) return addNumeric(exactly(a), exactly(b));
    return besideInfinity(a) + besideInfinity(b);
  }
  const scale = a.scale > b.scale ? a.scale : b.scale;
  const sum = smallAt(a, scale) + smallAt(b, scale);
  if (Number.isSafeInteger(sum)) return new Decimal(sum, scale);
  return decimalOf(bigAt(a, scale) + bigAt(b, scale), scale);
}

export function subtractNumeric(a: NumericValue, b: NumericValue): NumericValue {
  return addNumeric(a, negateNumeric(b));
}

export function negateNumeric(a: NumericValue): NumericValue {
  return typeof a === 'number' ? -a : new Decimal(-a.unscaled, a.scale);
}

export function absNumeric(a: NumericValue): NumericValue {
  if (typeof a === 'number') return Math.abs(a);
  return a.unscaled < 0 ? new Decimal(-a.unscaled, a.scale) : a;
}

export function signNumeric(a: NumericValue): NumericValue {
  if (typeof a === 'number') return Number.isNaN(a) ? a : new Decimal(Math.sign(a), 0);
  return new Decimal(a.unscaled > 0 ? 1 : a.unscaled < 0 ? -1 : 0, 0);
}

export function multiplyNumeric(a: NumericValue, b: NumericValue): NumericValue {
  if (typeof a === 'number' || typeof b === 'number') {
    const left = numericToNumber(a);
    const right = numericToNumber(b);
    const inexact = left * right;
    if (isNormal(inexact) && isNormal(left) && isNormal(right)) return inexact;
    if (isFiniteNumeric(a) && isFiniteNumeric(b)) return multiplyNumeric(exactly(a), exactly(b));
    return besideInfinity(a) * besideInfinity(b);
  }
  const scale = a.scale + b.scale;
  if (typeof a.unscaled === 'number' && typeof b.unscaled === 'number') {
    const product = a.unscaled * b.unscaled;
    if (Number.isSafeInteger(product)) return new Decimal(product, scale);
  }
  const exact = decimalOf(big(a) * big(b), scale);
  return scale > MAX_SCALE ? roundDecimal(exact, MAX_SCALE) : exact;
}

/** The float8 quotient; a Decimal where float8 has no room for it or for an operand. */
export function divideNumeric(a: NumericValue, b: NumericValue): NumericValue {
  const left = numericToNumber(a);
  const right = numericToNumber(b);
  const quotient = left / right;
  if (isNormal(quotient) && isNormal(left) && isNormal(right)) return quotient;
  if (isFiniteNumeric(a) && isFiniteNumeric(b)) {
    const dividend = exactly(a);
    return dividend.unscaled === 0 && right !== 0 ? 0 : divideExactly(dividend, exactly(b));
  }
  const dividend = besideInfinity(a);
  const divisor = besideInfinity(b);
  if (divisor === 0 && !Number.isNaN(dividend)) throw new MillraceError('DATA', 'division by zero');
  return dividend / divisor + 0;
}

/** Rounded where Postgres rounds it, to so many digits behind the point as its select_div_scale (numeric.c) chooses. */
export function divideExactly(a: Decimal, b: Decimal): Decimal {
  if (b.unscaled === 0) throw new MillraceError('DATA', 'division by zero');
  const [dividendWeight, dividendDigit] = leading(a);
  const [divisorWeight, divisorDigit] = leading(b);
  const weight = dividendWeight - divisorWeight - (dividendDigit <= divisorDigit ? 1 : 0);
  // 16 significant digits or more.
  const scale = Math.min(Math.max(16 - weight * 4, a.scale, b.scale, 0), 1000);
  // One digit more than is kept: the rounding sees on which side of a half it is.
  const shift = scale + 1 + b.scale - a.scale;
  const dividend = shift > 0 ? big(a) * pow10(shift) : big(a);
  const divisor = shift < 0 ? big(b) * pow10(-shift) : big(b);
  return roundDecimal(decimalOf(dividend / divisor, scale + 1), scale);
}

/** Of the digits to the base 10,000 that Postgres computes in: the first one's weight, and the first one. */
function leading(value: Decimal): readonly [weight: number, digit: number] {
  if (value.unscaled === 0) return [0, 0];
  const digits = (value.unscaled < 0 ? -value.unscaled : value.unscaled).toString();
  const exponent = digits.length - 1 - value.scale;
  const weight = Math.floor(exponent / 4);
  return [weight, Number(digits.padEnd(4, '0').slice(0, exponent - weight * 4 + 1))];
}

/** Remainder of truncating division, sign of the dividend. */
export function moduloNumeric(a: NumericValue, b: NumericValue): NumericValue {
  if (typeof a === 'number' || typeof b === 'number') {
    const left = numericToNumber(a);
    const right = numericToNumber(b);
    const finite = isFiniteNumeric(a) && isFiniteNumeric(b);
    if (finite && !(fitsFloat(a, left) && fitsFloat(b, right))) return moduloNumeric(exactly(a), exactly(b));
    const dividend = finite ? left : besideInfinity(a);
    const divisor = finite ? right : besideInfinity(b);
    if (divisor === 0 && !Number.isNaN(dividend)) throw new MillraceError('DATA', 'division by zero');
    return Math.abs(divisor) === Infinity && isFiniteNumeric(a) ? a : dividend % divisor;
  }
  if (b.unscaled === 0) throw new MillraceError('DATA', 'division by zero');
  const scale = a.scale > b.scale ? a.scale : b.scale;
  const remainder = smallAt(a, scale) % smallAt(b, scale);
  if (!Number.isNaN(remainder)) return new Decimal(remainder, scale);
  return decimalOf(bigAt(a, scale) % bigAt(b, scale), scale);
}

/** Integer quotient, as `div(a, b)`. */
export function quotientNumeric(a: NumericValue, b: NumericValue): NumericValue {
  if (typeof a === 'number' || typeof b === 'number') {
    const quotient = divideNumeric(a, b);
    return typeof quotient === 'number' ? Math.trunc(quotient) + 0 : rescale(quotient, 0, 'trunc');
  }
  if (b.unscaled === 0) throw new MillraceError('DATA', 'division by zero');
  const scale = a.scale > b.scale ? a.scale : b.scale;
  return decimalOf(bigAt(a, scale) / bigAt(b, scale), 0);
}

/** Negative, zero or positive; NaN equals NaN and is above Infinity. */
export function compareNumeric(a: NumericValue, b: NumericValue): number {
  if (typeof a === 'number' || typeof b === 'number') {
    const left = numericToNumber(a);
    const right = numericToNumber(b);
    if (fitsFloat(a, left) && fitsFloat(b, right)) return compareFloat(left, right);
    if (isFiniteNumeric(a) && isFiniteNumeric(b)) return compareNumeric(exactly(a), exactly(b));
    // A Decimal beyond float8 stands between the infinities, below NaN.
    return compareFloat(typeof a === 'number' ? a : 0, typeof b === 'number' ? b : 0);
  }
  const scale = a.scale > b.scale ? a.scale : b.scale;
  const difference = smallAt(a, scale) - smallAt(b, scale);
  if (!Number.isNaN(difference)) return difference;
  const left = bigAt(a, scale);
  const right = bigAt(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** float4 and float8 as Postgres orders them: NaN equals NaN and is above Infinity; -0 equals 0. */
export function compareFloat(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : -1;
}

type Rounding = 'half_away' | 'trunc' | 'floor' | 'ceil';

/** Half away from zero; the result has exactly this scale (0 where it is negative). */
export function roundDecimal(value: Decimal, scale: number): Decimal {
  return rescale(value, scale, 'half_away');
}

function rescale(value: Decimal, target: number, rounding: Rounding): Decimal {
  const kept = Math.max(target, 0);
  const drop = value.scale - target;
  if (drop <= 0) {
    if (value.scale === kept) return value;
    const small = smallAt(value, kept);
    return Number.isNaN(small) ? decimalOf(bigAt(value, kept), kept) : new Decimal(small, kept);
  }
  if (typeof value.unscaled === 'number' && drop < 16 && target >= 0) {
    const factor = POWERS[drop]!;
    const rest = value.unscaled % factor;
    const quotient = (value.unscaled - rest) / factor;
    return new Decimal(quotient + carry(rounding, Math.sign(rest), Math.abs(rest) * 2 >= factor), kept);
  }
  const factor = pow10(drop);
  const rest = big(value) % factor;
  const sign = rest < 0n ? -1 : rest > 0n ? 1 : 0;
  const half = (rest < 0n ? -rest : rest) * 2n >= factor;
  const quotient = big(value) / factor + BigInt(carry(rounding, sign, half));
  return decimalOf(target < 0 ? quotient * pow10(-target) : quotient, kept);
}

function carry(rounding: Rounding, sign: number, half: boolean): number {
  switch (rounding) {
    case 'half_away':
      return half ? sign : 0;
    case 'trunc':
      return 0;
    case 'floor':
      return sign < 0 ? -1 : 0;
    case 'ceil':
      return sign > 0 ? 1 : 0;
  }
}

/** round, trunc, floor, ceil of a numeric. An inexact number is first read with 15 digits, as its cast would be. */
export function roundNumeric(value: NumericValue, scale: number, rounding: Rounding = 'half_away'): NumericValue {
  const exact = typeof value === 'number' ? numericFromFloat(value, 15) : value;
  return typeof exact === 'number' ? exact : rescale(exact, scale, rounding);
}

/** Removes trailing zeros of the fraction: equal values have equal texts. */
export function canonicalNumeric(value: NumericValue): string {
  const text = formatNumeric(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Applies numeric(precision, scale). Raises as Postgres does when it does not fit. */
export function applyNumericTypmod(value: NumericValue, typmod: number): NumericValue {
  if (typmod < 4) return value;
  const precision = ((typmod - 4) >> 16) & 0xffff;
  const scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
  const rounded = roundNumeric(value, scale);
  if (typeof rounded === 'number') {
    if (Number.isNaN(rounded)) return rounded;
    throw new MillraceError('DATA', 'numeric field overflow');
  }
  const whole = roundNumeric(absNumeric(rounded), 0, 'trunc') as Decimal;
  const digits = whole.unscaled === 0 ? 0 : whole.unscaled.toString().length;
  if (digits > precision - scale) throw new MillraceError('DATA', 'numeric field overflow');
  return rounded;
}
