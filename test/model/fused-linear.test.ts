// A row and a linear learner in one generated function, and encoder and learner apart, must be the same to the last bit: what is
// apart is the oracle.

import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ModelOptions } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import { FusedLinear } from '../../src/model/fused-linear.ts';
import type { Model, TrainingExample } from '../../src/model/model.ts';
import { BOOLEAN, COLUMNS, encodings, examples, optimizers } from './odd-examples.ts';
import { expectTheSame, withoutCodeGeneration } from './side-by-side.ts';

afterEach(() => void vi.restoreAllMocks());

const cases: readonly ModelOptions[] = [
  ...optimizers.flatMap((optimizer) => ['logistic', 'linear'].map((kind) => ({ kind, optimizer }))),
  ...encodings.map((encode) => ({ kind: 'logistic', encode })),
  { kind: 'logistic', update: 'on_arrival' },
  { kind: 'logistic', class_weights: { true: 4 }, clip_gradient: 0.5, intercept_lr: 0 },
  { kind: 'logistic', calibrate: 'platt', under_sample: { ratio: 0.5 } },
  { kind: 'logistic', importance: 'invariant' },
  { kind: 'logistic', l1: 0.01 },
  { kind: 'linear', l2: 0.01 },
  { kind: 'linear', optimizer: { name: 'sgd', lr: 1e6 } },
  ...['pa', 'pa1', 'pa2'].flatMap((variant) => [
    { kind: 'passive_aggressive', variant, c: 0.01 },
    { kind: 'passive_aggressive', variant, label: 'number' },
    { kind: 'passive_aggressive', variant, label: 'number', intercept: false },
  ]),
];

function requestOf({ label, ...options }: ModelOptions) {
  const number = options.kind === 'linear' || label === 'number';
  return {
    options: { drift: { signals: [] }, ...options } as ModelOptions,
    features: COLUMNS,
    label: number
      ? { name: 'y', typeOid: 701, type: 'double precision' }
      : { name: 'y', typeOid: BOOLEAN, type: 'boolean' },
    seed: 5,
  };
}

function apart<T>(make: () => Promise<T>): Promise<T> {
  const spy = vi.spyOn(FusedLinear, 'of').mockReturnValue(undefined);
  return make().finally(() => {
    expect(spy).toHaveBeenCalled();
    spy.mockRestore();
  });
}

/** To the last bit, and 0 is not −0. */
function said(model: Model, rows: readonly TrainingExample[]): string {
  const predictions = model.predictMany(rows.map(({ features }) => features));
  const scores = Float64Array.from(predictions, ({ score }) => score!);
  return `${Buffer.from(scores.buffer).toString('hex')} ${predictions.map(({ prediction }) => prediction)}`;
}

async function made(options: ModelOptions, columns = COLUMNS) {
  const of = vi.spyOn(FusedLinear, 'of');
  const model = await createModel({ ...requestOf(options), features: columns });
  const [result] = of.mock.results;
  of.mockRestore();
  return { model, fused: result!.value as FusedLinear<unknown> | undefined };
}

describe('a row and a linear learner in one function', () => {
  test('is there for plain gradient descent, and scores and learns once every weight is there', async () => {
    const { model, fused } = await made({ kind: 'logistic' });
    const [learn, predict] = [vi.spyOn(fused!, 'learn'), vi.spyOn(fused!, 'predict')];
    const [first, second] = examples(2, true);
    for (const example of [first!, second!]) {
      model.predictMany([example.features]);
      model.learn(example);
    }
    expect(predict.mock.results[0]!.value).toBeUndefined();
    expect(predict.mock.results[1]!.value).toHaveLength(1);
    expect(learn.mock.results.map(({ value }) => value as unknown)).toEqual([false, true]);
  });

  test.each([{ kind: 'factorization' }, { kind: 'naive_bayes' }, { kind: 'logistic', l1: 0.01 }])(
    'is not made for %j',
    async (options) => {
      expect((await made(options)).fused).toBeUndefined();
    },
  );

  test.each([
    { kind: 'logistic', l2: 0.01 },
    { kind: 'logistic', importance: 'invariant' },
    { kind: 'logistic', calibrate: 'platt' },
  ])('only scores with %j, as a step moves more than the row', async (options) => {
    const { model, fused } = await made(options);
    const learn = vi.spyOn(fused!, 'learn');
    for (const example of examples(5, true)) model.learn(example);
    expect(learn.mock.results.map(({ value }) => value as unknown)).toEqual(Array(5).fill(false));
  });

  test('is not made for very many columns, nor where code must not be generated', async () => {
    const many = Array.from({ length: 33 }, (_, i) => ({ name: `n${i}`, typeOid: 701, type: 'double precision' }));
    expect((await made({ kind: 'logistic' }, many)).fused).toBeUndefined();
    const few = many.slice(0, 32).map((column) => ({ ...column, name: `without ${column.name}` }));
    const { model, fused } = await withoutCodeGeneration(() => made({ kind: 'logistic' }, few));
    expect(fused).toBeUndefined();
    const row = { 'without n0': 1, 'without n31': 2 };
    model.learn({ features: row, target: 1, weight: 1 });
    expect(model.predictMany([row])[0]!.score).toBeGreaterThan(0.5);
    expect((await made({ kind: 'logistic' }, few)).fused).toBeInstanceOf(FusedLinear);
  });

  test.each(cases)('say, explain and learn with %j what they do apart, to the last bit', async (options) => {
    const request = requestOf(options);
    const stream = examples(400, request.label.typeOid === BOOLEAN);
    const one = await createModel(request);
    const two = await apart(() => createModel(request));
    await expectTheSame(request, { one, two }, stream, said);
  });
});
