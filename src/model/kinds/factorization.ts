// `factorization`: a factorization machine (Rendle 2010) for a boolean or a number, learned one example at a time: what a user
// clicks, how an item is rated. Where a linear model has a weight for each user and each item, it also has a vector for each, and so
// says something of a pair that it has never seen. Steps are AdaGrad's, a rate for each number (Duchi, Hazan, Singer 2011), as in
// Juan, Zhuang, Chin, Lin 2016, "Field-aware factorization machines for CTR prediction", section 3. With `sgd` it is, from the same
// vectors, River 0.26's FMClassifier and FMRegressor to the last digits.

import { z } from 'zod';
import { classWeights, hashedLearnerOptions } from '../encoder/encode-options.ts';
import type { Input, Kind, Learner } from '../learner.ts';
import { optimizerOptions } from '../optimizers/optimizer.ts';
import { parseOptions } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { FactorScore } from './factor-score.ts';
import { clipped, logSlope, sigmoid } from './linear-score.ts';

const penalty = z.number().min(0).max(1e6);

export const factorizationOptions = z.strictObject({
  ...hashedLearnerOptions,
  factors: z.int().min(1).max(256).default(8),
  /** A product of vectors that are all zero has no slope: they start as small random numbers. */
  init: z.number().positive().max(10).default(0.1),
  optimizer: optimizerOptions
    .unwrap()
    .refine(({ name }) => name !== 'ftrl', {
      path: ['name'],
      message: 'expected "sgd", "adagrad" or "adam": "ftrl" would set vectors to zero, where they have no slope',
    })
    .default({ name: 'adagrad', lr: 0.2, eps: 1e-8 }),
  intercept_lr: z.number().min(0).max(1e6).default(0.01),
  l2: penalty.default(0),
  l2_factors: penalty.default(0),
  clip_gradient: z.number().positive().max(1e12).default(1e12),
  max_bytes: z.int().min(131_072).max(2_147_483_648).default(134_217_728),
  class_weights: classWeights,
});

type FactorizationOptions = z.infer<typeof factorizationOptions>;
type FactorizationTask = 'binary' | 'regression';

export class Factorization implements Learner {
  readonly #task: FactorizationTask;
  readonly #clip: number;
  /** No step passes the label. */
  readonly #short: boolean;
  readonly #score: FactorScore;

  constructor(task: FactorizationTask, options: FactorizationOptions, score: FactorScore) {
    this.#task = task;
    this.#clip = options.clip_gradient;
    this.#short = task === 'regression' && options.optimizer.name === 'sgd';
    this.#score = score;
  }

  static load(task: FactorizationTask, options: FactorizationOptions, saved: Uint8Array): Factorization {
    const reader = new StateReader(saved, `factorization ${task} learner`);
    const score = FactorScore.load(options, reader);
    reader.finish();
    return new Factorization(task, options, score);
  }

  get bytes(): number {
    return this.#score.bytes;
  }

  predict(x: Input): number {
    const raw = this.#score.raw(x);
    return this.#task === 'binary' ? sigmoid(raw) : raw;
  }

  learn(x: Input, y: number, weight: number): void {
    const score = this.#score;
    score.reserve(x);
    const raw = score.raw(x);
    const slope = (this.#task === 'binary' ? logSlope(raw, y) : 2 * (raw - y)) * weight;
    // Steps of plain gradient descent grow with the error, and those of products faster than it: past the label it would diverge.
    const limit = this.#short ? Math.min(this.#clip, Math.abs(raw - y) / score.rate(x)) : this.#clip;
    score.step(x, clipped(slope, limit));
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    return { bias: this.#score.bias, contributions: this.#score.contributions(x) };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`factorization ${this.#task} learner`);
    this.#score.save(writer);
    return writer.finish();
  }
}

export const factorization: Kind = {
  name: 'factorization',
  tasks: ['binary', 'regression'],
  options: factorizationOptions,
  create(given, task, seed) {
    const options = parseOptions(factorizationOptions, given);
    return new Factorization(task as FactorizationTask, options, new FactorScore(options, seed));
  },
  load(given, task, saved) {
    return Factorization.load(task as FactorizationTask, parseOptions(factorizationOptions, given), saved);
  },
};
