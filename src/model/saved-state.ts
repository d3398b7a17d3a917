// The bytes of a saved model or metric. Floats are stored as their 64 bits, so a loaded model goes on bit for bit.
//
//   state   := magic "MLRS" · schema u16 · what text · body · crc32 u32 (of all before it)
//   text    := length u32 · UTF-8;  floats := count u32 · count × f64;  floats32 := count u32 · count × f32;  numbers little-endian

import { crc32 } from 'node:zlib';
import { MillraceError } from '../runtime/errors.ts';

const MAGIC = 0x53_52_4c_4d;
/** Of the whole format, every kind's part included. A state with a higher one is refused. */
export const STATE_SCHEMA = 1;

const ENCODER = new TextEncoder();
/** A text that begins with a byte order mark keeps it: it is another category than one without. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

export class StateWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** @param what says whose state it is; `StateReader` refuses another's. */
  constructor(what: string) {
    this.u32(MAGIC);
    this.#reserve(2);
    this.#view.setUint16(this.#length, STATE_SCHEMA, true);
    this.#length += 2;
    this.text(what);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  text(value: string): void {
    this.bytes(ENCODER.encode(value));
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  floats(values: Float64Array, count: number = values.length): void {
    this.u32(count);
    this.#reserve(count * 8);
    for (let i = 0; i < count; i++) this.#view.setFloat64(this.#length + i * 8, values[i]!, true);
    this.#length += count * 8;
  }

  /** Of 32 bits each: count u32 · count × f32. */
  floats32(values: Float32Array): void {
    this.u32(values.length);
    this.#reserve(values.length * 4);
    for (let i = 0; i < values.length; i++) this.#view.setFloat32(this.#length + i * 4, values[i]!, true);
    this.#length += values.length * 4;
  }

  finish(): Uint8Array {
    this.u32(crc32(this.#bytes.subarray(0, this.#length)));
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + size));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a {@link StateWriter} wrote. Everything that does not fit is MODEL_STATE, never a wrong number. */
export class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  constructor(saved: Uint8Array, what: string) {
    this.#what = what;
    const end = saved.length - 4;
    this.#bytes = saved.subarray(0, Math.max(0, end));
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    if (end < 6 || this.u32() !== MAGIC) throw this.#corrupt('it is not a saved state');
    const schema = this.#view.getUint16(this.#at, true);
    this.#at += 2;
    if (schema > STATE_SCHEMA)
      throw new MillraceError(
        'MODEL_STATE',
        `the saved ${what} has format ${schema}, this Millrace knows ${STATE_SCHEMA}`,
        {
          hint: 'Run the Millrace that saved it or a newer one, or rebuild the pipeline.',
        },
      );
    const sum = new DataView(saved.buffer, saved.byteOffset + end, 4).getUint32(0, true);
    if (sum !== crc32(this.#bytes)) throw this.#corrupt('its checksum differs');
    const found = this.text();
    if (found !== what)
      throw new MillraceError('MODEL_STATE', `expected a saved ${what}, found a saved ${found}`, {
        hint: 'Give the options it was saved with, or rebuild the pipeline to start a new one.',
      });
  }

  /** Whose state it says it is; undefined where it is none. */
  static nameOf(saved: Uint8Array): string | undefined {
    const view = new DataView(saved.buffer, saved.byteOffset, saved.length);
    if (saved.length < 10 || view.getUint32(0, true) !== MAGIC) return undefined;
    return DECODER.decode(saved.subarray(10, 10 + view.getUint32(6, true)));
  }

  u32(): number {
    this.#need(4);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  /** A u32 of things that take so many bytes each behind it: no more than there is room for. */
  count(bytesEach: number): number {
    const count = this.u32();
    this.#need(count * bytesEach);
    return count;
  }

  /** A u32 that is never greater: what is made that long is not made before it is known to be right. */
  upTo(most: number): number {
    const value = this.u32();
    if (value > most) throw this.#corrupt(`${value} stands where at most ${most} can`);
    return value;
  }

  f64(): number {
    this.#need(8);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  text(): string {
    return DECODER.decode(this.bytes());
  }

  bytes(): Uint8Array {
    const length = this.u32();
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  floats(): Float64Array {
    const count = this.u32();
    this.#need(count * 8);
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = this.#view.getFloat64(this.#at + i * 8, true);
    this.#at += count * 8;
    return values;
  }

  floats32(): Float32Array {
    const count = this.u32();
    this.#need(count * 4);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = this.#view.getFloat32(this.#at + i * 4, true);
    this.#at += count * 4;
    return values;
  }

  /** Nothing is left to be read. */
  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** All was read; anything left over means that the parts did not agree. */
  finish(): void {
    if (!this.atEnd) throw this.#corrupt('it is longer than its parts');
  }

  #need(size: number): void {
    if (this.#at + size > this.#bytes.length) throw this.#corrupt('it ends too early');
  }

  #corrupt(why: string): MillraceError {
    return new MillraceError('MODEL_STATE', `the saved ${this.#what} cannot be read: ${why}`, {
      hint: 'Roll back to an older model version, or rebuild the pipeline.',
    });
  }
}
