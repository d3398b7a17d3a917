// What quality is measured on, and what comes out.

export type MeasuredTask = 'binary' | 'regression' | 'multiclass';

/** A label met the score that its row had before the label was known; or such an outcome changed or went. */
export interface Outcome {
  readonly score: number;
  /** 1/0 for binary, the number for regression. Undefined: the outcome with the target `prior` is withdrawn. */
  readonly target: number | undefined;
  /** The target of the earlier outcome with this score, which this one replaces; undefined: there is none. */
  readonly prior: number | undefined;
  /** Of multiclass, in place of the two: the classes' texts; null or left out: none. */
  readonly label?: string | null;
  readonly priorLabel?: string | null;
  /** Of multiclass: the class that was said; null or left out: none, which is never right. */
  readonly prediction?: string | null;
  /** What the model said beside the score: by class its probability, by quantile (a number in (0, 1)) its value. */
  readonly outputs?: ReadonlyMap<string, number> | undefined;
}

/** By class: `f1:` and the class's text; by horizon: `mae:` and `coverage:` and how many steps ahead. */
export type MetricName =
  | 'log_loss'
  | 'roc_auc'
  | 'accuracy'
  | 'f1'
  | 'f1_weighted'
  | `f1:${string}`
  | 'pr_auc'
  | 'balanced_accuracy'
  | 'kappa'
  | 'kappa_temporal'
  | 'brier'
  | 'ece'
  | 'mae'
  | 'rmse'
  | 'r2'
  | 'smape'
  | 'pinball'
  | 'coverage'
  | `mae:${number}`
  | `coverage:${number}`;

/** Of forecasts at a horizon: how many steps ahead; undefined of all others. */
export function horizonOf(metric: string): number | undefined {
  const horizon = /^(?:mae|coverage):(\d+)$/.exec(metric)?.[1];
  return horizon === undefined ? undefined : Number(horizon);
}

/**
 * What is compared with. The best constant answer (base_rate, majority_class, always_true, always_this_class,
 * mean, quantile), known only afterwards, so never easier to beat than a running one; no_change, the label of the
 * outcome before, or the last value of its series that was known when the row was scored; seasonal, the one a season
 * before; chance; or what was promised.
 */
export type BaselineKind =
  | 'base_rate'
  | 'random'
  | 'majority_class'
  | 'always_true'
  | 'always_this_class'
  | 'no_change'
  | 'mean'
  | 'seasonal'
  | 'running_mean'
  | 'quantile'
  | 'running_quantile'
  | 'nominal';

export interface MetricValue {
  readonly metric: MetricName;
  /** Null where it is not defined, e.g. ROC AUC of one class. */
  readonly value: number | null;
  readonly baseline: number | null;
  /** Null where nothing is compared with. */
  readonly baselineKind: BaselineKind | null;
  /** Outcomes that it is measured on. */
  readonly examples: number;
}

/** A figure that a trivial answer would have had. */
export interface Baseline {
  readonly value: number | null;
  readonly kind: BaselineKind;
}

/** The first unless the second is better: what is compared with must not be the easier of two. */
export function stronger(first: Baseline, second: Baseline, better: 'higher' | 'lower'): Baseline {
  if (second.value === null) return first;
  if (first.value === null) return second;
  return (better === 'higher' ? second.value > first.value : second.value < first.value) ? second : first;
}

/** Of several; the first of those that are as strong. */
export function strongest(baselines: readonly [Baseline, ...Baseline[]], better: 'higher' | 'lower'): Baseline {
  return baselines.reduce((best, baseline) => stronger(best, baseline, better));
}
