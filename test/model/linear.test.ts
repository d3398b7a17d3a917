import { describe, expect, test } from 'vitest';
import { createModel } from '../../src/model/create-model.ts';
import { floatColumns, numberLabel, requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

const names = ['a', 'b', 'c'];

function stream(count: number) {
  const random = seeded(7);
  return Array.from({ length: count }, () => {
    const [a, b, c] = [random() * 10, random() - 0.5, Math.floor(random() * 4)];
    return { features: { a, b, c }, target: 3 * a - 20 * b + c + random() };
  });
}

/** Standard scaler and linear regression by the formulas, over plain arrays, with nothing shared with the code under test. */
function reference(rows: ReturnType<typeof stream>, lr: number, interceptLr: number, l2: number): number[] {
  const [n, mean, variance, w] = [0, 0, 0, 0].map(() => [0, 0, 0]) as [number[], number[], number[], number[]];
  let b = 0;
  const scale = (x: number[]) => x.map((v, j) => (variance[j] ? (v - mean[j]!) / Math.sqrt(variance[j]!) : 0));
  const raw = (z: number[]) => z.reduce((sum, v, j) => sum + v * w[j]!, 0) + b;
  return rows.map(({ features, target }) => {
    const x = [features.a, features.b, features.c];
    const score = raw(scale(x));
    x.forEach((v, j) => {
      n[j]! += 1;
      const old = mean[j]!;
      mean[j]! += (v - old) / n[j]!;
      variance[j]! += ((v - old) * (v - mean[j]!) - variance[j]!) / n[j]!;
    });
    const z = scale(x);
    const slope = 2 * (raw(z) - target);
    b -= interceptLr * slope;
    z.forEach((v, j) => (w[j]! -= lr * (v * slope + l2 * w[j]!)));
    return score;
  });
}

describe('linear regression', () => {
  test.each([
    [0.01, 0.01, 0],
    [0.002, 0.1, 0],
    [0.01, 0.05, 0.1],
  ])(
    'with lr %f, intercept_lr %f and l2 %f it is what the formulas give on every row',
    async (lr, intercept_lr, l2) => {
      const rows = stream(2000);
      const expected = reference(rows, lr, intercept_lr, l2);
      const options = { kind: 'linear', optimizer: { name: 'sgd', lr }, intercept_lr, l2 };
      const model = await createModel({ ...requestFor(floatColumns(names), options), label: numberLabel });
      let error = 0;
      rows.forEach((row, i) => {
        const { score, prediction } = model.predictMany([row.features])[0]!;
        expect(Math.abs(score! - expected[i]!)).toBeLessThan(1e-9 * Math.max(1, Math.abs(expected[i]!)));
        expect(prediction).toBe(String(score));
        if (i >= 1000) error += Math.abs(score! - row.target) / 1000;
        model.learn({ ...row, weight: 1 });
      });
      if (l2 === 0) expect(error).toBeLessThan(1);
    },
  );

  test('an example of weight 2 moves the bias twice as far as one of weight 1', async () => {
    const bias = async (weight: number) => {
      const model = await createModel({ ...requestFor(floatColumns(names), { kind: 'linear' }), label: numberLabel });
      model.learn({ features: { a: 1, b: 2, c: 3 }, target: 10, weight });
      return model.explain({}, 0).bias;
    };
    expect(await bias(1)).toBeCloseTo(0.2, 12);
    expect(await bias(2)).toBeCloseTo(0.4, 12);
  });
});
