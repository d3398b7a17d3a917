// What `bench/learners` and `bench/peers` run: each of our kinds, and River's model of the same algorithm by its name in
// bench/river/models.py.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { LearnedTask } from '../../src/model/model.ts';
import type { ModelOptions } from '../../src/flow/pipeline.ts';

export interface Dataset {
  readonly name: string;
  readonly task: 'binary' | 'regression';
  readonly target: string;
}

export const DATASETS: readonly Dataset[] = [
  { name: 'phishing', task: 'binary', target: 'is_phishing' },
  { name: 'breast_cancer', task: 'binary', target: 'target' },
  { name: 'sea_drift', task: 'binary', target: 'target' },
  { name: 'agrawal_drift', task: 'binary', target: 'target' },
  { name: 'fraud_imbalanced', task: 'binary', target: 'is_fraud' },
  { name: 'chick_weights', task: 'regression', target: 'weight' },
  { name: 'trump_approval', task: 'regression', target: 'five_thirty_eight' },
];

/** Datasets that the repository has itself. */
const OWN: Readonly<Record<string, string>> = {
  phishing: 'examples/phishing/phishing.csv',
  breast_cancer: 'test/model/golden/breast_cancer.csv',
};

/** The file of a dataset: in the folder MILLRACE_DATASETS, else the repository's own; undefined where there is none. */
export function fileOf(dataset: string): string | undefined {
  const folder = process.env['MILLRACE_DATASETS'];
  if (folder !== undefined) {
    const file = path.join(folder, `${dataset}.csv`);
    if (existsSync(file)) return file;
  }
  const own = OWN[dataset];
  return own !== undefined && existsSync(own) ? own : undefined;
}

export interface Subject {
  readonly name: string;
  readonly options: ModelOptions;
  /** How the target is taken: true or false, a number, or a class. */
  readonly task: LearnedTask;
  /** River's, in bench/river/models.py; undefined: it has none. */
  readonly river: string | undefined;
  /** What the ratio to River is to be, at least. */
  readonly goal?: number;
}

const linear = { goal: 50 };

/** Of which speed is measured beside River. */
export const SUBJECTS: readonly Subject[] = [
  { name: 'logistic', options: { kind: 'logistic' }, task: 'binary', river: 'logistic', ...linear },
  {
    name: 'logistic, adagrad',
    options: { kind: 'logistic', optimizer: { name: 'adagrad' } },
    task: 'binary',
    river: 'logistic_adagrad',
    ...linear,
  },
  {
    name: 'logistic, adam',
    options: { kind: 'logistic', optimizer: { name: 'adam', lr: 0.01 } },
    task: 'binary',
    river: 'logistic_adam',
    ...linear,
  },
  {
    name: 'logistic, ftrl',
    options: { kind: 'logistic', optimizer: { name: 'ftrl' } },
    task: 'binary',
    river: 'logistic_ftrl',
    ...linear,
  },
  {
    name: 'passive_aggressive',
    options: { kind: 'passive_aggressive', c: 0.01 },
    task: 'binary',
    river: 'passive_aggressive',
    ...linear,
  },
  { name: 'linear', options: { kind: 'linear' }, task: 'regression', river: 'linear', ...linear },
  { name: 'quantile', options: { kind: 'quantile' }, task: 'regression', river: 'quantile', ...linear },
  { name: 'softmax', options: { kind: 'softmax' }, task: 'multiclass', river: 'softmax', ...linear },
  { name: 'naive_bayes', options: { kind: 'naive_bayes' }, task: 'binary', river: 'naive_bayes', goal: 20 },
  { name: 'hoeffding_tree', options: { kind: 'hoeffding_tree' }, task: 'binary', river: 'hoeffding_tree', goal: 20 },
  {
    name: 'hoeffding_adaptive_tree',
    options: { kind: 'hoeffding_adaptive_tree' },
    task: 'binary',
    river: 'hoeffding_adaptive_tree',
  },
  {
    name: 'adaptive_forest',
    options: { kind: 'adaptive_forest' },
    task: 'binary',
    river: 'adaptive_forest',
    goal: 15,
  },
  { name: 'mondrian_forest', options: { kind: 'mondrian_forest' }, task: 'binary', river: 'mondrian_forest' },
  {
    name: 'half_space_trees',
    options: { kind: 'half_space_trees' },
    task: 'anomaly',
    river: 'half_space_trees',
    goal: 15,
  },
];
