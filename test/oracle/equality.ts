// Rule B's equality of two JSON values, the judge's and ours.

import { isInexact, type ScalarType } from './expression.ts';

export type Verdict = 'equal' | 'different' | 'near';

/**
 * Compares the text of `to_json(value)` with ours. `near`: numbers that differ by more than 1e-9 of the result, so that it
 * hangs on the inputs' size, which the caller asks Postgres for.
 */
export function compareJson(expected: string, actual: string, type: ScalarType): Verdict {
  if (expected === actual) return 'equal';
  if (expected === 'null' || actual === 'null') return 'different';
  if (isInexact(type)) {
    const a = asNumber(expected);
    const b = asNumber(actual);
    if (Number.isNaN(a) && Number.isNaN(b)) return 'equal';
    // Digits beyond float8 are not the same as the word.
    if (a === b && Math.abs(a) === Infinity && !(isWord(expected) && isWord(actual))) {
      return beyondFloat8(expected, actual) ? 'equal' : 'different';
    }
    if (a === b) return 'equal';
    if (!Number.isFinite(a) || !Number.isFinite(b)) return 'different';
    return Math.abs(a - b) <= 1e-9 * Math.abs(a) ? 'equal' : 'near';
  }
  if (type === 'float4' || type === 'float8') {
    const a = asNumber(expected);
    const b = asNumber(actual);
    // Exact operations give the same bits; how the shortest text is written may not hide that.
    return a === b && Object.is(a, -0) === Object.is(b, -0) && expected.startsWith('"') === actual.startsWith('"')
      ? 'equal'
      : 'different';
  }
  // Strings may be escaped in more than one way.
  if (expected.startsWith('"') && actual.startsWith('"'))
    return JSON.parse(expected) === JSON.parse(actual) ? 'equal' : 'different';
  return 'different';
}

/** Why a difference at a boundary is not held against us. */
export const GUARDED = {
  near: 'a comparison or rounding within 1e-9 of its boundary',
  beyond: 'a rounding of a value that float8 cannot hold, within 1e-9 of itself',
};

export type Guard = keyof typeof GUARDED | 'clear';

/** @param rows of the query that asks for the guards: over float8, so it raises where a numeric is above 1.8e308 */
export function guardFrom(rows: readonly (readonly (string | null)[])[] | undefined): Guard {
  return rows === undefined ? 'beyond' : rows[0]?.[0] === 't' ? 'near' : 'clear';
}

/** Where the guards cannot be asked, only a number that is off by its rounding: not another one, and no truth. */
export function excuses(guard: Guard, expected: string, actual: string): guard is keyof typeof GUARDED {
  return guard === 'near' || (guard === 'beyond' && compareJson(expected, actual, 'inumeric') === 'equal');
}

/** Within 1e-9 of the bound that Postgres computed for this value. */
export function withinBound(expected: string, actual: string, bound: string | null): boolean {
  if (bound === null) return false;
  const limit = Number(bound);
  return Number.isFinite(limit) && Math.abs(asNumber(expected) - asNumber(actual)) <= 1e-9 * limit;
}

const isWord = (json: string): boolean => json.startsWith('"');

/** Two numbers in digits, above 1.8e308: as many before the point, and the first alike to 1e-9. */
function beyondFloat8(expected: string, actual: string): boolean {
  if (isWord(expected) || isWord(actual)) return false;
  const whole = (text: string): string => text.split('.')[0]!;
  if (whole(expected).length !== whole(actual).length) return false;
  const first = (text: string): number => Number(whole(text).slice(0, 20));
  return Math.abs(first(expected) - first(actual)) <= 1e-9 * Math.abs(first(expected));
}

function asNumber(json: string): number {
  const text = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  return text === 'NaN' ? NaN : Number(text);
}
