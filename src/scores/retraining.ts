// What the store keeps of retrainings: the examples that one is trained on, how far it is, and what came of it.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { Cursors, GenerationId, PartitionState } from './score-store.ts';

/** A generation's retraining: the number of the command that asked for it. */
export interface RetrainingId extends GenerationId {
  readonly command: number;
}

/** As it was asked for. */
export interface RetrainingRequest {
  /** JSON text: options of the model. */
  readonly model: string;
  /** Of the newest examples that are stored, so many. */
  readonly examples: number;
  readonly patience: number;
  readonly atUs: number;
}

/** What it is trained on, copied in one snapshot with where the partitions stood. */
export interface StoredExamples {
  readonly count: number;
  /** By partition: examples at or below are among them, or were not kept. */
  readonly start: Cursors;
}

/** A row of the score table that has its label. */
export interface StoredExample {
  /** As they were measured; JSON text. */
  readonly features: string;
  readonly label: string;
  readonly weight: number;
}

export interface RetrainingFigures {
  /** Stored examples that were learned. */
  readonly trained: number;
  /** Later ones that both models were compared on, and their mean losses on them; null: none yet. */
  readonly judged: number;
  readonly loss: number | null;
  readonly servingLoss: number | null;
}

/** Where the partition stands that brings the command. */
export interface Place {
  readonly partition: number;
  readonly state: PartitionState;
}

/** How far the training came; what follows from the copy alone, so that nothing but time is lost with it. */
export interface TrainedState {
  readonly trained: number;
  readonly state: Uint8Array;
}

/** How one ended: written with the batch that ended it; a second time it is the same. */
export interface RetrainingEnd extends RetrainingFigures, Pick<RetrainingRequest, 'model' | 'patience'> {
  readonly command: number;
  readonly state: 'promoted' | 'dropped' | 'cancelled' | 'refused' | 'failed';
  readonly reason: string;
  /** That it became. */
  readonly version: number | null;
  readonly endedAtUs: number;
}

export interface RetrainingStore {
  /**
   * Copies the newest labelled rows of the generation that have not expired, in the order in which they are to be learned: event
   * time (none first), then commit. One transaction; what an earlier attempt has copied for the command is replaced. `stolen`: the
   * partition does not stand there any more, somebody else has it.
   */
  beginRetraining(
    id: RetrainingId,
    definition: SinkDefinition,
    request: RetrainingRequest,
    place: Place,
  ): Promise<StoredExamples | 'stolen'>;
  /** Copied examples after the first `from`, as many as are read at once; none: there are no more, or they are gone. */
  storedExamples(id: RetrainingId, from: number): Promise<readonly StoredExample[]>;
  /** Nothing where that has been saved beyond it; copied examples up to there go. */
  saveTrained(id: RetrainingId, trained: TrainedState): Promise<void>;
  trainedState(id: RetrainingId): Promise<TrainedState | undefined>;
  /** For whoever watches. */
  showRetraining(id: RetrainingId, figures: RetrainingFigures): Promise<void>;
}
