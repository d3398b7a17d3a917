// How many standard deviations wide an interval must be so that the promised share of values falls into it, for each horizon.
// Learned from how often it did: a quantile of error / deviation, moved by steps of its logarithm, up where a value was outside, down
// where it was inside (Gibbs and Candès 2021, "Adaptive conformal inference under distribution shift", do so by rank). Coverage is
// then right in the long run whatever the errors' distribution, and where the model is wrong. One for all series of a learner.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { normalCdf } from '../trees/normal-distribution.ts';

/** Steps shrink with the errors seen, down to this share. */
const LEAST_STEP = 0.01;
/** No width leaves the normal distribution's by more than this factor. */
const FARTHEST = Math.log(50);

export class IntervalWidths {
  readonly #share: number;
  /** Deviations to either side for errors that are normal. */
  readonly normal: number;
  /** By horizon: the logarithm of the width over the normal one, and the errors it was learned from. */
  readonly #logs: Float64Array;
  readonly #counts: Float64Array;

  /** @param share of values that are to fall inside. Saved ones for another share are forgotten. */
  constructor(share: number, horizon: number, saved?: StateReader) {
    this.#share = share;
    this.normal = normalQuantile((1 + share) / 2);
    this.#logs = new Float64Array(horizon);
    this.#counts = new Float64Array(horizon);
    if (!saved) return;
    const same = saved.f64() === share;
    const logs = saved.floats();
    const counts = saved.floats();
    for (let h = 0; same && h < Math.min(horizon, logs.length); h++) {
      this.#logs[h] = logs[h]!;
      this.#counts[h] = counts[h]!;
    }
  }

  get bytes(): number {
    return this.#logs.byteLength * 2;
  }

  /** Deviations to either side, `steps` ahead (from 1); beyond the horizon as at its end. */
  width(steps: number): number {
    return this.normal * Math.exp(this.#logs[Math.min(steps, this.#logs.length) - 1]!);
  }

  /** What an error was, in deviations as they were expected: not negative, and not NaN. */
  learn(steps: number, deviations: number): void {
    const h = Math.min(steps, this.#logs.length) - 1;
    const step = Math.max(LEAST_STEP, 1 / Math.sqrt(this.#counts[h]! + 25));
    const outside = deviations > this.width(steps) ? 1 : 0;
    this.#counts[h]! += 1;
    const next = this.#logs[h]! + step * (outside - (1 - this.#share));
    this.#logs[h] = Math.min(FARTHEST, Math.max(-FARTHEST, next));
  }

  save(writer: StateWriter): void {
    writer.f64(this.#share);
    writer.floats(this.#logs);
    writer.floats(this.#counts);
  }
}

/** By halving: it is asked once a model. @param share between 0.5 and 1. */
function normalQuantile(share: number): number {
  let low = 0;
  let high = 10;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < share) low = middle;
    else high = middle;
  }
  return high;
}
