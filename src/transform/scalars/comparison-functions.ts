// = <> < <= > >= for every pair of types that Postgres compares without a cast.

import { comparatorOf, equalityOf, type Compare } from '../../flow/types/comparison.ts';
import { usFromDateUnchecked, zonedFromLocalUnchecked } from '../../flow/types/timestamp.ts';
import { COLLATION, isTextOid, OID } from '../../flow/types/type-oid.ts';
import type { Environment, FunctionSet } from './scalar-function.ts';

const { bool, int2, int4, int8, float4, float8, numeric, text, bpchar, date, timestamp, timestamptz, interval, uuid } =
  OID;

/** The order of text is only asked for where the compiler has checked its collation. */
const SAME = [
  bool,
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  text,
  bpchar,
  date,
  timestamp,
  timestamptz,
  interval,
  uuid,
];

type Widen = (value: never) => unknown;

const same: Widen = (value) => value;
const toBig: Widen = (value: number) => BigInt(value);
const dateToTimestamp: Widen = (value: number) => usFromDateUnchecked(value);

export function addComparisonFunctions(set: FunctionSet): void {
  for (const oid of SAME) {
    const equal = equalityOf(oid);
    const compare = comparatorOf(oid, isTextOid(oid) ? COLLATION.c : COLLATION.none);
    const isSharp = oid === numeric;
    set.add('=', [oid, oid], bool, equal, { sharp: isSharp });
    set.add('<>', [oid, oid], bool, (a, b) => !equal(a, b), { sharp: isSharp });
    addOrder(set, oid, oid, () => compare, isSharp);
  }
  const cross = (left: number, right: number, common: number, a: Widen, b: Widen): void => {
    addCross(set, left, right, common, () => [a, b]);
    addCross(set, right, left, common, () => [b, a]);
  };
  cross(int2, int4, int4, same, same);
  cross(int2, int8, int8, toBig, same);
  cross(int4, int8, int8, toBig, same);
  cross(float4, float8, float8, same, same);
  cross(date, timestamp, timestamp, dateToTimestamp, same);
  const toZoned =
    ({ timezone }: Environment): Widen =>
    (value: bigint) =>
      zonedFromLocalUnchecked(value, timezone);
  const dateToZoned =
    ({ timezone }: Environment): Widen =>
    (value: number) =>
      zonedFromLocalUnchecked(usFromDateUnchecked(value), timezone);
  addCross(set, timestamp, timestamptz, timestamptz, (environment) => [toZoned(environment), same]);
  addCross(set, timestamptz, timestamp, timestamptz, (environment) => [same, toZoned(environment)]);
  addCross(set, date, timestamptz, timestamptz, (environment) => [dateToZoned(environment), same]);
  addCross(set, timestamptz, date, timestamptz, (environment) => [same, dateToZoned(environment)]);
}

function addCross(
  set: FunctionSet,
  left: number,
  right: number,
  common: number,
  widen: (environment: Environment) => readonly [Widen, Widen],
): void {
  const compare = comparatorOf(common, COLLATION.none);
  const make = (environment: Environment): Compare => {
    const [a, b] = widen(environment);
    return (x, y) => compare(a(x as never) as never, b(y as never) as never);
  };
  set.addMade('=', [left, right], bool, (environment) => {
    const order = make(environment);
    return (a, b) => order(a, b) === 0;
  });
  set.addMade('<>', [left, right], bool, (environment) => {
    const order = make(environment);
    return (a, b) => order(a, b) !== 0;
  });
  addOrder(set, left, right, make, false);
}

function addOrder(
  set: FunctionSet,
  left: number,
  right: number,
  make: (environment: Environment) => Compare,
  sharp: boolean,
): void {
  const add = (name: string, test: (order: number) => boolean): void =>
    set.addMade(
      name,
      [left, right],
      bool,
      (environment) => {
        const order = make(environment);
        return (a, b) => test(order(a, b));
      },
      { sharp },
    );
  add('<', (order) => order < 0);
  add('<=', (order) => order <= 0);
  add('>', (order) => order > 0);
  add('>=', (order) => order >= 0);
}
