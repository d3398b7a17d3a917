// What the fold needs of a model and its metrics. The sink puts it together from the stages model/ and scores/; nothing here
// waits, since a batch is folded in one go.

import type { Position } from '../flow/position.ts';
import type { Example, Outcome } from './score-store.ts';

/** A row's features by name, as JSON.parse gives the record's text. */
export type FeatureRow = Readonly<Record<string, unknown>>;

export interface Scored {
  readonly score: number | null;
  readonly prediction: string | null;
  /** JSON text: by class, quantile or horizon its number; null where the score says it all. */
  readonly outputs: string | null;
}

export interface Scorer {
  /** False where the pipeline has no model: scores are null, and there is neither example nor outcome. */
  readonly scores: boolean;
  /** Learns from labels: false where they only measure. */
  readonly learnsLabels: boolean;
  /** Wants each row as it arrives, after it was scored: an example without a label. */
  readonly learnsArrivals: boolean;
  /** Which rows keep an explanation: those that meet `alert_when`, all, none. */
  readonly explains: 'alerts' | 'all' | 'none';
  /** The feature that quality is measured by, if any. */
  readonly segmentBy: string | undefined;
  /** The last version that was saved: what a score names. */
  readonly version: number;
  predict(rows: readonly FeatureRow[]): readonly Scored[];
  /** JSON text of the greatest contributions. */
  explain(row: FeatureRow): string;
  /** Whether a label's text is a truth that can be learned (`NaN` for a number is not). */
  accepts(label: string): boolean;
  /** Learns; an example that the saved state already has is left out. */
  learn(partition: number, example: Example, features: FeatureRow | undefined): void;
  /** Counts an outcome into the metrics; one that the saved metrics already have is left out. */
  count(partition: number, outcome: Outcome): void;
}

/** `alert_when`, compiled. Null where it is NULL. */
export type AlertWhen = (score: number | null, prediction: string | null, features: FeatureRow) => boolean | null;

/** A row as a goal judges it. */
export interface GoalRow {
  readonly score: number | null;
  readonly eventTimeUs: number | null;
  readonly commitTimeUs: number;
  /** It has an alert. */
  readonly open: boolean;
  /** Not of the backfill, which raises none. */
  readonly live: boolean;
}

/** `alert_when` as a goal: what decides moves with rows and outcomes. Every row is judged once, in order. */
export interface AlertJudge {
  /** Outcomes of earlier commits are to count before a record at `position` is judged. */
  waits(position: Position): boolean;
  countBefore(position: Position): void;
  meets(row: GoalRow): boolean;
  /** What the partition must store of it; undefined: nothing. */
  save(): Uint8Array | undefined;
}
