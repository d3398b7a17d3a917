// ADWIN (Bifet, Gavaldà 2007, "Learning from time-changing data with adaptive windowing", ADWIN2): a window of values in [0, 1]
// that drops its old end when the means of an old and a new part differ by more than chance. Kept as an exponential histogram:
// row r holds at most six buckets of 2^r values. As in River 0.26 (and MOA) it looks at every 32nd value. As in River, unlike the
// paper and MOA, it starts anew after a detection, so that one change is one detection; `keep` goes on with what is left of the window.

import { floatBytes, TYPED_ARRAY_BYTES } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import type { Detector, Verdict } from './detector.ts';

/** Buckets a row, before two of them become one of the next. */
const ROW = 5;
const CAPACITY = ROW + 1;
/** 2^40 values are more than any stream has. */
const ROWS = 40;
/** Values a bucket, by row. */
const SIZES = Float64Array.from({ length: ROWS }, (_, row) => 2 ** row);
const CLOCK = 32;
/** Neither part of a cut is shorter. */
const MIN_PART = 5;
/** Without its sums and squares. */
const OWN_BYTES = 160 + TYPED_ARRAY_BYTES + ROWS;
/** No test before the window is longer. */
const GRACE = 10;

export interface AdwinOptions {
  /** After a detection the window goes on without its old part. */
  readonly keep?: boolean;
  /** Rows of buckets to have room for from the start; beyond, room is doubled. */
  readonly rows?: number;
}

export class Adwin implements Detector {
  readonly name = 'adwin';
  readonly #delta: number;
  readonly #keep: boolean;
  /** By row: sums of the buckets, oldest first, and their squared deviations. Rows are made as they are needed. */
  #sums: Float64Array;
  #squares: Float64Array;
  readonly #counts = new Uint8Array(ROWS);
  #rows = 1;
  #width = 0;
  #sum = 0;
  /** Sum of squared deviations in the window. */
  #square = 0;
  #ticks = 0;
  #detected = false;
  /** Of the last detection: the means on either side of the split that sets them furthest apart. */
  #before = 0;
  #after = 0;

  /** @param delta chance of a false alarm at a test */
  constructor(delta: number, { keep = false, rows = 4 }: AdwinOptions = {}) {
    this.#delta = delta;
    this.#keep = keep;
    this.#sums = new Float64Array(CAPACITY * rows);
    this.#squares = new Float64Array(CAPACITY * rows);
  }

  static load(delta: number, reader: StateReader): Adwin {
    const adwin = new Adwin(delta);
    adwin.load(reader);
    return adwin;
  }

  load(reader: StateReader): void {
    this.#rows = reader.u32();
    this.#sums = reader.floats();
    this.#squares = reader.floats();
    this.#counts.set(Uint8Array.from(reader.floats()));
    [this.#width, this.#sum, this.#square] = [reader.f64(), reader.f64(), reader.f64()];
    this.#ticks = reader.u32();
    this.#detected = reader.u32() === 1;
  }

  get bytes(): number {
    return OWN_BYTES + floatBytes(2, 2 * this.#sums.length);
  }

  /** Values in the window. */
  get width(): number {
    return this.#width;
  }

  get mean(): number {
    return this.#width === 0 ? 0 : this.#sum / this.#width;
  }

  get before(): number {
    return this.#before;
  }

  get after(): number {
    return this.#after;
  }

  update(value: number): Verdict {
    return this.add(value) ? 'drift' : 'none';
  }

  /** True where this value showed that the mean has changed. */
  add(value: number): boolean {
    if (this.#detected) this.#goOn();
    this.#insert(value);
    this.#ticks += 1;
    if (this.#ticks % CLOCK === 0 && this.#width > GRACE) while (this.#cut()) this.#detected = true;
    return this.#detected;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#rows);
    writer.floats(this.#sums);
    writer.floats(this.#squares);
    writer.floats(Float64Array.from(this.#counts));
    for (const value of [this.#width, this.#sum, this.#square]) writer.f64(value);
    writer.u32(this.#ticks);
    writer.u32(this.#detected ? 1 : 0);
  }

  #goOn(): void {
    if (!this.#keep) return this.reset();
    this.#detected = false;
  }

  reset(): void {
    this.#sums.fill(0);
    this.#squares.fill(0);
    this.#counts.fill(0);
    this.#rows = 1;
    this.#width = this.#sum = this.#square = this.#ticks = 0;
    this.#detected = false;
  }

  #insert(value: number): void {
    const at = this.#counts[0]!++;
    this.#sums[at] = value;
    this.#squares[at] = 0;
    this.#width += 1;
    if (this.#width > 1) {
      const distance = value - this.#sum / (this.#width - 1);
      this.#square += ((this.#width - 1) * distance * distance) / this.#width;
    }
    this.#sum += value;
    this.#merge();
  }

  /** The two oldest buckets of a full row become one of the next. */
  #merge(): void {
    for (let row = 0; this.#counts[row] === CAPACITY; row++) {
      if (row + 1 === this.#rows) this.#addRow();
      const from = row * CAPACITY;
      const size = SIZES[row]!;
      const [first, second] = [this.#sums[from]!, this.#sums[from + 1]!];
      const distance = first / size - second / size;
      const to = (row + 1) * CAPACITY + this.#counts[row + 1]!++;
      this.#sums[to] = first + second;
      this.#squares[to] = this.#squares[from]! + this.#squares[from + 1]! + size * 0.5 * distance * distance;
      this.#shift(row, 2);
    }
  }

  #addRow(): void {
    this.#rows += 1;
    if (this.#rows * CAPACITY <= this.#sums.length) return;
    const [sums, squares] = [this.#sums, this.#squares];
    this.#sums = new Float64Array(sums.length * 2);
    this.#sums.set(sums);
    this.#squares = new Float64Array(sums.length * 2);
    this.#squares.set(squares);
  }

  /** Takes the oldest buckets of a row away. */
  #shift(row: number, count: number): void {
    const [sums, squares] = [this.#sums, this.#squares];
    const left = (this.#counts[row]! -= count);
    // Not copyWithin: its call costs more than moving four values.
    for (let i = row * CAPACITY, end = i + left; i < end; i++) {
      sums[i] = sums[i + count]!;
      squares[i] = squares[i + count]!;
    }
  }

  /** Looks for a cut, oldest first; drops the oldest bucket and says true where one shows a change. */
  #cut(): boolean {
    let [old, oldSum] = [0, 0];
    const scale = Math.log((2 * Math.log(this.#width)) / this.#delta);
    const variance = this.#square / this.#width;
    for (let row = this.#rows - 1; row >= 0; row--) {
      const size = SIZES[row]!;
      for (let k = 0; k < this.#counts[row]!; k++) {
        old += size;
        oldSum += this.#sums[row * CAPACITY + k]!;
        const recent = this.#width - old;
        if (recent < MIN_PART) return false;
        if (old < MIN_PART) continue;
        const reciprocal = 1 / (old - MIN_PART + 1) + 1 / (recent - MIN_PART + 1);
        const apart = Math.abs(oldSum / old - (this.#sum - oldSum) / recent);
        const least = (2 / 3) * scale * reciprocal;
        // Most are no further apart than this, which spares them the root.
        if (apart <= least || apart <= Math.sqrt(2 * reciprocal * variance * scale) + least) continue;
        if (!this.#detected) this.#split();
        this.#drop();
        return true;
      }
    }
    return false;
  }

  /** A window that is cut still has some of the old in it; the best split tells both parts well. */
  #split(): void {
    let [old, oldSum, furthest] = [0, 0, 0];
    for (let row = this.#rows - 1; row >= 0; row--)
      for (let k = 0; k < this.#counts[row]!; k++) {
        old += SIZES[row]!;
        oldSum += this.#sums[row * CAPACITY + k]!;
        const recent = this.#width - old;
        if (recent === 0) return;
        const [before, after] = [oldSum / old, (this.#sum - oldSum) / recent];
        const apart = (before - after) ** 2 * old * recent;
        if (apart < furthest) continue;
        furthest = apart;
        this.#before = before;
        this.#after = after;
      }
  }

  #drop(): void {
    const row = this.#rows - 1;
    const size = SIZES[row]!;
    const sum = this.#sums[row * CAPACITY]!;
    this.#width -= size;
    this.#sum -= sum;
    const distance = sum / size - this.#sum / this.#width;
    this.#square -= this.#squares[row * CAPACITY]! + (size * this.#width * distance * distance) / (size + this.#width);
    this.#shift(row, 1);
    while (this.#rows > 1 && this.#counts[this.#rows - 1] === 0) this.#rows -= 1;
  }
}
