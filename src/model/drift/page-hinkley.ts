// Page-Hinkley (Page 1954; Mouss et al. 2004), both ways: values add up their distance from the mean so far, less `delta`; where the sum
// is `threshold` above its least, the mean has gone up. As in River 0.26 sums fade by `alpha`, and the greatest sum starts at −1.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { RunningMean, type Detector, type Verdict } from './detector.ts';

export interface PageHinkleyOptions {
  /** Values before it says anything. */
  readonly min_values: number;
  /** Changes up to this are none. */
  readonly delta: number;
  readonly threshold: number;
  /** What a sum keeps of itself from one value to the next. */
  readonly alpha: number;
}

export class PageHinkley implements Detector {
  readonly name = 'page_hinkley';
  readonly bytes = 120;
  readonly #options: PageHinkleyOptions;
  readonly #all = new RunningMean();
  /** As it was at the least and at the greatest sum: where the change began. */
  readonly #atLeast = new RunningMean();
  readonly #atGreatest = new RunningMean();
  #up = 0;
  #down = 0;
  #least = Infinity;
  #greatest = -1;
  #rose = false;
  #drift = false;

  constructor(options: PageHinkleyOptions) {
    this.#options = options;
  }

  get before(): number {
    return this.#start.mean;
  }

  get after(): number {
    return this.#all.since(this.#start);
  }

  update(value: number): Verdict {
    if (this.#drift) this.reset();
    const { delta, threshold, alpha, min_values } = this.#options;
    this.#all.add(value);
    const distance = value - this.#all.mean;
    this.#up = alpha * this.#up + distance - delta;
    this.#down = alpha * this.#down + distance + delta;
    if (this.#up < this.#least) {
      this.#least = this.#up;
      this.#atLeast.set(this.#all);
    }
    if (this.#down > this.#greatest) {
      this.#greatest = this.#down;
      this.#atGreatest.set(this.#all);
    }
    if (this.#all.count < min_values) return 'none';
    this.#rose = this.#up - this.#least > threshold;
    this.#drift = this.#rose || this.#greatest - this.#down > threshold;
    return this.#drift ? 'drift' : 'none';
  }

  reset(): void {
    this.#all.clear();
    this.#atLeast.clear();
    this.#atGreatest.clear();
    this.#up = this.#down = 0;
    this.#least = Infinity;
    this.#greatest = -1;
    this.#rose = this.#drift = false;
  }

  save(writer: StateWriter): void {
    for (const mean of [this.#all, this.#atLeast, this.#atGreatest]) mean.save(writer);
    for (const value of [this.#up, this.#down, this.#least, this.#greatest]) writer.f64(value);
    writer.u32(Number(this.#rose));
    writer.u32(Number(this.#drift));
  }

  load(reader: StateReader): void {
    for (const mean of [this.#all, this.#atLeast, this.#atGreatest]) mean.load(reader);
    [this.#up, this.#down, this.#least, this.#greatest] = [reader.f64(), reader.f64(), reader.f64(), reader.f64()];
    this.#rose = reader.u32() === 1;
    this.#drift = reader.u32() === 1;
  }

  get #start(): RunningMean {
    return this.#rose ? this.#atLeast : this.#atGreatest;
  }
}
