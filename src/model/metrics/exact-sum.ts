// A sum without rounding (Shewchuk 1997, "Adaptive precision floating-point arithmetic", grow-expansion): a value that is
// taken away again leaves no trace, and the order of the values does not show in the result. Products: Dekker 1971, "A
// floating-point technique for extending the available precision", section 5.

import type { StateReader, StateWriter } from '../saved-state.ts';

export class ExactSum {
  /** Parts that do not overlap, least first; few, since zeros are dropped. */
  #parts: number[] = [];

  /** `value` must be finite and the exact sum within float8. */
  add(value: number): void {
    const parts = this.#parts;
    let kept = 0;
    let x = value;
    for (let i = 0; i < parts.length; i++) {
      let y = parts[i]!;
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) parts[kept++] = low;
      x = high;
    }
    parts.length = kept;
    if (x !== 0) parts.push(x);
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
    for (const part of other.#parts) this.addProduct(part, factor);
  }

  /** The exact sum, rounded once to the nearest float8, ties to even (as Python's math.fsum). */
  get value(): number {
    const parts = this.#parts;
    let n = parts.length;
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
    writer.floats(Float64Array.from(this.#parts));
  }

  load(reader: StateReader): void {
    this.#parts = [...reader.floats()];
  }
}

/** Its upper 26 bits, by Veltkamp's split. */
function highHalf(x: number): number {
  const c = SPLIT * x;
  return c - (c - x);
}

const SPLIT = 2 ** 27 + 1;
