// Adam (Kingma, Ba 2015, section 2, the efficient order of operations). Only weights of the example in hand move, as in River;
// the step count is of examples.

import type { Input } from '../learner.ts';
import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { bounded, grown, type Optimizer, type StepCode } from './optimizer.ts';

export interface AdamOptions {
  readonly lr: number;
  readonly beta_1: number;
  readonly beta_2: number;
  readonly eps: number;
}

export class Adam implements Optimizer {
  readonly name = 'adam';
  readonly #options: AdamOptions;
  means: Float64Array = new Float64Array(0);
  squares: Float64Array = new Float64Array(0);
  /** Of the example in hand. */
  readonly rate: Float64Array = new Float64Array(1);
  #steps = 0;
  /** beta_1^steps and beta_2^steps: multiplied step by step, as a power costs as much as a whole step. */
  #power1 = 1;
  #power2 = 1;

  constructor(options: AdamOptions) {
    this.#options = options;
  }

  get code(): StepCode {
    const { beta_1, beta_2, eps } = this.#options;
    return {
      open: 'const oMeans = optimizer.means, oSquares = optimizer.squares, oRate = optimizer.rate[0]; let oMean, oSquare;',
      step: (j) => `oMean = ${beta_1} * oMeans[${j}] + ${1 - beta_1} * g; oMeans[${j}] = oMean;
        oSquare = ${beta_2} * oSquares[${j}] + ${1 - beta_2} * g * g; oSquares[${j}] = oSquare;
        w -= (oRate * oMean) / (Math.sqrt(oSquare) + ${eps});`,
    };
  }

  get bytes(): number {
    return 96 + arrayBytes(this.means, this.squares, this.rate);
  }

  grow(capacity: number): void {
    this.means = grown(this.means, capacity);
    this.squares = grown(this.squares, capacity);
  }

  begin(): void {
    const { lr, beta_1, beta_2 } = this.#options;
    this.#steps += 1;
    this.#power1 = nextPower(this.#power1, beta_1);
    this.#power2 = nextPower(this.#power2, beta_2);
    this.rate[0] = (lr * Math.sqrt(1 - this.#power2)) / (1 - this.#power1);
  }

  step(j: number, weight: number, gradient: number): number {
    const { beta_1, beta_2, eps } = this.#options;
    const mean = beta_1 * this.means[j]! + (1 - beta_1) * gradient;
    const square = beta_2 * this.squares[j]! + (1 - beta_2) * gradient * gradient;
    this.means[j] = mean;
    this.squares[j] = square;
    return weight - (this.rate[0]! * mean) / (Math.sqrt(square) + eps);
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
    writer.f64(this.#steps);
    writer.floats(this.means, count);
    writer.floats(this.squares, count);
  }

  load(reader: StateReader): void {
    this.#steps = reader.f64();
    this.#power1 = power(this.#options.beta_1, this.#steps);
    this.#power2 = power(this.#options.beta_2, this.#steps);
    this.means = reader.floats();
    this.squares = reader.floats();
  }
}

/** 0 once 1 less it is 1: numbers that are nearly 0 take processors long. */
function nextPower(power: number, beta: number): number {
  const next = power * beta;
  return next < 1e-17 ? 0 : next;
}

/** As the steps multiplied it. */
function power(beta: number, steps: number): number {
  let power = 1;
  for (let i = 0; i < steps && power > 0; i++) power = nextPower(power, beta);
  return power;
}
