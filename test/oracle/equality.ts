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
    if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) return 'equal';
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

/** Within 1e-9 of the bound that Postgres computed for this value. */
export function withinBound(expected: string, actual: string, bound: string | null): boolean {
  if (bound === null) return false;
  const limit = Number(bound);
  return Number.isFinite(limit) && Math.abs(asNumber(expected) - asNumber(actual)) <= 1e-9 * limit;
}

function asNumber(json: string): number {
  const text = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  return text === 'NaN' ? NaN : Number(text);
}
