// The running quantile: exact at the very top, within a small share of the tail below, bounded, and the same after a load.

import { expect, test } from 'vitest';
import { RunningQuantile } from '../../../src/model/anomaly/running-quantile.ts';
import { TailSketch } from '../../../src/model/anomaly/tail-sketch.ts';
import { StateReader, StateWriter } from '../../../src/model/saved-state.ts';
import { seeded } from '../seeded.ts';

type Stream = (count: number) => number[];

const random = seeded(5);
const STREAMS: Readonly<Record<string, Stream>> = {
  'in random order': (count) => Array.from({ length: count }, () => random() ** 3),
  ascending: (count) => Array.from({ length: count }, (_, i) => i),
  descending: (count) => Array.from({ length: count }, (_, i) => -i),
  'with few values': (count) => Array.from({ length: count }, () => Math.floor(random() * 50)),
  'that zigzag outwards': (count) => Array.from({ length: count }, (_, i) => (i % 2 === 0 ? i : -i)),
};
const TAILS = [0.5, 0.1, 0.05, 0.01, 0.002, 0.001, 0.0001];

/** (estimate − truth) / truth of the number of values not below each tail's least. */
function errors(seed: number, values: readonly number[]): number[] {
  const sketch = new TailSketch(seed);
  for (const value of values) sketch.add(value);
  const sorted = Float64Array.from(values).sort();
  return TAILS.map((tail) => {
    const x = sorted[Math.floor(sorted.length * (1 - tail))]!;
    const truth = sorted.length - sorted.indexOf(x);
    return (sketch.atLeast(x) - truth) / truth;
  });
}

test.each(Object.entries(STREAMS))('in a stream %s counts above a value have a standard error of 0.8 %%', (_, make) => {
  const values = make(60_000);
  const runs = Array.from({ length: 20 }, (_, seed) => errors(seed, values));
  TAILS.forEach((tail, t) => {
    const rms = Math.sqrt(runs.reduce((sum, run) => sum + run[t]! ** 2, 0) / runs.length);
    expect(rms, `tail ${tail}`).toBeLessThan(0.012);
    const worst = Math.max(...runs.map((run) => Math.abs(run[t]!)));
    expect(worst, `tail ${tail}`).toBeLessThan(0.032);
  });
});

test('counts of up to 48 are exact, however many values there were', () => {
  const draw = seeded(2);
  const values = Array.from({ length: 200_000 }, () => draw());
  const sketch = new TailSketch(1);
  for (const value of values) sketch.add(value);
  const descending = Float64Array.from(values).sort().reverse();
  for (let rank = 1; rank <= 48; rank++) expect(sketch.atLeast(descending[rank - 1]!)).toBe(rank);
  expect(sketch.atLeast(-1)).toBe(200_000);
  expect(sketch.atLeast(2)).toBe(0);
});

test('a million values take less than 32 kB', () => {
  const draw = seeded(3);
  const sketch = new TailSketch(1);
  for (let i = 0; i < 1_000_000; i++) sketch.add(draw());
  expect(sketch.bytes).toBeLessThan(32 * 1024);
});

test('the share is that of raw scores below, itself counted: equal ones are no stranger than each other', () => {
  const ranks = new RunningQuantile(1, undefined);
  expect(ranks.share(7)).toBe(0);
  for (let i = 0; i < 9; i++) ranks.add(i);
  expect([ranks.share(-1), ranks.share(0), ranks.share(4), ranks.share(4.5), ranks.share(99)]).toEqual([
    0, 0, 0.4, 0.5, 0.9,
  ]);
  const same = new RunningQuantile(1, undefined);
  for (let i = 0; i < 1000; i++) same.add(3);
  expect(same.share(3)).toBe(0);
});

test('of rows in random order a share 1 − q is above q, from the first row on', () => {
  const draw = seeded(11);
  const above = { 0.9: 0, 0.99: 0, 0.999: 0 };
  const ranks = new RunningQuantile(1, undefined);
  for (let i = 0; i < 100_000; i++) {
    const raw = draw();
    const share = ranks.share(raw);
    if (i < 100) expect(share).toBeLessThanOrEqual(0.99);
    for (const q of [0.9, 0.99, 0.999] as const) if (share > q) above[q] += 1;
    ranks.add(raw);
  }
  expect(above[0.9] / 10_000).toBeCloseTo(1, 1);
  expect(above[0.99] / 1000).toBeGreaterThan(0.9);
  expect(above[0.99] / 1000).toBeLessThan(1.1);
  expect(above[0.999]).toBeGreaterThan(70);
  expect(above[0.999]).toBeLessThan(130);
});

test('with a memory of 1,000 the last 751 to 1,000 raw scores count, and older ones do not', () => {
  const ranks = new RunningQuantile(1, 1000);
  for (let i = 0; i < 5000; i++) {
    ranks.add(i < 3000 ? 100 + i : i / 5000);
    if (i >= 1000) expect(ranks.count).toBeGreaterThan(750);
    expect(ranks.count).toBeLessThanOrEqual(1000);
  }
  expect(ranks.share(2)).toBe(ranks.count / (ranks.count + 1));
});

test('saved and loaded anywhere it goes on bit for bit', () => {
  const run = (memory: number | undefined, reloadEvery: number) => {
    const draw = seeded(8);
    let ranks = new RunningQuantile(3, memory);
    const seen: number[] = [];
    for (let i = 0; i < 4000; i++) {
      const raw = draw();
      seen.push(ranks.share(raw));
      ranks.add(raw);
      if ((i + 1) % reloadEvery !== 0) continue;
      const writer = new StateWriter('ranks');
      ranks.save(writer);
      const reader = new StateReader(writer.finish(), 'ranks');
      ranks = new RunningQuantile(0, memory, reader);
      reader.finish();
    }
    return seen;
  };
  for (const memory of [undefined, 700]) expect(run(memory, 37)).toEqual(run(memory, Infinity));
});
