// Two models that are to be the same to the last bit, example by example.

import { expect, vi } from 'vitest';
import { loadModel } from '../../src/model/create-model.ts';
import type { Model, ModelRequest, TrainingExample } from '../../src/model/model.ts';

/** As a pipeline does it: the row arrives, its label comes. */
function take(model: Model, example: TrainingExample): void {
  if (model.learnsArrivals) model.observe(example.features);
  model.learn(example);
}

/**
 * Both say, explain, judge and learn the same, and are saved as the same bytes after each example; the first is saved and loaded on
 * the way.
 * @param said what a model says of the rows, to the bit
 */
export async function expectTheSame(
  request: ModelRequest,
  models: { readonly one: Model; readonly two: Model },
  stream: readonly TrainingExample[],
  said: (model: Model, rows: readonly TrainingExample[]) => string,
): Promise<void> {
  const { two } = models;
  let { one } = models;
  for (const [i, example] of stream.entries()) {
    // `expect` costs more than an example.
    const batch = [example, ...stream.slice(i % 300, (i % 300) + 2)];
    const [given, expected] = [said(one, batch), said(two, batch)];
    if (given !== expected) expect(given, `example ${i}`).toBe(expected);
    if (i % 40 === 39) one = await loadModel(request, one.save());
    if (i % 10 === 9) expect(one.explain(example.features, 20)).toStrictEqual(two.explain(example.features, 20));
    const judged = [
      { loss: 0, wrong: 0 },
      { loss: 0, wrong: 0 },
    ] as const;
    if (i % 3 === 0) {
      expect(one.judge!(example, judged[0])).toBe(two.judge!(example, judged[1]));
      expect(judged[0]).toEqual(judged[1]);
    } else for (const model of [one, two]) take(model, example);
    if (Buffer.compare(one.save(), two.save()) !== 0) expect.fail(`the states differ after example ${i}`);
  }
  expect(one.examples).toBe(stream.length);
  expect(one.unusable).toBeGreaterThan(0);
}

/** As under --disallow-code-generation-from-strings. */
export function withoutCodeGeneration<T>(make: () => Promise<T>): Promise<T> {
  vi.stubGlobal('Function', function () {
    throw new EvalError('Code generation from strings disallowed for this context');
  });
  return make().finally(() => vi.unstubAllGlobals());
}
