// Exponential back-off with full jitter, so that fifty connectors do not come back in step.
// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

export interface BackOffOptions {
  readonly firstMs: number;
  readonly capMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Counts failures in a row and says how long to wait before the next attempt. */
export class BackOff {
  readonly #options: BackOffOptions;
  #failures = 0;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds to wait now: half of the doubled bound at least, so that it grows for certain. */
  next(): number {
    const bound = Math.min(this.#options.capMs, this.#options.firstMs * 2 ** this.#failures);
    this.#failures += 1;
    return bound / 2 + (bound / 2) * this.#options.random();
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
