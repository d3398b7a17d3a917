// As fused-linear.test.ts, of learners with several scores: rows and learner in one function, and encoder and learner apart, must be the
// same to the last bit.

import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ModelOptions } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import { FusedScores } from '../../src/model/fused-scores.ts';
import type { Model, TrainingExample } from '../../src/model/model.ts';
import { COLUMNS, encodings, examples, optimizers } from './odd-examples.ts';
import { seeded } from './seeded.ts';
import { expectTheSame, withoutCodeGeneration } from './side-by-side.ts';

afterEach(() => void vi.restoreAllMocks());

/** In the order in which they may first come, from one on, each 30 examples later than the last. */
const CLASSES = ['no', 'yes', '__proto__', '10', '2', '"]; throw 1; //', 'toString', '', 'ninth', 'tenth'];
const LATER = 30;

/** With classes that come late, some with rows that have but one number or two, and labels that are not known. */
function classified(count: number): TrainingExample[] {
  const random = seeded(11);
  return examples(count, false).map(({ features: all, weight }, i) => {
    const [kind, last] = [random(), COLUMNS[7]!.name];
    const features = kind < 0.3 ? { amount: i } : kind < 0.5 ? { amount: i, [last]: all[last] } : all;
    const known = Math.min(CLASSES.length, 1 + Math.floor(i / LATER));
    const label = CLASSES[Math.floor(random() ** 2 * known)]!;
    return { features, target: 0, weight: i % 90 === 89 ? Number.NaN : weight, ...(i % 70 === 69 ? {} : { label }) };
  });
}

const cases: readonly ModelOptions[] = [
  ...optimizers.map((optimizer) => ({ optimizer })),
  ...encodings.map((encode) => ({ encode })),
  { update: 'on_arrival' },
  { class_weights: { yes: 4, '10': 0 }, clip_gradient: 0.5, intercept_lr: 0 },
  { max_classes: 2 },
  { max_classes: 4 },
  { l1: 0.01 },
  { l2: 0.01 },
  { optimizer: { name: 'sgd', lr: 1e6 } },
].map((options) => ({ kind: 'softmax', ...options }));

const quantileCases: readonly ModelOptions[] = [
  ...encodings.map((encode) => ({ encode })),
  { update: 'on_arrival' },
  { quantiles: [0.9, 0.3] },
  { quantiles: [0.1, 0.2, 0.3, 0.4] },
  { quantiles: [0.1, 0.2, 0.3, 0.4, 0.5] },
  { quantiles: [0.7] },
  { lr: 10, intercept_lr: 10 },
  { l1: 0.01 },
  { l2: 0.01 },
].map((options) => ({ kind: 'quantile', ...options }));

function requestOf(options: ModelOptions, columns = COLUMNS) {
  const label =
    options.kind === 'quantile'
      ? { name: 'y', typeOid: 701, type: 'double precision' }
      : { name: 'y', typeOid: 25, type: 'text' };
  return { options: { drift: { signals: [] }, ...options } as ModelOptions, features: columns, label, seed: 5 };
}

function apart<T>(make: () => Promise<T>): Promise<T> {
  const spy = vi.spyOn(FusedScores, 'of').mockReturnValue(undefined);
  return make().finally(() => {
    expect(spy).toHaveBeenCalled();
    spy.mockRestore();
  });
}

async function made(options: ModelOptions, columns = COLUMNS) {
  const of = vi.spyOn(FusedScores, 'of');
  const model = await createModel(requestOf(options, columns));
  const [result] = of.mock.results;
  of.mockRestore();
  return { model, fused: result?.value as FusedScores | undefined };
}

/** To the last bit, and 0 is not −0; names in their order. */
function said(model: Model, rows: readonly TrainingExample[]): string {
  const predictions = model.predictMany(rows.map(({ features }) => features));
  const bits = predictions.map(({ score, outputs }) =>
    Buffer.from(Float64Array.of(score!, ...Object.values(outputs!)).buffer).toString('hex'),
  );
  const names = predictions.map(({ prediction, outputs }) => [prediction, ...Object.keys(outputs!)]);
  return `${bits.join(' ')} ${JSON.stringify(names)}`;
}

describe('a row and several linear scores in one function', () => {
  test('score and learn once there are two classes, leave the first example of a class to the learner, and end at four', async () => {
    const { model, fused } = await made({ kind: 'softmax' });
    const [learn, predict] = [vi.spyOn(fused!, 'learn'), vi.spyOn(fused!, 'predict')];
    const labels = [0, 0, 1, 1, 0, 2, 2, 1, 3, 3, 4, 4, 0].map((c) => CLASSES[c]!);
    const features = { amount: 1, chip: true, whole: 3, 'often null': 1, [COLUMNS[2]!.name]: 2, [COLUMNS[7]!.name]: 3 };
    for (const label of labels) {
      model.predictMany([features]);
      model.learn({ features, target: 0, weight: 1, label });
    }
    const done = (of: typeof learn | typeof predict) =>
      of.mock.results.map(({ value }) => Number(value !== undefined)).join('');
    expect(done(predict)).toBe('0001111111100');
    expect(done(learn)).toBe('0001101101000');
  });

  test('of quantiles score from the start, and leave the first example and those of weight 0 to the learner', async () => {
    const { model, fused } = await made({ kind: 'quantile' });
    const [learn, predict] = [vi.spyOn(fused!, 'learn'), vi.spyOn(fused!, 'predict')];
    const features = { amount: 1, chip: true, whole: 3, 'often null': 1, [COLUMNS[2]!.name]: 2, [COLUMNS[7]!.name]: 3 };
    for (const weight of [0, 1, 1, 0, 200]) {
      model.predictMany([features]);
      model.learn({ features, target: 4, weight });
    }
    const done = (of: typeof learn | typeof predict) =>
      of.mock.results.map(({ value }) => Number(value !== undefined)).join('');
    // Before the first example there are no weights.
    expect(done(predict)).toBe('00111');
    expect(done(learn)).toBe('00101');
  });

  test.each([{ kind: 'naive_bayes' }, { kind: 'softmax', l1: 0.01 }, { kind: 'quantile', l1: 0.01 }])(
    'are not made for %j',
    async (options) => {
      expect((await made(options)).fused).toBeUndefined();
    },
  );

  test('only score with l2, as a step moves more than the row', async () => {
    const { model, fused } = await made({ kind: 'softmax', l2: 0.01, max_classes: 4 });
    const [learn, predict] = [vi.spyOn(fused!, 'learn'), vi.spyOn(fused!, 'predict')];
    const stream = classified(150);
    for (const example of stream) model.learn(example);
    expect(learn.mock.results.filter(({ value }) => value !== undefined)).toEqual([]);
    model.predictMany([stream[0]!.features]);
    expect(predict.mock.results[0]!.value).toHaveLength(1);
  });

  test('are not made for very many columns, nor where code must not be generated', async () => {
    const many = Array.from({ length: 33 }, (_, i) => ({ name: `n${i}`, typeOid: 701, type: 'double precision' }));
    expect((await made({ kind: 'softmax' }, many)).fused).toBeUndefined();
    const few = many.slice(0, 32).map((column) => ({ ...column, name: `several without ${column.name}` }));
    const { model, fused } = await withoutCodeGeneration(() => made({ kind: 'softmax' }, few));
    expect(fused).toBeUndefined();
    const row = { 'several without n0': 1, 'several without n31': 2 };
    for (const label of ['a', 'b', 'b']) model.learn({ features: row, target: 0, weight: 1, label });
    expect(model.predictMany([row])[0]!.prediction).toBe('b');
    expect((await made({ kind: 'softmax' }, few)).fused).toBeInstanceOf(FusedScores);
  });

  test('leave all to the learner where code must not be generated any more', async () => {
    const columns = COLUMNS.map((column) => ({ ...column, name: `forbidden ${column.name}` }));
    const { model, fused } = await made({ kind: 'softmax' }, columns);
    const learn = vi.spyOn(fused!, 'learn');
    const features = Object.fromEntries(columns.map(({ name }) => [name, 1]));
    const learned = (label: string) => {
      model.learn({ features, target: 0, weight: 1, label });
      return learn.mock.results.at(-1)!.value !== undefined;
    };
    expect(['a', 'b', 'a'].map(learned)).toEqual([false, false, true]);
    await withoutCodeGeneration(() =>
      Promise.resolve(expect(['c', 'c', 'a'].map(learned)).toEqual([false, false, false])),
    );
    expect(Object.keys(model.predictMany([features])[0]!.outputs!)).toEqual(['a', 'b', 'c']);
  });

  test.each([...cases, ...quantileCases])(
    'say, explain and learn with %j what they do apart, to the bit',
    async (options) => {
      const request = requestOf(options);
      const stream = options.kind === 'softmax' ? classified(400) : examples(400, false);
      const one = await createModel(request);
      const two = await apart(() => createModel(request));
      await expectTheSame(request, { one, two }, stream, said);
    },
  );
});
