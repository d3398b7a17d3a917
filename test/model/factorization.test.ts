import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { FactorScore } from '../../src/model/kinds/factor-score.ts';
import type { Input } from '../../src/model/learner.ts';
import type { Model } from '../../src/model/model.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { booleanLabel, goldenTrace, numberLabel, phishing, requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

const ids = ['user_id', 'item_id'].map((name) => ({ name, typeOid: 23, type: 'integer' }));
const asCategories = { features: { user_id: { as: 'category' }, item_id: { as: 'category' } } };

async function modelOf(options: Record<string, unknown> = {}, label = booleanLabel): Promise<Model> {
  const request = requestFor(ids, { kind: 'factorization', encode: asCategories, ...options });
  return await createModel({ ...request, label });
}

const sgd = { kind: 'factorization', factors: 4, optimizer: { name: 'sgd' }, encode: { clip: null } };

describe('on every row of phishing, predict then learn', () => {
  test.each([
    ['fm_phishing', sgd, booleanLabel],
    ['fmreg_phishing', { ...sgd, l2: 0.01, l2_factors: 0.02, intercept_lr: 0.02 }, numberLabel],
  ])('%s is what River predicts with the same vectors at the start', async (trace, options, label) => {
    const { columns, rows } = phishing();
    const expected = goldenTrace(trace);
    const model = await createModel({ ...requestFor(columns, options), label });
    let worst = 0;
    rows.forEach((row, i) => {
      worst = Math.max(worst, Math.abs(model.predictMany([row.features])[0]!.score! - expected[i]!));
      model.learn({ ...row, weight: 1 });
    });
    expect([rows.length, expected.length]).toEqual([1250, 1250]);
    expect(worst).toBeLessThan(1e-9);
  });
});

describe('the raw score', () => {
  const options = {
    factors: 3,
    init: 0.5,
    optimizer: { name: 'sgd', lr: 1 },
    intercept_lr: 1,
    l2: 0,
    l2_factors: 0,
    max_bytes: 1e6,
  } as const;
  const inputs = (count: number): Input[] => {
    const random = seeded(5);
    return Array.from({ length: count }, () => ({
      length: 5,
      indexes: Int32Array.of(0, 3, 5, 6, 9),
      values: Float64Array.from({ length: 5 }, () => random() * 4 - 2),
    }));
  };
  /** A score whose parameters are all something. */
  const trained = () => {
    const score = new FactorScore({ ...options, optimizer: { name: 'sgd', lr: 0.05 } }, 7);
    for (const x of inputs(40)) {
      score.reserve(x);
      score.step(x, score.raw(x) - x.values[0]! * x.values[2]!);
    }
    const writer = new StateWriter('score');
    score.save(writer);
    return writer.finish();
  };
  const reader = (saved: Uint8Array) => new StateReader(saved, 'score');
  /** The bias, the weights and the vectors, as they are saved. */
  const parametersOf = (saved: Uint8Array): [number, Float64Array, Float64Array] => {
    const from = reader(saved);
    from.u32();
    from.u32();
    return [from.f64(), from.floats(), from.floats()];
  };
  const moved = (saved: Uint8Array, change: (parameters: [Float64Array, Float64Array, Float64Array]) => void) => {
    const [bias, weights, vectors] = parametersOf(saved);
    const parameters: [Float64Array, Float64Array, Float64Array] = [Float64Array.of(bias), weights, vectors];
    change(parameters);
    const writer = new StateWriter('score');
    writer.u32(7);
    writer.u32(options.factors);
    writer.f64(parameters[0][0]!);
    writer.floats(parameters[1]);
    writer.floats(parameters[2]);
    writer.text('sgd');
    return FactorScore.load(options, reader(writer.finish()));
  };

  test('is bias, weights and the products of every pair of vectors', () => {
    const saved = trained();
    const [bias, weights, vectors] = parametersOf(saved);
    const score = FactorScore.load(options, reader(saved));
    for (const x of inputs(5)) {
      let expected = bias;
      for (let a = 0; a < x.length; a++) {
        expected += weights[x.indexes[a]!]! * x.values[a]!;
        for (let b = 0; b < a; b++)
          for (let f = 0; f < 3; f++)
            expected += vectors[x.indexes[a]! * 3 + f]! * vectors[x.indexes[b]! * 3 + f]! * x.values[a]! * x.values[b]!;
      }
      expect(Math.abs(expected - bias)).toBeGreaterThan(0.1);
      expect(score.raw(x)).toBeCloseTo(expected, 12);
    }
  });

  test('has the gradient that finite differences have', () => {
    const saved = trained();
    const h = 1e-5;
    const [x] = inputs(1);
    // With rates of 1 a step down a slope of 1 takes off exactly the gradient.
    const score = FactorScore.load(options, reader(saved));
    score.raw(x!);
    score.step(x!, 1);
    const writer = new StateWriter('score');
    score.save(writer);
    const before = parametersOf(saved);
    const after = parametersOf(writer.finish());
    expect(before[0] - after[0]).toBeCloseTo(1, 9);
    let checked = 0;
    for (const part of [1, 2] as const)
      for (let i = 0; i < before[part].length; i++) {
        const up = moved(saved, (parameters) => (parameters[part][i]! += h)).raw(x!);
        const down = moved(saved, (parameters) => (parameters[part][i]! -= h)).raw(x!);
        expect(before[part][i]! - after[part][i]!).toBeCloseTo((up - down) / (2 * h), 6);
        if (up !== down) checked += 1;
      }
    expect(checked).toBe(5 + 5 * 3);
  });

  test('starts each vector by seed and dimension alone, whatever came before', () => {
    const start = (seed: number, order: readonly number[]) => {
      const score = new FactorScore(options, seed);
      for (const j of order) score.reserve({ length: 1, indexes: Int32Array.of(j), values: Float64Array.of(1) });
      const writer = new StateWriter('score');
      score.save(writer);
      return parametersOf(writer.finish())[2];
    };
    expect(start(7, [0, 1, 2, 3, 40])).toEqual(start(7, [40]));
    expect(start(7, [3])).not.toEqual(start(8, [3]));
    const many = start(7, [9999]);
    const mean = many.reduce((sum, v) => sum + v, 0) / many.length;
    const variance = many.reduce((sum, v) => sum + v * v, 0) / many.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1);
    expect(new Set(many).size).toBe(many.length);
  });
});

/** Users and items of hidden tastes: an item of the user's own taste is clicked. Which taste is whose, no single id says. */
function clicks(count: number, seed = 2) {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const [user_id, item_id] = [Math.floor(random() * 60), 1000 + Math.floor(random() * 40)];
    const liked = (user_id * 7) % 4 === (item_id * 3) % 4;
    return { features: { user_id, item_id }, target: Number(random() < (liked ? 0.9 : 0.1)), weight: 1 };
  });
}

describe('of users and items', () => {
  const accuracyOf = (model: Model, examples: ReturnType<typeof clicks>) =>
    examples.filter(({ features, target }) => Number(model.predictMany([features])[0]!.score! > 0.5) === target)
      .length / examples.length;

  test('it finds tastes that a linear model cannot see', async () => {
    const examples = clicks(12_000);
    const model = await modelOf();
    const linear = await modelOf({ kind: 'logistic', encode: { ...asCategories, categories: 'hashing' } });
    for (const example of examples) for (const one of [model, linear]) one.learn(example);
    const later = clicks(2000, 3);
    expect(accuracyOf(model, later)).toBeGreaterThan(0.88);
    expect(accuracyOf(linear, later)).toBeLessThan(0.8);
  });

  test('it says something of pairs that it has never seen', async () => {
    const unseen = ({ features }: ReturnType<typeof clicks>[number]) =>
      (features.user_id + features.item_id) % 10 === 0;
    const model = await modelOf();
    for (const example of clicks(12_000).filter((one) => !unseen(one))) model.learn(example);
    expect(accuracyOf(model, clicks(4000, 3).filter(unseen))).toBeGreaterThan(0.85);
  });

  test('a pair is shared half and half by its sides', async () => {
    const model = await modelOf();
    for (const example of clicks(3000)) model.learn(example);
    const row = { user_id: 5, item_id: 1003 };
    const { bias, contributions } = model.explain(row, 2);
    const of = (name: string) => contributions.find(({ feature }) => feature === name)!.contribution;
    const alone = (name: 'user_id' | 'item_id') =>
      model.explain({ [name]: row[name] }, 2).contributions[0]!.contribution;
    const pair = (of('user_id') - alone('user_id')) * 2;
    expect(Math.abs(pair)).toBeGreaterThan(0.1);
    expect(of('item_id') - alone('item_id')).toBeCloseTo(pair / 2, 12);
    const { score } = model.predictMany([row])[0]!;
    expect(bias + alone('user_id') + alone('item_id') + pair).toBeCloseTo(Math.log(score! / (1 - score!)), 9);
  });

  test('an example of weight 3 with sgd steps three times as far', async () => {
    const options = { optimizer: { name: 'sgd', lr: 0.01 }, intercept_lr: 0.01 };
    const [one, three] = [await modelOf(options), await modelOf(options)];
    const example = { features: { user_id: 1, item_id: 2 }, target: 1, weight: 1 };
    one.learn(example);
    three.learn({ ...example, weight: 3 });
    expect(three.explain({}, 0).bias).toBeCloseTo(3 * one.explain({}, 0).bias, 12);
    const weighted = await modelOf({ ...options, class_weights: { true: 3 } });
    weighted.learn(example);
    expect(weighted.predictMany([example.features])).toEqual(three.predictMany([example.features]));
  });

  test('other factors and another optimizer go on from what was learned', async () => {
    const examples = clicks(8000);
    const model = await modelOf();
    for (const example of examples) model.learn(example);
    const later = clicks(2000, 3);
    const before = accuracyOf(model, later);
    for (const options of [{ factors: 12 }, { factors: 6 }, { optimizer: { name: 'adam', lr: 0.01 } }]) {
      const request = requestFor(ids, { kind: 'factorization', encode: asCategories, ...options });
      const changed = await loadModel(request, model.save());
      expect(Math.abs(accuracyOf(changed, later) - before), JSON.stringify(options)).toBeLessThan(0.1);
      for (const example of clicks(4000, 4)) changed.learn(example);
      expect(accuracyOf(changed, later), JSON.stringify(options)).toBeGreaterThan(before - 0.05);
    }
  });

  test('where memory is full, what is known goes on learning and what is new adds nothing', async () => {
    const model = await modelOf({ max_bytes: 131_072 });
    const random = seeded(4);
    for (let i = 0; i < 20_000; i++)
      model.learn({
        features: { user_id: Math.floor(random() * 100_000), item_id: i % 7 },
        target: Number(i % 7 < 3),
        weight: 1,
      });
    expect(model.predictMany([{ item_id: 1 }])[0]!.score).toBeGreaterThan(0.9);
    expect(model.explain({ user_id: 99_999 }, 1).contributions[0]!.contribution).toBe(0);
    const encoder = 90 * 20_000;
    expect(model.bytes).toBeLessThan(131_072 + encoder);
  });

  test('with less memory than it had, the dimensions that came first go on', async () => {
    const model = await modelOf({ max_bytes: 1_000_000 });
    const row = (i: number) => ({ user_id: i, item_id: i % 7 });
    for (let i = 0; i < 6000; i++) model.learn({ features: row(i), target: Number(i % 7 < 3), weight: 1 });
    const request = requestFor(ids, { kind: 'factorization', encode: asCategories, max_bytes: 131_072 });
    const smaller = await loadModel(request, model.save());
    expect(model.bytes - smaller.bytes).toBeGreaterThan(500_000);
    expect(smaller.predictMany([row(1)])).toEqual(model.predictMany([row(1)]));
    expect(smaller.explain({ user_id: 5999 }, 1).contributions[0]!.contribution).toBe(0);
    for (let i = 6000; i < 7000; i++) smaller.learn({ features: row(i), target: Number(i % 7 < 3), weight: 1 });
    expect(smaller.predictMany([row(1)])[0]!.score).toBeGreaterThan(0.9);
  });

  test('ftrl is refused', async () => {
    await expect(modelOf({ optimizer: { name: 'ftrl' } })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('"ftrl" would set vectors to zero') as string,
    });
  });
});
