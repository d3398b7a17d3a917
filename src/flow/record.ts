// What flows from connector to sink. One topic a pipeline and generation; a key's records stay in one partition, in order.

import type { SinkDefinition } from './pipeline.ts';
import type { Position } from './position.ts';

/**
 * A row's key as opaque text: a JSON array of its columns' Postgres texts, e.g. `["17"]` or `["berlin","2026-01-31"]`.
 * Two keys are the same row exactly when these texts are the same.
 */
export type KeyText = string;

/** What the transform says about one key, before it has a position and a partition. */
export type Emission = FeaturesEmission | DeleteEmission | LabelEmission | DeadLetterEmission | TruncateEmission;

export interface FeaturesEmission {
  readonly kind: 'features';
  readonly key: KeyText;
  /** The event time column as Postgres prints it, null where NULL or where the pipeline has none. */
  readonly eventTime: string | null;
  /** The same in microseconds since 1970 UTC (a timestamp without zone is read in the pipeline's TimeZone). */
  readonly eventTimeUs: number | null;
  /** A JSON object of the view's feature columns, as `to_json` prints them; made once and carried verbatim. */
  readonly features: string;
  /** Computed from what is still kept, since its frame reaches below what has expired. */
  readonly late: boolean;
}

/** The row is gone, or its own change took it out of the view. */
export interface DeleteEmission {
  readonly kind: 'delete';
  readonly key: KeyText;
}

/** The label view's row for a key appeared, changed, or went (`label` undefined: withdrawn). */
export interface LabelEmission {
  readonly kind: 'label';
  readonly key: KeyText;
  /** Postgres's cast to text (`true`, `12.50`); null where the label view gives NULL; undefined when withdrawn. */
  readonly label: string | null | undefined;
  readonly labelAtUs: number | null;
  /** Importance of the example; 1 unless the label view has a column `weight`. */
  readonly weight: number;
}

/** A row that could not be computed. It removes the key's score. */
export interface DeadLetterEmission {
  readonly kind: 'dead_letter';
  /** Null where the key itself could not be computed; such a record goes to partition 0. */
  readonly key: KeyText | null;
  readonly table: string;
  /** A JSON object of the row's columns. */
  readonly row: string;
  readonly code: string;
  readonly message: string;
}

/** The driving table was truncated. Goes to every partition. */
export interface TruncateEmission {
  readonly kind: 'truncate';
}

/** The clock opened a new step, or the definition changed. Goes to every partition. */
export interface ProgressEmission {
  readonly kind: 'progress';
  /** The pipeline's clock, microseconds since 1970 UTC. */
  readonly clockUs: number;
  /** `backfill` until the first record of the stream; decides the period that quality is counted in. */
  readonly phase: 'backfill' | 'live';
  /** In the first record of a generation, and whenever it changed. */
  readonly definition: SinkDefinition | undefined;
}

export type RecordBody = Emission | ProgressEmission;
export type RecordKind = RecordBody['kind'];

/** A record as it is published: its body, where it stands, where it goes. */
export interface StreamRecord {
  readonly position: Position;
  readonly partition: number;
  /** Commit time of its transaction, microseconds since 1970 UTC; in a backfill the snapshot's time. */
  readonly commitTimeUs: number;
  readonly body: RecordBody;
}

/** A record as it is read back. Offsets are below 2^53. */
export interface StoredRecord extends StreamRecord {
  readonly offset: number;
}
