// Random numbers whose whole state is one integer, so that a saved learner goes on with the very next one.

/** mulberry32 (Tommy Ettinger): 32 bits of state, uniform in [0, 1). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** What another is given to go on from here. */
  get state(): number {
    return this.#state >>> 0;
  }

  set state(state: number) {
    this.#state = state | 0;
  }

  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** Knuth's: multiplies uniform numbers until they fall below e^−rate. For rates up to a few dozen. */
  poisson(rate: number): number {
    const limit = Math.exp(-rate);
    let count = 0;
    let product = this.uniform();
    while (product > limit) {
      count += 1;
      product *= this.uniform();
    }
    return count;
  }

  /** `count` of the integers below `of`, ascending, each set as likely as any other (Floyd's, then sorted). */
  sample(count: number, of: number): Int32Array {
    const chosen = new Set<number>();
    for (let j = of - Math.min(count, of); j < of; j++) {
      const pick = Math.floor(this.uniform() * (j + 1));
      chosen.add(chosen.has(pick) ? j : pick);
    }
    return Int32Array.from(chosen).sort();
  }
}
