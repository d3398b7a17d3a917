import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import type { Model } from '../../src/model/model.ts';
import { booleanLabel, floatColumns, numberLabel, phishing, requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

const columns = floatColumns(['a', 'b', 'c']);
const raw = { encode: { standardise: false } };

async function modelOf(options: Record<string, unknown>, label = booleanLabel): Promise<Model> {
  return await createModel({ ...requestFor(columns, options), label });
}

/** Only `a` says anything; `b` and `c` are noise. */
function noisy(count: number) {
  const random = seeded(3);
  return Array.from({ length: count }, () => {
    const [a, b, c] = [random() - 0.5, random() - 0.5, random() - 0.5];
    return { features: { a, b, c }, target: Number(a + (random() - 0.5) * 0.4 > 0), weight: 1 };
  });
}

/** Each feature's weight: its contribution where it alone is 1. */
function weightsOf(model: Model): number[] {
  return ['a', 'b', 'c'].map((name) => model.explain({ [name]: 1 }, 1).contributions[0]!.contribution);
}

describe('sparsity', () => {
  test.each([
    ['l1', { l1: 0.02 }],
    ["ftrl in the paper's order", { optimizer: { name: 'ftrl', l1: 30, order: 'paper' } }],
  ])('with %s weights of noise are exactly zero and the others are not', async (_, options) => {
    const model = await modelOf({ ...raw, ...options });
    for (const example of noisy(5000)) model.learn(example);
    const [a, b, c] = weightsOf(model);
    expect(a).toBeGreaterThan(0.1);
    expect([b, c]).toEqual([0, 0]);
  });

  test('l1 takes lr · l1 off a weight for each example, also of those that it does not touch', async () => {
    const model = await modelOf({ ...raw, kind: 'linear', l1: 0.5, optimizer: { name: 'sgd', lr: 0.1 } }, numberLabel);
    model.learn({ features: { a: 1 }, target: 10, weight: 1 });
    // The step was 0.1 · 2 · 10; the example itself already took 0.05.
    expect(weightsOf(model)[0]).toBeCloseTo(2 - 0.05, 12);
    for (let i = 0; i < 10; i++) model.learn({ features: { b: 0 }, target: 0, weight: 2 });
    expect(weightsOf(model)[0]).toBeCloseTo(2 - 0.05 - 20 * 0.05, 12);
    for (let i = 0; i < 100; i++) model.learn({ features: { b: 0 }, target: 0, weight: 1 });
    expect(weightsOf(model)[0]).toBe(0);
  });

  test("ftrl in the paper's order has after each example the weights that z and n give", async () => {
    const [alpha, beta, l1, l2] = [0.1, 1, 0.5, 1];
    const optimizer = { name: 'ftrl', alpha, beta, l1, l2, order: 'paper' };
    const model = await modelOf({ ...raw, kind: 'logistic', intercept_lr: 0, optimizer });
    const [z, n] = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (const example of noisy(500)) {
      const w = z.map((zj, j) =>
        Math.abs(zj) <= l1 ? 0 : -(zj - Math.sign(zj) * l1) / ((beta + Math.sqrt(n[j]!)) / alpha + l2),
      );
      weightsOf(model).forEach((weight, j) => expect(weight).toBeCloseTo(w[j]!, 12));
      const x = Object.values(example.features);
      const p = 1 / (1 + Math.exp(-x.reduce((sum, v, j) => sum + v * w[j]!, 0)));
      x.forEach((v, j) => {
        const g = (p - example.target) * v;
        z[j]! += g - ((Math.sqrt(n[j]! + g * g) - Math.sqrt(n[j]!)) / alpha) * w[j]!;
        n[j]! += g * g;
      });
      model.learn(example);
    }
  });

  test('l1 can be switched on and off in what was learned', async () => {
    const { columns: names, rows } = phishing();
    const [without, withL1] = [requestFor(names), requestFor(names, { l1: 0.01 })];
    const model = await createModel(without);
    for (const row of rows) model.learn({ ...row, weight: 1 });
    const there = await loadModel(withL1, model.save());
    const features = rows.map((row) => row.features);
    expect(there.predictMany(features)).toEqual(model.predictMany(features));
    there.learn({ ...rows[0]!, weight: 1 });
    const back = await loadModel(without, there.save());
    expect(back.examples).toBe(1251);
    expect(back.predictMany(features)).not.toEqual(model.predictMany(features));
  });
});

describe('class weights', () => {
  test('are as if the examples of the class had that weight', async () => {
    const [weighted, plain] = [await modelOf({ class_weights: { true: 3, false: 0.5 } }), await modelOf({})];
    for (const example of noisy(300)) {
      weighted.learn(example);
      plain.learn({ ...example, weight: example.target === 1 ? 3 : 0.5 });
    }
    expect(weightsOf(weighted)).toEqual(weightsOf(plain));
  });
});

describe('importance-invariant weights', () => {
  const sgd = { importance: 'invariant', optimizer: { name: 'sgd', lr: 0.3 }, intercept_lr: 0.1, ...raw };
  const probes = [{ a: 1 }, { b: 1 }, { a: -2, c: 3 }, {}];
  const seen = (model: Model) => model.predictMany(probes).map(({ score }) => score!);

  test.each([
    ['logistic', booleanLabel],
    ['linear', numberLabel],
  ])('of %s: an example of weight w is as many of a part of it in a row', async (kind, label) => {
    const [whole, parts] = [await modelOf({ kind, ...sgd }, label), await modelOf({ kind, ...sgd }, label)];
    for (const [i, { features, target }] of noisy(100).entries()) {
      const weight = [1, 6, 0.5, 40][i % 4]!;
      whole.learn({ features, target, weight });
      for (let k = 0; k < 8; k++) parts.learn({ features, target, weight: weight / 8 });
      const expected = seen(parts);
      seen(whole).forEach((score, j) => expect(score).toBeCloseTo(expected[j]!, 9));
    }
  });

  test.each([
    ['logistic', booleanLabel],
    ['linear', numberLabel],
  ])('of %s: it is what gradient steps come to as they get smaller', async (kind, label) => {
    const steps = { ...sgd, importance: 'gradient' };
    const [whole, small] = [await modelOf({ kind, ...sgd }, label), await modelOf({ kind, ...steps }, label)];
    const example = { features: { a: 1, b: -0.5, c: 2 }, target: 1 };
    whole.learn({ ...example, weight: 3 });
    for (let k = 0; k < 100_000; k++) small.learn({ ...example, weight: 3e-5 });
    const expected = seen(small);
    seen(whole).forEach((score, j) => expect(Math.abs(score - expected[j]!)).toBeLessThan(1e-4));
  });

  test('however great the weight, a step does not pass the label', async () => {
    const model = await modelOf({ kind: 'linear', ...sgd }, numberLabel);
    const row = { a: 3, b: 4, c: 5 };
    for (const [target, weight] of [
      [7, 1e6],
      [-100, 1e9],
      [3, 50],
    ] as const) {
      model.learn({ features: row, target, weight });
      expect(model.predictMany([row])[0]!.score).toBeCloseTo(target, 6);
    }
  });
});

/** Crammer et al. 2006 over plain arrays, with nothing shared with the code under test. */
function passiveAggressive(variant: string, c: number, epsilon: number | undefined) {
  const w = [0, 0, 0];
  let b = 0;
  const score = (x: number[]) => x.reduce((sum, v, j) => sum + v * w[j]!, b);
  const learn = (x: number[], y: number) => {
    const t = y === 1 ? 1 : -1;
    const loss = epsilon === undefined ? Math.max(0, 1 - t * score(x)) : Math.max(0, Math.abs(y - score(x)) - epsilon);
    // For a number the bias is the weight of a constant 1; River's classifier leaves it out of the norm.
    const norm = x.reduce((sum, v) => sum + v * v, epsilon === undefined ? 0 : 1);
    const tau =
      variant === 'pa2' ? loss / (norm + 1 / (2 * c)) : variant === 'pa1' ? Math.min(c, loss / norm) : loss / norm;
    const direction = epsilon === undefined ? t : Math.sign(y - score(x));
    x.forEach((v, j) => (w[j]! += tau * direction * v));
    b += tau * direction;
  };
  return { score, learn };
}

describe('passive-aggressive learning', () => {
  test.each([
    ['pa', 'binary'],
    ['pa1', 'binary'],
    ['pa2', 'binary'],
    ['pa', 'regression'],
    ['pa1', 'regression'],
    ['pa2', 'regression'],
  ])('%s for %s is what the formulas give on every row', async (variant, task) => {
    const binary = task === 'binary';
    const options = { kind: 'passive_aggressive', variant, c: 0.3, ...raw, ...(binary ? {} : { epsilon: 0.05 }) };
    const model = await modelOf(options, binary ? booleanLabel : numberLabel);
    const reference = passiveAggressive(variant, 0.3, binary ? undefined : 0.05);
    for (const { features, target } of noisy(1000)) {
      const row = { a: 4 * features.a, b: 4 * features.b, c: 4 * features.c };
      const y = binary ? target : 3 * features.a - features.b;
      const expected = reference.score(Object.values(row));
      const { score } = model.predictMany([row])[0]!;
      expect(score).toBeCloseTo(binary ? 1 / (1 + Math.exp(-expected)) : expected, 9);
      reference.learn(Object.values(row), y);
      model.learn({ features: row, target: y, weight: 1 });
    }
  });

  test('an example of weight 0 changes nothing', async () => {
    const model = await modelOf({ kind: 'passive_aggressive', variant: 'pa', ...raw });
    for (const example of noisy(50)) model.learn(example);
    const before = weightsOf(model);
    for (const example of noisy(50)) model.learn({ ...example, weight: 0 });
    expect(weightsOf(model)).toEqual(before);
  });
});

describe('quantiles', () => {
  const quantiles = [0.9, 0.05, 0.5];
  /** Noise grows with a, the middle is 100 + 20 b. */
  function spread(count: number, shift = 0) {
    const random = seeded(11);
    return Array.from({ length: count }, () => {
      const [a, b, c] = [random(), random(), random()];
      return { features: { a, b, c }, target: 100 + shift + 20 * b + (1 + 4 * a) * (random() - 0.5), weight: 1 };
    });
  }

  test('hold the share of targets that they say, never cross, and the score is the middle one', async () => {
    const model = await modelOf({ kind: 'quantile', quantiles }, numberLabel);
    const below = { '0.05': 0, '0.5': 0, '0.9': 0 };
    const examples = spread(20_000);
    for (const [i, example] of examples.entries()) {
      const { score, prediction, outputs } = model.predictMany([example.features])[0]!;
      expect(Object.keys(outputs!)).toEqual(['0.05', '0.5', '0.9']);
      expect(outputs!['0.05']!).toBeLessThanOrEqual(outputs!['0.5']!);
      expect(outputs!['0.5']!).toBeLessThanOrEqual(outputs!['0.9']!);
      expect([score, prediction]).toEqual([outputs!['0.5'], String(score)]);
      if (i >= 10_000)
        for (const name of ['0.05', '0.5', '0.9'] as const)
          below[name] += Number(example.target < outputs![name]!) / 1e4;
      model.learn(example);
    }
    expect(Math.abs(below['0.05'] - 0.05)).toBeLessThan(0.02);
    expect(Math.abs(below['0.5'] - 0.5)).toBeLessThan(0.02);
    expect(Math.abs(below['0.9'] - 0.9)).toBeLessThan(0.02);
    // Where noise is wide the quantiles are too.
    const [narrow, wide] = model.predictMany([
      { a: 0.05, b: 0.5, c: 0.5 },
      { a: 0.95, b: 0.5, c: 0.5 },
    ]);
    const width = (p: typeof narrow) => p!.outputs!['0.9']! - p!.outputs!['0.05']!;
    expect(width(wide)).toBeGreaterThan(2 * width(narrow));
  });

  test('follow a target that moves by many deviations', async () => {
    const model = await modelOf({ kind: 'quantile', quantiles }, numberLabel);
    for (const example of spread(3000)) model.learn(example);
    for (const example of spread(3000, 500)) model.learn(example);
    const middle = model.predictMany([{ a: 0.5, b: 0.5, c: 0.5 }])[0]!.score!;
    expect(Math.abs(middle - 610)).toBeLessThan(3);
  });

  test('one that is added to the options starts where the nearest stands', async () => {
    const request = { ...requestFor(columns, { kind: 'quantile' }), label: numberLabel };
    const model = await createModel(request);
    for (const example of spread(3000)) model.learn(example);
    const wider = await loadModel(
      { ...request, options: { kind: 'quantile', quantiles: [0.1, 0.5, 0.9, 0.95] } },
      model.save(),
    );
    const row = spread(1)[0]!.features;
    const [before, after] = [model, wider].map((one) => one.predictMany([row])[0]!.outputs!);
    expect(after).toEqual({ ...before, '0.95': before!['0.9'] });
  });
});
