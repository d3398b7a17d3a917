// Mean and deviation of a number to be predicted, learned online: so that a net is always asked for numbers near 0, and to know one
// that is far out.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** From the 100th target on, one enters no further out than this many deviations; standardised ones always end here. */
const CLIP = 100;
const CLIP_FROM = 100;

export class TargetScale {
  #count = 0;
  #mean = 0;
  /** Population variance. */
  #variance = 0;

  constructor(saved?: StateReader) {
    if (!saved) return;
    this.#count = saved.f64();
    this.#mean = saved.f64();
    this.#variance = saved.f64();
  }

  /** One standard deviation; 0 while all targets were the same. */
  get deviation(): number {
    return Math.sqrt(this.#variance);
  }

  /** Welford's. Gives the target as it entered. */
  learn(y: number): number {
    const reach = this.#count >= CLIP_FROM && this.#variance > 0 ? CLIP * this.deviation : Infinity;
    const before = this.#mean;
    const entering = Math.min(before + reach, Math.max(before - reach, y));
    this.#count += 1;
    this.#mean += (entering - before) / this.#count;
    this.#variance += ((entering - before) * (entering - this.#mean) - this.#variance) / this.#count;
    return entering;
  }

  standardised(y: number): number {
    if (!(this.#variance > 0)) return 0;
    return Math.min(CLIP, Math.max(-CLIP, (y - this.#mean) / this.deviation));
  }

  value(standardised: number): number {
    return this.#mean + standardised * this.deviation;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#count);
    writer.f64(this.#mean);
    writer.f64(this.#variance);
  }
}
