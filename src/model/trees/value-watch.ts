// What an active leaf of a tree for numbers watches: by column a histogram of the values, with the target's mean and spread in
// each bin; by code the same. Bins are of one width, and double it (two become one) when a value lies outside: so memory is fixed,
// unlike with the search trees of FIMT-DD (Ikonomovska, Gama, Džeroski 2011) that River uses.

import type { Layout } from '../learner.ts';
import { arrayBytes, LIST_BYTES } from '../memory.ts';
import { grown } from '../optimizers/optimizer.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export const BINS = 64;
/** In a bin: weight, mean of the column, mean of the target, its squared deviations. */
export const BIN = 4;
/** In a histogram: where bin 0 starts, the width (0 until there are two values), then the bins. */
const HEAD = 2;
const HISTOGRAM = HEAD + BINS * BIN;
/** In a code: weight, mean of the target, its squared deviations. */
export const CODE = 3;

const EMPTY = new Float64Array(0);

/** Without its columns and slots. */
const WATCH_BYTES = 72 + 2 * LIST_BYTES;

export class ValueWatch {
  /** Columns that are watched, ascending; undefined: all. */
  readonly columns: Int32Array | undefined;
  /** By slot; empty until the column's first value. */
  readonly #slots: Float64Array[] = [];
  readonly #nominal: boolean[] = [];
  #bytes: number;

  constructor(columns: Int32Array | undefined) {
    this.columns = columns;
    this.#bytes = WATCH_BYTES + (columns ? arrayBytes(columns) : 0);
  }

  static load(reader: StateReader): ValueWatch {
    const chosen = reader.u32() === 1;
    const columns = reader.floats();
    const watch = new ValueWatch(chosen ? Int32Array.from(columns) : undefined);
    for (let left = reader.u32(); left > 0; left--) {
      watch.#nominal.push(reader.u32() === 1);
      const slot = reader.floats();
      watch.#slots.push(slot.length === 0 ? EMPTY : slot);
      watch.#bytes += slotBytes(slot);
    }
    return watch;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get slots(): number {
    return this.#slots.length;
  }

  column(slot: number): number {
    return this.columns === undefined ? slot : this.columns[slot]!;
  }

  nominal(slot: number): boolean {
    return this.#nominal[slot]!;
  }

  /** A histogram's bins, or a column's codes. */
  table(slot: number): Float64Array {
    const whole = this.#slots[slot]!;
    return this.#nominal[slot] || whole.length === 0 ? whole : whole.subarray(HEAD);
  }

  learn(row: Float64Array, y: number, weight: number, columns: number, layout: Layout): void {
    const slots = this.columns === undefined ? columns : this.columns.length;
    while (this.#slots.length < slots) {
      this.#nominal.push(layout.nominal(this.column(this.#slots.length)));
      this.#slots.push(EMPTY);
      this.#bytes += slotBytes(EMPTY);
    }
    for (let slot = 0; slot < slots; slot++) {
      const value = row[this.column(slot)]!;
      if (value !== value) continue;
      if (this.#nominal[slot]) this.#addCode(slot, value, y, weight);
      else this.#addNumber(slot, value, y, weight);
    }
  }

  save(writer: StateWriter): void {
    writer.u32(this.columns === undefined ? 0 : 1);
    writer.floats(Float64Array.from(this.columns ?? []));
    writer.u32(this.#slots.length);
    this.#slots.forEach((slot, i) => {
      writer.u32(this.#nominal[i] ? 1 : 0);
      writer.floats(slot);
    });
  }

  #addCode(slot: number, code: number, y: number, weight: number): void {
    let codes = this.#slots[slot]!;
    const needed = (code + 1) * CODE;
    if (needed > codes.length) {
      const larger = Math.max(needed, Math.min(codes.length * 2, 4096 * CODE));
      this.#bytes -= slotBytes(codes);
      this.#slots[slot] = codes = grown(codes, larger);
      this.#bytes += slotBytes(codes);
    }
    const at = code * CODE;
    const total = (codes[at]! += weight);
    const distance = y - codes[at + 1]!;
    codes[at + 1]! += (weight / total) * distance;
    codes[at + 2]! += weight * distance * (y - codes[at + 1]!);
  }

  #addNumber(slot: number, value: number, y: number, weight: number): void {
    let bins = this.#slots[slot]!;
    if (bins.length === 0) {
      this.#bytes -= slotBytes(bins);
      this.#slots[slot] = bins = new Float64Array(HISTOGRAM);
      this.#bytes += slotBytes(bins);
      bins[0] = value;
    }
    const at = HEAD + this.#binOf(bins, value) * BIN;
    const total = (bins[at]! += weight);
    bins[at + 1]! += (weight / total) * (value - bins[at + 1]!);
    const distance = y - bins[at + 2]!;
    bins[at + 2]! += (weight / total) * distance;
    bins[at + 3]! += weight * distance * (y - bins[at + 2]!);
  }

  /** The value's bin, after as many doublings as it takes to have one. */
  #binOf(bins: Float64Array, value: number): number {
    if (bins[1] === 0) {
      if (value === bins[0]) return 0;
      // Two values: the first bins are a sixteenth of what lies between, the range four times that, around both.
      const width = Math.abs(value - bins[0]!) / 16;
      if (!(width > 0)) return 0;
      const start = Math.min(value, bins[0]!) - width * 24;
      const first = bins[0]!;
      bins[0] = start;
      bins[1] = width;
      const home = Math.min(BINS - 1, Math.floor((first - start) / width));
      if (home > 0) {
        bins.copyWithin(HEAD + home * BIN, HEAD, HEAD + BIN);
        bins.fill(0, HEAD, HEAD + BIN);
      }
    }
    while (value < bins[0]!) double(bins, 'down');
    while (value >= bins[0]! + bins[1]! * BINS) double(bins, 'up');
    return Math.min(BINS - 1, Math.floor((value - bins[0]!) / bins[1]!));
  }
}

/** With its entries in two lists. All that are empty are one. */
function slotBytes(slot: Float64Array): number {
  return 24 + (slot.length === 0 ? 0 : arrayBytes(slot));
}

/** Pairs of bins become one; the new half of the range lies below or above. */
function double(bins: Float64Array, side: 'down' | 'up'): void {
  const merged = new Float64Array(BINS * BIN);
  const shift = side === 'down' ? BINS / 2 : 0;
  for (let i = 0; i < BINS; i++) addBin(merged, (shift + (i >> 1)) * BIN, bins, HEAD + i * BIN);
  bins.set(merged, HEAD);
  if (side === 'down') bins[0]! -= bins[1]! * BINS;
  bins[1]! *= 2;
}

/** Adds one bin to another (Chan, Golub, LeVeque 1979). */
function addBin(into: Float64Array, at: number, from: Float64Array, source: number): void {
  const weight = from[source]!;
  if (weight === 0) return;
  const total = into[at]! + weight;
  const share = weight / total;
  const distance = from[source + 2]! - into[at + 2]!;
  into[at + 3]! += from[source + 3]! + distance * distance * into[at]! * share;
  into[at + 1]! += share * (from[source + 1]! - into[at + 1]!);
  into[at + 2]! += share * distance;
  into[at] = total;
}
