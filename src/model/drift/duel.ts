// Two models on the same examples: is the one beside better by more than chance? Their losses are compared in pairs, and old pairs fade,
// since the one beside begins with knowing nothing.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** What a pair keeps of its weight from one to the next, at least: some 500 pairs count. */
const FADING = 0.998;
/** No verdict before. */
const LEAST_PAIRS = 200;
/** Standard errors that the mean difference must be beyond: it is looked at after every pair. */
const SIGNIFICANT = 3;

export class Duel {
  readonly #share: number;
  #pairs = 0;
  #weight = 0;
  #own = 0;
  #other = 0;
  /** Of squared differences. */
  #squares = 0;

  /**
   * @param share of all pairs so far that count, where that is more than 500: for one that does not begin with knowing nothing, and
   * for differences that so few do not show
   */
  constructor(share = 0) {
    this.#share = share;
  }

  get pairs(): number {
    return this.#pairs;
  }

  /** Mean losses. */
  get own(): number {
    return this.#own / this.#weight;
  }

  get other(): number {
    return this.#other / this.#weight;
  }

  /** True where the other has become better. */
  add(own: number, other: number): boolean {
    this.#pairs += 1;
    const fading = Math.max(FADING, 1 - 1 / (this.#share * this.#pairs));
    this.#weight = fading * this.#weight + 1;
    this.#own = fading * this.#own + own;
    this.#other = fading * this.#other + other;
    this.#squares = fading * this.#squares + (own - other) ** 2;
    if (this.#pairs < LEAST_PAIRS) return false;
    const gain = this.own - this.other;
    const variance = Math.max(0, this.#squares / this.#weight - gain * gain);
    return gain > 0 && gain > SIGNIFICANT * Math.sqrt(variance / this.#weight);
  }

  save(writer: StateWriter): void {
    for (const value of [this.#pairs, this.#weight, this.#own, this.#other, this.#squares]) writer.f64(value);
  }

  static load(reader: StateReader, share = 0): Duel {
    const duel = new Duel(share);
    duel.#pairs = reader.f64();
    duel.#weight = reader.f64();
    duel.#own = reader.f64();
    duel.#other = reader.f64();
    duel.#squares = reader.f64();
    return duel;
  }
}
