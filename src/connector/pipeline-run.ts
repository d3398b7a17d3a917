// One pipeline generation at work: its compiled transform, its state, its topic. Transactions go in; numbered records come
// out. It fails alone: whatever it throws stops it and nothing else.

import type { Change, Transaction } from '../flow/change.ts';
import { partitionOf } from '../flow/partition.ts';
import type { PipelineDefinition } from '../flow/pipeline.ts';
import type { Lsn } from '../flow/lsn.ts';
import type { RecordBody } from '../flow/record.ts';
import type { PipelineCheckpoint, StateEntry } from '../state/state-store.ts';
import type { PipelineTransform } from '../transform/pipeline-transform.ts';
import type { PipelinePlan } from '../transform/view-plan.ts';
import { stepOf } from './progress.ts';
import type { Publisher } from './publisher.ts';
import { sinkDefinitionOf } from './sink-definition.ts';

export interface PipelineRunParts {
  readonly checkpoint: PipelineCheckpoint;
  readonly plan: PipelinePlan;
  readonly transform: PipelineTransform;
  readonly publisher: Publisher;
  readonly partitions: number;
}

export class PipelineRun {
  readonly plan: PipelinePlan;
  readonly transform: PipelineTransform;
  readonly publisher: Publisher;
  readonly #partitions: number;
  #checkpoint: PipelineCheckpoint;
  /** Records given out for the commit at hand (in a backfill: since its start). */
  #n = 0;
  /** Driving rows computed, for the rate in status. */
  rows = 0;
  lastCommitTimeUs = 0;

  constructor(parts: PipelineRunParts) {
    this.#checkpoint = parts.checkpoint;
    this.plan = parts.plan;
    this.transform = parts.transform;
    this.publisher = parts.publisher;
    this.#partitions = parts.partitions;
  }

  get id(): number {
    return this.#checkpoint.pipelineId;
  }
  get generation(): number {
    return this.#checkpoint.generation;
  }
  get definition(): PipelineDefinition {
    return this.#checkpoint.definition;
  }
  get phase(): PipelineCheckpoint['phase'] {
    return this.#checkpoint.phase;
  }
  /** The slot may not be acknowledged above this. */
  get endLsn(): Lsn {
    return this.#checkpoint.endLsn;
  }

  /** Not applied yet, and not in the snapshot that it started from. */
  wants(transaction: Pick<Transaction, 'commitLsn'>): boolean {
    const { phase, commitLsn, snapshotLsn } = this.#checkpoint;
    return phase === 'live' && transaction.commitLsn > commitLsn && transaction.commitLsn >= snapshotLsn;
  }

  /** In the snapshot that it started from: of such a commit only a changed definition is still to be told. */
  hasInSnapshot(transaction: Pick<Transaction, 'commitLsn'>): boolean {
    const { phase, snapshotLsn } = this.#checkpoint;
    return phase === 'live' && transaction.commitLsn < snapshotLsn;
  }

  /** The next record is the first of its commit. */
  restartNumbers(): void {
    this.#n = 0;
  }

  begin(transaction: Transaction): void {
    this.restartNumbers();
    this.transform.begin(transaction.commitTimeUs);
  }

  apply(change: Change): void {
    this.transform.apply(change);
  }

  /** Computes what the transaction touched and queues its records, waiting where the queue is full. */
  async finish(transaction: Transaction, maxBuffered: number): Promise<void> {
    const at = { lsn: transaction.commitLsn, commitTimeUs: transaction.commitTimeUs };
    const emissions = this.transform.finish();
    this.progress(at, 'live', this.transform.clockUs);
    for (const body of emissions) {
      this.emit(body, at);
      if (body.kind === 'features') this.rows += 1;
      if (this.publisher.backlog > maxBuffered) await this.publisher.room(maxBuffered);
    }
    this.#checkpoint = { ...this.#checkpoint, commitLsn: transaction.commitLsn, endLsn: transaction.endLsn };
    this.lastCommitTimeUs = transaction.commitTimeUs;
  }

  /** Gives a record its number and partition; records for every partition share a number. */
  emit(body: RecordBody, at: { readonly lsn: Lsn; readonly commitTimeUs: number }): void {
    const position = { lsn: at.lsn, n: this.#n };
    this.#n += 1;
    if (body.kind === 'progress' || body.kind === 'truncate') {
      for (let partition = 0; partition < this.#partitions; partition++) {
        this.publisher.add({ position, partition, commitTimeUs: at.commitTimeUs, body });
      }
      return;
    }
    const partition = body.key === null ? 0 : partitionOf(body.key, this.#partitions);
    this.publisher.add({ position, partition, commitTimeUs: at.commitTimeUs, body });
  }

  /** A progress record, if the clock has opened a new step. */
  progress(
    at: { readonly lsn: Lsn; readonly commitTimeUs: number },
    phase: 'backfill' | 'live',
    clockUs: number,
  ): void {
    const step = stepOf(clockUs, this.definition.labelWaitUs);
    if (!(step > this.#checkpoint.progressStep)) return;
    this.#checkpoint = { ...this.#checkpoint, progressStep: step, clockUs };
    this.emit({ kind: 'progress', clockUs, phase, definition: undefined }, at);
  }

  /** Tells the sink of the definition: first of all in a generation, and in the transaction that changed it. */
  announce(
    definition: PipelineDefinition,
    at: { readonly lsn: Lsn; readonly commitTimeUs: number },
    phase: 'backfill' | 'live',
  ): void {
    this.#checkpoint = { ...this.#checkpoint, definition };
    const { clockUs } = this.#checkpoint;
    this.emit({ kind: 'progress', clockUs, phase, definition: sinkDefinitionOf(definition, this.plan) }, at);
  }

  move(
    change: Partial<
      Pick<PipelineCheckpoint, 'phase' | 'reason' | 'snapshotLsn' | 'commitLsn' | 'endLsn' | 'definition'>
    >,
  ): void {
    this.#checkpoint = { ...this.#checkpoint, ...change };
  }

  get reason(): string | undefined {
    return this.#checkpoint.reason;
  }

  /** What must be saved, as of the last transaction applied. Its records must be durable before it is. */
  take(): { checkpoint: PipelineCheckpoint; entries: StateEntry[] } {
    const tails = this.publisher.lastAdded;
    return { checkpoint: { ...this.#checkpoint, tails }, entries: [...this.transform.takeDirty()] };
  }
}
