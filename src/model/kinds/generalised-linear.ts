// Linear and logistic regression, one example at a time, exactly as River 0.26's linear_model does it.

import { z } from 'zod';
import { classWeights, learnerOptions } from '../encoder/encode-options.ts';
import type { Input, Learner, LinearLearner } from '../learner.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { invariantSlope } from './importance.ts';
import { clipped, gradientOptions, LinearScore, logSlope, oneL1, ONE_L1, sigmoid, SIGMOID } from './linear-score.ts';

/** How an example's weight counts: the slope that many times, or as so many examples in a row. */
const importance = z.enum(['gradient', 'invariant']).default('gradient');

const ONLY_SGD = {
  path: ['importance'],
  message: '"invariant" has a closed form for the optimizer "sgd" only',
};

function closedForm(options: { importance: string; optimizer: { name: string } }): boolean {
  return options.importance === 'gradient' || options.optimizer.name === 'sgd';
}

export const linearOptions = z
  .strictObject({ ...learnerOptions, ...gradientOptions, importance })
  .refine(oneL1, ONE_L1)
  .refine(closedForm, ONLY_SGD);

export const logisticOptions = z
  .strictObject({ ...learnerOptions, ...gradientOptions, importance, class_weights: classWeights })
  .refine(oneL1, ONE_L1)
  .refine(closedForm, ONLY_SGD);

type GeneralisedLinearOptions = z.infer<typeof linearOptions>;

export type Loss = 'log' | 'squared';

export class GeneralisedLinear implements Learner {
  readonly #loss: Loss;
  readonly #clip: number;
  readonly #invariant: boolean;
  readonly #linear: LinearScore;

  constructor(loss: Loss, options: GeneralisedLinearOptions, linear = new LinearScore(options)) {
    this.#loss = loss;
    this.#clip = options.clip_gradient;
    this.#invariant = options.importance === 'invariant';
    this.#linear = linear;
  }

  static load(loss: Loss, options: GeneralisedLinearOptions, saved: Uint8Array): GeneralisedLinear {
    const reader = new StateReader(saved, `${loss} loss learner`);
    const linear = LinearScore.load(options, reader);
    reader.finish();
    return new GeneralisedLinear(loss, options, linear);
  }

  get bytes(): number {
    return this.#linear.bytes;
  }

  get linear(): LinearLearner | undefined {
    const score = this.#linear;
    if (!score.summable) return undefined;
    const said = this.#loss === 'log' ? SIGMOID : { code: 'raw', uses: {} };
    if (this.#invariant || !score.sparse) return { score, said };
    const slope = this.#loss === 'log' ? 'logSlope(raw, y)' : '2 * (raw - y)';
    return { score, said, slope: { code: `clipped(${slope} * weight, ${this.#clip})`, uses: { logSlope, clipped } } };
  }

  predict(x: Input): number {
    return this.#link(this.#linear.raw(x));
  }

  learn(x: Input, y: number, weight: number): void {
    const raw = this.#linear.raw(x);
    const slope = this.#invariant
      ? invariantSlope(this.#loss, raw, y, weight, this.#linear.rate(x))
      : (this.#loss === 'log' ? logSlope(raw, y) : 2 * (raw - y)) * weight;
    this.#linear.step(x, clipped(slope, this.#clip), weight);
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    return { bias: this.#linear.bias, contributions: this.#linear.contributions(x) };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.#loss} loss learner`);
    this.#linear.save(writer);
    return writer.finish();
  }

  #link(raw: number): number {
    return this.#loss === 'log' ? sigmoid(raw) : raw;
  }
}
