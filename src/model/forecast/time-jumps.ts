// Whether a value's time can be believed: one that is wrong and far ahead would leave all that come after it behind it, and a series
// that learned it would learn no more.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** A gap that is so many times as long as any before it has to be confirmed. */
const FAR = 100;

export class TimeJumps {
  /** Longest gap that was believed. */
  #longest = 0;
  /** Time of the value that was doubted last, unless another was believed since. */
  #doubted = Number.NaN;

  /** States of before times were doubted end here. */
  constructor(saved?: StateReader) {
    if (!saved || saved.atEnd) return;
    this.#longest = saved.f64();
    this.#doubted = saved.f64();
  }

  /**
   * A value that is far ahead is believed once another came that is still further: both are then where the series has gone on.
   * @param last of the series, before `time`; NaN where there is none
   * @param period at least this is a gap that is not far
   */
  believes(time: number, last: number, period = 0): boolean {
    const gap = time - last;
    if (Number.isNaN(gap)) return true;
    const usual = Math.max(this.#longest, period);
    if (usual > 0 && gap > FAR * usual && !(time > this.#doubted)) {
      this.#doubted = time;
      return false;
    }
    this.#doubted = Number.NaN;
    this.#longest = Math.max(this.#longest, gap);
    return true;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#longest);
    writer.f64(this.#doubted);
  }
}
