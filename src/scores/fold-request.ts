// What a batch is folded over, and what comes of it.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { KeyText, StoredRecord } from '../flow/record.ts';
import type { Entry } from './entry.ts';
import type { PendingExamples } from './pending-examples.ts';
import type { PartitionId, PartitionState, ReadResult, WriteSet } from './score-store.ts';
import type { AlertJudge, AlertWhen, Scorer } from './scorer.ts';

/** What a batch leaves for the next one while it is being written: the keys it touched, as they will be stored. */
export interface Overlay {
  readonly entries: ReadonlyMap<KeyText, Entry>;
  /** The batch truncates: of stored rows, only its own count. */
  readonly truncated: boolean;
}

export interface FoldRequest {
  readonly id: PartitionId;
  readonly state: PartitionState;
  /** In force for the whole batch: a record that brings another one must be the batch's first. */
  readonly definition: SinkDefinition;
  /** In order, all above the state's position. */
  readonly records: readonly StoredRecord[];
  readonly nextOffset: number;
  readonly reads: ReadResult;
  /** Of the batch that was being written when `reads` was read. */
  readonly overlay: Overlay | undefined;
  readonly scorer: Scorer;
  /** Examples that wait for a later commit; outlives the batch. */
  readonly pending: PendingExamples;
  readonly alertWhen: AlertWhen | undefined;
  /** In its place, where `alert_when` is a goal. */
  readonly alertJudge?: AlertJudge | undefined;
  readonly nowUs: number;
}

export interface FoldResult {
  readonly writes: Omit<WriteSet, 'versions' | 'drift' | 'retrainings' | 'checkpoint'>;
  readonly overlay: Overlay;
  readonly scored: number;
}
