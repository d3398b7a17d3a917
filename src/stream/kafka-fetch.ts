// One fetch from Kafka, and the record batches in its answer.

import { brokerAnswered, type KafkaConnection } from './kafka-connection.ts';
import { KAFKA_ERRORS, fetchExchange } from './kafka-protocol.ts';
import type { OffsetRange } from './log.ts';
import { offsetOutOfRange } from './log-errors.ts';
import { RecordBatchDecoder } from './record-batch.ts';
import { invalidRecord } from './record-format.ts';

export interface FetchOptions {
  readonly generation: number;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  /** Whether offsets may be missing; a reader must stop there, the search for the tail need not. */
  readonly gaps: boolean;
}

export interface Fetched {
  readonly decoders: readonly RecordBatchDecoder[];
  /** Where the next fetch begins; the same offset when there was nothing. */
  readonly nextOffset: number;
  readonly endOffset: number;
}

const COMPRESSION_BITS = 0x07;
const CONTROL_BIT = 0x20;

/** Rejects with OFFSET_OUT_OF_RANGE when the offset is not in the log, or is skipped by it. */
export async function fetchRecords(connection: KafkaConnection, options: FetchOptions): Promise<Fetched> {
  const { topic } = connection;
  const { partition, offset } = options;
  const answer = await connection.exchange(partition, fetchExchange({ topic, ...options }));
  const range: OffsetRange = { first: answer.firstOffset, end: answer.endOffset };
  if (answer.error === KAFKA_ERRORS.OFFSET_OUT_OF_RANGE) throw offsetOutOfRange(topic, partition, offset, range);
  if (answer.error !== 0) throw brokerAnswered(topic, partition, answer.error);
  const decoders: RecordBatchDecoder[] = [];
  let next = offset;
  for (const batch of wholeBatches(answer.batches)) {
    const first = Number(batch.readBigInt64BE(0));
    const attributes = batch.readInt16BE(21);
    const place = { topic, generation: options.generation, partition, offset: first };
    if (first > next && !options.gaps) throw offsetOutOfRange(topic, partition, next, { ...range, first });
    next = first + batch.readInt32BE(23) + 1;
    if (attributes & CONTROL_BIT) continue;
    if (attributes & COMPRESSION_BITS)
      throw invalidRecord(place, "it is compressed: set the topic's compression.type to uncompressed");
    decoders.push(new RecordBatchDecoder(batch, place));
  }
  return { decoders, nextOffset: Math.max(next, offset), endOffset: answer.endOffset };
}

/** Cuts the answer into batches; what the limit on its size has cut off comes again with the next fetch. */
function* wholeBatches(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) return;
    yield bytes.subarray(at, end);
    at = end;
  }
}
