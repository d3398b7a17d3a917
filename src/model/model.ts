// The contract of a served model: encoder, learner and detector as one, in batches. Records know nothing of weights,
// learners know nothing of columns; this stands between them.

import type { ColumnType, ModelOptions } from '../flow/pipeline.ts';

/** A row's features by name, as JSON.parse gives the record's text: number, string, boolean or null. */
export type FeatureRow = Readonly<Record<string, unknown>>;

export type Task = 'binary' | 'regression' | 'multiclass' | 'anomaly' | 'none';

/** What a learner can learn. */
export type LearnedTask = Exclude<Task, 'none'>;

/** What the model said of one row. Read it by name: `prediction` may be made on reading, and a spread would leave it out. */
export interface Prediction {
  /**
   * P(true) for binary, the value for regression, P(predicted class) for multiclass (0 before the first); for anomaly the share
   * of rows so far that were less strange, 0 to 1 (0 before there are enough); null: no model.
   */
  readonly score: number | null;
  /**
   * `true`/`false` for binary, the value's text for regression, the class for multiclass (null before the first), `anomaly` or
   * `normal` for anomaly; null where there is no model.
   */
  readonly prediction: string | null;
  /** By class its probability, by quantile its value, of an anomaly model `raw`; only of models that say more than one number. */
  readonly outputs?: Readonly<Record<string, number>>;
}

/**
 * How much one feature moved the raw score: the value for regression, P(predicted class) of a tree or forest, log-odds for all
 * others (multiclass: of the predicted class against the runner-up). Contributions and bias sum to it.
 */
export interface Contribution {
  readonly feature: string;
  /** The feature's value as it stood in the row; of a text, one n-gram of it. */
  readonly value: unknown;
  readonly contribution: number;
}

export interface Explanation {
  readonly bias: number;
  readonly contributions: readonly Contribution[];
}

export interface TrainingExample {
  readonly features: FeatureRow;
  /** true/false as 1/0 for binary, the number for regression; not read for multiclass. */
  readonly target: number;
  readonly weight: number;
  /** The label's text: the class, for multiclass. Not read otherwise. */
  readonly label?: string;
  /** What the row was given before its label was known; without it nothing watches the loss. */
  readonly score?: number | null;
  readonly prediction?: string | null;
}

/** Options that the model's user acts on, with their defaults filled in. */
export interface ModelSettings {
  /** Examples from one saved version to the next. */
  readonly saveEvery: number;
  /** Versions that stay stored, beside those that were promoted. */
  readonly keepVersions: number;
  /** Which rows keep an explanation: those that meet `alert_when`, all, none. */
  readonly explain: 'alerts' | 'all' | 'none';
  /** Features that it names, the ones that moved the score most. */
  readonly explainTop: number;
}

/** How wrong a model was of one example. Filled anew by each. */
export interface Judgement {
  /** Binary: (score − target)²; classes: 0 or 1; numbers: the distance. */
  loss: number;
  /** 0 or 1; NaN for numbers. */
  wrong: number;
}

/** What watches over a model noticed. */
export interface DriftAlarm {
  readonly signal: 'loss' | 'score' | 'features';
  /** Of the signal features: which. */
  readonly feature: string | null;
  /** By which it was noticed: the detector's name, `psi`, `missing_rate`, or `challenger` where two models were compared. */
  readonly detector: string;
  /** Mean loss, share of missing values, PSI before (0) and now; of a challenger the mean losses of both. */
  readonly from: number;
  readonly to: number;
  /** What was done: `alarm` is nothing more. */
  readonly action: string;
  /** The model's `examples` then. */
  readonly examples: number;
}

/** A candidate of `auto`. */
export interface RaceEntry {
  readonly candidate: string;
  readonly kind: string;
  /** `serving`: has most to say; `lost`, `over budget`: why it left. */
  readonly state: 'serving' | 'racing' | 'lost' | 'over budget';
  /** That it ran for. */
  readonly examples: number;
  /** Mean of the last thousands (until it left) of the log loss of its calibrated probability, the absolute error, the log loss of classes; null: none yet. */
  readonly loss: number | null;
  /** Its part of a score; they sum to 1. */
  readonly weight: number;
}

/** predictMany and explain never change it; all randomness comes from a seed in its state. */
export interface Model {
  readonly task: Task;
  /** As resolved: never `auto`, but the kind of the candidate that has most to say. */
  readonly kind: string;
  readonly settings: ModelSettings;
  /** Of `auto`: how its candidates do. */
  readonly race?: readonly RaceEntry[] | undefined;
  /** What the owner should know, e.g. of a column that is not used as a feature. */
  readonly notices: readonly string[];
  /** Examples given to `learn` so far, those skipped included; of task anomaly: rows given to `observe`. */
  readonly examples: number;
  /** Of these, the ones that nothing was learned from: target or weight NaN, infinite, beyond 1e100 or (weight) negative; a class beyond `max_classes` or over 200 characters. */
  readonly skipped: number;
  /** Values of features that could not be used (NaN, infinite, beyond 1e100) and counted as missing. */
  readonly unusable: number;
  /**
   * Every row that arrives changes it, labelled or not: each is given to `observe`. Of task anomaly, which learns nothing else,
   * and with `"update": "on_arrival"`.
   */
  readonly learnsArrivals: boolean;
  /** Never changes the model, whatever the rows hold. */
  predictMany(rows: readonly FeatureRow[]): Prediction[];
  /** Never fails: an example that cannot be learned is counted in `skipped`. Of task anomaly it does nothing: labels only measure. */
  learn(example: TrainingExample): void;
  /** As `learn`; `into` says how wrong it was just before. False where nothing was learned. Cheaper than to predict first. */
  judge?(example: TrainingExample, into: Judgement): boolean;
  /** After a drift: the worst of what it is made of is replaced. Only where `mends`. */
  readonly mends?: boolean;
  mend?(): void;
  /** A row as it arrived, after it was scored. Does nothing unless `learnsArrivals`. */
  observe(row: FeatureRow): void;
  /** All contributions, greatest magnitude first, cut to `top`. */
  explain(row: FeatureRow, top: number): Explanation;
  /** What was noticed since it was last asked. Not in what `save` gives: to be taken after each example and row. */
  takeAlarms?(): readonly DriftAlarm[];
  /** Everything `load` needs to go on, bit for bit. */
  save(): Uint8Array;
  readonly bytes: number;
}

export interface ModelRequest {
  readonly options: ModelOptions;
  readonly features: readonly ColumnType[];
  /** Undefined: no label view. A model of task anomaly has either none or a boolean one, which it never learns. */
  readonly label: ColumnType | undefined;
  readonly seed: number;
}

/** What a model is made from; rejects with MODEL_INVALID (a hint says what would be valid). */
export type CreateModel = (request: ModelRequest) => Promise<Model>;
/** Rejects with MODEL_STATE where the bytes are corrupt or newer. */
export type LoadModel = (request: ModelRequest, saved: Uint8Array) => Promise<Model>;
