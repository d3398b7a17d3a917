// What quality is measured on, and what comes out.

/** A label met the score that its row had before the label was known; or such an outcome changed or went. */
export interface Outcome {
  readonly score: number;
  /** 1/0 for binary, the number for regression. Undefined: the outcome with the target `prior` is withdrawn. */
  readonly target: number | undefined;
  /** The target of the earlier outcome with this score, which this one replaces; undefined: there is none. */
  readonly prior: number | undefined;
}

export type MetricName =
  | 'log_loss'
  | 'roc_auc'
  | 'accuracy'
  | 'f1'
  | 'pr_auc'
  | 'balanced_accuracy'
  | 'kappa'
  | 'brier'
  | 'mae'
  | 'rmse'
  | 'r2'
  | 'smape';

/** What is compared with: the best constant answer, known only afterwards, so never easier to beat than a running one. */
export type BaselineKind = 'base_rate' | 'random' | 'majority_class' | 'always_true' | 'mean' | 'running_mean';

export interface MetricValue {
  readonly metric: MetricName;
  /** Null where it is not defined, e.g. ROC AUC of one class. */
  readonly value: number | null;
  readonly baseline: number | null;
  readonly baselineKind: BaselineKind;
  /** Outcomes that it is measured on. */
  readonly examples: number;
}
