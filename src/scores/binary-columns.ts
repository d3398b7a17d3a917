// Many rows as one: columns aggregated into arrays, read through `copy … to stdout (format binary)`. The driver makes an object
// and a string a column for each row of a result, after Postgres has printed every value; here the values are taken out of the
// bytes as they are. Grammar (copyto.c, and array_send in arrayfuncs.c), big-endian:
//
//   copy   := signature (11 bytes) flags:int32 extension:int32 (= length of more header) tuple* -1:int16
//   tuple  := fields:int16 field*;  field := length:int32 bytes | -1:int32 for NULL
//   array  := as binary-arrays.ts has it

import assert from 'node:assert';
import type pg from 'pg';
import type { Lsn } from '../flow/lsn.ts';

const COPY_HEADER = 19;
const ARRAY_HEADER = 20;
/** Seconds from 1970 to 2000, where Postgres's timestamps start. */
const POSTGRES_EPOCH_US = 946_684_800_000_000;
const HIGH = 4_294_967_296;
const MAX_HIGH = 0x7fff_ffff;
const MIN_HIGH = -0x8000_0000;
const NOT_ASCII = /[\x80-\xff]/;

/**
 * The arrays of a statement that gives one row of `array_agg`s, in its order; all are empty where it aggregated nothing.
 * Rejects as a query does.
 */
export async function readColumns(client: pg.Client, sql: string): Promise<ColumnReader[]> {
  // Not at start: a pipeline without a default label never asks.
  const { to: copyTo } = await import('pg-copy-streams');
  const chunks: Buffer[] = [];
  for await (const chunk of client.query(copyTo(`copy (${sql}) to stdout (format binary)`)) as AsyncIterable<Buffer>)
    chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const characters = bytes.toString('latin1');
  let at = COPY_HEADER + bytes.readInt32BE(COPY_HEADER - 4);
  const fields = bytes.readInt16BE(at);
  at += 2;
  const columns: ColumnReader[] = [];
  for (let field = 0; field < fields; field++) {
    const length = bytes.readInt32BE(at);
    at += 4;
    columns.push(new ColumnReader(bytes, characters, at, length));
    at += Math.max(0, length);
  }
  assert(bytes.readInt16BE(at) === -1, 'one row of arrays');
  return columns;
}

/** Reads an array's elements one after another; each method gives the next one, null for NULL. */
export class ColumnReader {
  readonly length: number;
  readonly #bytes: Buffer;
  /** The same, a character a byte: texts are slices of it, so that there is one string to keep instead of many. */
  readonly #characters: string;
  readonly #view: DataView;
  #at: number;
  #lsnHigh = 0;
  #lsnLow = 0;
  #lsn: Lsn = 0n;

  constructor(bytes: Buffer, characters: string, from: number, length: number) {
    this.#bytes = bytes;
    this.#characters = characters;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const empty = length < 0 || this.#view.getInt32(from) === 0;
    this.length = empty ? 0 : this.#view.getInt32(from + 12);
    this.#at = from + ARRAY_HEADER;
  }

  text(): string | null {
    const length = this.#next();
    if (length < 0) return null;
    const text = this.#characters.slice(this.#at - length, this.#at);
    return NOT_ASCII.test(text) ? this.#bytes.toString('utf8', this.#at - length, this.#at) : text;
  }

  float8(): number | null {
    const length = this.#next();
    return length < 0 ? null : this.#view.getFloat64(this.#at - length);
  }

  /** Exact for safe integers. */
  int8(): number | null {
    const length = this.#next();
    if (length < 0) return null;
    return this.#view.getInt32(this.#at - 8) * HIGH + this.#view.getUint32(this.#at - 4);
  }

  /** Microseconds since 1970 UTC of a timestamptz; ±infinity as the int64 extremes. */
  timestampUs(): number | null {
    const length = this.#next();
    if (length < 0) return null;
    const high = this.#view.getInt32(this.#at - 8);
    const low = this.#view.getUint32(this.#at - 4);
    const infinite = (high === MAX_HIGH && low === HIGH - 1) || (high === MIN_HIGH && low === 0);
    return high * HIGH + low + (infinite ? 0 : POSTGRES_EPOCH_US);
  }

  /** A transaction's rows share their LSN, so the last one is kept. */
  lsn(): Lsn | null {
    const length = this.#next();
    if (length < 0) return null;
    const high = this.#view.getUint32(this.#at - 8);
    const low = this.#view.getUint32(this.#at - 4);
    if (high !== this.#lsnHigh || low !== this.#lsnLow) {
      this.#lsnHigh = high;
      this.#lsnLow = low;
      this.#lsn = (BigInt(high) << 32n) | BigInt(low);
    }
    return this.#lsn;
  }

  /** Passes over the next element; its length. */
  #next(): number {
    const length = this.#view.getInt32(this.#at);
    this.#at += 4 + Math.max(0, length);
    return length;
  }
}
