// Publishing to Kafka: acks=all, idempotent, one request in flight.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Position } from '../flow/position.ts';
import type { StreamRecord } from '../flow/record.ts';
import { isRetryable } from '../runtime/errors.ts';
import { byPartition } from './by-partition.ts';
import { brokerAnswered, type KafkaConnection } from './kafka-connection.ts';
import { fetchRecords, type Fetched } from './kafka-fetch.ts';
import { KAFKA_ERRORS, produceExchange, type ProduceEntry } from './kafka-protocol.ts';
import type { OffsetRange, TopicWriter } from './log.ts';
import { RecordBatchEncoder } from './record-batch.ts';

/** Below Kafka's default `max.message.bytes` (1 MiB), since a topic may have been made by hand. */
const BATCH_BYTES = 960 * 1024;
/** The broker gives up waiting for its replicas after this; less than a request's timeout, so that its answer is heard. */
const PRODUCE_TIMEOUT_MS = 20_000;
/** The same bytes are sent again this often before the caller hears of it; the broker drops what it has already. */
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;
const TAIL_FETCH_BYTES = 64 * 1024;
const TAIL_WAIT_MS = 0;

interface Producer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Number of the next record of each partition. */
  readonly sequences: number[];
}

export interface KafkaWriterOptions {
  readonly connection: KafkaConnection;
  readonly partitions: number;
  readonly generation: number;
  range(partition: number): Promise<OffsetRange>;
}

export class KafkaWriter implements TopicWriter {
  readonly partitions: number;
  readonly #connection: KafkaConnection;
  readonly #generation: number;
  readonly #range: (partition: number) => Promise<OffsetRange>;
  readonly #encoder = new RecordBatchEncoder();
  #producer: Producer | undefined;
  #publishing = false;

  constructor(options: KafkaWriterOptions) {
    this.partitions = options.partitions;
    this.#connection = options.connection;
    this.#generation = options.generation;
    this.#range = options.range;
  }

  async publish(records: readonly StreamRecord[]): Promise<void> {
    assert(!this.#publishing, 'one publish at a time');
    if (records.length === 0) return;
    this.#publishing = true;
    try {
      const parts = [...byPartition(records, this.partitions)].map(([partition, own]) => ({ partition, own, from: 0 }));
      while (parts.some(({ own, from }) => from < own.length)) await this.#round(parts);
    } catch (error) {
      // What was sent last may still arrive. Numbers of a new producer make sure that what comes next is not taken for it;
      // should both arrive, readers drop what is not above the last position.
      this.#producer = undefined;
      throw error;
    } finally {
      this.#publishing = false;
    }
  }

  /** One batch of each partition that has records left, sent and acknowledged. */
  async #round(parts: { partition: number; own: readonly StreamRecord[]; from: number }[]): Promise<void> {
    const producer = (this.#producer ??= await this.#newProducer());
    const entries = new Map<number, ProduceEntry>();
    for (const part of parts) {
      if (part.from === part.own.length) continue;
      const { bytes, count } = this.#encoder.encode(part.own, part.from, BATCH_BYTES, {
        generation: this.#generation,
        timestampMs: Date.now(),
        producerId: producer.producerId,
        producerEpoch: producer.producerEpoch,
        baseSequence: producer.sequences[part.partition]!,
      });
      entries.set(part.partition, { partition: part.partition, batch: bytes });
      part.from += count;
      producer.sequences[part.partition] = nextSequence(producer.sequences[part.partition]!, count);
    }
    await this.#retry(() => this.#send(entries));
  }

  async #retry<T>(action: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (attempt === ATTEMPTS || !isRetryable(error)) throw error;
        await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
        await this.#connection.refresh();
      }
    }
  }

  /** Sends to one leader after the other, and takes out of `entries` what is acknowledged. */
  async #send(entries: Map<number, ProduceEntry>): Promise<void> {
    const { topic } = this.#connection;
    const byLeader = new Map<number, ProduceEntry[]>();
    for (const entry of entries.values()) {
      const { nodeId } = await this.#connection.guard(() => this.#connection.leader(entry.partition));
      const own = byLeader.get(nodeId);
      if (own) own.push(entry);
      else byLeader.set(nodeId, [entry]);
    }
    let failed: [partition: number, code: number] | undefined;
    for (const own of byLeader.values()) {
      const exchange = produceExchange(topic, own, PRODUCE_TIMEOUT_MS);
      const errors = await this.#connection.exchange(own[0]!.partition, exchange);
      for (const { partition } of own) {
        const code = errors.get(partition) ?? -1;
        if (code === 0 || code === KAFKA_ERRORS.DUPLICATE_SEQUENCE_NUMBER) entries.delete(partition);
        else failed = [partition, code];
      }
    }
    if (failed) throw brokerAnswered(topic, ...failed);
  }

  async #newProducer(): Promise<Producer> {
    const identity = await this.#retry(() => this.#connection.newProducer());
    return { ...identity, sequences: new Array<number>(this.partitions).fill(0) };
  }

  async tail(partition: number): Promise<Position | undefined> {
    const { first, end } = await this.#range(partition);
    // The last offset may be a marker without a record, or one that was compacted away: look further and further back.
    for (let from = end; from > first;) {
      from = Math.max(first, end - 8 * (end - from) - 1);
      const position = await this.#lastPosition(partition, from, end);
      if (position) return position;
    }
    return undefined;
  }

  async #lastPosition(partition: number, from: number, end: number): Promise<Position | undefined> {
    let position: Position | undefined;
    for (let offset = from; offset < end;) {
      const fetched: Fetched = await fetchRecords(this.#connection, {
        generation: this.#generation,
        partition,
        offset,
        maxBytes: TAIL_FETCH_BYTES,
        maxWaitMs: TAIL_WAIT_MS,
        gaps: true,
      });
      for (const decoder of fetched.decoders) {
        decoder.skipTo(offset);
        for (let record = decoder.next(); record; record = decoder.next()) position = record.position;
      }
      if (fetched.nextOffset === offset) break;
      offset = fetched.nextOffset;
    }
    return position;
  }

  /** Kafka has retention. */
  async trim(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }
}

/** A signed 32-bit counter that starts again at 0. */
function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % 2 ** 31;
}
