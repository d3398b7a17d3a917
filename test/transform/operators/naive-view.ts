// The same view, computed the long way: the frame of each row found by looking at every row. What the operators are held to.

import { formatTimestamp } from '../../../src/flow/types/timestamp.ts';

export interface Payment {
  readonly id: number;
  readonly customer: number | null;
  /** Microseconds. */
  readonly at: bigint | null;
  readonly cents: number | null;
  readonly v: number | null;
  readonly ok: boolean | null;
}

export function cellsOf(payment: Payment): (string | null)[] {
  const { id, customer, at, cents, v, ok } = payment;
  return [
    String(id),
    customer === null ? null : String(customer),
    at === null ? null : formatTimestamp(at),
    cents === null ? null : amountText(cents),
    v === null ? null : String(v),
    ok === null ? null : ok ? 't' : 'f',
  ];
}

export const amountText = (cents: number): string =>
  `${cents < 0 ? '-' : ''}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`;

const HOUR_US = 3_600_000_000n;

/** Negative, zero, positive; NULLs are equal and last. */
function compareAt(a: Payment, b: Payment): number {
  if (a.at === null || b.at === null) return a.at === b.at ? 0 : a.at === null ? 1 : -1;
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}

const sum = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number | null => (values.length === 0 ? null : sum(values)! / values.length);
function squares(values: readonly number[]): number {
  const middle = mean(values)!;
  return values.reduce((total, value) => total + (value - middle) ** 2, 0);
}
const given = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null);

function monthBefore(at: bigint): bigint {
  const date = new Date(Number(at / 1000n));
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - 1);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return BigInt(date.getTime()) * 1000n + (at % 1000n);
}

/** Postgres's frames never move back, and a month before the 29th at noon is after a month before the 31st in the morning. */
const latestMonthBefore = (upTo: readonly Payment[]): bigint =>
  upTo.map(({ at }) => monthBefore(at!)).reduce((a, b) => (a > b ? a : b));

/** What the view gives for one row, among all rows. Amounts in cents. */
export function naiveFeatures(row: Payment, all: readonly Payment[]): Record<string, number | boolean | null> {
  const partition = all
    .filter((other) => other.customer === row.customer)
    .sort((a, b) => compareAt(a, b) || a.id - b.id);
  const back = (us: bigint) => (other: Payment) =>
    row.at === null ? other.at === null : other.at !== null && other.at >= row.at - us;
  const upTo = partition.filter((other) => compareAt(other, row) <= 0);
  const hour = upTo.filter(back(HOUR_US));
  const isPeer = (other: Payment): boolean => compareAt(other, row) === 0;
  const without = hour.filter((other) => other.id !== row.id);
  const ties = hour.filter((other) => other.id === row.id || !isPeer(other));
  const amounts = given(hour.map(({ cents }) => cents));
  const floats = given(hour.map(({ v }) => v));
  const oks = given(hour.map(({ ok }) => ok));
  // In (created_at, id) order: the tests keep ids of one width, so that this is also the order of their texts.
  const place = partition.findIndex((other) => other.id === row.id);
  const last3 = given(partition.slice(Math.max(0, place - 3), place + 1).map(({ v }) => v));
  const before = given(partition.slice(Math.max(0, place - 4), place).map(({ v }) => v));
  const allFloats = given(upTo.map(({ v }) => v));
  return {
    count_1h: hour.length,
    sum_1h: sum(amounts),
    avg_1h: amounts.length === 0 ? null : mean(amounts)! / 100,
    vsum_1h: sum(floats),
    sd_1h: floats.length < 2 ? null : Math.sqrt(squares(floats) / (floats.length - 1)),
    min_1h: amounts.length === 0 ? null : Math.min(...amounts),
    max_1h: floats.length === 0 ? null : Math.max(...floats),
    ok_1h: oks.length === 0 ? null : oks.every(Boolean),
    count_ok: hour.filter(({ ok, v }) => ok === true && v !== null).length,
    others: sum(given(without.map(({ cents }) => cents))),
    not_peers: hour.filter((other) => !isPeer(other)).length,
    no_ties: sum(given(ties.map(({ v }) => v))),
    earlier: row.at === null ? hour.length : hour.filter((other) => other.at! <= row.at! - 600_000_000n).length,
    last3: sum(last3),
    before: mean(before),
    lag1: place < 1 ? null : partition[place - 1]!.cents,
    lag2: place < 2 ? -7 : partition[place - 2]!.id,
    month: row.at === null ? hour.length : upTo.filter((other) => other.at! >= latestMonthBefore(upTo)).length,
    total: upTo.reduce((total, { id }) => total + id, 0),
    var: allFloats.length === 0 ? null : squares(allFloats) / allFloats.length,
    row_number: place + 1,
    rank: partition.filter((other) => compareAt(other, row) < 0).length + 1,
    dense_rank: new Set(partition.filter((other) => compareAt(other, row) < 0).map(({ at }) => at)).size + 1,
    first: partition[0]!.cents,
    last: place < 1 ? null : partition[place - 1]!.v,
    third: place < 2 ? null : partition[2]!.id,
  };
}

/** Amounts compared by their text, so that the scale counts; floats to 1e-9 of what went in. */
export const AMOUNTS: ReadonlySet<string> = new Set(['sum_1h', 'min_1h', 'others', 'lag1', 'first']);
