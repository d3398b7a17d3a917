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
  readonly resume: () => void;
  /** False once nobody waits for it any more: it is then passed over, and takes no time. */
  readonly wanted: () => boolean;
}

export class Scheduler {
  readonly random: () => number;
  nowUs: number;
  /** Events that happened, for reports. */
  steps = 0;
  #failure: { readonly error: unknown } | undefined;
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

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }

  /** Runs `resume` when the world's clock gets there, unless it is not wanted any more by then. */
  at(atUs: number, resume: () => void, wanted: () => boolean = () => true): void {
    const waiting = this.#waiting;
    let index = waiting.length;
    while (index > 0 && waiting[index - 1]!.atUs > atUs) index -= 1;
    waiting.splice(index, 0, { atUs, resume, wanted });
  }

  /** The world ends here, with this error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Lets the world go on, event by event, until `done`; rejects where it fails, stands still or takes too long. */
  async run(done: () => boolean, maxSteps: number): Promise<void> {
    for (let step = 0; step < maxSteps; step++) {
      // Everything that can go on without waiting goes on first: promises settle before the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#failure !== undefined) throw this.#failure.error;
      if (done()) return;
      if (!this.step()) throw new Error('the simulated world stands still: everybody waits for somebody');
    }
    throw new Error(`the simulated world did not come to its end in ${maxSteps} steps`);
  }

  /** The next event happens; false where nobody waits for one. */
  step(): boolean {
    const next = this.#next();
    if (!next) return false;
    this.nowUs = Math.max(this.nowUs, next.atUs);
    this.steps += 1;
    next.resume();
    return true;
  }

  #next(): Waiting | undefined {
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined || next.wanted()) return next;
    }
  }
}

/** What the world does to those that live in it. */
export interface Weather {
  /** Chance that an operation fails, before or after it took effect; the failure is retryable. */
  breaks: number;
  /** Chance that an operation takes a thousand times as long. */
  stalls: number;
}

/** One incarnation of a process. Killed, whatever it was waiting for never comes: nothing of it has any effect any more. */
export class Life implements Clock {
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  #alive = true;

  constructor(scheduler: Scheduler, weather: Weather) {
    this.scheduler = scheduler;
    this.weather = weather;
  }

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
  }

  nowUs(): number {
    return this.scheduler.nowUs;
  }

  /** Whether the operation at hand fails. */
  breaks(): boolean {
    return this.weather.breaks > 0 && this.scheduler.chance(this.weather.breaks);
  }

  /** Waits between `low` and `high` microseconds of the world's time, sometimes far longer; for ever if killed meanwhile. */
  pause(low = 10, high = 3000): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#alive) return;
      const { scheduler } = this;
      const stalled = this.weather.stalls > 0 && scheduler.chance(this.weather.stalls);
      const waitUs = scheduler.between(low, high) * (stalled ? 1000 : 1);
      scheduler.at(scheduler.nowUs + waitUs, resolve, () => this.#alive);
    });
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#alive) return;
      if (signal?.aborted) return resolve();
      let over = false;
      const wake = (): void => {
        over = true;
        signal?.removeEventListener('abort', wake);
        if (this.#alive) resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.scheduler.at(this.scheduler.nowUs + Math.round(ms * 1000), wake, () => this.#alive && !over);
    });
  }
}
