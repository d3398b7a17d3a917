// Lags as (x − mean) / deviation, both learned online in River's order of operations (StandardScaler); a lag that has no value yet
// is not there.

import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { bounded } from './series-model.ts';

/** From this many values on a value is limited before it enters mean and deviation, as in the encoder. */
const CLIP_FROM = 100;
/** Count, mean, variance. */
const FIELDS = [0, 1, 2];

export class LagScaler {
  readonly #clip: number;
  readonly #lags: number;
  /** In one array, by lag: how many values there were, then their means, then their variances. */
  readonly #moments: Float64Array;

  /** @param clip deviations from the mean that a value counts as at most. */
  constructor(lags: number, clip: number, saved?: StateReader) {
    this.#clip = clip;
    this.#lags = lags;
    this.#moments = new Float64Array(3 * lags);
    if (saved) for (const field of FIELDS) this.#moments.set(saved.floats(), field * lags);
  }

  get bytes(): number {
    return 48 + arrayBytes(this.#moments);
  }

  learn(lag: number, x: number): void {
    const [moments, lags] = [this.#moments, this.#lags];
    const mean = moments[lags + lag]!;
    const variance = moments[2 * lags + lag]!;
    let entering = x;
    if (moments[lag]! >= CLIP_FROM && variance > 0) {
      const reach = this.#clip * Math.sqrt(variance);
      entering = mean + Math.min(reach, Math.max(-reach, x - mean));
    }
    const count = (moments[lag]! += 1);
    const next = bounded(mean + (entering - mean) / count, mean);
    moments[lags + lag] = next;
    moments[2 * lags + lag] = bounded(variance + ((entering - mean) * (entering - next) - variance) / count, variance);
  }

  /** 0 where all values so far were the same. */
  scaled(lag: number, x: number): number {
    const z = (x - this.mean(lag)) * this.slope(lag);
    return z > this.#clip ? this.#clip : z < -this.#clip ? -this.#clip : z;
  }

  mean(lag: number): number {
    return this.#moments[this.#lags + lag]!;
  }

  /** By how much the scaled value grows with the lag. */
  slope(lag: number): number {
    const variance = this.#moments[2 * this.#lags + lag]!;
    return variance > 0 ? 1 / Math.sqrt(variance) : 0;
  }

  save(writer: StateWriter): void {
    for (const field of FIELDS) writer.floats(this.#moments.subarray(field * this.#lags, (field + 1) * this.#lags));
  }
}
