// Linear and logistic regression, one example at a time, exactly as River 0.26's linear_model does it: raw score w·x + b from
// zero, gradient x·dL + l2·w (the bias has no l2), the bias by plain gradient descent with a rate of its own, then the optimizer.

import { z } from 'zod';
import { learnerOptions } from '../encoder/encode-options.ts';
import type { Input, Learner } from '../learner.ts';
import { createOptimizer } from '../optimizers/create-optimizer.ts';
import { grown, optimizerOptions, type Optimizer } from '../optimizers/optimizer.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

export const generalisedLinearOptions = z.strictObject({
  ...learnerOptions,
  optimizer: optimizerOptions,
  intercept_lr: z.number().min(0).max(1e6).default(0.01),
  l2: z.number().min(0).max(1e6).default(0),
  clip_gradient: z.number().positive().max(1e12).default(1e12),
});

export type GeneralisedLinearOptions = z.infer<typeof generalisedLinearOptions>;

export type Loss = 'log' | 'squared';

/** A weight that a step would carry beyond this keeps its value: a rate that diverges gives bad scores, never NaN. */
const MAX_WEIGHT = 1e100;

export class GeneralisedLinear implements Learner {
  readonly #loss: Loss;
  readonly #options: GeneralisedLinearOptions;
  readonly #optimizer: Optimizer;
  #weights: Float64Array = new Float64Array(0);
  /** All zero between calls; the dense form of an input where l2 touches every weight. */
  #dense: Float64Array = new Float64Array(0);
  /** Dimensions seen so far; arrays have room for more. */
  #count = 0;
  #bias = 0;

  constructor(loss: Loss, options: GeneralisedLinearOptions) {
    this.#loss = loss;
    this.#options = options;
    this.#optimizer = createOptimizer(options.optimizer);
  }

  static load(loss: Loss, options: GeneralisedLinearOptions, saved: Uint8Array): GeneralisedLinear {
    const learner = new GeneralisedLinear(loss, options);
    const reader = new StateReader(saved, `${loss} loss learner`);
    learner.#bias = reader.f64();
    learner.#weights = reader.floats();
    learner.#count = learner.#weights.length;
    learner.#dense = new Float64Array(learner.#count);
    learner.#optimizer.grow(learner.#count);
    const name = reader.text();
    if (name === options.optimizer.name) {
      learner.#optimizer.load(reader);
      reader.finish();
      learner.#optimizer.grow(learner.#count);
    } else {
      // The optimizer's option was changed: what was learned stays, its memory starts anew.
      learner.#optimizer.adopt(learner.#weights, learner.#count);
    }
    return learner;
  }

  get bytes(): number {
    return this.#weights.byteLength + this.#dense.byteLength + this.#optimizer.bytes;
  }

  predict(x: Input): number {
    const raw = this.#raw(x);
    return this.#loss === 'log' ? sigmoid(raw) : raw;
  }

  learn(x: Input, y: number, weight: number): void {
    const raw = this.#raw(x);
    const { clip_gradient: clip, intercept_lr: interceptRate, l2 } = this.#options;
    let slope = (this.#loss === 'log' ? logSlope(raw, y) : 2 * (raw - y)) * weight;
    slope = slope > clip ? clip : slope < -clip ? -clip : slope;
    this.#reserve(x);
    this.#bias = bounded(this.#bias - interceptRate * slope, this.#bias);
    this.#optimizer.begin();
    if (l2 > 0) this.#stepAll(x, slope, l2);
    else this.#stepSparse(x, slope);
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const contributions = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) contributions[i] = this.#weight(x.indexes[i]!) * x.values[i]!;
    return { bias: this.#bias, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.#loss} loss learner`);
    writer.f64(this.#bias);
    writer.floats(this.#weights, this.#count);
    writer.text(this.#optimizer.name);
    this.#optimizer.save(writer, this.#count);
    return writer.finish();
  }

  #raw(x: Input): number {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += this.#weight(x.indexes[i]!) * x.values[i]!;
    return sum + this.#bias;
  }

  /** Zero for a dimension that was never learned. */
  #weight(j: number): number {
    return j < this.#count ? this.#weights[j]! : 0;
  }

  #stepSparse(x: Input, slope: number): void {
    const weights = this.#weights;
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      const weight = weights[j]!;
      weights[j] = bounded(this.#optimizer.step(j, weight, x.values[i]! * slope), weight);
    }
  }

  /** With l2 every weight has a gradient, also those that the example does not touch. */
  #stepAll(x: Input, slope: number, l2: number): void {
    const weights = this.#weights;
    const dense = this.#dense;
    for (let i = 0; i < x.length; i++) dense[x.indexes[i]!] = x.values[i]!;
    for (let j = 0; j < this.#count; j++) {
      const weight = weights[j]!;
      weights[j] = bounded(this.#optimizer.step(j, weight, dense[j]! * slope + l2 * weight), weight);
    }
    for (let i = 0; i < x.length; i++) dense[x.indexes[i]!] = 0;
  }

  #reserve(x: Input): void {
    let needed = this.#count;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! >= needed) needed = x.indexes[i]! + 1;
    if (needed > this.#weights.length) {
      const capacity = Math.max(16, needed, this.#weights.length * 2);
      this.#weights = grown(this.#weights, capacity);
      this.#dense = new Float64Array(capacity);
      this.#optimizer.grow(capacity);
    }
    this.#count = needed;
  }
}

/** River's: exactly 0 and 1 beyond ±30, so a score never depends on the last bits of `exp`. */
function sigmoid(raw: number): number {
  if (raw < -30) return 0;
  if (raw > 30) return 1;
  return 1 / (1 + Math.exp(-raw));
}

/** Derivative of the log loss by the raw score, River's cut-offs included. */
function logSlope(raw: number, y: number): number {
  const sign = y > 0.5 ? 1 : -1;
  const margin = raw * sign;
  if (margin > 18) return -sign * Math.exp(-margin);
  if (margin < -18) return -sign;
  return -sign / (Math.exp(margin) + 1);
}

function bounded(next: number, present: number): number {
  return Math.abs(next) <= MAX_WEIGHT ? next : present;
}
