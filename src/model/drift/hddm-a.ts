// HDDM_A (Frías-Blanco et al. 2015, "Online and non-parametric drift detection methods based on Hoeffding's bounds"), one-sided: the mean of
// all values is compared, by Hoeffding's inequality, with the mean up to the point where its upper bound was least.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { RunningMean, type Detector, type Verdict } from './detector.ts';

export interface HddmOptions {
  /** Chances of a false alarm. */
  readonly warning: number;
  readonly drift: number;
}

export class HddmA implements Detector {
  readonly name = 'hddm_a';
  readonly bytes = 48;
  readonly #options: HddmOptions;
  readonly #all = new RunningMean();
  readonly #cut = new RunningMean();
  #drift = false;

  constructor(options: HddmOptions) {
    this.#options = options;
  }

  get before(): number {
    return this.#cut.mean;
  }

  get after(): number {
    return this.#all.since(this.#cut);
  }

  update(value: number): Verdict {
    if (this.#drift) this.reset();
    const [all, cut] = [this.#all, this.#cut];
    all.add(value);
    if (cut.count === 0 || cut.mean + this.#bound(cut.count) >= all.mean + this.#bound(all.count)) cut.set(all);
    this.#drift = this.#rose(this.#options.drift);
    return this.#drift ? 'drift' : this.#rose(this.#options.warning) ? 'warning' : 'none';
  }

  reset(): void {
    this.#all.clear();
    this.#cut.clear();
    this.#drift = false;
  }

  save(writer: StateWriter): void {
    this.#all.save(writer);
    this.#cut.save(writer);
    writer.u32(Number(this.#drift));
  }

  load(reader: StateReader): void {
    this.#all.load(reader);
    this.#cut.load(reader);
    this.#drift = reader.u32() === 1;
  }

  #bound(count: number): number {
    return Math.sqrt((1 / (2 * count)) * Math.log(1 / this.#options.drift));
  }

  #rose(confidence: number): boolean {
    const [all, cut] = [this.#all, this.#cut];
    if (cut.count === all.count) return false;
    const share = ((all.count - cut.count) / cut.count) * (1 / all.count);
    return all.mean - cut.mean >= Math.sqrt((share / 2) * Math.log(2 / confidence));
  }
}
