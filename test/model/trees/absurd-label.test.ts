// One label that is absurd must not stand in the means of a tree's leaves for ever.

import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import type { ModelRequest, TrainingExample } from '../../../src/model/model.ts';
import { floatColumns, numberLabel, requestFor } from '../phishing.ts';
import { seeded } from '../seeded.ts';

const columns = floatColumns(['a', 'b']);

function requestOf(options: Record<string, unknown>): ModelRequest {
  return { ...requestFor(columns, options), label: numberLabel };
}

function examples(count: number): TrainingExample[] {
  const random = seeded(3);
  return Array.from({ length: count }, () => {
    const features = { a: random(), b: random() };
    return { features, target: 10 + 8 * features.a + (features.b > 0.5 ? 4 : 0) + random(), weight: 1 };
  });
}

async function lateError(options: Record<string, unknown>, absurd: number | undefined): Promise<number> {
  const model = await createModel(requestOf(options));
  let sum = 0;
  for (const [i, example] of examples(4000).entries()) {
    if (i >= 3000) sum += Math.abs(model.predictMany([example.features])[0]!.score! - example.target);
    model.learn(i === 1000 && absurd !== undefined ? { ...example, target: absurd } : example);
  }
  return sum / 1000;
}

describe.each(['hoeffding_tree', 'hoeffding_adaptive_tree', 'adaptive_forest', 'mondrian_forest'])(
  '%s for numbers',
  (kind) => {
    test('errs little more after one label that is absurd', async () => {
      const error = await lateError({ kind }, undefined);
      for (const absurd of [1e6, -1e15]) expect(await lateError({ kind }, absurd)).toBeLessThan(1.2 * error + 0.05);
    }, 60_000);
  },
);

test('auto, whose race one such loss may decide, is not spoiled by the trees in it', async () => {
  const error = await lateError({ kind: 'auto' }, undefined);
  for (const absurd of [1e6, -1e15]) expect(await lateError({ kind: 'auto' }, absurd)).toBeLessThan(2 * error);
}, 60_000);

test('with "clip": null a label counts as what it is, and what was saved so goes on with a limit from then on', async () => {
  const free = { kind: 'hoeffding_tree', leaf: 'mean', encode: { clip: null } };
  expect(await lateError(free, 1e12)).toBeGreaterThan(1e6);
  const model = await createModel(requestOf(free));
  for (const example of examples(50)) model.learn(example);
  const loaded = await loadModel(requestOf({ kind: 'hoeffding_tree', leaf: 'mean' }), model.save());
  const scores = () => loaded.predictMany(examples(20).map(({ features }) => features)).map(({ score }) => score!);
  for (const example of examples(500)) loaded.learn(example);
  loaded.learn({ ...examples(1)[0]!, target: 1e12 });
  for (const score of scores()) expect(score).toBeLessThan(100);
});
