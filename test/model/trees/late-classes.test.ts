// Classes that come late make every node of a tree larger: what was within the limit with two is not with hundreds.

import { expect, test } from 'vitest';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import type { Model, ModelRequest, TrainingExample } from '../../../src/model/model.ts';
import { floatColumns, requestFor, textLabel } from '../phishing.ts';
import { seeded } from '../seeded.ts';

const NAMES = ['a', 'b', 'c'];
const BYTES = 300_000;
const SPLITTING = { grace_period: 10, delta: 0.5, tau: 0.9, min_branch_fraction: 0 };
const KINDS: readonly [kind: string, options: Record<string, unknown>][] = [
  ['hoeffding_tree', SPLITTING],
  ['hoeffding_adaptive_tree', { ...SPLITTING, drift_delta: 0.5 }],
  ['adaptive_forest', { ...SPLITTING, trees: 2, max_features: 'all' }],
  ['mondrian_forest', { trees: 2, split_pure: true }],
];

function requestOf(kind: string, options: Record<string, unknown>): ModelRequest {
  const all = { kind, max_bytes: BYTES, max_classes: 500, drift: { signals: [] }, ...options };
  return { ...requestFor(floatColumns(NAMES), all), label: textLabel };
}

/** Two classes for 8,000 examples, then one more with every tenth. */
function examples(): TrainingExample[] {
  const random = seeded(3);
  return Array.from({ length: 12_000 }, (_, i) => {
    const features = { a: random(), b: random(), c: random() };
    const near = Math.floor(features.a * 30) % 2 === Math.floor(features.b * 30) % 2;
    const late = i >= 8000 && i % 10 === 0 ? `class ${(i - 8000) / 10}` : undefined;
    return { features, target: 0, weight: 1, label: late ?? (near ? 'near' : 'far') };
  });
}

test.each(KINDS)('%s keeps to max_bytes when hundreds of classes come late', async (kind, options) => {
  const model = await createModel(requestOf(kind, options));
  let largest = 0;
  for (const [i, example] of examples().entries()) {
    model.learn(example);
    if (i % 10 === 0) largest = Math.max(largest, model.bytes);
  }
  expect(Object.keys(model.predictMany([{}])[0]!.outputs!).length).toBe(402);
  // Encoder and names of classes are beside the trees.
  expect(largest).toBeLessThan(BYTES + 402 * 80 + 16_000);
  expect(largest).toBeGreaterThan(BYTES / 2);
  const [said] = model.predictMany([{ a: 0.5, b: 0.5, c: 0.5 }]);
  const sum = Object.values(said!.outputs!).reduce((total, share) => total + share, 0);
  expect(sum).toBeCloseTo(1, 9);
  const { bias, contributions } = model.explain({ a: 0.5, b: 0.5, c: 0.5 }, 9);
  expect(contributions.reduce((total, part) => total + part.contribution, bias)).toBeCloseTo(said!.score!, 9);
});

test.each(KINDS)('%s saved while it makes room for classes goes on bit for bit', async (kind, options) => {
  const request = requestOf(kind, options);
  const whole = await createModel(request);
  let parts: Model = await createModel(request);
  for (const [i, example] of examples().entries()) {
    if (i % 1000 === 0 || (i > 8000 && i % 97 === 0)) parts = await loadModel(request, parts.save());
    whole.learn(example);
    parts.learn(example);
  }
  expect(Buffer.compare(parts.save(), whole.save())).toBe(0);
});
