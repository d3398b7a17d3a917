// Errors of numbers as ADWIN wants them, in [0, 1]: three standard deviations around their mean become the whole range (as in the
// regression forest of River; Gomes et al. 2018 leave it open).

import type { StateReader, StateWriter } from '../saved-state.ts';

export class ErrorScale {
  #count = 0;
  #mean = 0;
  #squares = 0;

  /** Of all errors. */
  get mean(): number {
    return this.#mean;
  }

  /** Takes an error in, and gives its place. */
  place(error: number): number {
    this.#count += 1;
    const distance = error - this.#mean;
    this.#mean += distance / this.#count;
    this.#squares += distance * (error - this.#mean);
    const deviation = Math.sqrt(this.#squares / this.#count);
    if (!(deviation > 0)) return 0.5;
    return Math.min(1, Math.max(0, 0.5 + (error - this.#mean) / (6 * deviation)));
  }

  save(writer: StateWriter): void {
    for (const value of [this.#count, this.#mean, this.#squares]) writer.f64(value);
  }

  load(reader: StateReader): void {
    [this.#count, this.#mean, this.#squares] = [reader.f64(), reader.f64(), reader.f64()];
  }
}
