// Names that mean an aggregate or a window function, in Postgres and here.

import type { AggregateName, RankName } from './view-plan.ts';

const AGGREGATES: Readonly<Record<string, AggregateName>> = {
  count: 'count',
  sum: 'sum',
  avg: 'avg',
  min: 'min',
  max: 'max',
  stddev: 'stddev_samp',
  stddev_samp: 'stddev_samp',
  stddev_pop: 'stddev_pop',
  variance: 'var_samp',
  var_samp: 'var_samp',
  var_pop: 'var_pop',
  bool_and: 'bool_and',
  bool_or: 'bool_or',
  every: 'bool_and',
};

const RANKS: ReadonlySet<string> = new Set<RankName>([
  'row_number',
  'rank',
  'dense_rank',
  'lag',
  'first_value',
  'last_value',
  'nth_value',
]);

/** Aggregates and window functions of Postgres that are known, but not compiled. */
const OTHERS: ReadonlySet<string> = new Set([
  'array_agg',
  'string_agg',
  'json_agg',
  'jsonb_agg',
  'json_object_agg',
  'jsonb_object_agg',
  'bit_and',
  'bit_or',
  'bit_xor',
  'corr',
  'covar_pop',
  'covar_samp',
  'regr_avgx',
  'regr_avgy',
  'regr_count',
  'regr_intercept',
  'regr_r2',
  'regr_slope',
  'regr_sxx',
  'regr_sxy',
  'regr_syy',
  'xmlagg',
  'range_agg',
  'any_value',
]);

export const aggregateNamed = (name: string): AggregateName | undefined =>
  Object.hasOwn(AGGREGATES, name) ? AGGREGATES[name] : undefined;
export const rankNamed = (name: string): RankName | undefined => (RANKS.has(name) ? (name as RankName) : undefined);
export const isAggregateName = (name: string): boolean => Object.hasOwn(AGGREGATES, name) || OTHERS.has(name);
