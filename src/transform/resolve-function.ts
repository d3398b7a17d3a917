// Which function is meant by a name and argument types. A view's text shows every cast that Postgres put in, so the exact types
// match; in what a person wrote (alert_when) numbers are widened as Postgres would.

import { OID } from '../flow/types/type-oid.ts';
import { findFunction } from './scalars/function-table.ts';
import type { ScalarFunction } from './scalars/scalar-function.ts';

/** The type of a bare 'string' or NULL. */
export const UNKNOWN = 705;

export interface Resolution {
  readonly found: ScalarFunction;
  /** What each argument is to be cast to first. */
  readonly args: readonly number[];
}

const WIDTH: Readonly<Record<number, number>> = {
  [OID.int2]: 1,
  [OID.int4]: 2,
  [OID.int8]: 3,
  [OID.numeric]: 4,
  [OID.float4]: 5,
  [OID.float8]: 6,
};
const TIMES: readonly number[] = [OID.date, OID.timestamp, OID.timestamptz];

export const isNumber = (oid: number): boolean => WIDTH[oid] !== undefined;

/** The type that both become where one result is chosen of several; undefined where there is none. */
export function commonType(a: number, b: number): number | undefined {
  if (a === b || b === UNKNOWN) return a;
  if (a === UNKNOWN) return b;
  if (isNumber(a) && isNumber(b)) return WIDTH[a]! > WIDTH[b]! ? a : b;
  const ranks = [TIMES.indexOf(a), TIMES.indexOf(b)];
  if (ranks[0]! >= 0 && ranks[1]! >= 0) return TIMES[Math.max(...ranks)];
  const texts: readonly number[] = [OID.bpchar, OID.varchar, OID.text];
  return texts.includes(a) && texts.includes(b) ? OID.text : undefined;
}

/** Implicit in Postgres: never loses a value. */
export const isImplicit = (from: number, to: number): boolean => from === to || commonType(from, to) === to;

export function resolveFunction(name: string, given: readonly number[]): Resolution | undefined {
  const known = given.find((oid) => oid !== UNKNOWN);
  const args = given.map((oid) =>
    plain(oid === UNKNOWN ? (given.length === 2 && known !== undefined ? known : OID.text) : oid),
  );
  const exact = findFunction(name, args);
  if (exact) return { found: exact, args };
  const numbers = args.filter(isNumber);
  const targets: number[] = [];
  if (numbers.length > 0) {
    const widest = numbers.reduce((a, b) => commonType(a, b)!);
    targets.push(...(widest === OID.float4 ? [OID.float8] : [widest, OID.float8, OID.numeric]));
    for (const target of targets) {
      const widened = args.map((oid) => (isNumber(oid) && WIDTH[oid]! <= WIDTH[target]! ? target : oid));
      const found = findFunction(name, widened);
      if (found) return { found, args: widened };
    }
  }
  if (args.includes(OID.date)) {
    const times = args.map((oid) => (oid === OID.date ? OID.timestamptz : oid));
    const found = findFunction(name, times);
    if (found) return { found, args: times };
  }
  if (args.includes(OID.bpchar)) {
    const texts = args.map((oid) => (oid === OID.bpchar ? OID.text : oid));
    const found = findFunction(name, texts);
    if (found) return { found, args: texts };
  }
  return undefined;
}

/** varchar has no functions of its own: it is text with a length. */
const plain = (oid: number): number => (oid === OID.varchar ? OID.text : oid);
