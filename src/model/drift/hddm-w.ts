// HDDM_W (Frías-Blanco et al. 2015, as HDDM_A), one-sided: means that forget are compared by McDiarmid's inequality, those up to the point
// where the upper bound was least with those since. Quicker than HDDM_A with sudden changes.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { Detector, Verdict } from './detector.ts';
import type { HddmOptions } from './hddm-a.ts';

export interface HddmWOptions extends HddmOptions {
  /** Weight of the newest value. */
  readonly lambda: number;
}

export class HddmW implements Detector {
  readonly name = 'hddm_w';
  readonly bytes = 120;
  readonly #options: HddmWOptions;
  readonly #all = new FadingMean();
  readonly #before = new FadingMean();
  readonly #after = new FadingMean();
  #cut = Infinity;
  #drift = false;

  constructor(options: HddmWOptions) {
    this.#options = options;
  }

  get before(): number {
    return this.#before.mean;
  }

  get after(): number {
    return this.#after.mean;
  }

  update(value: number): Verdict {
    if (this.#drift) this.reset();
    const { lambda, warning, drift } = this.#options;
    this.#all.add(value, lambda);
    const upper = this.#all.mean + bound(this.#all.squares, drift);
    if (upper < this.#cut) {
      this.#cut = upper;
      this.#before.set(this.#all);
      this.#after.clear();
    } else this.#after.add(value, lambda);
    this.#drift = this.#rose(drift);
    return this.#drift ? 'drift' : this.#rose(warning) ? 'warning' : 'none';
  }

  reset(): void {
    for (const mean of [this.#all, this.#before, this.#after]) mean.clear();
    this.#cut = Infinity;
    this.#drift = false;
  }

  save(writer: StateWriter): void {
    for (const mean of [this.#all, this.#before, this.#after]) mean.save(writer);
    writer.f64(this.#cut);
    writer.u32(Number(this.#drift));
  }

  load(reader: StateReader): void {
    for (const mean of [this.#all, this.#before, this.#after]) mean.load(reader);
    this.#cut = reader.f64();
    this.#drift = reader.u32() === 1;
  }

  #rose(confidence: number): boolean {
    const [before, after] = [this.#before, this.#after];
    if (!before.known || !after.known) return false;
    return after.mean - before.mean > bound(before.squares + after.squares, confidence);
  }
}

function bound(squares: number, confidence: number): number {
  return Math.sqrt((squares * Math.log(1 / confidence)) / 2);
}

/** An exponentially weighted mean, and the sum of its squared weights. */
class FadingMean {
  mean = 0;
  squares = 1;
  known = false;

  add(value: number, lambda: number): void {
    this.mean = this.known ? lambda * value + (1 - lambda) * this.mean : value;
    this.squares = lambda * lambda + (1 - lambda) ** 2 * this.squares;
    this.known = true;
  }

  set(other: FadingMean): void {
    this.mean = other.mean;
    this.squares = other.squares;
    this.known = other.known;
  }

  clear(): void {
    this.mean = 0;
    this.squares = 1;
    this.known = false;
  }

  save(writer: StateWriter): void {
    writer.f64(this.mean);
    writer.f64(this.squares);
    writer.u32(Number(this.known));
  }

  load(reader: StateReader): void {
    this.mean = reader.f64();
    this.squares = reader.f64();
    this.known = reader.u32() === 1;
  }
}
