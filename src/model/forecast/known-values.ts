// The last values of a series as they came, by position: what it would be forecast by that nobody has modelled.

import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export class KnownValues {
  /** A ring: the value at position p stands at p modulo its length. NaN: none is known. */
  readonly #values: Float64Array;

  /** @param capacity values that are kept, at least 1. A saved ring of another capacity is not taken up. */
  constructor(capacity: number, saved?: StateReader) {
    this.#values = new Float64Array(capacity).fill(Number.NaN);
    // A state of before values were kept has none.
    const values = saved === undefined || saved.atEnd ? undefined : saved.floats();
    if (values?.length === capacity) this.#values.set(values);
  }

  get bytes(): number {
    return 32 + arrayBytes(this.#values);
  }

  /** The value at a position, of which the last one known is `last`; NaN where it is not known (any more). */
  at(position: number, last: number): number {
    if (position < 1 || position > last || position <= last - this.#values.length) return Number.NaN;
    return this.#values[position % this.#values.length]!;
  }

  /** The value at `position`, `steps` after the last: at those between nothing has changed. */
  push(value: number, position: number, steps: number): void {
    const { length } = this.#values;
    const before = this.at(position - steps, position - steps);
    for (let gap = Math.max(position - steps, position - length) + 1; gap < position; gap++)
      this.#values[gap % length] = before;
    this.#values[position % length] = value;
  }

  save(writer: StateWriter): void {
    writer.floats(this.#values);
  }
}
