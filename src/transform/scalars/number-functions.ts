// Arithmetic and mathematics over int2, int4, int8, float4, float8 and numeric, with Postgres's overflow errors
// (src/backend/utils/adt/int.c, int8.c, float.c, numeric.c).

import {
  absNumeric,
  addNumeric,
  compareNumeric,
  Decimal,
  divideExactly,
  divideNumeric,
  exactly,
  isFiniteNumeric,
  isNormal,
  moduloNumeric,
  multiplyNumeric,
  negateNumeric,
  numericToNumber,
  parseNumeric,
  quotientNumeric,
  roundNumeric,
  scientific,
  signNumeric,
  subtractNumeric,
  type NumericValue,
} from '../../flow/types/decimal.ts';
import { roundHalfEven } from '../../flow/types/interval.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { dataError, type FunctionSet } from './scalar-function.ts';

const { int2, int4, int8, float4, float8, numeric } = OID;

export const checkInt2 = (value: number): number =>
  value >= -32768 && value <= 32767 ? value + 0 : dataError('smallint out of range');
export const checkInt4 = (value: number): number =>
  value === (value | 0) ? value + 0 : dataError('integer out of range');
export const checkInt8 = (value: bigint): bigint =>
  BigInt.asIntN(64, value) === value ? value : dataError('bigint out of range');

export function addNumberFunctions(set: FunctionSet): void {
  addIntegers(set);
  addFloats(set);
  addNumerics(set);
  addMath(set);
}

function addIntegers(set: FunctionSet): void {
  const small: [number, (value: number) => number][] = [
    [int2, checkInt2],
    [int4, checkInt4],
  ];
  for (const [left] of small) {
    for (const [right] of small) {
      const [result, check] = left === int4 || right === int4 ? small[1]! : small[0]!;
      set.add('+', [left, right], result, (a: number, b: number) => check(a + b));
      set.add('-', [left, right], result, (a: number, b: number) => check(a - b));
      // The largest product of two int4 is below 2^63 but above 2^53: whether it fits is clear all the same.
      set.add('*', [left, right], result, (a: number, b: number) => check(a * b));
      set.add('/', [left, right], result, (a: number, b: number) => check(Math.trunc(a / nonZero(b))));
    }
  }
  for (const [type, check] of small) {
    set.add('%', [type, type], type, (a: number, b: number) => (a % nonZero(b)) + 0);
    set.add('mod', [type, type], type, (a: number, b: number) => (a % nonZero(b)) + 0);
    set.add('-', [type], type, (a: number) => check(0 - a));
    set.add('+', [type], type, (a: number) => a);
    for (const name of ['@', 'abs']) set.add(name, [type], type, (a: number) => check(Math.abs(a)));
  }
  for (const [left, right] of [
    [int8, int8],
    [int2, int8],
    [int8, int2],
    [int4, int8],
    [int8, int4],
  ] as const) {
    const wide = (compute: (a: bigint, b: bigint) => bigint): ((a: number | bigint, b: number | bigint) => bigint) =>
      left === int8 && right === int8 ? (compute as never) : (a, b) => compute(BigInt(a), BigInt(b));
    set.add(
      '+',
      [left, right],
      int8,
      wide((a, b) => checkInt8(a + b)),
    );
    set.add(
      '-',
      [left, right],
      int8,
      wide((a, b) => checkInt8(a - b)),
    );
    set.add(
      '*',
      [left, right],
      int8,
      wide((a, b) => checkInt8(a * b)),
    );
    set.add(
      '/',
      [left, right],
      int8,
      wide((a, b) => checkInt8(a / nonZeroBig(b))),
    );
  }
  for (const name of ['%', 'mod']) set.add(name, [int8, int8], int8, (a: bigint, b: bigint) => a % nonZeroBig(b));
  set.add('-', [int8], int8, (a: bigint) => checkInt8(-a));
  set.add('+', [int8], int8, (a: bigint) => a);
  for (const name of ['@', 'abs']) set.add(name, [int8], int8, (a: bigint) => checkInt8(a < 0n ? -a : a));
  for (const type of [int2, int4]) {
    set.add('&', [type, type], type, (a: number, b: number) => a & b);
    set.add('|', [type, type], type, (a: number, b: number) => a | b);
    set.add('#', [type, type], type, (a: number, b: number) => a ^ b);
    set.add('~', [type], type, (a: number) => ~a);
  }
  set.add('&', [int8, int8], int8, (a: bigint, b: bigint) => a & b);
  set.add('|', [int8, int8], int8, (a: bigint, b: bigint) => a | b);
  set.add('#', [int8, int8], int8, (a: bigint, b: bigint) => a ^ b);
  set.add('~', [int8], int8, (a: bigint) => ~a);
}

const nonZero = (value: number): number => (value === 0 ? dataError('division by zero') : value);
const nonZeroBig = (value: bigint): bigint => (value === 0n ? dataError('division by zero') : value);

function addFloats(set: FunctionSet): void {
  for (const [left, right] of [
    [float4, float4],
    [float4, float8],
    [float8, float4],
    [float8, float8],
  ] as const) {
    const result = left === float4 && right === float4 ? float4 : float8;
    const fit = result === float4 ? Math.fround : (value: number): number => value;
    set.add('+', [left, right], result, (a: number, b: number) => noOverflow(fit(a + b), a, b));
    set.add('-', [left, right], result, (a: number, b: number) => noOverflow(fit(a - b), a, b));
    set.add('*', [left, right], result, (a: number, b: number) => {
      const product = noOverflow(fit(a * b), a, b);
      return product === 0 && a !== 0 && b !== 0 ? dataError('value out of range: underflow') : product;
    });
    set.add('/', [left, right], result, (a: number, b: number) => {
      if (b === 0 && !Number.isNaN(a)) return dataError('division by zero');
      const quotient = noOverflow(fit(a / b), a, 0);
      if (quotient === 0 && a !== 0 && Math.abs(b) !== Infinity) return dataError('value out of range: underflow');
      return quotient;
    });
  }
  for (const type of [float4, float8]) {
    set.add('-', [type], type, (a: number) => -a);
    set.add('+', [type], type, (a: number) => a);
    for (const name of ['@', 'abs']) set.add(name, [type], type, (a: number) => Math.abs(a));
  }
}

/** A result is infinite only where an argument was. */
export function noOverflow(result: number, a: number, b: number): number {
  if (Math.abs(result) === Infinity && Math.abs(a) !== Infinity && Math.abs(b) !== Infinity) {
    return dataError('value out of range: overflow');
  }
  return result;
}

function addNumerics(set: FunctionSet): void {
  const pair = [numeric, numeric];
  set.add('+', pair, numeric, addNumeric);
  set.add('-', pair, numeric, subtractNumeric);
  set.add('*', pair, numeric, multiplyNumeric);
  set.add('/', pair, numeric, divideNumeric, { inexact: true });
  for (const name of ['%', 'mod']) set.add(name, pair, numeric, moduloNumeric, { sharp: true });
  set.add('div', pair, numeric, quotientNumeric, { sharp: true });
  set.add('-', [numeric], numeric, negateNumeric);
  set.add('+', [numeric], numeric, (a: NumericValue) => a);
  for (const name of ['@', 'abs']) set.add(name, [numeric], numeric, absNumeric);
  set.add('sign', [numeric], numeric, signNumeric, { sharp: true });
  set.add('round', [numeric], numeric, (a: NumericValue) => roundNumeric(a, 0), { sharp: true });
  set.add('trunc', [numeric], numeric, (a: NumericValue) => roundNumeric(a, 0, 'trunc'), { sharp: true });
  set.add('floor', [numeric], numeric, (a: NumericValue) => roundNumeric(a, 0, 'floor'), { sharp: true });
  for (const name of ['ceil', 'ceiling']) {
    set.add(name, [numeric], numeric, (a: NumericValue) => roundNumeric(a, 0, 'ceil'), { sharp: true });
  }
  const digits = (value: number): number => Math.max(-2000, Math.min(2000, value));
  set.add('round', [numeric, int4], numeric, (a: NumericValue, n: number) => roundNumeric(a, digits(n)), {
    sharp: true,
  });
  set.add('trunc', [numeric, int4], numeric, (a: NumericValue, n: number) => roundNumeric(a, digits(n), 'trunc'), {
    sharp: true,
  });
  const inexact = { inexact: true };
  set.add('sqrt', [numeric], numeric, numericSquareRoot, inexact);
  set.add('exp', [numeric], numeric, (a: NumericValue) => numericResult(Math.exp(numericToNumber(a)), a), inexact);
  set.add('ln', [numeric], numeric, numericLogarithm, inexact);
  for (const name of ['log', 'log10']) {
    set.add(name, [numeric], numeric, (a: NumericValue) => logarithmOf(a, Math.log10), inexact);
  }
  set.add(
    'log',
    pair,
    numeric,
    (base: NumericValue, a: NumericValue) => {
      const divisor = numericLogarithm(base);
      return numericLogarithm(a) / nonZero(divisor);
    },
    inexact,
  );
  for (const name of ['^', 'power', 'pow']) {
    set.add(
      name,
      pair,
      numeric,
      (a: NumericValue, b: NumericValue) => {
        return numericResult(power(numericToNumber(a), numericToNumber(b)), a, b);
      },
      inexact,
    );
  }
  set.add(
    'width_bucket',
    [numeric, numeric, numeric, int4],
    int4,
    (a: NumericValue, low: NumericValue, high: NumericValue, count: number) => {
      if ([a, low, high].some(Number.isNaN)) return dataError('operand, lower bound, and upper bound cannot be NaN');
      if (!isFiniteNumeric(low) || !isFiniteNumeric(high)) return dataError('lower and upper bounds must be finite');
      return widthBucket(a, low, high, count, compareNumeric, (x, from, to) => {
        const share = multiplyNumeric(subtractNumeric(x, from), new Decimal(count, 0));
        // Rounded, so that what all but reaches a bucket's upper bound is in the next, the last one's included: from 16 on not there.
        const quotient = divideExactly(exactly(share), exactly(subtractNumeric(to, from)));
        return numericToNumber(roundNumeric(quotient, 0, 'floor'));
      });
    },
    { sharp: true },
  );
}

/** numeric has no overflow of its own at these sizes; float8 has, and must not pass for infinity. */
function numericResult(result: number, ...args: readonly NumericValue[]): number {
  return args.every(isFiniteNumeric) && !Number.isFinite(result) ? dataError('value overflows numeric format') : result;
}

/** The Decimal where float8 would make Infinity, zero or a few digits of it. */
function beyondFloat(value: NumericValue): Decimal | undefined {
  if (typeof value === 'number' || value.unscaled === 0) return undefined;
  return isNormal(numericToNumber(value)) ? undefined : value;
}

/** @param log to any base, of a float8 */
function logarithmOf(value: NumericValue, log: (x: number) => number): number {
  const beyond = beyondFloat(value);
  if (beyond === undefined) return log(positive(numericToNumber(value)));
  positive(beyond.unscaled < 0 ? -1 : 1);
  const { mantissa, exponent } = scientific(beyond);
  return log(mantissa) + exponent * log(10);
}

const numericLogarithm = (value: NumericValue): number => logarithmOf(value, Math.log);

function numericSquareRoot(value: NumericValue): NumericValue {
  const beyond = beyondFloat(value);
  if (beyond === undefined) return squareRoot(numericToNumber(value));
  squareRoot(beyond.unscaled < 0 ? -1 : 1);
  const { mantissa, exponent } = scientific(beyond);
  const half = Math.floor(exponent / 2);
  const root = Math.sqrt(exponent % 2 === 0 ? mantissa : mantissa * 10);
  // Up to 10^65536: as text, since float8 ends at 10^308.
  return parseNumeric(`${root}e${half}`)!;
}

function addMath(set: FunctionSet): void {
  const one = (name: string, compute: (a: number) => number): void => set.add(name, [float8], float8, compute);
  one('sqrt', squareRoot);
  one('|/', squareRoot);
  one('cbrt', Math.cbrt);
  one('||/', Math.cbrt);
  one('exp', (a) => {
    const result = noOverflow(Math.exp(a), a, 0);
    return result === 0 && a !== -Infinity ? dataError('value out of range: underflow') : result;
  });
  one('ln', (a) => Math.log(positive(a)));
  one('log', (a) => Math.log10(positive(a)));
  one('log10', (a) => Math.log10(positive(a)));
  one('round', roundHalfEvenSafely);
  one('trunc', Math.trunc);
  one('floor', Math.floor);
  one('ceil', Math.ceil);
  one('ceiling', Math.ceil);
  one('sign', (a) => (a > 0 ? 1 : a < 0 ? -1 : 0));
  one('sin', (a) => Math.sin(finite(a)));
  one('cos', (a) => Math.cos(finite(a)));
  one('tan', (a) => Math.tan(finite(a)));
  one('asin', (a) => Math.asin(unit(a)));
  one('acos', (a) => Math.acos(unit(a)));
  one('atan', Math.atan);
  one('sinh', Math.sinh);
  one('cosh', Math.cosh);
  one('tanh', Math.tanh);
  one('degrees', (a) => noOverflow(a / (Math.PI / 180), a, 0));
  one('radians', (a) => a * (Math.PI / 180));
  set.add('pi', [], float8, () => Math.PI);
  set.add('atan2', [float8, float8], float8, Math.atan2);
  for (const name of ['^', 'power', 'pow']) {
    set.add(name, [float8, float8], float8, (a: number, b: number) => {
      const result = noOverflow(power(a, b), a, b);
      const underflow = result === 0 && a !== 0 && Math.abs(a) !== Infinity && Math.abs(b) !== Infinity;
      return underflow ? dataError('value out of range: underflow') : result;
    });
  }
  set.add(
    'width_bucket',
    [float8, float8, float8, int4],
    int4,
    (a: number, low: number, high: number, count: number) => {
      if (Number.isNaN(a) || Number.isNaN(low) || Number.isNaN(high)) {
        return dataError('operand, lower bound, and upper bound cannot be NaN');
      }
      if (!Number.isFinite(low) || !Number.isFinite(high)) return dataError('lower and upper bounds must be finite');
      return widthBucket(
        a,
        low,
        high,
        count,
        (x, y) => x - y,
        (x, from, to) => Math.min(Math.trunc(count * ((x - from) / (to - from))), count - 1),
      );
    },
  );
}

function squareRoot(a: number): number {
  return a < 0 ? dataError('cannot take square root of a negative number') : Math.sqrt(a);
}

function positive(a: number): number {
  if (a === 0) return dataError('cannot take logarithm of zero');
  return a < 0 ? dataError('cannot take logarithm of a negative number') : a;
}

const finite = (a: number): number => (Math.abs(a) === Infinity ? dataError('input is out of range') : a);
const unit = (a: number): number => (a < -1 || a > 1 ? dataError('input is out of range') : a);

/** Adding 0.5 first would lose the parity of large values; beyond 2^52 all are whole. */
const roundHalfEvenSafely = (a: number): number =>
  Math.abs(a) >= 2 ** 52 || !Number.isFinite(a) ? a : Object.is(Math.sign(a), -0) ? a : signed(roundHalfEven(a), a);
/** rint keeps the sign of a value that rounds to zero. */
const signed = (result: number, a: number): number => (result === 0 && a < 0 ? -0 : result);

function power(a: number, b: number): number {
  if (a === 1 || b === 0) return 1;
  if (a === 0 && b < 0) return dataError('zero raised to a negative power is undefined');
  if (a < 0 && Number.isFinite(b) && Math.floor(b) !== b) {
    return dataError('a negative number raised to a non-integer power yields a complex result');
  }
  // C gives 1 for pow(-1, ±Infinity), JavaScript NaN.
  return a === -1 && Math.abs(b) === Infinity ? 1 : a ** b;
}

function widthBucket<T>(
  a: T,
  low: T,
  high: T,
  count: number,
  compare: (x: T, y: T) => number,
  share: (x: T, from: T, to: T) => number,
): number {
  if (count <= 0) return dataError('count must be greater than zero');
  const direction = compare(low, high);
  if (direction === 0) return dataError('lower bound cannot equal upper bound');
  if (direction < 0) {
    if (compare(a, low) < 0) return 0;
    if (compare(a, high) >= 0) return checkInt4(count + 1);
  } else {
    if (compare(a, low) > 0) return 0;
    if (compare(a, high) <= 0) return checkInt4(count + 1);
  }
  return checkInt4(share(a, low, high) + 1);
}
