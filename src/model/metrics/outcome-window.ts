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
    const scores = this.#inOrder(this.#scores);
    const targets = this.#inOrder(this.#targets);
    let kept = 0;
    for (let i = 0; i < targets.length; i++) {
      if (Number.isNaN(targets[i]!)) continue;
      scores[kept] = scores[i]!;
      targets[kept++] = targets[i]!;
    }
    return { scores: scores.subarray(0, kept), targets: targets.subarray(0, kept) };
  }

  /** Oldest first, so that equal windows have equal bytes wherever they began. */
  save(writer: StateWriter): void {
    writer.floats(this.#inOrder(this.#scores));
    writer.floats(this.#inOrder(this.#targets));
  }

  load(reader: StateReader): void {
    const scores = reader.floats();
    this.#scores.set(scores);
    this.#targets.set(reader.floats());
    this.#filled = scores.length;
    this.#next = scores.length % this.#scores.length;
  }

  /** A copy of what is filled, oldest first. */
  #inOrder(ring: Float64Array): Float64Array {
    const ordered = new Float64Array(this.#filled);
    const wrapped = ring.subarray(this.#filled < ring.length ? 0 : this.#next, this.#filled);
    ordered.set(wrapped);
    ordered.set(ring.subarray(0, this.#filled - wrapped.length), wrapped.length);
    return ordered;
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
