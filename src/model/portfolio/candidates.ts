// Who runs in `auto`, by task. Chosen by measurement on the datasets of `npm run bench -- portfolio`: a candidate is here where
// without it some dataset is served worse.

import type { LearnedTask } from '../model.ts';

/** How a candidate wants rows; candidates of one group share an encoder. */
export type EncoderGroup = 'vector' | 'columns' | 'categories';

export interface Candidate {
  /** In `millrace.models` and in saved states. */
  readonly name: string;
  /** In the registry, or one of {@link CONSTANTS}. */
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly group: EncoderGroup | undefined;
  /** Of one example, scored and learned, without its encoder: about microseconds, counted and never measured while it runs. */
  readonly cost: number;
  /** Trees know little before they split: not dropped for their loss before this many examples. */
  readonly protectedUntil: number;
  /** What its explanation sums to where the task is binary. */
  readonly raw: 'log_odds' | 'probability';
  /** Loss that it starts with, in units of the least one: what is simpler is believed first. */
  readonly handicap: number;
}

/** Of one example, in the units of {@link Candidate.cost}. */
export const ENCODER_COST: Readonly<Record<EncoderGroup, number>> = { vector: 0.7, columns: 0.5, categories: 1 };

/** The last label, and the mean of all: what a number must be forecast better than. */
export const CONSTANTS: readonly string[] = ['last', 'mean'];

const SLOW_START = 4_096;

const FAST = { protectedUntil: 0, raw: 'log_odds', handicap: 10 } as const;
const TREES = { group: 'columns', protectedUntil: SLOW_START, raw: 'probability', handicap: 10 } as const;

const TREE: Candidate = {
  ...TREES,
  name: 'hoeffding_adaptive_tree',
  kind: 'hoeffding_adaptive_tree',
  options: { grace_period: 50, delta: 0.01, max_bytes: 8_388_608 },
  cost: 2,
};

const FOREST: Candidate = {
  ...TREES,
  name: 'adaptive_forest',
  kind: 'adaptive_forest',
  options: { max_bytes: 16_777_216 },
  cost: 30,
};

/** At its best on few examples: from 2,048 on it stays only where nothing else is affordable, or `budget` says so. */
const MONDRIAN: Candidate = {
  ...TREES,
  name: 'mondrian_forest',
  kind: 'mondrian_forest',
  options: { max_bytes: 4_194_304 },
  protectedUntil: 0,
  cost: 30,
};

const BAYES: Candidate = {
  ...FAST,
  name: 'naive_bayes',
  kind: 'naive_bayes',
  options: {},
  group: 'columns',
  cost: 0.8,
};

/** Numbers with few values say more by value than by size. */
const BAYES_OF_CATEGORIES: Candidate = { ...BAYES, name: 'naive_bayes of categories', group: 'categories' };

function linear(name: string, kind: string, options: Candidate['options']): Candidate {
  return { ...FAST, name, kind, options, group: 'vector', cost: 0.25 };
}

const BINARY: readonly Candidate[] = [
  linear('logistic', 'logistic', {}),
  linear('logistic with adagrad', 'logistic', { optimizer: { name: 'adagrad' } }),
  linear('logistic with adam', 'logistic', { optimizer: { name: 'adam', lr: 0.01 } }),
  linear('passive_aggressive', 'passive_aggressive', { c: 0.01 }),
  BAYES,
  BAYES_OF_CATEGORIES,
  TREE,
  FOREST,
  MONDRIAN,
];

const constant = { ...FAST, options: {}, group: undefined, cost: 0.02, handicap: 0 } as const;

const REGRESSION: readonly Candidate[] = [
  { ...constant, name: 'mean', kind: 'mean' },
  { ...constant, name: 'last', kind: 'last' },
  linear('linear', 'linear', { intercept_lr: 0.1 }),
  linear('linear with adam', 'linear', { optimizer: { name: 'adam', lr: 0.1 }, intercept_lr: 0.1 }),
  TREE,
  FOREST,
];

const MULTICLASS: readonly Candidate[] = [
  linear('softmax', 'softmax', {}),
  linear('softmax with adam', 'softmax', { optimizer: { name: 'adam', lr: 0.01 } }),
  BAYES,
  BAYES_OF_CATEGORIES,
  TREE,
  FOREST,
];

/** In an order of their own; ties go to the first. */
export function candidatesOf(task: LearnedTask): readonly Candidate[] {
  return task === 'binary' ? BINARY : task === 'regression' ? REGRESSION : MULTICLASS;
}
