// The contract of the topic: an append-only log for each pipeline generation, in partitions. Implemented over Kafka and
// over LMDB (embedded) in this folder and in memory by the simulation; all pass test/contract/log.

import type { Position } from '../flow/position.ts';
import type { StoredRecord, StreamRecord } from '../flow/record.ts';

/** `millrace.<group>.<mark>.<pipeline id>.<generation>` */
export interface TopicName {
  readonly group: string;
  /** Of the data folder that writes it (`topicMark`); without one it was made before there were any. */
  readonly mark?: string | undefined;
  readonly pipelineId: number;
  readonly generation: number;
}

/** Whose topics: groups of other warehouses may have the same name, on the same broker. */
export interface TopicOwner {
  readonly group: string;
  readonly mark: string;
  /** Those of its topics that were made before they had a mark. */
  readonly unmarked: readonly Pick<TopicName, 'pipelineId' | 'generation'>[];
}

export interface LogBatch {
  readonly partition: number;
  readonly records: readonly StoredRecord[];
  /** Where to read on: one past the last record. */
  readonly nextOffset: number;
  /** One past the last record that the log had when this was read; `nextOffset` equals it when caught up. */
  readonly endOffset: number;
}

/** First kept offset, and one past the last. Equal where the partition is empty. */
export interface OffsetRange {
  readonly first: number;
  readonly end: number;
}

/** One topic, for one writer. */
export interface TopicWriter {
  readonly partitions: number;
  /**
   * Appends, in order, each record to its partition. Resolves when all are durable (acks=all, fsync). One call at a time.
   * After a rejection the records may or may not be there: ask `tail` before going on.
   */
  publish(records: readonly StreamRecord[]): Promise<void>;
  /** Position of the last record of a partition, read from the log itself. Undefined where it is empty. */
  tail(partition: number): Promise<Position | undefined>;
  /** Drops what every known reader has committed (embedded only; Kafka has retention). */
  trim(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One topic, for one member of its readers. */
export interface TopicReader {
  readonly partitions: number;
  range(partition: number): Promise<OffsetRange>;
  /**
   * Batches from an offset on, in order, waiting (woken, not polling) for more until `signal` aborts. Pulling is the
   * back-pressure. An offset outside the log rejects with OFFSET_OUT_OF_RANGE, also when it falls out while waiting.
   */
  read(partition: number, from: number, signal: AbortSignal): AsyncIterable<LogBatch>;
  /**
   * The partitions that this member is to read, again whenever that changes, until `signal` aborts. Embedded: all, once.
   * Two members may briefly believe they have the same one: the offset row's lock in the warehouse decides.
   */
  assignments(signal: AbortSignal): AsyncIterable<readonly number[]>;
  /** Says that everything below `offset` is in the warehouse: lets an embedded log be trimmed, and shows lag in Kafka. */
  committed(partition: number, offset: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Log {
  /** Creates the topic if it is not there. Rejects with TOPIC_CHANGED if it has another number of partitions. */
  openWriter(topic: TopicName, partitions: number): Promise<TopicWriter>;
  /** Rejects with a retryable error while the topic is not there. */
  openReader(topic: TopicName, options: ReadOptions): Promise<TopicReader>;
  /** Its topics that are there. */
  list(owner: TopicOwner): Promise<readonly TopicName[]>;
  remove(topic: TopicName): Promise<void>;
  /** Afterwards every call rejects; again it does nothing. Close what was opened of it before: writers and readers ask it. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ReadOptions {
  /** Upper bounds of a batch. */
  readonly maxRecords: number;
  readonly maxBytes: number;
}
