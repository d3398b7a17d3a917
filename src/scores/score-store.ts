// The contract of the warehouse as the sink's memory: score rows, labels, offsets, examples, outcomes, model versions. It
// stores what it is given and knows no rule; the rules are in fold.ts, above it. Implemented over Postgres in this folder and in
// memory by the simulation; both pass test/contract/scores.

import type { ModelOptions, SinkDefinition } from '../flow/pipeline.ts';
import type { Position } from '../flow/position.ts';
import type { KeyText } from '../flow/record.ts';
import type { Expired, ExpiryRange } from './expiry.ts';
import type { RetrainingEnd, RetrainingStore } from './retraining.ts';

/** One generation of a pipeline: what everything but the score table is keyed by. */
export interface GenerationId {
  readonly pipelineId: number;
  readonly generation: number;
}

export interface PartitionId extends GenerationId {
  readonly partition: number;
}

/** Where a partition stands: its row in `_offsets`. Changed only by {@link ScoreStore.write}. */
export interface PartitionState {
  /** Offset of the next record to be read. */
  readonly nextOffset: number;
  /** Position of the last record applied; undefined before the first. Records not above it are dropped. */
  readonly position: Position | undefined;
  /** Position of the last record scored: what had to be learned before it, is. */
  readonly scored: Position | undefined;
  /** As the topic's records gave it; undefined before the first. */
  readonly definition: SinkDefinition | undefined;
  /** Clock of the last progress record, microseconds since 1970 UTC. */
  readonly clockUs: number | undefined;
  readonly phase: 'backfill' | 'live';
  /**
   * Rows with an event time at or below have been asked for their default label, except those in `_due`. Undefined: none
   * was asked yet, or there is no default.
   */
  readonly dueThroughUs: number | undefined;
  /** Rows that have left the table, whether or not they are deleted yet; undefined: none. */
  readonly expired: Expired | undefined;
  /** Of `alert_when` as a number of alerts a day: what is judged by. */
  readonly alerting?: Uint8Array;
}

/** A row of the score table. Times are microseconds since 1970 UTC; ±infinity beyond the year 292277. */
export interface ScoreRow {
  readonly key: KeyText;
  readonly score: number | null;
  readonly prediction: string | null;
  /** JSON text: by class, quantile or horizon its number; null where the score says it all. */
  readonly outputs: string | null;
  /** JSON text, or null. */
  readonly explanation: string | null;
  readonly modelVersion: number | null;
  /** As the record has it: printed by Postgres. Written, not read back (null then): {@link eventTimeUs} is what is compared. */
  readonly eventTime: string | null;
  readonly eventTimeUs: number | null;
  readonly scoredAtUs: number;
  /** JSON text, verbatim. */
  readonly features: string;
  readonly label: string | null;
  readonly labelledAtUs: number | null;
  /** Of the first time that row and label met; they stay when the label goes, since a later one is measured on the same. */
  readonly measuredScore: number | null;
  readonly measuredFeatures: string | null;
  /** {@link Answer} behind the measured score, where the row was scored again or went and came back since; JSON text. */
  readonly measuredAnswer: string | null;
  /** Commit LSN of the record that gave the measured score; null until row and label have met. */
  readonly measuredLsn: bigint | null;
  readonly late: boolean;
  /** Of the record that gave features and score. */
  readonly position: Position;
}

/** What is read of a row that may be due: it has no label, and what a label does not look at or change stays where it is. */
export type DueRow = Pick<
  ScoreRow,
  | 'key'
  | 'score'
  | 'prediction'
  | 'outputs'
  | 'modelVersion'
  | 'eventTimeUs'
  | 'features'
  | 'measuredScore'
  | 'measuredFeatures'
  | 'measuredAnswer'
  | 'measuredLsn'
  | 'position'
>;

/** A key's label as the label view has it: a row of `_labels`. */
export interface LabelEntry {
  readonly key: KeyText;
  readonly label: string;
  readonly labelAtUs: number | null;
  readonly weight: number;
  /** What the label was measured on, kept so that a row that goes and comes back is not counted twice. */
  readonly measuredScore: number | null;
  readonly measuredAnswer: string | null;
  readonly measuredLsn: bigint | null;
}

/** What quality is measured on beside the score. */
export interface Answer {
  readonly prediction: string | null;
  /** By class, quantile or horizon its number; null: none. */
  readonly outputs: Readonly<Record<string, number>> | null;
  /** Text of the feature that quality is measured by; null: none. */
  readonly segment: string | null;
}

/** Where an example or outcome stands: its record, and its number among those of that record. */
export interface ItemPosition extends Position {
  readonly i: number;
}

/** Features and label, to be learned in the order of their positions. */
export interface Example {
  readonly at: ItemPosition;
  readonly features: string;
  /** Null: a row as it arrived. */
  readonly label: string | null;
  readonly weight: number;
  /** What the row was given before its label came; null of a row as it arrived, and where nothing scored it. */
  readonly score: number | null;
  /** Likewise, where the score does not say it: of a model that says more than one number; null else. */
  readonly prediction: string | null;
}

/** What watches over a model noticed: a row of the view `millrace.drift`. */
export interface Drift {
  readonly partition: number;
  /** Of the example by which it was noticed. */
  readonly at: ItemPosition;
  readonly signal: 'loss' | 'score' | 'features';
  /** Null: not of a feature. */
  readonly feature: string | null;
  readonly detector: string;
  readonly from: number;
  readonly to: number;
  readonly action: string;
  readonly examples: number;
  /** In force then. */
  readonly modelVersion: number;
  readonly noticedAtUs: number;
}

/** A label was measured, changed or withdrawn: what metrics are folded from. */
export interface Outcome {
  readonly at: ItemPosition;
  /** The score that was given before the label was known. */
  readonly score: number;
  /** {@link Answer} that went with it, JSON text; null where there is neither output nor segment. */
  readonly answer: string | null;
  /** Null: withdrawn. */
  readonly label: string | null;
  /** The label that this outcome replaces; null where it is the first. */
  readonly prior: string | null;
  /** The score was given in the backfill, to today's version of the row. */
  readonly backfill: boolean;
  readonly modelVersion: number | null;
  readonly eventTimeUs: number | null;
}

/** A row that met `alert_when`. */
export interface Alert {
  readonly key: KeyText;
  readonly position: Position;
  readonly score: number | null;
  readonly prediction: string | null;
  readonly modelVersion: number | null;
  readonly eventTimeUs: number | null;
  readonly alertedAtUs: number;
}

export interface DeadLetter {
  /** Null where the key itself could not be computed. */
  readonly key: KeyText | null;
  readonly position: Position;
  readonly table: string;
  /** JSON text. */
  readonly row: string;
  readonly code: string;
  readonly message: string;
  readonly commitTimeUs: number;
}

/** The part of a score row that a label changes, where features and score stay. */
export type RowLabel = Pick<ScoreRow, 'key' | 'label' | 'labelledAtUs' | 'measuredScore' | 'measuredLsn'>;

/** Where learning stands in each partition; undefined: at its beginning. */
export type Cursors = readonly (ItemPosition | undefined)[];

/** What the learner needs to go on. */
export interface LearnerCheckpoint {
  /** Counts checkpoints: a save that does not follow the one it started from is refused. */
  readonly serial: number;
  /** The last version that was saved. */
  readonly version: number;
  readonly kind: string;
  readonly examples: number;
  readonly state: Uint8Array;
  /** Examples at or below are in `state`. */
  readonly cursors: Cursors;
  readonly metrics: Uint8Array;
  /** Outcomes at or below are in `metrics`. */
  readonly metricCursors: Cursors;
}

/** A model as it can be promoted or rolled back to. */
export interface ModelVersion {
  readonly version: number;
  readonly kind: string;
  readonly examples: number;
  readonly state: Uint8Array;
  readonly cursors: Cursors;
  /** JSON text: metric name → value, as it stood. */
  readonly metrics: string;
  /** Why it was made: `created`, `5000 examples`, `options changed`, `version 7 promoted`, `drift: loss`, `retrained: …`. */
  readonly reason: string;
  /** JSON text: how the candidates of `auto` did; null: of other kinds. */
  readonly race: string | null;
  /** Versions that stay stored; older ones go, but those that were promoted. */
  readonly keep: number;
  /** The saved version that it goes on from; null: it learned from the one before. */
  readonly promoted: number | null;
  readonly options: VersionOptions;
  readonly savedAtUs: number;
}

/** Options of the model that a version is of. */
export interface VersionOptions {
  readonly model: ModelOptions;
  /** Those of the pipeline, which a retraining has put others in the place of; null: they are the model's. */
  readonly asked: ModelOptions | null;
}

/** A version as it is loaded. */
export interface StoredVersion {
  readonly state: Uint8Array;
  /** Undefined: it was saved before they were. */
  readonly options: VersionOptions | undefined;
}

/** A row of the view `millrace.metrics`. */
export interface MetricValue {
  readonly period: 'all' | 'recent' | 'fading' | 'backfill';
  readonly segment: string;
  readonly metric: string;
  readonly value: number | null;
  readonly baseline: number | null;
  readonly baselineKind: string | null;
  readonly examples: number;
  readonly modelVersion: number | null;
  readonly fromUs: number | null;
  readonly toUs: number | null;
}

/** All that one batch changes. Each key stands in at most one of `inserts`, `upserts`, `labelled` and `deletes`. */
export interface WriteSet {
  /** What the offset row must still hold. */
  readonly expected: PartitionState;
  readonly next: PartitionState;
  /** Before all else: every row, alert and dead letter of the partition goes. */
  readonly truncate: boolean;
  /** Rows that an older generation left in the score table go: this one has caught up. */
  readonly supersede: boolean;
  /** Rows of keys that had none when it was read. One that is there all the same (an older generation's) is replaced. */
  readonly inserts: readonly ScoreRow[];
  readonly upserts: readonly ScoreRow[];
  readonly labelled: readonly RowLabel[];
  readonly deletes: readonly KeyText[];
  readonly labels: readonly LabelEntry[];
  readonly labelDeletes: readonly KeyText[];
  /** Before `dueAdds`: all of the partition's. */
  readonly dueClear: boolean;
  readonly dueDeletes: readonly KeyText[];
  readonly dueAdds: readonly { readonly key: KeyText; readonly eventTimeUs: number }[];
  readonly examples: readonly Example[];
  readonly outcomes: readonly Outcome[];
  /** Keys whose dead letters go, before `deadLetters` come. */
  readonly deadLetterClears: readonly KeyText[];
  readonly deadLetters: readonly DeadLetter[];
  readonly alertCloses: readonly KeyText[];
  readonly alerts: readonly Alert[];
  readonly versions: readonly ModelVersion[];
  /** One that is there already, by the same example, signal, feature and detector, stays as it is. */
  readonly drift: readonly Drift[];
  readonly retrainings: readonly RetrainingEnd[];
  readonly checkpoint: LearnerCheckpoint | undefined;
}

export interface ReadRequest {
  /** Keys that the batch names, each once. */
  readonly keys: readonly KeyText[];
  /** Also rows without a label whose event time is in (from, through], and those in `_due` up to `through`. */
  readonly due: { readonly fromUs: number | undefined; readonly throughUs: number } | undefined;
}

export interface ReadResult {
  readonly rows: ReadonlyMap<KeyText, ScoreRow>;
  readonly labels: ReadonlyMap<KeyText, LabelEntry>;
  /** Keys with an open alert, and keys with a dead letter, among those asked for. */
  readonly alerts: ReadonlySet<KeyText>;
  readonly deadLetters: ReadonlySet<KeyText>;
  /** In any order; not in `rows` unless also asked for by key. */
  readonly due: readonly DueRow[];
  /** Keys of `due` that stand in `_due`. */
  readonly dueListed: ReadonlySet<KeyText>;
}

/** Written, or the offset row (or the learner's checkpoint) is not what was read: somebody else has the partition. */
export type WriteResult = 'written' | 'stolen';

export interface OutcomesAfter {
  readonly partition: number;
  readonly outcomes: readonly Outcome[];
}

export interface ExamplesAfter {
  readonly partition: number;
  readonly examples: readonly Example[];
}

export interface LearnerLease {
  /** Aborts when the lock is lost (a session that ended); its reason is the error. */
  readonly lost: AbortSignal;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ScoreStore extends RetrainingStore {
  /** The learner's lock of a generation, waited for until `signal` aborts (then undefined). `waiting` is called once if it is not free. */
  lease(id: GenerationId, waiting: () => void, signal: AbortSignal): Promise<LearnerLease | undefined>;
  /** The partition's state; where there is none, one that starts at `firstOffset` is stored first. */
  open(id: PartitionId, firstOffset: number): Promise<PartitionState>;
  read(id: PartitionId, definition: SinkDefinition, request: ReadRequest): Promise<ReadResult>;
  /** One transaction, or nothing. A rejection leaves open whether it was committed: `write` again with the same set is safe. */
  write(id: PartitionId, definition: SinkDefinition, writes: WriteSet): Promise<WriteResult>;
  /** Deletes the oldest rows of the range that the partition's generation has, at most `limit`, with their alerts; gives their number. */
  expire(id: PartitionId, definition: SinkDefinition, range: ExpiryRange, limit: number): Promise<number>;
  checkpoint(id: GenerationId): Promise<LearnerCheckpoint | undefined>;
  /** A saved version; undefined where there is none, or none any more. */
  version(id: GenerationId, version: number): Promise<StoredVersion | undefined>;
  /** Stored examples above the cursors, partition by partition, in order. */
  examplesAfter(id: GenerationId, cursors: Cursors): AsyncIterable<ExamplesAfter>;
  outcomesAfter(id: GenerationId, cursors: Cursors): AsyncIterable<OutcomesAfter>;
  /** Saves the learner between batches (when draining). */
  saveCheckpoint(id: GenerationId, checkpoint: LearnerCheckpoint): Promise<WriteResult>;
  /** Replaces the current values, and those of the hour that `atUs` is in. */
  writeMetrics(id: GenerationId, values: readonly MetricValue[], atUs: number): Promise<void>;
  /** Every trace of a generation but its score rows. */
  remove(id: GenerationId): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
