// `passive_aggressive` (Crammer, Dekel, Keshet, Shalev-Shwartz, Singer 2006, sections 3 and 5): a step just large enough to put
// the example right, limited by `c`. For a boolean it is River 0.26's PAClassifier to the last digits. For a number it is the
// paper's: River's PARegressor takes the loss against 2y − 1, a mapping meant for classes, and is wrong.

import { z } from 'zod';
import { classWeights, learnerOptions } from '../encoder/encode-options.ts';
import type { Input, Kind, Learner, LinearLearner } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { parseOptions } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { LinearScore, sigmoid, SIGMOID } from './linear-score.ts';

const passiveAggressiveOptions = z.strictObject({
  ...learnerOptions,
  variant: z.enum(['pa', 'pa1', 'pa2']).default('pa1'),
  c: z.number().positive().max(1e6).default(1),
  /** For a number: errors up to this count as none. */
  epsilon: z.number().min(0).max(1e100).default(0.1),
  intercept: z.boolean().default(true),
  class_weights: classWeights,
});

type PassiveAggressiveOptions = z.infer<typeof passiveAggressiveOptions>;

/** A step down slope −τ by these is w ← w + τ·x. */
const UNIT_STEP = { optimizer: { name: 'sgd', lr: 1 }, l1: 0, l2: 0 } as const;

export class PassiveAggressive implements Learner {
  readonly #binary: boolean;
  readonly #options: PassiveAggressiveOptions;
  readonly #linear: LinearScore;

  constructor(task: LearnedTask, options: PassiveAggressiveOptions, saved?: StateReader) {
    this.#binary = task === 'binary';
    this.#options = options;
    const gradient = { ...UNIT_STEP, intercept_lr: options.intercept ? 1 : 0 };
    this.#linear = saved ? LinearScore.load(gradient, saved) : new LinearScore(gradient);
  }

  static load(task: LearnedTask, options: PassiveAggressiveOptions, saved: Uint8Array): PassiveAggressive {
    const reader = new StateReader(saved, `passive-aggressive ${task} learner`);
    const learner = new PassiveAggressive(task, options, reader);
    reader.finish();
    return learner;
  }

  get bytes(): number {
    return this.#linear.bytes;
  }

  get linear(): LinearLearner {
    const slopeOf: typeof this.slopeOf = (raw, y, weight, squares) => this.slopeOf(raw, y, weight, squares);
    return {
      score: this.#linear,
      said: this.#binary ? SIGMOID : { code: 'raw', uses: {} },
      slope: { code: 'slopeOf(raw, y, weight, squares)', uses: { slopeOf } },
      squares: this.#one,
    };
  }

  predict(x: Input): number {
    return this.#link(this.#linear.raw(x));
  }

  learn(x: Input, y: number, weight: number): void {
    let squares = this.#one;
    for (let i = 0; i < x.length; i++) squares += x.values[i]! * x.values[i]!;
    this.#linear.step(x, this.slopeOf(this.#linear.raw(x), y, weight, squares), weight);
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    return { bias: this.#linear.bias, contributions: this.#linear.contributions(x) };
  }

  #link(raw: number): number {
    return this.#binary ? sigmoid(raw) : raw;
  }

  save(): Uint8Array {
    const writer = new StateWriter(`passive-aggressive ${this.#binary ? 'binary' : 'regression'} learner`);
    this.#linear.save(writer);
    return writer.finish();
  }

  /** −τ in the direction that puts the example right. */
  slopeOf(raw: number, y: number, weight: number, squares: number): number {
    const direction = this.#binary ? (y > 0.5 ? 1 : -1) : y > raw ? 1 : -1;
    const loss = this.#binary ? 1 - direction * raw : Math.abs(y - raw) - this.#options.epsilon;
    return -(loss > 0 ? this.#size(squares, loss, weight) : 0) * direction;
  }

  /** For a number the bias is, as in the paper, the weight of a constant 1. River's classifier leaves it out of the norm. */
  get #one(): number {
    return this.#binary || !this.#options.intercept ? 0 : 1;
  }

  /** τ. The example's weight counts as so much more of `c`; plain `pa` has none, and knows only weight 0. */
  #size(squares: number, loss: number, weight: number): number {
    const { variant } = this.#options;
    const c = this.#options.c * weight;
    if (c === 0) return 0;
    if (variant === 'pa2') return loss / (squares + 0.5 / c);
    // As in River: with nothing to move (all features at their mean) there is no step.
    if (squares === 0) return 0;
    return variant === 'pa1' ? Math.min(c, loss / squares) : loss / squares;
  }
}

export const passiveAggressive: Kind = {
  name: 'passive_aggressive',
  tasks: ['binary', 'regression'],
  options: passiveAggressiveOptions,
  create(options, task) {
    return new PassiveAggressive(task, parseOptions(passiveAggressiveOptions, options));
  },
  load(options, task, saved) {
    return PassiveAggressive.load(task, parseOptions(passiveAggressiveOptions, options), saved);
  },
};
