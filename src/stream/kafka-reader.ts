// Reading from Kafka. Offsets come from the caller; each partition that is read has a connection of its own, on which the
// broker holds a fetch back until there is something (one connection's requests are answered in their order, so a partition
// that waits would hold up the others). The consumer group only says who reads which partition, and shows the lag.

import type { StoredRecord } from '../flow/record.ts';
import { KafkaConnection, type KafkaOptions } from './kafka-connection.ts';
import { fetchRecords, type Fetched } from './kafka-fetch.ts';
import type { KafkaGroup } from './kafka-group.ts';
import type { LogBatch, OffsetRange, ReadOptions, TopicReader } from './log.ts';
import type { RecordBatchDecoder } from './record-batch.ts';
import type { Logger as KafkaLogger } from 'kafkajs';

const MAX_WAIT_MS = 5_000;
const MIN_FETCH_BYTES = 64 * 1024;
const MAX_FETCH_BYTES = 8 * 1024 * 1024;

export interface KafkaReaderOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly generation: number;
  readonly kafka: KafkaOptions;
  readonly logger: KafkaLogger;
  readonly group: KafkaGroup;
  readonly caps: ReadOptions;
  range(partition: number): Promise<OffsetRange>;
}

export class KafkaReader implements TopicReader {
  readonly partitions: number;
  readonly #options: KafkaReaderOptions;

  constructor(options: KafkaReaderOptions) {
    this.partitions = options.partitions;
    this.#options = options;
  }

  range(partition: number): Promise<OffsetRange> {
    return this.#options.range(partition);
  }

  async *read(partition: number, from: number, signal: AbortSignal): AsyncGenerator<LogBatch> {
    if (signal.aborted) return;
    const { topic, kafka, logger } = this.#options;
    const connection = await KafkaConnection.open(topic, kafka, logger);
    const drop = (): void => connection.destroy();
    signal.addEventListener('abort', drop);
    try {
      // One fetch ahead of what the caller has: the broker works while the batch is scored, and no more is held.
      let ahead = this.#fetch(connection, partition, from);
      let offset = from;
      while (!signal.aborted) {
        const fetched = await ahead;
        ahead = this.#fetch(connection, partition, fetched.nextOffset);
        for (const batch of this.#batches(fetched, partition, offset)) {
          if (signal.aborted) return;
          yield batch;
        }
        offset = fetched.nextOffset;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', drop);
      connection.destroy();
    }
  }

  #fetch(connection: KafkaConnection, partition: number, offset: number): Promise<Fetched> {
    const { generation, caps } = this.#options;
    const maxBytes = Math.min(Math.max(caps.maxBytes, MIN_FETCH_BYTES), MAX_FETCH_BYTES);
    const options = { generation, partition, offset, maxBytes, maxWaitMs: MAX_WAIT_MS, gaps: false };
    const fetching = fetchRecords(connection, options);
    // It is awaited one round later, or never, if the reader goes before.
    fetching.catch(() => {});
    return fetching;
  }

  *#batches(fetched: Fetched, partition: number, from: number): Generator<LogBatch> {
    const { maxRecords, maxBytes } = this.#options.caps;
    const { endOffset } = fetched;
    let records: StoredRecord[] = [];
    let bytes = 0;
    const flush = (): LogBatch => {
      const batch = { partition, records, nextOffset: records.at(-1)!.offset + 1, endOffset };
      records = [];
      bytes = 0;
      return batch;
    };
    for (const decoder of fetched.decoders) {
      decoder.skipTo(from);
      while (!decoder.done) {
        const size = decoder.nextBytes;
        if (records.length > 0 && (records.length === maxRecords || bytes + size > maxBytes)) yield flush();
        records.push(decodeNext(decoder));
        bytes += size;
      }
    }
    if (records.length > 0) yield flush();
  }

  assignments(signal: AbortSignal): AsyncIterable<readonly number[]> {
    return this.#options.group.assignments(signal);
  }

  committed(partition: number, offset: number): Promise<void> {
    return this.#options.group.commit(partition, offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.group[Symbol.asyncDispose]();
  }
}

function decodeNext(decoder: RecordBatchDecoder): StoredRecord {
  return decoder.next()!;
}
