// Answers that use no features: the last label, and the mean of all. What any model of numbers must beat, and where nothing does,
// what is best served.

import type { Learner } from '../learner.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

export class Constant implements Learner {
  readonly #what: 'last' | 'mean';
  #value = 0;
  #weight = 0;

  constructor(what: 'last' | 'mean', saved?: Uint8Array) {
    this.#what = what;
    if (!saved) return;
    const reader = new StateReader(saved, `${what} learner`);
    this.#value = reader.f64();
    this.#weight = reader.f64();
    reader.finish();
  }

  readonly bytes = 16;

  predict(): number {
    return this.#value;
  }

  learn(_x: unknown, y: number, weight: number): void {
    if (weight === 0) return;
    this.#weight += weight;
    this.#value = this.#what === 'last' ? y : this.#value + (weight / this.#weight) * (y - this.#value);
  }

  explain(): { readonly bias: number; readonly contributions: Float64Array } {
    return { bias: this.#value, contributions: new Float64Array(0) };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.#what} learner`);
    writer.f64(this.#value);
    writer.f64(this.#weight);
    return writer.finish();
  }
}
