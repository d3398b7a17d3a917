// L1 as a truncated gradient (Langford, Li, Zhang 2009; FOBOS, Duchi and Singer 2009): every example takes lr · l1 off every
// weight, down to exactly zero. It is taken off when a weight is read, so only those that an example touches cost anything. (A
// cumulative penalty, as in Tsuruoka et al. 2009, gives more zeros, but a weight that was zero for long would need as long to
// wake up when the world changes.)

import type { Input } from '../learner.ts';
import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { grown, type OptimizerOptions } from './optimizer.ts';

export class L1Penalty {
  /** By an example of weight 1. */
  readonly #rate: number;
  /** What a weight owes that never paid. */
  #owed = 0;
  /** By weight: `#owed` when it last paid. */
  #paid: Float64Array = new Float64Array(0);

  constructor(options: { readonly l1: number; readonly optimizer: OptimizerOptions }) {
    const { l1, optimizer } = options;
    this.#rate = l1 * (optimizer.name === 'ftrl' ? optimizer.alpha : optimizer.lr);
  }

  get bytes(): number {
    return 64 + arrayBytes(this.#paid);
  }

  grow(capacity: number): void {
    this.#paid = grown(this.#paid, capacity);
  }

  /** The weight without what it owes; changes nothing. */
  apply(j: number, weight: number): number {
    const debt = this.#owed - this.#paid[j]!;
    return weight > debt ? weight - debt : weight < -debt ? weight + debt : 0;
  }

  /** The example's weights pay what they owe. */
  settle(weights: Float64Array, x: Input): void {
    for (let i = 0; i < x.length; i++) this.#pay(weights, x.indexes[i]!);
  }

  settleAll(weights: Float64Array, count: number): void {
    for (let j = 0; j < count; j++) this.#pay(weights, j);
  }

  /** An example was learned: all owe more. */
  add(weight: number): void {
    this.#owed = Math.min(this.#owed + this.#rate * weight, 1e100);
  }

  save(writer: StateWriter, count: number): void {
    writer.f64(this.#owed);
    writer.floats(this.#paid, count);
  }

  /** Reads what `save` wrote: into `penalty`, or past it where l1 was taken out of the options. */
  static load(reader: StateReader, penalty: L1Penalty | undefined): void {
    const owed = reader.f64();
    const paid = reader.floats();
    if (!penalty) return;
    penalty.#owed = owed;
    penalty.#paid = paid;
  }

  #pay(weights: Float64Array, j: number): void {
    weights[j] = this.apply(j, weights[j]!);
    this.#paid[j] = this.#owed;
  }
}
