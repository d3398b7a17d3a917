import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import type { Model, TrainingExample } from '../../../src/model/model.ts';
import { booleanLabel, floatColumns, numberLabel, requestFor } from '../phishing.ts';
import { seeded } from '../seeded.ts';

const names = ['a', 'b', 'c'];
const columns = floatColumns(names);

async function modelOf(options: Record<string, unknown>, label: ColumnType, seed = 1): Promise<Model> {
  return await createModel({ ...requestFor(columns, options), label, seed });
}

/** Which side of the square's centre a and b are on, together; from `drift` on the answer is turned round. */
function board(count: number, drift: number, numbers = false): TrainingExample[] {
  const random = seeded(6);
  return Array.from({ length: count }, (_, i) => {
    const features = { a: random(), b: random(), c: random() };
    const same = features.a > 0.3 === features.b > 0.6;
    const target = same === i < drift ? 1 : 0;
    return { features, target: numbers ? 20 * target + features.c : target, weight: 1 };
  });
}

/** Share of right answers, or mean absolute error, from one row to another. */
function quality(model: Model, examples: readonly TrainingExample[], from: number, to: number): number {
  let sum = 0;
  for (const [i, example] of examples.entries()) {
    if (i >= from && i < to) {
      const { score } = model.predictMany([example.features])[0]!;
      sum +=
        model.task === 'binary' ? Number(score! > 0.5 === (example.target === 1)) : Math.abs(score! - example.target);
    }
    model.learn(example);
  }
  return sum / (to - from);
}

const SOONER = { grace_period: 50, delta: 0.001 };

describe.each(['hoeffding_adaptive_tree', 'adaptive_forest'])('%s', (kind) => {
  test('has learned a world that turned round 1,000 rows later, which a plain tree that never forgets does not', async () => {
    const examples = board(14_000, 7000);
    const late = async (options: Record<string, unknown>) =>
      quality(await modelOf({ ...SOONER, ...options }, booleanLabel), examples, 8000, 9500);
    expect(await late({ kind })).toBeGreaterThan(0.9);
    expect(await late({ kind: 'hoeffding_tree', forget: false })).toBeLessThan(0.6);
  });

  test('does so for numbers too', async () => {
    const examples = board(14_000, 7000, true);
    const late = async (options: Record<string, unknown>) =>
      quality(await modelOf({ ...SOONER, ...options }, numberLabel), examples, 8000, 9500);
    expect(await late({ kind })).toBeLessThan(1.5);
    expect(await late({ kind: 'hoeffding_tree' })).toBeGreaterThan(4);
  });

  test('another seed is another model, the same seed the same', async () => {
    const examples = board(3000, 3000);
    const state = async (seed: number) => {
      const model = await modelOf({ kind, ...SOONER }, booleanLabel, seed);
      for (const example of examples) model.learn(example);
      return Buffer.from(model.save());
    };
    expect(Buffer.compare(await state(1), await state(1))).toBe(0);
    expect(Buffer.compare(await state(1), await state(2))).not.toBe(0);
  });

  test('saved in the midst of a drift goes on bit for bit', async () => {
    const request = requestFor(columns, { kind, ...SOONER });
    const whole = await createModel(request);
    let parts = await createModel(request);
    for (const [i, example] of board(9000, 5000).entries()) {
      if (i > 4900 && i % 150 === 0) parts = await loadModel(request, parts.save());
      whole.learn(example);
      parts.learn(example);
    }
    expect(Buffer.compare(parts.save(), whole.save())).toBe(0);
  });

  test.each([
    ['classes', booleanLabel],
    ['numbers', numberLabel],
  ])('never outgrows max_bytes with %s, whatever drifts', async (_, label) => {
    const max_bytes = kind === 'adaptive_forest' ? 400_000 : 100_000;
    const drift = { signals: [] };
    const options = { kind, max_bytes, grace_period: 20, delta: 0.5, tau: 0.9, drift, ...FEWER[kind] };
    const many = Array.from({ length: 12 }, (_, i) => `c${i}`);
    const model = await createModel({ ...requestFor(floatColumns(many), options), label });
    const random = seeded(2);
    let largest = 0;
    for (let i = 0; i < 12_000; i++) {
      const values = many.map(() => random());
      const column = Math.floor(i / 1500) % 12;
      const target = Number(values[column]! > 0.5 !== values[(column + 1) % 12]! > 0.5);
      model.learn({ features: Object.fromEntries(many.map((name, j) => [name, values[j]])), target, weight: 1 });
      if (i % 10 === 0) largest = Math.max(largest, model.bytes);
    }
    // The encoder's own state is beside the trees'.
    expect(largest).toBeLessThan(max_bytes + 10_000);
    expect(largest).toBeGreaterThan(max_bytes / 4);
  });
});

const FEWER: Readonly<Record<string, object>> = { adaptive_forest: { trees: 3 } };

describe('a forest', () => {
  test('is better than one of its trees', async () => {
    const random = seeded(5);
    const examples = board(4000, 4000).map((example) => ({
      ...example,
      target: random() < 0.2 ? 1 - example.target : example.target,
    }));
    const accuracy = async (trees: number) =>
      quality(await modelOf({ kind: 'adaptive_forest', trees }, booleanLabel), examples, 0, 4000);
    expect(await accuracy(10)).toBeGreaterThan((await accuracy(1)) + 0.01);
  });

  test('made larger or smaller by its options goes on from the trees that it has', async () => {
    const request = (trees: number) => requestFor(columns, { kind: 'adaptive_forest', trees });
    const examples = board(3000, 3000);
    const model = await createModel(request(5));
    for (const example of examples) model.learn(example);
    for (const trees of [3, 8]) {
      const other = await loadModel(request(trees), model.save());
      expect(quality(other, examples, 0, 1000)).toBeGreaterThan(0.9);
    }
  });

  test('refuses a limit of memory that leaves its trees nothing', async () => {
    await expect(
      createModel(requestFor(columns, { kind: 'adaptive_forest', trees: 100, max_bytes: 200_000 })),
    ).rejects.toThrow('model option "max_bytes" is not valid: expected at least 131,072 for each of "trees"');
  });
});
