// Whatever goes together in the options: a model that is saved and loaded now and then is, at every row and to the last bit, the one
// that never was. The contract of the kinds holds this for each option alone; here encodings, corrections and drift meet.

import { expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import type { Model, ModelRequest, TrainingExample } from '../../src/model/model.ts';
import { booleanLabel, numberLabel, textLabel } from './phishing.ts';
import { seeded } from './seeded.ts';

type Task = 'binary' | 'regression' | 'multiclass' | 'anomaly';

const columns: readonly ColumnType[] = [
  { name: 'x', typeOid: 701, type: 'double precision' },
  { name: 'shop', typeOid: 25, type: 'text' },
  { name: 'night', typeOid: 16, type: 'boolean' },
  { name: 'count', typeOid: 23, type: 'integer' },
  { name: 'note', typeOid: 25, type: 'text' },
];
const LABELS = { binary: booleanLabel, regression: numberLabel, multiclass: textLabel, anomaly: undefined };
const KINDS: Readonly<Record<Task, readonly string[]>> = {
  binary: ['logistic', 'naive_bayes', 'hoeffding_tree', 'adaptive_forest', 'auto'],
  regression: ['linear', 'quantile', 'auto'],
  multiclass: ['softmax', 'naive_bayes', 'auto'],
  anomaly: ['half_space_trees', 'gaussian_scorer'],
};
const VECTORS = ['logistic', 'linear', 'quantile', 'softmax', 'auto'];
/** So that they alarm within some hundred rows. */
const DETECTORS = [
  { name: 'adwin', delta: 0.3 },
  { name: 'adwin', delta: 0.3, keep_window: true },
  { name: 'page_hinkley', min_values: 10, threshold: 2 },
  { name: 'ddm', min_values: 5, warning: 0.5, drift: 1 },
  { name: 'eddm', min_values: 5 },
  { name: 'hddm_a', drift: 0.2, warning: 0.4 },
  { name: 'hddm_w', drift: 0.2, warning: 0.4 },
  { name: 'fhddm', window: 10, delta: 0.3 },
];

interface Chance {
  readonly next: () => number;
  readonly pick: <T>(values: readonly T[]) => T;
}

function optionsOf({ pick }: Chance, task: Task): ModelRequest['options'] {
  const kind = pick(KINDS[task]);
  const drift = {
    detector: pick(task === 'regression' ? DETECTORS.slice(0, 3) : DETECTORS),
    warm_up: pick([0, 1, 20, 77]),
    every: pick([1, 3]),
    window: 100,
    psi: 0.1,
    missing: 0.05,
    action: task === 'anomaly' ? 'alarm' : pick(['alarm', 'adapt', 'challenger']),
    on: pick(['examples', 'arrivals']),
    score: pick(['mean', 'psi']),
  };
  if (task === 'anomaly') return { kind, drift };
  const isVector = VECTORS.includes(kind);
  const note = isVector ? { as: 'text', dimensions: 64 } : { as: 'ignore' };
  const encode = {
    scale: pick(['standard', 'min_max', 'robust', 'none']),
    ...(isVector ? { missing: pick(['indicator', 'ignore']) } : {}),
    features: {
      count: { as: pick(['number', 'category', 'ordinal', ...(task === 'multiclass' ? [] : ['target'])]) },
      shop: { categories: pick(['one_hot', 'hashing']) },
      note,
    },
  };
  const corrections =
    task !== 'binary' || kind === 'auto'
      ? {}
      : {
          calibrate: pick(['none', 'platt', 'piecewise']),
          ...pick([{}, ...[0.1, 0.5, 2].map((ratio) => ({ under_sample: { ratio } }))]),
          ...pick([{}, { class_weights: { true: 5, false: 0.5 } }, { class_weights: { true: 0 } }]),
        };
  return { kind, drift, update: pick(['on_label', 'on_arrival']), encode, ...corrections };
}

/** What is true changes every 100 rows, and so do the columns. */
function rows({ next, pick }: Chance, count: number, task: Task): TrainingExample[] {
  return Array.from({ length: count }, (_, i) => {
    const changed = Math.floor(i / 100) % 2;
    const x = next() * (changed ? 5 : 1);
    const truth = x > 0.5 !== (changed === 1);
    const features = {
      x: next() < 0.05 ? null : x,
      shop: pick(['a', 'b', null, '\uFEFFa', `shop ${changed}`, `shop ${i}`]),
      night: pick([true, false, null]),
      count: Math.floor(next() * 6),
      note: pick([null, 'İstanbul', 'one two', `two ${i % 7}`]),
    };
    const target = task === 'regression' ? (changed ? -10 : 10) * x : Number(truth);
    const label = truth ? 'yes' : next() < 0.5 ? 'no' : 'never';
    return { features, target, weight: next() < 0.1 ? 3 * next() : 1, label };
  });
}

/** All that a row lets be seen. */
function step(model: Model, example: TrainingExample): string {
  const [said] = model.predictMany([example.features]);
  expect(Number.isFinite(said!.score)).toBe(true);
  model.observe(example.features);
  if (model.task !== 'anomaly') model.learn({ ...example, score: said!.score, prediction: said!.prediction });
  const { examples, skipped, unusable, kind } = model;
  return JSON.stringify([said, model.takeAlarms?.(), examples, skipped, unusable, kind]);
}

test.each(Array.from({ length: 16 }, (_, i) => i + 1))('options drawn with the seed %i', async (seed) => {
  const next = seeded(seed);
  const chance: Chance = { next, pick: (values) => values[Math.floor(next() * values.length)]! };
  const task = chance.pick(['binary', 'binary', 'regression', 'multiclass', 'anomaly'] as const);
  const options = optionsOf(chance, task);
  const request: ModelRequest = {
    options,
    features: columns,
    label: LABELS[task],
    seed: 5,
  };
  const whole = await createModel(request);
  let parts = await createModel(request);
  for (const [i, example] of rows(chance, 400, task).entries()) {
    if (next() < 0.04) parts = await loadModel(request, parts.save());
    expect(step(parts, example), `row ${i} with ${JSON.stringify(options)}`).toBe(step(whole, example));
  }
  expect(Buffer.compare(parts.save(), whole.save())).toBe(0);
});
