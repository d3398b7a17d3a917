// The models of `npm run bench -- peers`: ours, and the same algorithm of each peer, by the names in bench/river.

import type { ModelOptions } from '../../src/flow/pipeline.ts';

export interface PeerModel {
  readonly name: string;
  readonly options: ModelOptions;
  readonly river?: string;
  /** Arguments of Vowpal Wabbit's command. */
  readonly vw?: string;
  readonly moa?: string;
  /** Uses random numbers: several seeds are measured. */
  readonly randomised?: true;
}

const logistic = (name: string, options: Record<string, unknown>) => ({
  name: `logistic, ${name}`,
  options: { kind: 'logistic', ...options },
});

export const CLASSIFIERS: readonly PeerModel[] = [
  { ...logistic('sgd 0.01', {}), river: 'logistic', vw: '--sgd -l 0.1' },
  { ...logistic('sgd 0.1', { optimizer: { name: 'sgd', lr: 0.1 } }), river: 'logistic_sgd_0.1', vw: '' },
  { ...logistic('adagrad 0.1', { optimizer: { name: 'adagrad' } }), river: 'logistic_adagrad', vw: '--adaptive' },
  { ...logistic('adam 0.01', { optimizer: { name: 'adam', lr: 0.01 } }), river: 'logistic_adam', vw: '--coin' },
  { ...logistic('ftrl', { optimizer: { name: 'ftrl' } }), river: 'logistic_ftrl', vw: '--ftrl' },
  {
    name: 'passive_aggressive, c 0.01',
    options: { kind: 'passive_aggressive', c: 0.01 },
    river: 'passive_aggressive',
  },
  { name: 'naive_bayes', options: { kind: 'naive_bayes' }, river: 'naive_bayes', moa: 'naive_bayes' },
  { name: 'hoeffding_tree', options: { kind: 'hoeffding_tree' }, river: 'hoeffding_tree', moa: 'hoeffding_tree' },
  {
    name: 'hoeffding_adaptive_tree',
    options: { kind: 'hoeffding_adaptive_tree' },
    river: 'hoeffding_adaptive_tree',
    moa: 'hoeffding_adaptive_tree',
    randomised: true,
  },
  {
    name: 'adaptive_forest',
    options: { kind: 'adaptive_forest' },
    river: 'adaptive_forest',
    moa: 'adaptive_forest',
    randomised: true,
  },
  {
    name: 'mondrian_forest',
    options: { kind: 'mondrian_forest' },
    river: 'mondrian_forest',
    randomised: true,
  },
  { name: 'auto', options: { kind: 'auto' } },
];

const linear = (name: string, options: Record<string, unknown>) => ({
  name: `linear, ${name}`,
  options: { kind: 'linear', ...options },
});

export const REGRESSORS: readonly PeerModel[] = [
  { ...linear('sgd 0.01', {}), river: 'linear', vw: '--sgd -l 0.1' },
  {
    ...linear('adagrad 1', { optimizer: { name: 'adagrad', lr: 1 }, intercept_lr: 0.1 }),
    river: 'linear_adagrad_1',
    vw: '',
  },
  { name: 'passive_aggressive', options: { kind: 'passive_aggressive' }, river: 'pa_regressor' },
  {
    name: 'hoeffding_tree',
    options: { kind: 'hoeffding_tree' },
    river: 'scaled_hoeffding_tree_regressor',
    moa: 'hoeffding_tree_regressor',
  },
  {
    name: 'hoeffding_adaptive_tree',
    options: { kind: 'hoeffding_adaptive_tree' },
    river: 'hoeffding_adaptive_tree_regressor',
    randomised: true,
  },
  {
    name: 'adaptive_forest',
    options: { kind: 'adaptive_forest' },
    river: 'adaptive_forest_regressor',
    moa: 'adaptive_forest_regressor',
    randomised: true,
  },
  {
    name: 'mondrian_forest',
    options: { kind: 'mondrian_forest' },
    river: 'mondrian_forest_regressor',
    randomised: true,
  },
  { name: 'auto', options: { kind: 'auto' } },
];
