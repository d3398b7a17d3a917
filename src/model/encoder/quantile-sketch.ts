// Quantiles of a stream in little memory, by rank alone: one absurd value moves them by one rank, however far out it is, which P²
// and other sketches that interpolate between kept heights cannot promise. Nothing is random.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** A quantile's rank is off by at most this share of all values. */
const RANK_ERROR = 0.01;
/** Until so many values are there all are kept, and after so many more the list is thinned out. */
const THIN_EVERY = 1 / (2 * RANK_ERROR);
/** Of a list that was thinned out. Where the order of values is so unlucky that it would be longer, the error grows instead. */
const MAX_KEPT = 512;

/**
 * The summary of Greenwald and Khanna (2001, "Space-efficient online computation of quantile summaries"): some of the values, in
 * order, each with how many it stands for and how uncertain its rank is. Unlike theirs it merges neighbours wherever the error
 * allows, without bands.
 */
export class QuantileSketch {
  #count = 0;
  readonly #values: number[] = [];
  /** Least rank of a kept value less that of the one before. */
  readonly #gaps: number[] = [];
  /** Greatest less least rank. */
  readonly #spreads: number[] = [];

  constructor(saved?: StateReader) {
    if (!saved) return;
    this.#count = saved.f64();
    this.#values.push(...saved.floats());
    this.#gaps.push(...saved.floats());
    this.#spreads.push(...saved.floats());
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#values.length * 24;
  }

  /** @param x finite. */
  add(x: number): void {
    const at = this.#after(x);
    const inside = at > 0 && at < this.#values.length;
    const spread = inside ? Math.max(0, Math.floor(this.#count / THIN_EVERY) - 1) : 0;
    this.#values.splice(at, 0, x);
    this.#gaps.splice(at, 0, 1);
    this.#spreads.splice(at, 0, spread);
    this.#count += 1;
    if (this.#count % THIN_EVERY === 0) this.#thin();
  }

  /** The kept value nearest to rank ceil(`share` · count); 0 where there is none. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let best = 0;
    let least = Infinity;
    let from = 0;
    for (let i = 0; i < this.#values.length; i++) {
      from += this.#gaps[i]!;
      const off = Math.max(rank - from, from + this.#spreads[i]! - rank);
      if (off < least) {
        least = off;
        best = this.#values[i]!;
      } else if (from > rank) break;
    }
    return best;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#count);
    writer.floats(Float64Array.from(this.#values));
    writer.floats(Float64Array.from(this.#gaps));
    writer.floats(Float64Array.from(this.#spreads));
  }

  /** The first place behind all values that are not greater. */
  #after(x: number): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#values[middle]! <= x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #thin(): void {
    let room = Math.floor(this.#count / THIN_EVERY);
    this.#merge(room);
    while (this.#values.length > MAX_KEPT) this.#merge((room *= 2));
  }

  /** Merges a value into the next one where both together stay within `room` ranks; least and greatest stay. In place, from the end. */
  #merge(room: number): void {
    const [values, gaps, spreads] = [this.#values, this.#gaps, this.#spreads];
    let to = values.length - 1;
    for (let i = values.length - 2; i >= 0; i--) {
      if (i > 0 && gaps[i]! + gaps[to]! + spreads[to]! <= room) {
        gaps[to]! += gaps[i]!;
        continue;
      }
      to -= 1;
      values[to] = values[i]!;
      gaps[to] = gaps[i]!;
      spreads[to] = spreads[i]!;
    }
    for (const list of [values, gaps, spreads]) list.splice(0, to);
  }
}
