// One seeded scheduler and clock for a whole simulated world: every wait of every process is an entry in one queue, and what
// happens next is drawn from the seed. The same seed gives the same history, to the bit.

import type { Clock } from '../../src/runtime/clock.ts';

/** Mulberry32: 32 bits of state, uniform in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Waiting {
  readonly atUs: number;
  readonly order: number;
  readonly resume: () => void;
}

export class Scheduler {
  readonly random: () => number;
  nowUs: number;
  #order = 0;
  readonly #waiting: Waiting[] = [];

  constructor(seed: number, startUs: number) {
    this.random = seededRandom(seed);
    this.nowUs = startUs;
  }

  /** Whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Runs `resume` when the world's clock gets there. */
  at(atUs: number, resume: () => void): void {
    const entry = { atUs, order: this.#order++, resume };
    let index = this.#waiting.length;
    while (index > 0 && this.#waiting[index - 1]!.atUs > atUs) index -= 1;
    this.#waiting.splice(index, 0, entry);
  }

  /** Lets the world go on, event by event, until `done`, or `maxSteps`: then it says what still waits. */
  async run(done: () => boolean, maxSteps: number): Promise<void> {
    for (let step = 0; step < maxSteps; step++) {
      // Everything that can go on without waiting goes on first.
      await new Promise((resolve) => setImmediate(resolve));
      if (done()) return;
      const next = this.#waiting.shift();
      if (!next) throw new Error('the simulated world stands still: everybody waits for somebody');
      this.nowUs = Math.max(this.nowUs, next.atUs);
      next.resume();
    }
    throw new Error(`the simulated world did not come to its end in ${maxSteps} steps`);
  }
}

/** A process of the world. Killed, whatever it was waiting for never comes: nothing of it has any effect any more. */
export class Life implements Clock {
  readonly #scheduler: Scheduler;
  #alive = true;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
  }

  nowUs(): number {
    return this.#scheduler.nowUs;
  }

  /** Waits between `low` and `high` microseconds of the world's time; for ever if killed meanwhile. */
  pause(low = 10, high = 3000): Promise<void> {
    return new Promise((resolve) => {
      this.#scheduler.at(this.#scheduler.nowUs + this.#scheduler.between(low, high), () => {
        if (this.#alive) resolve();
      });
    });
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        if (this.#alive) resolve();
      };
      if (signal?.aborted) return wake();
      signal?.addEventListener('abort', wake, { once: true });
      this.#scheduler.at(this.#scheduler.nowUs + ms * 1000, wake);
    });
  }
}
