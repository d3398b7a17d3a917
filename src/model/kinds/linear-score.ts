// A raw score w·x + b, from zero, moved by gradient steps exactly as River 0.26's linear_model does it: gradient x·slope + l2·w
// (the bias has no l2), the bias first, by plain gradient descent with a rate of its own, then the optimizer. l1: see L1Penalty.

import { z } from 'zod';
import { MillraceError } from '../../runtime/errors.ts';
import type { Input } from '../learner.ts';
import { arrayBytes } from '../memory.ts';
import { createOptimizer } from '../optimizers/create-optimizer.ts';
import { L1Penalty } from '../optimizers/l1-penalty.ts';
import { exp } from '../exponential.ts';
import { bounded, grown, optimizerOptions, type Optimizer } from '../optimizers/optimizer.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

/** Options of gradient descent on weights, which several kinds share. */
export const gradientOptions = {
  optimizer: optimizerOptions,
  intercept_lr: z.number().min(0).max(1e6).default(0.01),
  l1: z.number().min(0).max(1e6).default(0),
  l2: z.number().min(0).max(1e6).default(0),
  clip_gradient: z.number().positive().max(1e12).default(1e12),
};

export type GradientOptions = z.infer<z.ZodObject<typeof gradientOptions>>;

/** FTRL has an l1 of its own; two would fight. */
export function oneL1(options: { readonly l1: number; readonly optimizer: { readonly name: string } }): boolean {
  return options.l1 === 0 || options.optimizer.name !== 'ftrl';
}

export const ONE_L1 = { path: ['l1'], message: '"ftrl" has an l1 of its own, give it in "optimizer"' };

/** Behind the optimizer's name in a saved state: the penalty's memory follows. */
const WITH_L1 = '+l1';

export class LinearScore {
  readonly #rate: number;
  readonly interceptRate: number;
  readonly #l2: number;
  readonly optimizer: Optimizer;
  readonly #penalty: L1Penalty | undefined;
  /** By dimension; zero where one was never learned. */
  weights: Float64Array = new Float64Array(0);
  /** All zero between calls; the dense form of an input where l2 touches every weight. */
  #dense: Float64Array = new Float64Array(0);
  /** Dimensions seen so far; arrays have room for more. */
  count = 0;
  /** One number, in an array so that generated code can move it. */
  readonly biases: Float64Array = new Float64Array(1);

  constructor(options: Omit<GradientOptions, 'clip_gradient'>) {
    this.#rate = options.optimizer.name === 'ftrl' ? options.optimizer.alpha : options.optimizer.lr;
    this.interceptRate = options.intercept_lr;
    this.#l2 = options.l2;
    this.optimizer = createOptimizer(options.optimizer);
    if (options.l1 > 0) this.#penalty = new L1Penalty(options);
  }

  /** Another optimizer than the saved one goes on from its weights, with no memory of how they came to be. */
  static load(options: Omit<GradientOptions, 'clip_gradient'>, reader: StateReader): LinearScore {
    const linear = new LinearScore(options);
    linear.biases[0] = reader.f64();
    linear.weights = reader.floats();
    linear.count = linear.weights.length;
    linear.#dense = new Float64Array(linear.count);
    linear.optimizer.grow(linear.count);
    const saved = reader.text();
    const name = saved.endsWith(WITH_L1) ? saved.slice(0, -WITH_L1.length) : saved;
    if (name === options.optimizer.name) linear.optimizer.load(reader);
    else {
      optimizerNamed(name).load(reader);
      linear.optimizer.adopt(linear.weights, linear.count);
    }
    linear.optimizer.grow(linear.count);
    if (saved !== name) L1Penalty.load(reader, linear.#penalty);
    linear.#penalty?.grow(linear.count);
    return linear;
  }

  /** One of its own that goes on from here. */
  copy(options: Omit<GradientOptions, 'clip_gradient'>): LinearScore {
    const writer = new StateWriter('linear score');
    this.save(writer);
    return LinearScore.load(options, new StateReader(writer.finish(), 'linear score'));
  }

  get bias(): number {
    return this.biases[0]!;
  }

  /** Whether a raw score is Σ weight · value + bias: with a penalty weights owe, and must be asked one by one. */
  get summable(): boolean {
    return this.#penalty === undefined;
  }

  /** Whether a step moves the bias and an example's own weights, and nothing else. */
  get sparse(): boolean {
    return this.#penalty === undefined && !(this.#l2 > 0);
  }

  /** Where it was never moved: a start that is known, instead of zero. */
  set bias(value: number) {
    this.biases[0] = value;
  }

  get bytes(): number {
    const own = 88 + arrayBytes(this.weights, this.#dense, this.biases);
    return own + this.optimizer.bytes + (this.#penalty?.bytes ?? 0);
  }

  raw(x: Input): number {
    const { indexes, values, length } = x;
    let sum = 0;
    if (this.#penalty === undefined) {
      const weights = this.weights;
      const count = this.count;
      // One that was never learned is zero, and adds nothing.
      for (let i = 0; i < length; i++) if (indexes[i]! < count) sum += weights[indexes[i]!]! * values[i]!;
    } else for (let i = 0; i < length; i++) sum += this.weight(indexes[i]!) * values[i]!;
    return sum + this.biases[0]!;
  }

  /** Zero for a dimension that was never learned. */
  weight(j: number): number {
    if (j >= this.count) return 0;
    return this.#penalty === undefined ? this.weights[j]! : this.#penalty.apply(j, this.weights[j]!);
  }

  /** How far a step down a slope of 1 moves the raw score of this example, by plain gradient descent. */
  rate(x: Input): number {
    let squares = 0;
    for (let i = 0; i < x.length; i++) squares += x.values[i]! * x.values[i]!;
    return this.#rate * squares + this.interceptRate;
  }

  /** Each entry's part of the raw score. */
  contributions(x: Input): Float64Array {
    const contributions = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) contributions[i] = this.weight(x.indexes[i]!) * x.values[i]!;
    return contributions;
  }

  /** One step down `slope`, the loss's derivative by the raw score, clipped and weighted; `weight` is the example's. */
  step(x: Input, slope: number, weight: number): void {
    this.reserve(x);
    this.bias = bounded(this.bias - this.interceptRate * slope, this.bias);
    this.optimizer.begin();
    if (this.#l2 > 0) {
      this.#penalty?.settleAll(this.weights, this.count);
      this.#stepAll(x, slope, this.#l2);
    } else {
      this.#penalty?.settle(this.weights, x);
      this.optimizer.stepSparse(x, slope, this.weights);
    }
    this.#penalty?.add(weight);
  }

  save(writer: StateWriter): void {
    writer.f64(this.bias);
    writer.floats(this.weights, this.count);
    writer.text(this.optimizer.name + (this.#penalty ? WITH_L1 : ''));
    this.optimizer.save(writer, this.count);
    this.#penalty?.save(writer, this.count);
  }

  /** With l2 every weight has a gradient, also those that the example does not touch. */
  #stepAll(x: Input, slope: number, l2: number): void {
    const weights = this.weights;
    const dense = this.#dense;
    for (let i = 0; i < x.length; i++) dense[x.indexes[i]!] = x.values[i]!;
    for (let j = 0; j < this.count; j++) {
      const weight = weights[j]!;
      weights[j] = bounded(this.optimizer.step(j, weight, dense[j]! * slope + l2 * weight), weight);
    }
    for (let i = 0; i < x.length; i++) dense[x.indexes[i]!] = 0;
  }

  /** Room for the weights of an example; arrays may be others afterwards. */
  reserve(x: Input): void {
    const { indexes, length } = x;
    let needed = this.count;
    for (let i = 0; i < length; i++) if (indexes[i]! >= needed) needed = indexes[i]! + 1;
    if (needed === this.count) return;
    if (needed > this.weights.length) {
      const capacity = Math.max(16, needed, this.weights.length * 2);
      this.weights = grown(this.weights, capacity);
      this.#dense = new Float64Array(capacity);
      this.optimizer.grow(capacity);
      this.#penalty?.grow(capacity);
    }
    this.count = needed;
  }
}

/** River's: exactly 0 and 1 beyond ±30, so a score never depends on the last bits of `exp`. */
export function sigmoid(raw: number): number {
  if (raw < -30) return 0;
  if (raw > 30) return 1;
  return 1 / (1 + exp(-raw));
}

export const SIGMOID = { code: 'sigmoid(raw)', uses: { sigmoid } } as const;

/** Derivative of the log loss by the raw score, River's cut-offs included. */
export function logSlope(raw: number, y: number): number {
  const sign = y > 0.5 ? 1 : -1;
  const margin = raw * sign;
  if (margin > 18) return -sign * exp(-margin);
  if (margin < -18) return -sign;
  return -sign / (exp(margin) + 1);
}

export function clipped(slope: number, clip: number): number {
  return slope > clip ? clip : slope < -clip ? -clip : slope;
}

function optimizerNamed(name: string): Optimizer {
  const options = optimizerOptions.safeParse({ name });
  if (options.success) return createOptimizer(options.data);
  throw new MillraceError(
    'MODEL_STATE',
    `the saved model names an optimizer "${name}" that this Millrace does not know`,
    {
      hint: 'Run the Millrace that saved it or a newer one, or rebuild the pipeline.',
    },
  );
}
