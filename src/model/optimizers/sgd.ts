// Stochastic gradient descent with a constant rate: w ← w − lr · g.

import type { Input } from '../learner.ts';
import { bounded, type Optimizer, type StepCode } from './optimizer.ts';

export class Sgd implements Optimizer {
  readonly name = 'sgd';
  readonly bytes = 48;
  readonly #lr: number;

  constructor(options: { readonly lr: number }) {
    this.#lr = options.lr;
  }

  get code(): StepCode {
    return { open: '', step: () => `w -= ${this.#lr} * g;` };
  }

  grow(): void {}
  begin(): void {}

  step(_j: number, weight: number, gradient: number): number {
    return weight - this.#lr * gradient;
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
  save(): void {}
  load(): void {}
}
