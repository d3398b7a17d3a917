// The last outcomes, each in the place where it first came: a changed label changes it there, a withdrawn one leaves its place
// empty, and what has left the window is not touched any more.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { Outcome } from './outcome.ts';

export class OutcomeWindow {
  readonly #scores: Float64Array;
  /** NaN: an empty place. */
  readonly #targets: Float64Array;
  #next = 0;
  #filled = 0;

  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity);
    this.#targets = new Float64Array(capacity);
  }

  fold(outcome: Outcome): void {
    if (outcome.prior !== undefined) {
      const place = this.#find(outcome.score, outcome.prior);
      if (place !== undefined) this.#targets[place] = outcome.target ?? Number.NaN;
    } else if (outcome.target !== undefined) {
      this.#scores[this.#next] = outcome.score;
      this.#targets[this.#next] = outcome.target;
      this.#next = (this.#next + 1) % this.#scores.length;
      this.#filled = Math.min(this.#filled + 1, this.#scores.length);
    }
  }

  /** Oldest first. */
  standing(): { readonly scores: Float64Array; readonly targets: Float64Array } {
    const scores: number[] = [];
    const targets: number[] = [];
    for (let age = this.#filled; age >= 1; age--) {
      const place = this.#place(age);
      if (Number.isNaN(this.#targets[place]!)) continue;
      scores.push(this.#scores[place]!);
      targets.push(this.#targets[place]!);
    }
    return { scores: Float64Array.from(scores), targets: Float64Array.from(targets) };
  }

  /** Oldest first, so that equal windows have equal bytes wherever they began. */
  save(writer: StateWriter): void {
    const places = Array.from({ length: this.#filled }, (_, i) => this.#place(this.#filled - i));
    writer.floats(Float64Array.from(places, (place) => this.#scores[place]!));
    writer.floats(Float64Array.from(places, (place) => this.#targets[place]!));
  }

  load(reader: StateReader): void {
    const scores = reader.floats();
    this.#scores.set(scores);
    this.#targets.set(reader.floats());
    this.#filled = scores.length;
    this.#next = scores.length % this.#scores.length;
  }

  /** The newest with that score and target; two that agree in both are interchangeable but for when they leave. */
  #find(score: number, target: number): number | undefined {
    for (let age = 1; age <= this.#filled; age++) {
      const place = this.#place(age);
      if (this.#scores[place] === score && this.#targets[place] === target) return place;
    }
    return undefined;
  }

  /** Age 1 is the newest. */
  #place(age: number): number {
    return (this.#next - age + this.#scores.length) % this.#scores.length;
  }
}
