// Target encoding: a category as the mean of the target it came with, drawn towards the mean of all by a weight of `smoothing`
// (Micci-Barreca 2001, "A preprocessing scheme for high-cardinality categorical attributes"). Nothing leaks: a row is encoded, scored
// and learned with the means from before its own label, which enters them afterwards.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** No example counts for more: sums stay within what a float holds. */
const MAX_WEIGHT = 1e9;

interface Mean {
  weight: number;
  mean: number;
}

export class TargetMeans {
  readonly #max: number;
  readonly #all: Mean = { weight: 0, mean: 0 };
  /** What categories beyond the first `max` share. */
  readonly #other: Mean = { weight: 0, mean: 0 };
  readonly #means = new Map<string, Mean>();
  #characters = 0;

  /** @param max categories with a mean of their own; all that were saved are kept */
  constructor(max: number, saved?: StateReader) {
    this.#max = max;
    if (!saved) return;
    for (const mean of [this.#all, this.#other]) [mean.weight, mean.mean] = [saved.f64(), saved.f64()];
    for (let left = saved.u32(); left > 0; left--) {
      const category = saved.text();
      this.#means.set(category, { weight: saved.f64(), mean: saved.f64() });
      this.#characters += category.length;
    }
  }

  get bytes(): number {
    return 100 + this.#means.size * 120 + this.#characters * 2;
  }

  /**
   * @param category undefined: too long to be kept
   * @param smoothing so many examples of the mean of all are added
   */
  encode(category: string | undefined, smoothing: number): number {
    const own = this.#of(category);
    if (own === undefined || own.weight === 0) return this.#all.mean;
    return (own.weight / (own.weight + smoothing)) * (own.mean - this.#all.mean) + this.#all.mean;
  }

  /** @param y finite, as is `weight` ≥ 0 */
  learn(category: string | undefined, y: number, weight: number): void {
    const counted = Math.min(weight, MAX_WEIGHT);
    if (counted === 0) return;
    let own = this.#of(category);
    if (own === undefined) {
      own = { weight: 0, mean: 0 };
      this.#means.set(category!, own);
      this.#characters += category!.length;
    }
    add(own, y, counted);
    add(this.#all, y, counted);
  }

  save(writer: StateWriter): void {
    for (const { weight, mean } of [this.#all, this.#other]) {
      writer.f64(weight);
      writer.f64(mean);
    }
    writer.u32(this.#means.size);
    for (const [category, { weight, mean }] of this.#means) {
      writer.text(category);
      writer.f64(weight);
      writer.f64(mean);
    }
  }

  /** Undefined for one that can still get a mean of its own. */
  #of(category: string | undefined): Mean | undefined {
    const own = category === undefined ? undefined : this.#means.get(category);
    return own ?? (category === undefined || this.#means.size >= this.#max ? this.#other : undefined);
  }
}

function add(to: Mean, y: number, weight: number): void {
  to.weight += weight;
  to.mean += (weight / to.weight) * (y - to.mean);
}
