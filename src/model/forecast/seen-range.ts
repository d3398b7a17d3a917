// The range that a series' values were in, and how far beyond it a forecast may go. A model that adds up what it has forecast, step by
// step, grows without bounds where its weights do so, as they do by chance while few values are known.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Values until there is a range to speak of. */
const ENOUGH = 2;
/** A state of before ranges were kept knows nothing of the values so far: as many more must come first. */
const ENOUGH_AFTER = 10;

export class SeenRange {
  readonly #limited: boolean;
  #least = Infinity;
  #greatest = -Infinity;
  #count = 0;
  #periods = 0;

  /** @param limited whether `bounded` changes anything. States of before end here. */
  constructor(limited: boolean, saved?: StateReader) {
    this.#limited = limited;
    if (!saved) return;
    if (saved.atEnd) this.#count = ENOUGH - ENOUGH_AFTER;
    else
      [this.#least, this.#greatest, this.#count, this.#periods] = [saved.f64(), saved.f64(), saved.f64(), saved.f64()];
  }

  /** @param steps periods since the value before */
  add(value: number, steps: number): void {
    this.#least = Math.min(this.#least, value);
    this.#greatest = Math.max(this.#greatest, value);
    this.#count += 1;
    this.#periods += steps;
  }

  /**
   * A forecast of so many steps ahead, no further beyond the range than the range is wide, and twice as far as a line would go
   * that took all the periods so far to cross it.
   */
  bounded(forecast: number, steps: number): number {
    const reach = this.reach(steps);
    if (forecast > this.#greatest + reach) return this.#greatest + reach;
    return forecast < this.#least - reach ? this.#least - reach : forecast;
  }

  /** How far beyond the range a forecast may go; Infinity: as far as it will. */
  reach(steps: number): number {
    if (!this.#limited || this.#count < ENOUGH) return Infinity;
    return (this.#greatest - this.#least) * (1 + (2 * steps) / this.#periods);
  }

  save(writer: StateWriter): void {
    for (const value of [this.#least, this.#greatest, this.#count, this.#periods]) writer.f64(value);
  }
}
