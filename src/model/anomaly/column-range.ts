// Least and greatest value of a column so far: where in between a value stands.

import type { StateReader, StateWriter } from '../saved-state.ts';

/**
 * From this many values on, `count` of them, one widens the range by no more than 20 / `count` times what it was: an absurd value does not
 * flatten all others for ever, and a trend is still followed.
 */
const WIDEN_FROM = 100;
const WIDEN = 20;
/** In ranges: further out is as far. */
const FARTHEST = 1000;

export class ColumnRange {
  #count = 0;
  #least = 0;
  #greatest = 0;
  /** Given, not learned. */
  readonly #fixed: boolean;

  constructor(limits: readonly [least: number, greatest: number] | undefined, saved?: StateReader) {
    if (saved) {
      this.#count = saved.f64();
      this.#least = saved.f64();
      this.#greatest = saved.f64();
    }
    this.#fixed = limits !== undefined;
    if (!limits) return;
    [this.#least, this.#greatest] = limits;
    this.#count = 1;
  }

  learn(x: number): void {
    if (x !== x || this.#fixed) return;
    if (this.#count === 0) this.#least = this.#greatest = x;
    const range = this.#greatest - this.#least;
    // A range of nothing says nothing about what is far.
    const reach = this.#count >= WIDEN_FROM && range > 0 ? (WIDEN * range) / this.#count : Infinity;
    this.#count += 1;
    if (x < this.#least) this.#least = Math.max(x, this.#least - reach);
    if (x > this.#greatest) this.#greatest = Math.min(x, this.#greatest + reach);
  }

  /** 0 for the least so far, 1 for the greatest, and beyond; where all were the same, 0 for that. NaN of NaN. */
  place(x: number): number {
    if (this.#count === 0) return x === x ? 0 : x;
    const off = x - this.#least;
    const place = off === 0 ? 0 : off / (this.#greatest - this.#least);
    return place > FARTHEST ? FARTHEST : place < -FARTHEST ? -FARTHEST : place;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#count);
    writer.f64(this.#least);
    writer.f64(this.#greatest);
  }
}
