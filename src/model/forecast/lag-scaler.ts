// Lags as (x − mean) / deviation, both learned online in River's order of operations (StandardScaler); a lag that has no value yet
// is not there.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { bounded } from './series-model.ts';

/** From this many values on a value is limited before it enters mean and deviation, as in the encoder. */
const CLIP_FROM = 100;

export class LagScaler {
  readonly #clip: number;
  readonly #counts: Float64Array;
  readonly #means: Float64Array;
  readonly #variances: Float64Array;

  /** @param clip deviations from the mean that a value counts as at most. */
  constructor(lags: number, clip: number, saved?: StateReader) {
    this.#clip = clip;
    this.#counts = new Float64Array(lags);
    this.#means = new Float64Array(lags);
    this.#variances = new Float64Array(lags);
    if (saved) for (const mine of [this.#counts, this.#means, this.#variances]) mine.set(saved.floats());
  }

  get bytes(): number {
    return 24 * this.#counts.length;
  }

  learn(lag: number, x: number): void {
    const mean = this.#means[lag]!;
    const variance = this.#variances[lag]!;
    let entering = x;
    if (this.#counts[lag]! >= CLIP_FROM && variance > 0) {
      const reach = this.#clip * Math.sqrt(variance);
      entering = mean + Math.min(reach, Math.max(-reach, x - mean));
    }
    const count = (this.#counts[lag]! += 1);
    const next = bounded(mean + (entering - mean) / count, mean);
    this.#means[lag] = next;
    this.#variances[lag] = bounded(variance + ((entering - mean) * (entering - next) - variance) / count, variance);
  }

  /** 0 where all values so far were the same. */
  scaled(lag: number, x: number): number {
    const z = (x - this.#means[lag]!) * this.slope(lag);
    return z > this.#clip ? this.#clip : z < -this.#clip ? -this.#clip : z;
  }

  mean(lag: number): number {
    return this.#means[lag]!;
  }

  /** By how much the scaled value grows with the lag. */
  slope(lag: number): number {
    const variance = this.#variances[lag]!;
    return variance > 0 ? 1 / Math.sqrt(variance) : 0;
  }

  save(writer: StateWriter): void {
    for (const mine of [this.#counts, this.#means, this.#variances]) writer.floats(mine);
  }
}
