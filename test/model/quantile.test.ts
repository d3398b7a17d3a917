// Raw quantiles are summed once and put into order by hand: what the kind is, written out, is the oracle.

import { expect, test } from 'vitest';
import { createModel } from '../../src/model/create-model.ts';
import { quantile } from '../../src/model/kinds/quantile.ts';
import type { Input, Layout } from '../../src/model/learner.ts';
import { floatColumns } from './phishing.ts';
import { seeded } from './seeded.ts';

const LAYOUT: Layout = { nominal: () => false, dimensions: 3, mostDimensions: 3 };
const RATE = 0.02;

test.each([[[0.1, 0.5, 0.9]], [[0.7]], [[0.05, 0.4, 0.6, 0.8, 0.99]]])(
  'quantiles %j are what steps on the pinball loss make of them, in order, to the last bit',
  async (quantiles) => {
    const learner = await quantile.create({ kind: 'quantile', quantiles }, 'regression', 1, LAYOUT);
    const middle = quantiles.findIndex((one) => one >= 0.4);
    const random = seeded(3);
    const weights = quantiles.map(() => [0, 0, 0]);
    let biases = quantiles.map(() => 0);
    let scale = 0;
    let crossed = 0;
    for (let i = 0; i < 2000; i++) {
      const values = Array.from({ length: 3 }, () => (random() - 0.5) * 3);
      const x: Input = { length: 3, indexes: Int32Array.of(0, 1, 2), values: Float64Array.from(values) };
      const raws = () => weights.map((one, q) => one.reduce((sum, w, j) => sum + w * values[j]!, 0) + biases[q]!);
      const before = raws();
      const ordered = before.toSorted((a, b) => a - b);
      if (ordered.some((one, q) => one !== before[q])) crossed += 1;
      expect([...learner.outputs!(x)]).toEqual(ordered);
      expect(learner.predict(x)).toBe(ordered[middle]);
      const y = i % 100 === 99 ? 1e9 : values[0]! * 3 + random() * random() * 5;
      const weight = i % 7 === 0 ? random() * 2 : 1;
      learner.learn(x, y, weight);
      if (i === 0) biases = quantiles.map(() => y);
      const now = raws();
      const error = Math.abs(y - now[middle]!);
      scale += ((i >= 200 ? Math.min(error, scale * 10) : error) - scale) / Math.min(i + 1, 200);
      quantiles.forEach((one, q) => {
        const slope = (y < now[q]! ? 1 - one : -one) * scale * weight;
        biases[q]! -= RATE * slope;
        values.forEach((value, j) => (weights[q]![j]! -= RATE * (value * slope)));
      });
    }
    if (quantiles.length > 1) expect(crossed).toBeGreaterThan(0);
  },
);

test('the score is the middle quantile, its text is the prediction, and both are in JSON beside all of them', async () => {
  const label = { name: 'y', typeOid: 701, type: 'double precision' };
  const model = await createModel({ options: { kind: 'quantile' }, features: floatColumns(['x']), label, seed: 1 });
  for (let i = 0; i < 50; i++) model.learn({ features: { x: i % 5 }, target: (i % 5) + (i % 3) / 10, weight: 1 });
  const [said] = model.predictMany([{ x: 2 }]);
  const { score, prediction, outputs } = said!;
  expect(Object.keys(outputs!)).toEqual(['0.1', '0.5', '0.9']);
  expect(score).toBe(outputs!['0.5']);
  expect(prediction).toBe(String(score));
  expect(JSON.parse(JSON.stringify(said))).toEqual({ score, prediction, outputs });
});
