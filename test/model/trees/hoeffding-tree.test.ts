import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel } from '../../../src/model/create-model.ts';
import type { Model } from '../../../src/model/model.ts';
import { booleanLabel, floatColumns, numberLabel, requestFor } from '../phishing.ts';
import { pythonRandom } from '../mersenne.ts';
import { seeded } from '../seeded.ts';

async function treeOf(
  columns: readonly ColumnType[],
  label: ColumnType,
  options: Record<string, unknown> = {},
): Promise<Model> {
  return await createModel({ ...requestFor(columns, { kind: 'hoeffding_tree', ...options }), label });
}

/** The stream of golden/traces.py: a limit that moves every 2,000 rows, noise from the 4,000th on. */
function stream() {
  const random = seeded(4);
  return Array.from({ length: 8000 }, (_, i) => {
    const features = { a: random() * 10, b: random() * 10, c: random() * 10 };
    const below = features.a + features.b <= [8, 9, 7, 9.5][Math.floor(i / 2000)]!;
    return { features, target: Number(below !== (i >= 4000 && random() < 0.1)), weight: 1 };
  });
}

test('through pure leaves, drift and noise a tree is what River predicts', async () => {
  const model = await treeOf(floatColumns(['a', 'b', 'c']), booleanLabel, { grace_period: 100, delta: 1e-5 });
  const lines = readFileSync(new URL('../golden/ht_stream.csv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  const expected = new Map(lines.map((line) => line.split(',').map(Number) as [number, number]));
  let worst = 0;
  let compared = 0;
  for (const [i, example] of stream().entries()) {
    const river = expected.get(i);
    // Before the first example River says nothing.
    if (river !== undefined && i > 0) {
      worst = Math.max(worst, Math.abs(model.predictMany([example.features])[0]!.score! - river));
      compared += 1;
    }
    model.learn(example);
  }
  expect(compared).toBe(3999);
  expect(worst).toBeLessThan(1e-9);
});

/** River's SEA (Street, Kim 2001): four concepts of 10,000 rows, one label in ten turned. */
function* sea() {
  for (const [block, threshold] of [8, 9, 7, 9.5].entries()) {
    const random = pythonRandom(42 + block);
    for (let i = 0; i < 10_000; i++) {
      const [x0, x1, x2] = [10 * random(), 10 * random(), 10 * random()];
      const above = x0 + x1 > threshold;
      yield { features: { x0, x1, x2 }, target: Number(above !== random() < 0.1), weight: 1 };
    }
  }
}

test('over 40,000 rows of SEA, whose concept changes three times, the defaults are what River predicts', async () => {
  const trace = gunzipSync(readFileSync(new URL('../golden/ht_sea_drift.csv.gz', import.meta.url))).toString('utf8');
  const expected = new Map(
    trace
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',') as [string, string])
      // Blank: River knows no class true yet.
      .map(([i, p]) => [Number(i), p === '' ? 0 : Number(p)]),
  );
  const model = await treeOf(floatColumns(['x0', 'x1', 'x2']), booleanLabel);
  let worst = 0;
  let [i, compared] = [0, 0];
  for (const example of sea()) {
    const river = expected.get(i);
    if (river !== undefined) {
      worst = Math.max(worst, Math.abs(model.predictMany([example.features])[0]!.score! - river));
      compared += 1;
    }
    model.learn(example);
    i += 1;
  }
  expect(compared).toBe(5000);
  expect(worst).toBeLessThan(1e-9);
});

test('values that differ by next to nothing leave probabilities finite', async () => {
  const model = await treeOf(floatColumns(['x']), booleanLabel);
  const learn = (x: number, target: number) => model.learn({ features: { x }, target, weight: 1 });
  for (const [x, target] of [
    [-2e-162, 0],
    [0, 0],
    [-5e-324, 1],
    [1e-320, 1],
  ] as const)
    learn(x, target);
  for (const x of [0, 1, -1, 1e15]) {
    const score = model.predictMany([{ x }])[0]!.score!;
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  }
});

describe('a tree for numbers', () => {
  const columns: ColumnType[] = [...floatColumns(['x', 'noise']), { name: 'kind', typeOid: 25, type: 'text' }];
  /** A step at x = 3, another level for one kind, and a slope beyond the step. */
  function steps(count: number, scale = 1) {
    const random = seeded(8);
    return Array.from({ length: count }, () => {
      const [x, noise, kind] = [random() * 10, random(), ['a', 'b', 'c'][Math.floor(random() * 3)]!];
      const target = (x <= 3 ? 10 : 50 + 4 * x) + (kind === 'b' ? -30 : 0) + random();
      return { features: { x: x * scale, noise, kind }, target, weight: 1 };
    });
  }

  test.each([1, 1e6, 1e-6])('finds steps, categories and slopes, whatever the size of a column (%f)', async (scale) => {
    const model = await treeOf(columns, numberLabel);
    let [error, plain] = [0, 0];
    for (const [i, example] of steps(10_000, scale).entries()) {
      if (i >= 5000) {
        error += Math.abs(model.predictMany([example.features])[0]!.score! - example.target) / 5000;
        plain += Math.abs(55 - example.target) / 5000;
      }
      model.learn(example);
    }
    expect(plain).toBeGreaterThan(20);
    expect(error).toBeLessThan(3);
  });

  test('says why: what the split columns add up to is the score, and noise has no part', async () => {
    const model = await treeOf(columns, numberLabel, { leaf: 'mean' });
    for (const example of steps(10_000)) model.learn(example);
    const { bias, contributions } = model.explain({ x: 1, noise: 0.5, kind: 'b' }, 3);
    const part = Object.fromEntries(contributions.map((one) => [one.feature, one.contribution]));
    expect(bias + part['x']! + part['kind']! + part['noise']!).toBeCloseTo(
      model.predictMany([{ x: 1, noise: 0.5, kind: 'b' }])[0]!.score!,
      9,
    );
    expect(part['x']).toBeLessThan(-30);
    expect(part['kind']).toBeLessThan(-10);
    expect(Math.abs(part['noise']!)).toBeLessThan(1);
  });

  test('a row without the column of a split goes where most went', async () => {
    const model = await treeOf(columns, numberLabel, { leaf: 'mean' });
    for (const example of steps(10_000)) model.learn(example);
    const score = (row: Record<string, unknown>) => model.predictMany([row])[0]!.score!;
    // Seven rows of ten are beyond the step, two of three of another kind than b.
    expect(score({ noise: 0.5, kind: 'a' })).toBeGreaterThan(50);
    expect(Math.abs(score({ x: 1, noise: 0.5 }) - score({ x: 1, noise: 0.5, kind: 'a' }))).toBeLessThan(1);
  });
});

describe('memory', () => {
  test.each([
    ['classes', booleanLabel],
    ['numbers', numberLabel],
  ])('a tree for %s never outgrows max_bytes, and goes on learning', async (_, label) => {
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    const max_bytes = 100_000;
    const split = { grace_period: 20, delta: 0.5, tau: 0.9 };
    const model = await treeOf(floatColumns(names), label, { max_bytes, ...split, drift: { signals: [] } });
    const random = seeded(2);
    let largest = 0;
    for (let i = 0; i < 30_000; i++) {
      const values = names.map(() => random());
      const target = Number(values[i % 20]! > 0.5 !== values[0]! > 0.5);
      model.learn({ features: Object.fromEntries(names.map((name, j) => [name, values[j]])), target, weight: 1 });
      largest = Math.max(largest, model.bytes);
    }
    // The encoder's own state is beside the tree's.
    expect(largest).toBeLessThan(max_bytes + 10_000);
    expect(largest).toBeGreaterThan(max_bytes / 2);
    expect(model.examples).toBe(30_000);
    expect(model.save().length).toBeLessThan(2 * max_bytes);
  });

  test('max_depth ends growth', async () => {
    const options = { max_depth: 1, grace_period: 50, delta: 0.01 };
    const model = await treeOf(floatColumns(['a', 'b', 'c']), numberLabel, { ...options, leaf: 'mean' });
    for (const { features } of stream()) model.learn({ features, target: Math.floor(features.a), weight: 1 });
    const distinct = new Set(stream().map(({ features }) => model.predictMany([features])[0]!.score));
    expect(distinct.size).toBe(2);
  });
});
