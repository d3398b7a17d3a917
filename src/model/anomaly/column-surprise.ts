// What is usual in one column: how often it says something, and what. From that, how improbable a value at least so strange is.

import { grown } from '../optimizers/optimizer.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { surprise } from '../trees/normal-distribution.ts';

/** Standard deviations: further out is as strange. Keeps sums finite. */
const FARTHEST = 1e6;

/** Numbers are taken as normal, codes and NULL as what they are: shares of what was learned. */
export class ColumnSurprise {
  readonly #nominal: boolean;
  /** Weight of what was learned: with `keep` 1 the rows themselves. */
  #rows = 0;
  #missing = 0;
  #values = 0;
  #mean = 0;
  /** Sum of squares about the mean. */
  #squares = 0;
  #counts: Float64Array = new Float64Array(0);

  constructor(nominal: boolean, saved?: StateReader) {
    this.#nominal = nominal;
    if (!saved) return;
    this.#rows = saved.f64();
    this.#missing = saved.f64();
    this.#values = saved.f64();
    this.#mean = saved.f64();
    this.#squares = saved.f64();
    this.#counts = saved.floats();
  }

  get bytes(): number {
    return 96 + this.#counts.byteLength;
  }

  /** @param keep what a row so far counts for after this one; for each column on its own, where it has a value */
  learn(value: number, keep: number): void {
    this.#rows = this.#rows * keep + 1;
    this.#missing = this.#missing * keep + Number(value !== value);
    if (value !== value) return;
    this.#values = this.#values * keep + 1;
    if (this.#nominal) return this.#count(value, keep);
    const off = value - this.#mean;
    this.#mean += off / this.#values;
    this.#squares = this.#squares * keep + off * (value - this.#mean);
  }

  /** −ln of the probability that the column says something or nothing, plus that of a value at least so strange. */
  of(value: number): number {
    const says = this.#rows - this.#missing;
    if (value !== value) return this.#missing > says ? 0 : rarity(this.#missing, this.#rows);
    const there = says > this.#missing ? 0 : rarity(says, this.#rows);
    return there + (this.#nominal ? this.#ofCode(value) : this.#ofNumber(value));
  }

  save(writer: StateWriter): void {
    for (const part of [this.#rows, this.#missing, this.#values, this.#mean, this.#squares]) writer.f64(part);
    writer.floats(this.#counts);
  }

  #ofNumber(value: number): number {
    const off = Math.abs(value - this.#mean);
    const variance = this.#values > 1 ? this.#squares / (this.#values - 1) : 0;
    if (variance > 0) return surprise(Math.min(off / Math.sqrt(variance), FARTHEST));
    // All values so far were the same: of another one nothing is known but how many there were.
    return off > 0 ? rarity(0, this.#values) : 0;
  }

  /** Codes at least so rare, taken together. */
  #ofCode(code: number): number {
    const own = this.#counts[code] ?? 0;
    let tail = 0;
    for (const count of this.#counts) if (count <= own) tail += count;
    return rarity(tail, this.#values);
  }

  #count(code: number, keep: number): void {
    if (code >= this.#counts.length) this.#counts = grown(this.#counts, Math.max(4, code + 1, this.#counts.length * 2));
    if (keep < 1) for (let c = 0; c < this.#counts.length; c++) this.#counts[c]! *= keep;
    this.#counts[code]! += 1;
  }
}

/** −ln of a share, Laplace's correction included: what never came before is the rarer the more did. */
function rarity(tail: number, all: number): number {
  return -Math.log((tail + 1) / (all + 1));
}
