// The two requests that carry records, with the records as bytes: kafkajs's own would take them apart into objects.
// Source: https://kafka.apache.org/protocol#protocol_messages, Produce version 7 and Fetch version 11.
//
//   Produce request  := transactional_id nullable string, acks int16, timeout int32, [topic string, [partition int32, records bytes]]
//   Produce response := [topic string, [partition int32, error int16, base_offset int64, append_time int64, log_start int64]],
//                       throttle int32
//   Fetch request    := replica int32, max_wait int32, min_bytes int32, max_bytes int32, isolation int8, session_id int32,
//                       session_epoch int32, [topic string, [partition int32, leader_epoch int32, offset int64,
//                       log_start int64, max_bytes int32]], [forgotten], rack string
//   Fetch response   := throttle int32, error int16, session_id int32, [topic string, [partition int32, error int16,
//                       high_watermark int64, last_stable int64, log_start int64, [producer int64, first_offset int64],
//                       preferred_replica int32, records nullable bytes]]

import type { Exchange } from 'kafkajs/src/cluster/index.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';

const ALL_REPLICAS = -1;
const READ_COMMITTED = 1;

/** Error codes that are decided on here. https://kafka.apache.org/protocol#protocol_error_codes */
export const KAFKA_ERRORS = {
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  UNKNOWN_TOPIC_ID: 100,
} as const;

export interface ProduceEntry {
  readonly partition: number;
  /** One record batch: Kafka takes no more than one a partition and request. */
  readonly batch: Buffer;
}

/** Answers each partition's error code, 0 for success. */
export function produceExchange(
  topic: string,
  entries: readonly ProduceEntry[],
  timeoutMs: number,
): Exchange<ReadonlyMap<number, number>> {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      async encode() {
        const size = entries.reduce((sum, { batch }) => sum + batch.length + 8, 64 + topic.length);
        const encoder = new Encoder(size).writeString(null).writeInt16(ALL_REPLICAS).writeInt32(timeoutMs);
        encoder.writeInt32(1).writeString(topic).writeInt32(entries.length);
        for (const { partition, batch } of entries) {
          encoder.writeInt32(partition).writeInt32(batch.length).writeBuffer(batch);
        }
        return encoder;
      },
    },
    response: {
      decode: async (payload) => readProduceResponse(new Cursor(payload)),
      parse: async (decoded) => decoded,
    },
  };
}

function readProduceResponse(cursor: Cursor): ReadonlyMap<number, number> {
  const errors = new Map<number, number>();
  for (let topics = cursor.int32(); topics > 0; topics--) {
    cursor.string();
    for (let partitions = cursor.int32(); partitions > 0; partitions--) {
      const partition = cursor.int32();
      errors.set(partition, cursor.int16());
      cursor.skip(24);
    }
  }
  return errors;
}

export interface FetchRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  /** The broker answers when there is a record, or after this long. */
  readonly maxWaitMs: number;
}

export interface FetchResponse {
  readonly error: number;
  /** One past the last record that every reader may see. */
  readonly endOffset: number;
  readonly firstOffset: number;
  /** Record batches one after the other; the last may be cut off. */
  readonly batches: Buffer;
}

export function fetchExchange(request: FetchRequest): Exchange<FetchResponse> {
  return {
    request: {
      apiKey: 1,
      apiVersion: 11,
      apiName: 'Fetch',
      async encode() {
        const encoder = new Encoder().writeInt32(-1).writeInt32(request.maxWaitMs).writeInt32(1);
        encoder.writeInt32(request.maxBytes).writeInt8(READ_COMMITTED).writeInt32(0).writeInt32(-1);
        encoder.writeInt32(1).writeString(request.topic).writeInt32(1).writeInt32(request.partition).writeInt32(-1);
        encoder.writeInt64(BigInt(request.offset)).writeInt64(-1n).writeInt32(request.maxBytes);
        return encoder.writeInt32(0).writeString('');
      },
    },
    response: { decode: async (payload) => readFetchResponse(new Cursor(payload)), parse: async (decoded) => decoded },
  };
}

function readFetchResponse(cursor: Cursor): FetchResponse {
  cursor.skip(4);
  const error = cursor.int16();
  cursor.skip(4);
  if (error !== 0 || cursor.int32() === 0) return { error, endOffset: 0, firstOffset: 0, batches: Buffer.alloc(0) };
  cursor.string();
  cursor.skip(8);
  const partitionError = cursor.int16();
  cursor.skip(8);
  const endOffset = cursor.int64();
  const firstOffset = cursor.int64();
  const aborted = cursor.int32();
  if (aborted > 0) cursor.skip(16 * aborted);
  cursor.skip(4);
  return { error: partitionError, endOffset, firstOffset, batches: cursor.bytes() };
}

/** Reads big-endian fields one after the other. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  int64(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigInt64BE(this.#at - 8));
  }

  string(): string {
    const length = this.int16();
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  bytes(): Buffer {
    const length = Math.max(this.int32(), 0);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
