// All that the sink is composed of, handed in: so that a simulation runs this very composition in memory, on its own clock.

import type { ColumnType, SinkDefinition } from '../flow/pipeline.ts';
import type { CreateModel, LoadModel, Task } from '../model/model.ts';
import type { Clock } from '../runtime/clock.ts';
import type { MetricValue, ScoreStore } from '../scores/score-store.ts';
import type { AlertWhen } from '../scores/scorer.ts';
import type { Log, TopicName } from '../stream/log.ts';

/** An outcome as metrics count it: labels as the model's targets. */
export interface MeasuredOutcome {
  readonly score: number;
  /** Undefined: withdrawn. */
  readonly target: number | undefined;
  /** Its text: the class, for multiclass. */
  readonly label: string | null;
  /** What this one replaces; undefined: nothing. */
  readonly prior: number | undefined;
  readonly priorLabel: string | null;
  /** What the model said beside the score; null and undefined where the score says it all. */
  readonly prediction: string | null;
  readonly outputs: ReadonlyMap<string, number> | undefined;
  /** Value of the feature that quality is measured by; null where there is none. */
  readonly segment: string | null;
  readonly backfill: boolean;
  readonly eventTimeUs: number | null;
}

/** Prequential quality, folded from outcomes in order. */
export interface Metrics {
  fold(outcome: MeasuredOutcome): void;
  values(): readonly Omit<MetricValue, 'modelVersion'>[];
  /** Those over all rows by `period metric`, that a version of the model keeps: neither fading ones nor those of segments. */
  summary(): Readonly<Record<string, number | null>>;
  save(): Uint8Array;
}

export interface MetricsRequest {
  readonly task: Task;
  readonly label: ColumnType | undefined;
  /** The feature that quality is measured by, too. */
  readonly segmentBy?: string | undefined;
}

export interface SinkPorts {
  readonly log: Log;
  readonly store: ScoreStore;
  readonly createModel: CreateModel;
  readonly loadModel: LoadModel;
  /** New, or as `save` gave it. */
  readonly openMetrics: (request: MetricsRequest, saved: Uint8Array | undefined) => Metrics;
  /** A label's text as the model's target; NaN where it is none. */
  readonly targetOf: (task: Task, label: string) => number;
  /** Compiles `alert_when`; undefined where there is none. */
  readonly compileAlert: (definition: SinkDefinition) => Promise<AlertWhen | undefined>;
  readonly clock: Clock;
  /** Uniform in [0, 1): jitter of retries, nothing else. */
  readonly random: () => number;
}

export type SinkState = 'waiting' | 'running' | 'caught up' | 'failed' | 'stopped';

/** What the sink says of a pipeline: at every change of state, and after each batch. */
export interface SinkReport {
  readonly topic: TopicName;
  readonly state: SinkState;
  readonly reason: string | undefined;
  readonly hint: string | undefined;
  readonly lagRecords: number;
  /** Commit time of the last record applied, microseconds since 1970 UTC. */
  readonly appliedUs: number | undefined;
  readonly rowsScored: number;
  readonly examplesLearned: number;
  readonly deadLetters: number;
}
