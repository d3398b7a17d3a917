// The last values of something, newest first.

import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

const NONE = new Float64Array(0);

export class Past {
  /** Of what is kept. */
  readonly capacity: number;
  /** Newest at `#head`; room before it, so that most pushes move nothing. */
  readonly #values: Float64Array;
  #head: number;
  #length = 0;

  /** @param room pushes from one move of all values to the next. */
  constructor(capacity: number, room = 16) {
    this.capacity = capacity;
    this.#values = capacity === 0 ? NONE : new Float64Array(capacity + room);
    this.#head = this.#values.length;
  }

  static load(capacity: number, saved: StateReader): Past {
    const past = new Past(capacity);
    const values = saved.floats().subarray(0, capacity);
    for (let i = values.length - 1; i >= 0; i--) past.push(values[i]!);
    return past;
  }

  get bytes(): number {
    return 56 + (this.capacity === 0 ? 0 : arrayBytes(this.#values));
  }

  get length(): number {
    return this.#length;
  }

  /** @param age 0 for the newest, below `length`. */
  at(age: number): number {
    return this.#values[this.#head + age]!;
  }

  push(value: number): void {
    if (this.capacity === 0) return;
    if (this.#head === 0) {
      const kept = Math.min(this.#length, this.capacity - 1);
      this.#head = this.#values.length - kept;
      this.#values.copyWithin(this.#head, 0, kept);
      this.#length = kept;
    }
    this.#values[--this.#head] = value;
    this.#length = Math.min(this.#length + 1, this.capacity);
  }

  /** Becomes a copy of another of the same capacity. */
  copy(other: Past): void {
    this.#length = other.#length;
    this.#head = this.#values.length - other.#length;
    this.#values.set(other.#values.subarray(other.#head, other.#head + other.#length), this.#head);
  }

  save(writer: StateWriter): void {
    writer.floats(this.#values.slice(this.#head, this.#head + this.#length));
  }
}
