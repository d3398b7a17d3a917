// Stochastic gradient descent with a constant rate: w ← w − lr · g.

import type { Optimizer } from './optimizer.ts';

export class Sgd implements Optimizer {
  readonly name = 'sgd';
  readonly bytes = 0;
  readonly #lr: number;

  constructor(options: { readonly lr: number }) {
    this.#lr = options.lr;
  }

  grow(): void {}
  begin(): void {}

  step(_j: number, weight: number, gradient: number): number {
    return weight - this.#lr * gradient;
  }

  adopt(): void {}
  save(): void {}
  load(): void {}
}
