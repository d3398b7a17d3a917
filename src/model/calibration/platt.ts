// Calibration by two numbers: the log-odds are stretched and moved, a z + b. Source: Platt, "Probabilistic outputs for support
// vector machines" (1999); learned online as a dynamic generalised linear model (West, Harrison and Migon 1985), which keeps the
// uncertainty of a and b and forgets, where Platt fits them once.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { logOdds, sigmoid } from './log-odds.ts';
import type { Calibrator } from './calibrator.ts';

/** Variance of a and of b before the first label. */
const PRIOR = 0.25;
/** What an example counts one later. */
const FORGETTING = 1 - 1 / 5_000;
/** No example moves the log-odds of its own score further. */
const MOST_STEP = 1;
/** The order of scores stays. */
const LEAST_SLOPE = 0.01;

export class Platt implements Calibrator {
  /** a, b, and of their covariance aa, ab, bb. */
  readonly #state = Float64Array.of(1, 0, PRIOR, 0, PRIOR);

  apply(p: number): number {
    return sigmoid(this.#state[0]! * logOdds(p) + this.#state[1]!);
  }

  learn(p: number, target: number, weight: number): void {
    if (weight === 0) return;
    const [a, b, aa, ab, bb] = this.#state as unknown as [number, number, number, number, number];
    const z = logOdds(p);
    const said = sigmoid(a * z + b);
    const precision = weight * said * (1 - said);
    const alongA = aa * z + ab;
    const alongB = ab * z + bb;
    const spread = alongA * z + alongB;
    const gain = 1 / (1 + precision * spread);
    let step = weight * gain * (target - said);
    if (Math.abs(step * spread) > MOST_STEP) step = (Math.sign(step) * MOST_STEP) / spread;
    const forget = (variance: number): number => Math.min(PRIOR, variance / FORGETTING);
    const shrink = precision * gain;
    this.#state[0] = Math.max(LEAST_SLOPE, a + alongA * step);
    this.#state[1] = b + alongB * step;
    this.#state[2] = forget(aa - shrink * alongA * alongA);
    this.#state[4] = forget(bb - shrink * alongB * alongB);
    // Below what the variances allow, so that no direction has a negative one.
    const most = 0.999 * Math.sqrt(this.#state[2]! * this.#state[4]!);
    this.#state[3] = Math.min(most, Math.max(-most, (ab - shrink * alongA * alongB) / FORGETTING));
  }

  get bytes(): number {
    return this.#state.byteLength;
  }

  save(writer: StateWriter): void {
    writer.floats(this.#state);
  }

  load(reader: StateReader): void {
    this.#state.set(reader.floats());
  }
}
