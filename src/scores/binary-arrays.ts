// Array parameters in Postgres's binary format: given as text, the client escapes every character and the server parses it
// again (28 µs a row of the score table against 4). Grammar (array_recv in src/backend/utils/adt/arrayfuncs.c), big-endian:
//
//   array   := dimensions:int32 hasNull:int32 elementOid:int32 (length:int32 lowerBound:int32)* element*
//   element := length:int32 bytes   | -1:int32 for NULL

const HEADER = 20;
/** Microseconds from 1970 to 2000, where Postgres's timestamps start. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n;
const OID = { bool: 16, int8: 20, int4: 23, text: 25, json: 114, float8: 701, timestamptz: 1184, lsn: 3220 } as const;
/** The greatest int8, and the timestamp infinity. */
const INFINITY = 9_223_372_036_854_775_807n;
/** Nearly that as a number: what is beyond is cut. As microseconds it is the year 292277, said to be infinity. */
const MOST_US = 9.223372036854775e18;

/** A one-dimensional array; `bytes` is an upper bound of an element's size. */
class ArrayWriter {
  readonly #buffer: Buffer;
  readonly #count: number;
  #at = HEADER;
  #nulls = 0;

  constructor(oid: number, count: number, bytes: number) {
    this.#buffer = Buffer.allocUnsafe(HEADER + count * 4 + bytes);
    this.#count = count;
    this.#buffer.writeInt32BE(1, 0);
    this.#buffer.writeInt32BE(oid, 8);
    this.#buffer.writeInt32BE(count, 12);
    this.#buffer.writeInt32BE(1, 16);
  }

  null(): void {
    this.#nulls = 1;
    this.#at = this.#buffer.writeInt32BE(-1, this.#at);
  }

  text(value: string): void {
    const length = this.#buffer.write(value, this.#at + 4, 'utf8');
    this.#buffer.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
  }

  float8(value: number): void {
    this.#at = this.#buffer.writeDoubleBE(value, this.#buffer.writeInt32BE(8, this.#at));
  }

  int8(value: bigint): void {
    this.#at = this.#buffer.writeBigInt64BE(value, this.#buffer.writeInt32BE(8, this.#at));
  }

  uint8(value: bigint): void {
    this.#at = this.#buffer.writeBigUInt64BE(value, this.#buffer.writeInt32BE(8, this.#at));
  }

  /** A safe integer as int8, without making a bigint of it. */
  integer(value: number): void {
    const at = this.#buffer.writeInt32BE(8, this.#at);
    this.#buffer.writeInt32BE(Math.floor(value / 4294967296), at);
    this.#at = this.#buffer.writeUInt32BE(value >>> 0, at + 4);
  }

  int4(value: number): void {
    this.#at = this.#buffer.writeInt32BE(value, this.#buffer.writeInt32BE(4, this.#at));
  }

  bool(value: boolean): void {
    this.#at = this.#buffer.writeInt8(value ? 1 : 0, this.#buffer.writeInt32BE(1, this.#at));
  }

  finish(): Buffer {
    // An empty array has no dimensions.
    if (this.#count === 0) this.#buffer.writeInt32BE(0, 0);
    this.#buffer.writeInt32BE(this.#nulls, 4);
    return this.#buffer.subarray(0, this.#count === 0 ? 12 : this.#at);
  }
}

function textual(oid: number, values: readonly (string | null)[]): Buffer {
  // Three bytes at most for each UTF-16 unit.
  let bytes = 0;
  for (const value of values) bytes += value === null ? 0 : value.length * 3;
  const array = new ArrayWriter(oid, values.length, bytes);
  for (const value of values)
    if (value === null) array.null();
    else array.text(value);
  return array.finish();
}

export const textArray = (values: readonly (string | null)[]): Buffer => textual(OID.text, values);
export const jsonArray = (values: readonly (string | null)[]): Buffer => textual(OID.json, values);

export function float8Array(values: readonly (number | null)[]): Buffer {
  const array = new ArrayWriter(OID.float8, values.length, values.length * 8);
  for (const value of values)
    if (value === null) array.null();
    else array.float8(value);
  return array.finish();
}

/** Safe integers. */
export function int8Array(values: readonly (number | null)[]): Buffer {
  const array = new ArrayWriter(OID.int8, values.length, values.length * 8);
  for (const value of values)
    if (value === null) array.null();
    else if (Number.isSafeInteger(value)) array.integer(value);
    else array.int8(clampInt8(value));
  return array.finish();
}

export function int4Array(values: readonly number[]): Buffer {
  const array = new ArrayWriter(OID.int4, values.length, values.length * 4);
  for (const value of values) array.int4(value);
  return array.finish();
}

export function boolArray(values: readonly boolean[]): Buffer {
  const array = new ArrayWriter(OID.bool, values.length, values.length);
  for (const value of values) array.bool(value);
  return array.finish();
}

export function lsnArray(values: readonly (bigint | null)[]): Buffer {
  const array = new ArrayWriter(OID.lsn, values.length, values.length * 8);
  for (const value of values)
    if (value === null) array.null();
    else array.uint8(value);
  return array.finish();
}

/** Microseconds since 1970 UTC; beyond the year 292277 they are ±infinity. */
export function timestampArray(values: readonly (number | null)[]): Buffer {
  const array = new ArrayWriter(OID.timestamptz, values.length, values.length * 8);
  for (const value of values)
    if (value === null) array.null();
    else if (Number.isSafeInteger(value)) array.integer(value - Number(POSTGRES_EPOCH_US));
    else if (Math.abs(value) >= MOST_US) array.int8(value > 0 ? INFINITY : -INFINITY - 1n);
    else array.int8(BigInt(Math.round(value)) - POSTGRES_EPOCH_US);
  return array.finish();
}

function clampInt8(value: number): bigint {
  return Math.abs(value) >= MOST_US ? (value > 0 ? INFINITY : -INFINITY - 1n) : BigInt(Math.round(value));
}
