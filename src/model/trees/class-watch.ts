// What an active leaf of a tree for classes watches: by column and class least and greatest value, weight, mean and spread of
// numbers; by code and class the weight of categories.

import type { Layout } from '../learner.ts';
import { arrayBytes, floatBytes, LIST_BYTES, TYPED_ARRAY_BYTES } from '../memory.ts';
import { grown } from '../optimizers/optimizer.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

/** In `numbers`, by slot and class. */
export const LEAST = 0;
export const GREATEST = 1;
export const WEIGHT = 2;
export const MEAN = 3;
export const SQUARES = 4;
export const FIELDS = 5;

/** Without its columns, classes and slots. */
const WATCH_BYTES = 120 + 2 * LIST_BYTES;

const LEAST_LOG = -1e100;
const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI);

export class ClassWatch {
  /** Columns that are watched, ascending; undefined: all. */
  readonly columns: Int32Array | undefined;
  /** By (slot · classes + class) · FIELDS. Slot: index in `columns`, or the column itself. */
  numbers: Float64Array = new Float64Array(0);
  /** By slot, then code · classes + class; undefined for columns of numbers. */
  readonly codes: (Float64Array | undefined)[] = [];
  /** Classes in the order in which they came to this leaf. */
  arrival: Float64Array;
  arrived = 0;
  classes: number;
  /**
   * By (slot · classes + class) · 2: the variance (0: none to speak of) and half its logarithm, for one example in a leaf asks for
   * all of them and changes those of one class. NaN: to be computed anew.
   */
  #spreads: Float64Array = new Float64Array(0);
  /** Of columns of codes, by slot · classes + class, the weight of all codes (NaN: to be computed anew); and by slot how many came. */
  #weights: Float64Array = new Float64Array(0);
  #distinct: number[] = [];
  #slots = 0;
  #codeBytes = 0;

  constructor(columns: Int32Array | undefined, classes: number) {
    this.columns = columns;
    this.classes = classes;
    this.arrival = new Float64Array(classes);
  }

  static load(reader: StateReader, classes: number): ClassWatch {
    const chosen = reader.u32() === 1;
    const columns = reader.floats();
    const watch = new ClassWatch(chosen ? Int32Array.from(columns) : undefined, classes);
    watch.arrival = reader.floats();
    watch.arrived = reader.u32();
    watch.numbers = reader.floats();
    watch.#spreads = unknown(watch.numbers.length);
    watch.#slots = reader.u32();
    for (let slot = 0; slot < watch.#slots; slot++) {
      const codes = reader.floats();
      watch.codes.push(codes.length === 0 ? undefined : codes);
      watch.#codeBytes += codesBytes(codes);
      watch.#distinct.push(watch.#countCodes(codes));
    }
    watch.#weights = new Float64Array(watch.#slots * classes).fill(Number.NaN);
    return watch;
  }

  get slots(): number {
    return this.#slots;
  }

  get bytes(): number {
    return (
      WATCH_BYTES +
      (this.columns ? TYPED_ARRAY_BYTES + this.columns.length * 4 : 0) +
      floatBytes(4, this.numbers.length + this.#spreads.length + this.#weights.length + this.arrival.length) +
      this.#codeBytes +
      this.#slots * 16
    );
  }

  /** The column of a slot. */
  column(slot: number): number {
    return this.columns === undefined ? slot : this.columns[slot]!;
  }

  learn(row: Float64Array, y: number, weight: number, columns: number, layout: Layout): void {
    const slots = this.columns === undefined ? columns : this.columns.length;
    if (slots > this.#slots) this.#addSlots(slots);
    let known = false;
    for (let k = 0; k < this.arrived && !known; k++) known = this.arrival[k] === y;
    if (!known) this.arrival[this.arrived++] = y;
    for (let slot = 0; slot < slots; slot++) {
      const j = this.column(slot);
      const value = row[j]!;
      if (value !== value) continue;
      if (layout.nominal(j)) this.#addCode(slot, value, y, weight);
      else this.#addNumber(slot * this.classes + y, value, weight);
    }
  }

  /** Adds ln P(value | class) of every column to `log`; a column that says nothing of the class adds nothing. */
  addLogLikelihoods(row: Float64Array, c: number, log: number): number {
    for (let slot = 0; slot < this.#slots; slot++) log += this.#slotLogLikelihood(slot, row[this.column(slot)]!, c);
    return log;
  }

  /** Of one column, watched or not. */
  logLikelihood(j: number, value: number, c: number): number {
    const slot = this.columns === undefined ? j : this.columns.indexOf(j);
    return slot < 0 || slot >= this.#slots ? 0 : this.#slotLogLikelihood(slot, value, c);
  }

  /** River's: sample variance; nothing with one value or no spread. */
  #slotLogLikelihood(slot: number, value: number, c: number): number {
    if (value !== value) return 0;
    const codes = this.codes[slot];
    if (codes !== undefined) return this.#codeLogLikelihood(slot, codes, value, c);
    const cell = slot * this.classes + c;
    const spreads = this.#spreads;
    let variance = spreads[cell * 2]!;
    if (variance !== variance) variance = this.#spread(cell);
    if (variance === 0) return 0;
    const distance = value - this.numbers[cell * FIELDS + MEAN]!;
    const log = (distance * distance) / (-2 * variance) - HALF_LOG_TAU - spreads[cell * 2 + 1]!;
    // With a variance of next to nothing it can be −∞, and then nothing could be compared any more.
    return log > LEAST_LOG ? log : LEAST_LOG;
  }

  /** Computes a cell of `#spreads`; gives the variance. */
  #spread(cell: number): number {
    const weight = this.numbers[cell * FIELDS + WEIGHT]!;
    let variance = weight > 1 ? this.numbers[cell * FIELDS + SQUARES]! / (weight - 1) : 0;
    if (!(variance > 0)) variance = 0;
    this.#spreads[cell * 2] = variance;
    this.#spreads[cell * 2 + 1] = variance > 0 ? 0.5 * Math.log(variance) : 0;
    return variance;
  }

  /** Laplace's correction over the codes that came to this leaf. Kept sums: a row asks for every class, and changes one. */
  #codeLogLikelihood(slot: number, codes: Float64Array, code: number, c: number): number {
    const cell = slot * this.classes + c;
    let weight = this.#weights[cell]!;
    if (weight !== weight) {
      // In the order of the codes, whichever came last: a loaded leaf then has the same bits.
      weight = 0;
      for (let at = c; at < codes.length; at += this.classes) weight += codes[at]!;
      this.#weights[cell] = weight;
    }
    const own = codes[code * this.classes + c] ?? 0;
    return weight === 0 ? 0 : Math.log((own + 1) / (weight + this.#distinct[slot]!));
  }

  #countCodes(codes: Float64Array): number {
    let distinct = 0;
    for (let from = 0; from < codes.length; from += this.classes) if (this.#came(codes, from)) distinct += 1;
    return distinct;
  }

  #came(codes: Float64Array, from: number): boolean {
    for (let at = from; at < from + this.classes; at++) if (codes[at]! > 0) return true;
    return false;
  }

  addClasses(classes: number): void {
    const widened = (from: Float64Array, rows: number, size: number) => {
      const to = new Float64Array(rows * classes * size);
      const [short, long] = [this.classes * size, classes * size];
      for (let i = 0; i < rows; i++) to.set(from.subarray(i * short, (i + 1) * short), i * long);
      return to;
    };
    this.numbers = widened(this.numbers, this.#slots, FIELDS);
    this.#spreads = unknown(this.numbers.length);
    this.#weights = new Float64Array(this.#slots * classes).fill(Number.NaN);
    this.#codeBytes = 0;
    this.codes.forEach((codes, slot) => {
      if (codes === undefined) return;
      const wider = widened(codes, codes.length / this.classes, 1);
      this.codes[slot] = wider;
      this.#codeBytes += codesBytes(wider);
    });
    this.arrival = grown(this.arrival, classes);
    this.classes = classes;
  }

  save(writer: StateWriter): void {
    writer.u32(this.columns === undefined ? 0 : 1);
    writer.floats(Float64Array.from(this.columns ?? []));
    writer.floats(this.arrival);
    writer.u32(this.arrived);
    writer.floats(this.numbers);
    writer.u32(this.#slots);
    for (let slot = 0; slot < this.#slots; slot++) writer.floats(this.codes[slot] ?? new Float64Array(0));
  }

  /** Welford's, weighted. */
  #addNumber(cell: number, value: number, weight: number): void {
    const at = cell * FIELDS;
    this.#spreads[cell * 2] = Number.NaN;
    const numbers = this.numbers;
    const before = numbers[at + WEIGHT]!;
    if (before === 0) {
      numbers[at + LEAST] = value;
      numbers[at + GREATEST] = value;
    } else {
      if (value < numbers[at + LEAST]!) numbers[at + LEAST] = value;
      if (value > numbers[at + GREATEST]!) numbers[at + GREATEST] = value;
    }
    const total = before + weight;
    const mean = numbers[at + MEAN]!;
    const moved = mean + (weight / total) * (value - mean);
    numbers[at + WEIGHT] = total;
    numbers[at + MEAN] = moved;
    numbers[at + SQUARES]! += weight * (value - mean) * (value - moved);
  }

  #addCode(slot: number, code: number, c: number, weight: number): void {
    let codes = this.codes[slot];
    const needed = (code + 1) * this.classes;
    if (codes === undefined || needed > codes.length) {
      const larger = Math.max(needed, Math.min((codes?.length ?? 0) * 2, 4096 * this.classes));
      this.#codeBytes -= codesBytes(codes);
      codes = grown(codes ?? new Float64Array(0), larger);
      this.#codeBytes += codesBytes(codes);
      this.codes[slot] = codes;
    }
    if (!this.#came(codes, code * this.classes)) this.#distinct[slot]! += 1;
    codes[code * this.classes + c]! += weight;
    this.#weights[slot * this.classes + c] = Number.NaN;
  }

  #addSlots(slots: number): void {
    this.numbers = grown(this.numbers, slots * this.classes * FIELDS);
    this.#spreads = unknown(this.numbers.length);
    this.#weights = new Float64Array(slots * this.classes).fill(Number.NaN);
    while (this.codes.length < slots) {
      this.codes.push(undefined);
      this.#distinct.push(0);
    }
    this.#slots = slots;
  }
}

/** 0 where a column has none. */
function codesBytes(codes: Float64Array | undefined): number {
  return codes === undefined || codes.length === 0 ? 0 : arrayBytes(codes);
}

/** Spreads of so many numbers, none of them computed. */
function unknown(numbers: number): Float64Array {
  return new Float64Array((numbers / FIELDS) * 2).fill(Number.NaN);
}
