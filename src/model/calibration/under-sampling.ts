// Learns all of the rare class and a share of the frequent one, and says what a score means for the stream as it is. Sources: Dal
// Pozzolo, Caelen, Johnson and Bontempi, "Calibrating probability with undersampling for unbalanced classification" (2015),
// equation 4; King and Zeng, "Logistic regression in rare events data" (2001), section 4.1. Ours takes the shares that were kept so
// far, of either class: which one is rare is found online, and may change.

import { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export class UnderSampling {
  readonly #ratio: number;
  readonly #random: Random;
  /** False and true ones seen, and of these learned. */
  readonly #seen = new Float64Array(2);
  readonly #kept = new Float64Array(2);

  /** @param ratio examples of the frequent class for each of the rare one, at most */
  constructor(ratio: number, seed: number) {
    this.#ratio = ratio;
    this.#random = new Random(seed);
  }

  /** Whether to learn the example, whose class counts from then on. */
  takes(target: number): boolean {
    const own = target > 0.5 ? 1 : 0;
    const other = 1 - own;
    this.#seen[own]! += 1;
    const share = Math.min(1, (this.#ratio * (this.#seen[other]! + 1)) / this.#seen[own]!);
    // The first of a class always: nothing is known of one that was never learned, and no share of it could be taken back.
    const takes = share >= 1 || this.#kept[own] === 0 || this.#random.uniform() < share;
    if (takes) this.#kept[own]! += 1;
    return takes;
  }

  /** The probability among all, from one among those that were learned. */
  correct(p: number): number {
    const falses = this.#share(0);
    const trues = this.#share(1);
    return falses === trues ? p : (p * falses) / (p * falses + (1 - p) * trues);
  }

  save(writer: StateWriter): void {
    writer.u32(this.#random.state);
    writer.floats(this.#seen);
    writer.floats(this.#kept);
  }

  load(reader: StateReader): void {
    this.#random.state = reader.u32();
    this.#seen.set(reader.floats());
    this.#kept.set(reader.floats());
  }

  /** Of a class, learned; 1 before one was. */
  #share(of: 0 | 1): number {
    return this.#kept[of] === 0 ? 1 : this.#kept[of]! / this.#seen[of]!;
  }
}
