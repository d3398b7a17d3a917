// Kafka's record batch, version 2, in one pass: what is sent to Kafka, and a block of the embedded log. Each client's own
// encoder makes several objects and buffers a record, and costs more than all the rest of publishing.
// Format: https://kafka.apache.org/documentation/#recordbatch (big-endian; varints are zigzag, 7 bits a byte, lowest first)
//
//   batch  := baseOffset int64, batchLength int32, partitionLeaderEpoch int32, magic int8 = 2, crc uint32 (CRC-32C of what
//             follows), attributes int16, lastOffsetDelta int32, baseTimestamp int64, maxTimestamp int64, producerId int64,
//             producerEpoch int16, baseSequence int32, count int32, record*
//   record := length varint, attributes int8, timestampDelta varlong, offsetDelta varint,
//             keyLength varint, key, valueLength varint, value, headerCount varint, header*
//   header := nameLength varint, name, valueLength varint, value

import type { StoredRecord, StreamRecord } from '../flow/record.ts';
import { crc32c } from './crc32c.ts';
import {
  HEADERS,
  decodeMessage,
  encodePosition,
  encodeHead,
  invalidRecord,
  keyOf,
  verbatimOf,
  type MessagePlace,
} from './record-format.ts';

/** Bytes before the first record. */
const BATCH_HEADER = 61;
/** Where the checksum stands, and where what it covers begins. */
const CRC_AT = 17;
const CRC_FROM = 21;
const HEADER_NAME_BYTES = HEADERS.join('').length;

export interface BatchOptions {
  readonly generation: number;
  /** Milliseconds since 1970 UTC, for all records of the batch (the commit time is in a header). */
  readonly timestampMs: number;
  /** -1 where nobody numbers the producers. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** For a log of one writer that needs no producer's numbers. */
export function unnumberedBatch(generation: number): BatchOptions {
  return { generation, timestampMs: 0, producerId: -1n, producerEpoch: -1, baseSequence: -1 };
}

/** Encodes batches; its buffer grows to the largest one and is used again. Not for two batches at a time. */
export class RecordBatchEncoder {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #at = 0;
  #commitTimeUs = NaN;
  #commitTime = '';

  /**
   * One batch of `records[from, …)`, as many as fit `maxBytes` (one at least). The bytes are the caller's own. Base offset 0:
   * the checksum does not cover it.
   */
  encode(
    records: readonly StreamRecord[],
    from: number,
    maxBytes: number,
    options: BatchOptions,
  ): { readonly bytes: Buffer; readonly count: number } {
    const generation = String(options.generation);
    this.#at = BATCH_HEADER;
    let count = 0;
    for (let i = from; i < records.length; i++) {
      const start = this.#at;
      this.#record(records[i]!, count, generation);
      if (count > 0 && this.#at > maxBytes) {
        this.#at = start;
        break;
      }
      count++;
    }
    return { bytes: this.#finish(count, options), count };
  }

  #finish(count: number, options: BatchOptions): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#at));
    const timestamp = BigInt(options.timestampMs);
    bytes.writeBigInt64BE(0n, 0);
    bytes.writeInt32BE(bytes.length - 12, 8);
    bytes.writeInt32BE(-1, 12);
    bytes[16] = 2;
    bytes.writeInt16BE(0, 21);
    bytes.writeInt32BE(count - 1, 23);
    bytes.writeBigInt64BE(timestamp, 27);
    bytes.writeBigInt64BE(timestamp, 35);
    bytes.writeBigInt64BE(options.producerId, 43);
    bytes.writeInt16BE(options.producerEpoch, 51);
    bytes.writeInt32BE(options.baseSequence, 53);
    bytes.writeInt32BE(count, 57);
    bytes.writeUInt32BE(crc32c(bytes, CRC_FROM, bytes.length), CRC_AT);
    return bytes;
  }

  #record(record: StreamRecord, offsetDelta: number, generation: string): void {
    const key = keyOf(record.body);
    // In two pieces: one text of both would be one more copy of nearly every byte.
    const head = encodeHead(record.body);
    const verbatim = verbatimOf(record.body);
    const keyLength = key === null ? 0 : Buffer.byteLength(key, 'utf8');
    const headLength = head === null ? 0 : Buffer.byteLength(head, 'utf8');
    const verbatimLength = verbatim === '' ? 0 : Buffer.byteLength(verbatim, 'utf8');
    const valueLength = headLength + (verbatim === '' ? 0 : verbatimLength + 1);
    const position = encodePosition(record.position);
    const commitTime = this.#commitTimeText(record.commitTimeUs);
    const kind = record.body.kind;
    // Each header is a length byte, its name, a length byte, its value: all shorter than 64.
    const values = kind.length + generation.length + position.length + commitTime.length;
    const headers = 1 + 2 * HEADERS.length + HEADER_NAME_BYTES + values;
    const length =
      2 +
      varintSize(offsetDelta) +
      varintSize(key === null ? -1 : keyLength) +
      keyLength +
      varintSize(head === null ? -1 : valueLength) +
      valueLength +
      headers;
    this.#reserve(length + 5);
    this.#varint(length);
    const buffer = this.#buffer;
    buffer[this.#at++] = 0;
    buffer[this.#at++] = 0;
    this.#varint(offsetDelta);
    this.#varint(key === null ? -1 : keyLength);
    if (key !== null) this.#text(key, keyLength);
    this.#varint(head === null ? -1 : valueLength);
    if (head !== null) this.#text(head, headLength);
    if (verbatim !== '') {
      this.#text(verbatim, verbatimLength);
      buffer[this.#at++] = 0x7d; // }
    }
    buffer[this.#at++] = 2 * HEADERS.length;
    this.#header('kind', kind);
    this.#header('generation', generation);
    this.#header('position', position);
    this.#header('commit_time', commitTime);
  }

  /** A transaction's records share their commit time. */
  #commitTimeText(us: number): string {
    if (us !== this.#commitTimeUs) {
      this.#commitTimeUs = us;
      this.#commitTime = String(us);
    }
    return this.#commitTime;
  }

  #header(name: (typeof HEADERS)[number], value: string): void {
    this.#ascii(name);
    this.#ascii(value);
  }

  /** Shorter than 64 characters: one length byte. A loop, since a call into the runtime costs more than so few bytes. */
  #ascii(text: string): void {
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = text.length << 1;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  #text(text: string, length: number): void {
    // As many bytes as characters: all ASCII, and the Latin-1 copy is the cheaper.
    this.#buffer.write(text, this.#at, length, length === text.length ? 'latin1' : 'utf8');
    this.#at += length;
  }

  #varint(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

function varintSize(value: number): number {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0;
  return rest < 0x80 ? 1 : rest < 0x4000 ? 2 : rest < 0x200000 ? 3 : rest < 0x10000000 ? 4 : 5;
}

/** Records in a batch, without reading them. */
export function batchCount(bytes: Buffer): number {
  return bytes.readInt32BE(57);
}

/** A header's value, and where it was read last. */
interface RepeatedHeader {
  text: string;
  at: number;
}

const NOT_ASCII = /[\x80-\xff]/;

/** Where a batch stands: the place of its first record. */
export type BatchPlace = MessagePlace;

/**
 * Reads one batch record by record, checking its checksum first. Iterating costs one record each, so a reader with a small
 * cap does not decode a large block over and over.
 */
export class RecordBatchDecoder {
  readonly #bytes: Buffer;
  /** The whole batch, a character a byte: texts of records are slices of it, so that there is one string to keep instead of many. */
  readonly #characters: string;
  readonly #headers: readonly RepeatedHeader[] = HEADERS.map(() => ({ text: '', at: 0 }));
  readonly #first: BatchPlace;
  readonly #count: number;
  #at = BATCH_HEADER;
  #index = 0;

  /** Rejects with RECORD_INVALID what is not a whole batch. */
  constructor(bytes: Buffer, first: BatchPlace) {
    const whole =
      bytes.length >= BATCH_HEADER &&
      bytes[16] === 2 &&
      bytes.readInt32BE(8) === bytes.length - 12 &&
      bytes.readUInt32BE(CRC_AT) === crc32c(bytes, CRC_FROM, bytes.length);
    if (!whole) throw damagedRecord(first);
    this.#bytes = bytes;
    this.#characters = bytes.toString('latin1');
    this.#first = first;
    this.#count = batchCount(bytes);
  }

  /** Offset of the record that `next` gives. */
  get offset(): number {
    return this.#first.offset + this.#index;
  }

  get done(): boolean {
    return this.#index === this.#count;
  }

  /** Size of the record that `next` gives. */
  get nextBytes(): number {
    const at = this.#at;
    const length = this.#varint();
    this.#at = at;
    return length;
  }

  /** Passes over records below `offset` without decoding them. */
  skipTo(offset: number): void {
    while (this.offset < offset && this.#index < this.#count) {
      const length = this.#varint();
      this.#at += length;
      this.#index++;
    }
  }

  /** The next record, or undefined after the last. */
  next(): StoredRecord | undefined {
    if (this.#index === this.#count) return undefined;
    const place: MessagePlace = {
      topic: this.#first.topic,
      generation: this.#first.generation,
      partition: this.#first.partition,
      offset: this.#first.offset + this.#index,
    };
    const length = this.#varint();
    const end = this.#at + length;
    this.#at += 2;
    this.#varint();
    const key = this.#text();
    const value = this.#text();
    const headers = this.#varint();
    if (headers !== HEADERS.length) throw invalidRecord(place, `it has ${headers} headers, not ${HEADERS.length}`);
    const kind = this.#header(0);
    const generation = this.#header(1);
    const position = this.#header(2);
    const commitTime = this.#header(3);
    if (this.#at !== end) throw invalidRecord(place, 'its length is wrong');
    this.#index++;
    return decodeMessage({ kind, generation, position, commitTime, key, value }, place);
  }

  /** Our own blocks have the headers in their order, so the name is passed over. Most have the value of the record before. */
  #header(index: number): string {
    const bytes = this.#bytes;
    this.#at += bytes[this.#at]! >> 1;
    this.#at++;
    const length = bytes[this.#at++]! >> 1;
    const at = this.#at;
    this.#at += length;
    const last = this.#headers[index]!;
    let same = last.text.length === length;
    for (let i = 0; same && i < length; i++) same = bytes[at + i] === bytes[last.at + i];
    if (!same) last.text = this.#characters.slice(at, this.#at);
    last.at = at;
    return last.text;
  }

  #text(): string | null {
    const length = this.#varint();
    if (length < 0) return null;
    const from = this.#at;
    this.#at += length;
    const text = this.#characters.slice(from, this.#at);
    return NOT_ASCII.test(text) ? this.#bytes.toString('utf8', from, this.#at) : text;
  }

  #varint(): number {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = this.#bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7;
      if (shift > 28) throw damagedRecord({ ...this.#first, offset: this.offset });
    }
    return (value >>> 1) ^ -(value & 1);
  }
}

function damagedRecord(place: MessagePlace): Error {
  return invalidRecord(place, 'the block that holds it is damaged');
}
