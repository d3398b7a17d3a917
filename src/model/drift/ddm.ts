// DDM (Gama et al. 2004, "Learning with drift detection"): the error rate plus its deviation is compared with the least they ever were
// together: two of its deviations above is a warning, three a drift.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { RunningMean, type Detector, type Verdict } from './detector.ts';

export interface DdmOptions {
  /** Errors and hits before it says anything. */
  readonly min_values: number;
  readonly warning: number;
  readonly drift: number;
}

export class Ddm implements Detector {
  readonly name = 'ddm';
  readonly bytes = 64;
  readonly #options: DdmOptions;
  readonly #all = new RunningMean();
  readonly #best = new RunningMean();
  #bestDeviation = 0;
  /** Of rate and deviation together. */
  #least = Infinity;
  #drift = false;

  constructor(options: DdmOptions) {
    this.#options = options;
  }

  get before(): number {
    return this.#best.mean;
  }

  get after(): number {
    return this.#all.since(this.#best);
  }

  update(value: number): Verdict {
    if (this.#drift) this.reset();
    this.#all.add(value);
    const { count, mean } = this.#all;
    if (count <= this.#options.min_values) return 'none';
    // Rounding may carry a rate of 1 beyond it.
    const deviation = Math.sqrt(Math.max(0, mean * (1 - mean)) / count);
    if (mean + deviation <= this.#least) {
      this.#best.set(this.#all);
      this.#bestDeviation = deviation;
      this.#least = mean + deviation;
    }
    const above = (deviations: number): boolean =>
      mean + deviation > this.#best.mean + deviations * this.#bestDeviation;
    this.#drift = above(this.#options.drift);
    return this.#drift ? 'drift' : above(this.#options.warning) ? 'warning' : 'none';
  }

  reset(): void {
    this.#all.clear();
    this.#best.clear();
    this.#bestDeviation = 0;
    this.#least = Infinity;
    this.#drift = false;
  }

  save(writer: StateWriter): void {
    this.#all.save(writer);
    this.#best.save(writer);
    writer.f64(this.#bestDeviation);
    writer.f64(this.#least);
    writer.u32(Number(this.#drift));
  }

  load(reader: StateReader): void {
    this.#all.load(reader);
    this.#best.load(reader);
    this.#bestDeviation = reader.f64();
    this.#least = reader.f64();
    this.#drift = reader.u32() === 1;
  }
}
