import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import type { Model, ModelRequest } from '../../src/model/model.ts';
import { booleanLabel, floatColumns, numberLabel, phishing, requestFor, textLabel } from './phishing.ts';
import { seeded } from './seeded.ts';

const neural = (options: object = {}) => ({ kind: 'neural', ...options });

/** Two numbers whose product's sign is what is to be learned: no linear model learns it. */
function quadrants(count: number) {
  const random = seeded(11);
  return Array.from({ length: count }, () => {
    const [a, b] = [random() * 2 - 1, random() * 2 - 1];
    return { features: { a, b }, target: Number(a * b > 0), weight: 1 };
  });
}

const ab = floatColumns(['a', 'b']);

async function accuracyOf(model: Model, examples: ReturnType<typeof quadrants>, from: number): Promise<number> {
  let right = 0;
  for (const [i, example] of examples.entries()) {
    if (i >= from && model.predictMany([example.features])[0]!.score! > 0.5 === (example.target === 1)) right += 1;
    model.learn(example);
  }
  return right / (examples.length - from);
}

describe('a neural net', () => {
  test.each([{}, { activation: 'tanh', batch: 32, lr: 0.01 }, { dropout: 0.1, l2: 1e-5, replay: 500 }])(
    'with the options %j learns what no linear model can',
    async (options) => {
      const examples = quadrants(4000);
      const net = await createModel({ ...requestFor(ab, neural(options)), label: booleanLabel });
      expect(await accuracyOf(net, examples, 2000)).toBeGreaterThan(0.9);
      const line = await createModel({ ...requestFor(ab, { kind: 'logistic' }), label: booleanLabel });
      expect(await accuracyOf(line, examples, 2000)).toBeLessThan(0.6);
    },
  );

  test('learns a number far from 0 in its own units', async () => {
    const random = seeded(12);
    const model = await createModel({ ...requestFor(ab, neural()), label: numberLabel });
    let [error, spread] = [0, 0];
    for (let i = 0; i < 4000; i++) {
      const [a, b] = [random() * 2 - 1, random() * 2 - 1];
      const target = 1e6 + 5000 * a * b;
      if (i >= 2000) {
        error += Math.abs(model.predictMany([{ a, b }])[0]!.score! - target) / 2000;
        spread += Math.abs(target - 1e6) / 2000;
      }
      model.learn({ features: { a, b }, target, weight: 1 });
    }
    expect(error).toBeLessThan(spread / 4);
  });

  test('gives a class that comes late a probability near 0, and learns it', async () => {
    const request = { ...requestFor(ab, neural()), label: textLabel };
    const model = await createModel(request);
    const random = seeded(13);
    const learn = (label: string, a: number) =>
      model.learn({ features: { a, b: random() }, target: 0, weight: 1, label });
    for (let i = 0; i < 800; i++) learn(i % 2 === 0 ? 'left' : 'right', i % 2 === 0 ? -1 : 1);
    learn('far', 9);
    const [middle] = model.predictMany([{ a: -1, b: 0.5 }]);
    expect(middle!.prediction).toBe('left');
    expect(middle!.outputs!['far']).toBeLessThan(0.01);
    for (let i = 0; i < 600; i++) learn(['left', 'right', 'far'][i % 3]!, [-1, 1, 9][i % 3]!);
    const predicted = model.predictMany([-1, 1, 9].map((a) => ({ a, b: 0.5 }))).map(({ prediction }) => prediction);
    expect(predicted).toEqual(['left', 'right', 'far']);
  });

  test('is not moved by examples until a batch of them is full, and keeps those that wait when it is saved', async () => {
    const { columns, rows } = phishing();
    const request: ModelRequest = requestFor(columns, neural({ batch: 10 }));
    const score = (model: Model) => model.predictMany([rows[500]!.features])[0]!.score;
    let model = await createModel(request);
    for (const row of rows.slice(0, 9)) model.learn({ ...row, weight: 1 });
    expect(score(model)).toBe(0.5);
    model = await loadModel(request, model.save());
    model.learn({ ...rows[9]!, weight: 1 });
    expect(score(model)).not.toBe(0.5);
  });

  test('an example of weight 0 takes no place in a batch, and a heavier one counts for more', async () => {
    const { columns, rows } = phishing();
    const request = requestFor(columns, neural({ batch: 2, clip: 1e6, epochs: 1 }));
    const after = async (weights: readonly number[]) => {
      const model = await createModel(request);
      for (const [i, weight] of weights.entries()) model.learn({ ...rows[i]!, weight });
      return model.explain(rows[0]!.features, 0).bias;
    };
    expect(await after([1, 0, 0, 0])).toBe(0);
    expect(await after([0, 1, 1])).not.toBe(0);
    // The second step, as Adam's first has the same length whatever the gradient's.
    expect(await after([1, 1, 9, 1])).not.toBe(await after([1, 1, 1, 1]));
  });

  test('goes on with other options for how it learns, and refuses another shape', async () => {
    const examples = quadrants(500);
    const request = requestFor(ab, neural({ replay: 100 }));
    const model = await createModel(request);
    for (const example of examples) model.learn(example);
    const saved = model.save();
    const other = neural({ batch: 3, epochs: 2, replay: 10, lr: 0.01, dropout: 0.2 });
    const changed = await loadModel({ ...request, options: other }, saved);
    const rows = examples.map(({ features }) => features);
    expect(changed.predictMany(rows)).toEqual(model.predictMany(rows));
    for (const example of examples) changed.learn(example);
    expect(changed.predictMany(rows)).not.toEqual(model.predictMany(rows));
    for (const shape of [{ hidden: [64, 33] }, { activation: 'tanh' }])
      await expect(loadModel({ ...request, options: neural(shape) }, saved)).rejects.toMatchObject({
        code: 'MODEL_STATE',
        hint: expect.stringContaining('rebuild the pipeline'),
      });
  });

  test('explains by the inputs that move its score', async () => {
    const random = seeded(14);
    const columns = floatColumns(['signal', 'noise']);
    const model = await createModel(requestFor(columns, neural()));
    for (let i = 0; i < 2000; i++) {
      const [signal, noise] = [random() * 2 - 1, random() * 2 - 1];
      model.learn({ features: { signal, noise }, target: Number(signal > 0), weight: 1 });
    }
    const { contributions } = model.explain({ signal: 0.9, noise: 0.9 }, 2);
    expect(contributions[0]!.feature).toBe('signal');
    expect(contributions[0]!.contribution).toBeGreaterThan(5 * Math.abs(contributions[1]!.contribution));
  });
});
