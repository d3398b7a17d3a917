// AdaGrad (Duchi, Hazan, Singer 2011): each weight's rate falls with its own squared gradients. As in River the small
// constant stands inside the root: G ← G + g²; w ← w − lr / √(G + eps) · g.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { grown, type Optimizer } from './optimizer.ts';

export class AdaGrad implements Optimizer {
  readonly name = 'adagrad';
  readonly #lr: number;
  readonly #eps: number;
  #squares: Float64Array = new Float64Array(0);

  constructor(options: { readonly lr: number; readonly eps: number }) {
    this.#lr = options.lr;
    this.#eps = options.eps;
  }

  get bytes(): number {
    return this.#squares.byteLength;
  }

  grow(capacity: number): void {
    this.#squares = grown(this.#squares, capacity);
  }

  begin(): void {}

  step(j: number, weight: number, gradient: number): number {
    const squares = this.#squares[j]! + gradient * gradient;
    this.#squares[j] = squares;
    return weight - (this.#lr / Math.sqrt(squares + this.#eps)) * gradient;
  }

  adopt(): void {}

  save(writer: StateWriter, count: number): void {
    writer.floats(this.#squares, count);
  }

  load(reader: StateReader): void {
    this.#squares = reader.floats();
  }
}
