// A sum without rounding (Shewchuk 1997, "Adaptive precision floating-point arithmetic", grow-expansion): a value that is
// taken away again leaves no trace, and the order of the values does not show in the result. Products: Dekker 1971, "A
// floating-point technique for extending the available precision", section 5.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Parts that there is room for at first; float8 has 40 at most. */
const ROOM = 8;

export class ExactSum {
  /** Parts that do not overlap, least first; few, since zeros are dropped. Not an array of numbers: shrinking and growing it would cost most. */
  #parts = new Float64Array(ROOM);
  #count = 0;

  /** `value` must be finite and the exact sum within float8. */
  add(value: number): void {
    const parts = this.#parts;
    const count = this.#count;
    let kept = 0;
    let x = value;
    for (let i = 0; i < count; i++) {
      const part = parts[i]!;
      const greater = Math.abs(x) < Math.abs(part) ? part : x;
      const less = greater === x ? part : x;
      x = greater + less;
      const low = less - (x - greater);
      if (low !== 0) parts[kept++] = low;
    }
    if (x !== 0) {
      if (kept === parts.length) this.#grow();
      this.#parts[kept++] = x;
    }
    this.#count = kept;
  }

  /** Adds the product of two numbers as it is, not as float8 rounds it. Neither they nor it are beyond 1e290. */
  addProduct(a: number, b: number): void {
    const product = a * b;
    const [highA, highB] = [highHalf(a), highHalf(b)];
    const [lowA, lowB] = [a - highA, b - highB];
    this.add(product);
    this.add(lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB));
  }

  /** Adds another sum that many times. */
  addTimes(other: ExactSum, factor: number): void {
    // Behind the count stands what is no more.
    for (let i = 0; i < other.#count; i++) this.addProduct(other.#parts[i]!, factor);
  }

  /** The exact sum, rounded once to the nearest float8, ties to even (as Python's math.fsum). */
  get value(): number {
    const parts = this.#parts;
    let n = this.#count;
    if (n === 0) return 0;
    let high = parts[--n]!;
    let low = 0;
    while (n > 0) {
      const x = high;
      const y = parts[--n]!;
      high = x + y;
      low = y - (high - x);
      if (low !== 0) break;
    }
    // Half-way, and what is left decides on which side.
    if (n > 0 && ((low < 0 && parts[n - 1]! < 0) || (low > 0 && parts[n - 1]! > 0))) {
      const doubled = low * 2;
      const next = high + doubled;
      if (doubled === next - high) high = next;
    }
    return high;
  }

  save(writer: StateWriter): void {
    writer.floats(this.#parts.slice(0, this.#count));
  }

  load(reader: StateReader): void {
    const parts = reader.floats();
    this.#count = parts.length;
    this.#parts = new Float64Array(Math.max(ROOM, parts.length));
    this.#parts.set(parts);
  }

  #grow(): void {
    const parts = new Float64Array(2 * this.#parts.length);
    parts.set(this.#parts);
    this.#parts = parts;
  }
}

/** Its upper 26 bits, by Veltkamp's split. */
function highHalf(x: number): number {
  const c = SPLIT * x;
  return c - (c - x);
}

const SPLIT = 2 ** 27 + 1;
