// AdaGrad (Duchi, Hazan, Singer 2011): each weight's rate falls with its own squared gradients. As in River the small
// constant stands inside the root: G ← G + g²; w ← w − lr / √(G + eps) · g.

import type { Input } from '../learner.ts';
import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { bounded, grown, type Optimizer, type StepCode } from './optimizer.ts';

export class AdaGrad implements Optimizer {
  readonly name = 'adagrad';
  readonly #lr: number;
  readonly #eps: number;
  squares: Float64Array = new Float64Array(0);

  constructor(options: { readonly lr: number; readonly eps: number }) {
    this.#lr = options.lr;
    this.#eps = options.eps;
  }

  get code(): StepCode {
    return {
      open: 'const oSquares = optimizer.squares; let oSquare;',
      step: (j) =>
        `oSquare = oSquares[${j}] + g * g; oSquares[${j}] = oSquare; w -= (${this.#lr} / Math.sqrt(oSquare + ${this.#eps})) * g;`,
    };
  }

  get bytes(): number {
    return 48 + arrayBytes(this.squares);
  }

  grow(capacity: number): void {
    this.squares = grown(this.squares, capacity);
  }

  begin(): void {}

  step(j: number, weight: number, gradient: number): number {
    const squares = this.squares[j]! + gradient * gradient;
    this.squares[j] = squares;
    return weight - (this.#lr / Math.sqrt(squares + this.#eps)) * gradient;
  }

  stepSparse(x: Input, slope: number, weights: Float64Array): void {
    const { indexes, values, length } = x;
    for (let i = 0; i < length; i++) {
      const j = indexes[i]!;
      const weight = weights[j]!;
      weights[j] = bounded(this.step(j, weight, values[i]! * slope), weight);
    }
  }

  adopt(): void {}

  save(writer: StateWriter, count: number): void {
    writer.floats(this.squares, count);
  }

  load(reader: StateReader): void {
    this.squares = reader.floats();
  }
}
