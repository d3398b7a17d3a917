// Every kind in the registry runs through the contract with its defaults, for each label that it learns; some with more options.

import { booleanLabel, numberLabel, textLabel } from '../../model/phishing.ts';
import { LEARNERS } from '../../../src/model/kinds/registry.ts';
import type { LearnedTask } from '../../../src/model/model.ts';
import { modelContract, type Subject } from './model-contract.ts';

const LABELS = {
  binary: booleanLabel,
  regression: numberLabel,
  multiclass: textLabel,
  anomaly: undefined,
} as const;
const PRIORS = { binary: 0.5, regression: 0, multiclass: 0, anomaly: 0 } as const;
/** Passive-aggressive learning stops at a margin of 1, or an error of `epsilon`. */
const ENOUGH = { binary: 1 / (1 + Math.exp(-1)) - 1e-9, regression: 1 - 0.1 - 1e-9, multiclass: 1, anomaly: -1 };
/** Kinds whose explanations are of a probability, not of log-odds. */
const HOEFFDING = ['hoeffding_tree', 'hoeffding_adaptive_tree', 'adaptive_forest'];
const OF_PROBABILITY: readonly string[] = [...HOEFFDING, 'mondrian_forest'];
/** Where 64 KiB are not enough. */
const STATE_BYTES: Readonly<Record<string, number>> = {
  hoeffding_tree: 512 * 1024,
  hoeffding_adaptive_tree: 512 * 1024,
  adaptive_forest: 4 * 2 ** 20,
  factorization: 8 * 2 ** 20,
  neural: 512 * 1024,
  mondrian_forest: 20 * 2 ** 20,
  half_space_trees: 160 * 1024,
  tensorflow: 512 * 1024,
  auto: 6 * 2 ** 20,
};
/** Kinds that grow with what they learn, up to `max_bytes`. */
const GROWING = [...OF_PROBABILITY, 'factorization', 'half_space_trees', 'gaussian_scorer', 'auto'];

const FEATURELESS: readonly string[] = ['holt_winters'];

function subjectOf(task: LearnedTask, options: Subject['options'], name = `${options.kind} (${task})`): Subject {
  return {
    name,
    options,
    label: LABELS[task],
    prior: PRIORS[task],
    raw:
      task === 'anomaly'
        ? 'output'
        : task === 'regression'
          ? 'value'
          : OF_PROBABILITY.includes(options.kind)
            ? 'probability'
            : 'log_odds',
    certain: options.kind === 'passive_aggressive' || task === 'anomaly' ? ENOUGH[task] : 0.9,
    stateBytes: STATE_BYTES[options.kind] ?? 64 * 1024,
    grows: GROWING.includes(options.kind),
    featureless: FEATURELESS.includes(options.kind),
  };
}

/** So that the contract's few hundred rows are past the warm-up. */
const ANOMALIES = [
  { kind: 'half_space_trees', window_size: 20 },
  { kind: 'gaussian_scorer', warm_up: 5 },
  { kind: 'gaussian_scorer', warm_up: 5, combine: 'max' },
];

const optimizers = [{ name: 'sgd' }, { name: 'adagrad' }, { name: 'adam', lr: 0.01 }, { name: 'ftrl' }];

const subjects: Subject[] = [
  ...LEARNERS.flatMap((kind) => kind.tasks.map((task) => subjectOf(task, { kind: kind.name }))),
  ...optimizers.map((optimizer) =>
    subjectOf('binary', { kind: 'logistic', optimizer }, `logistic with ${optimizer.name}`),
  ),
  ...optimizers
    .filter(({ name }) => name !== 'ftrl')
    .map((optimizer) => subjectOf('regression', { kind: 'linear', optimizer }, `linear with ${optimizer.name}`)),
  subjectOf(
    'binary',
    { kind: 'logistic', l2: 0.001, encode: { categories: 'hashing', dimensions: 64 } },
    'logistic with l2 and hashing',
  ),
  subjectOf('binary', { kind: 'logistic', encode: { missing: 'ignore' } }, 'logistic without missing dimensions'),
  subjectOf('binary', { kind: 'logistic', encode: { scale: 'min_max' } }, 'logistic with the scale min_max'),
  {
    ...subjectOf('binary', { kind: 'logistic', encode: { scale: 'robust' } }, 'logistic with the scale robust'),
    // The list of values it keeps is thinned out now and then.
    grows: true,
  },
  subjectOf('regression', { kind: 'hoeffding_tree', encode: { scale: 'robust' } }, 'tree with the scale robust'),
  subjectOf(
    'binary',
    { kind: 'logistic', encode: { features: { currency: { as: 'target', max_values: 10 } } } },
    'logistic with a target encoding',
  ),
  subjectOf(
    'regression',
    { kind: 'hoeffding_tree', encode: { features: { currency: { as: 'target' }, night: { as: 'target' } } } },
    'tree with target encodings',
  ),
  {
    ...subjectOf(
      'binary',
      {
        kind: 'logistic',
        encode: {
          features: { currency: { as: 'text', unit: 'characters', n: [1, 3], dimensions: 32, max_length: 20 } },
        },
      },
      'logistic with a text',
    ),
    texts: ['currency'],
  },
  subjectOf(
    'binary',
    { kind: 'logistic', l1: 0.001, class_weights: { true: 5 } },
    'logistic with l1 and class weights',
  ),
  subjectOf(
    'binary',
    { kind: 'logistic', optimizer: { name: 'ftrl', l1: 0.1, order: 'paper' } },
    "logistic with ftrl in the paper's order",
  ),
  subjectOf('regression', { kind: 'linear', l1: 0.001, l2: 0.001 }, 'linear with l1 and l2'),
  subjectOf('binary', { kind: 'logistic', importance: 'invariant' }, 'logistic with invariant weights'),
  subjectOf('regression', { kind: 'linear', importance: 'invariant' }, 'linear with invariant weights'),
  subjectOf(
    'multiclass',
    { kind: 'softmax', l1: 0.001, optimizer: { name: 'adam', lr: 0.01 } },
    'softmax with adam, l1',
  ),
  subjectOf('binary', { kind: 'passive_aggressive', variant: 'pa2', c: 0.1 }, 'passive_aggressive pa2'),
  ...(['binary', 'regression'] as const).flatMap((task) => [
    subjectOf(task, { kind: 'factorization', optimizer: { name: 'sgd' } }, `factorization (${task}) with sgd`),
    subjectOf(
      task,
      { kind: 'factorization', factors: 3, optimizer: { name: 'adam', lr: 0.02 }, l2: 1e-4, l2_factors: 1e-3 },
      `factorization (${task}) with adam and l2`,
    ),
    {
      // Room for 910 dimensions: with the rest nothing is learned.
      ...subjectOf(
        task,
        { kind: 'factorization', max_bytes: 131_072, encode: { categories: 'one_hot', max_values: 10_000 } },
        `factorization (${task}) that fills its memory`,
      ),
      stateBytes: 2 * 2 ** 20,
    },
  ]),
  // Nets that take a step for each example, or many for a few.
  subjectOf('binary', { kind: 'neural', batch: 1, hidden: [5], activation: 'tanh' }, 'neural, one by one'),
  subjectOf(
    'regression',
    { kind: 'neural', batch: 8, epochs: 3, dropout: 0.3, l2: 0.001 },
    'neural with dropout and l2',
  ),
  subjectOf('multiclass', { kind: 'neural', batch: 4, epochs: 3, replay: 50, lr: 0.01 }, 'neural with replay'),
  subjectOf(
    'binary',
    { kind: 'neural', hidden: [], lr: 0.05, class_weights: { true: 3 } },
    'neural without hidden layers',
  ),
  ...(['binary', 'regression', 'multiclass'] as const).flatMap((task) => [
    {
      // Full after some hundred nodes, also where columns and classes come later.
      ...subjectOf(
        task,
        { kind: 'mondrian_forest', max_bytes: 131_072, split_pure: true },
        `mondrian_forest (${task}) that fills its memory`,
      ),
      stateBytes: 200 * 1024,
    },
    subjectOf(
      task,
      { kind: 'mondrian_forest', trees: 3, aggregate: false, losses: 'absolute', distances: 'absolute' },
      `mondrian_forest (${task}) whose leaves speak alone`,
    ),
  ]),
  subjectOf(
    'binary',
    {
      kind: 'tensorflow',
      batch: 10,
      layers: [
        { class: 'Dense', units: 8, activation: 'tanh' },
        { class: 'Dropout', rate: 0.2 },
      ],
    },
    'tensorflow with dropout',
  ),
  // Trees that split at once, and whose parts drift at once.
  ...(['binary', 'regression', 'multiclass'] as const).flatMap((task) =>
    HOEFFDING.map((kind) => {
      const drift = kind === 'hoeffding_tree' ? {} : { drift_delta: 0.9 };
      const window = kind === 'hoeffding_adaptive_tree' ? { drift_window: 5, switch_significance: 0.9 } : {};
      const options = { kind, grace_period: 5, delta: 0.9, tau: 1, max_depth: 6, ...drift, ...window };
      return subjectOf(task, options, `${kind} (${task}) that splits at once`);
    }),
  ),
  subjectOf(
    'regression',
    { kind: 'holt_winters', season: 7, damping: 0.9, horizon: 9, interval: 0.8, beta: null },
    'holt_winters with a season and a horizon',
  ),
  subjectOf(
    'regression',
    { kind: 'holt_winters', season: 4, seasonal: 'multiplicative', horizon: 3 },
    'holt_winters with a season that multiplies',
  ),
  subjectOf('regression', { kind: 'holt_winters', series: 'count', horizon: 4 }, 'holt_winters of many series'),
  subjectOf(
    'regression',
    { kind: 'autoregression', p: 2, q: 2, season: 4, sp: 1, sd: 1, sq: 1, horizon: 3 },
    'autoregression with a season',
  ),
  subjectOf('regression', { kind: 'autoregression', d: 0, method: 'gradient' }, 'autoregression by gradient descent'),
  subjectOf(
    'regression',
    { kind: 'autoregression', d: 0, p: 1, horizon: 2, forgetting: 1 },
    'autoregression that forgets nothing',
  ),
  ...ANOMALIES.map((options) => subjectOf('anomaly', options, `${options.kind} that is soon warm`)),
  ...ANOMALIES.map((options) => ({
    ...subjectOf('anomaly', { ...options, memory: 100 }, `${options.kind} with a memory and a label that measures it`),
    label: booleanLabel,
  })),
  subjectOf('binary', { kind: 'logistic', update: 'on_arrival' }, 'logistic whose scaler learns arrivals'),
  // Something is always noticed, and another model begins beside.
  ...(['adapt', 'challenger'] as const).map((action) => ({
    ...subjectOf(
      'binary',
      { kind: 'naive_bayes', drift: { action, warm_up: 30, detector: { name: 'ddm', warning: 0.1, drift: 0.5 } } },
      `naive_bayes that at a drift does ${action}`,
    ),
    grows: true,
  })),
  subjectOf('binary', { kind: 'auto' }, 'auto for a boolean'),
  subjectOf('regression', { kind: 'auto' }, 'auto for a number'),
  { ...subjectOf('multiclass', { kind: 'auto' }, 'auto for classes'), raw: 'of_its_kind' },
  subjectOf('binary', { kind: 'auto', budget: 50, class_weights: { true: 3 } }, 'auto with a forest and class weights'),
  subjectOf('binary', { kind: 'auto', l2: 0.001 }, 'auto with options of one kind'),
];

for (const subject of subjects) modelContract(subject);
