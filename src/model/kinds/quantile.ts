// `quantile`: linear quantile regression, several quantiles at once, by gradient descent on the pinball loss (Koenker, Bassett
// 1978). They never cross: what is given is the raw quantiles in order (Chernozhukov, Fernández-Val, Galichon 2010, rearranging
// can only bring them nearer). The pinball slope knows no size of error, so steps are in units of the mean absolute error to the
// middle quantile, which fades: they shrink as the fit gets better and grow when the world changes.

import { z } from 'zod';
import { asKey } from '../class-prediction.ts';
import { learnerOptions } from '../encoder/encode-options.ts';
import type { Input, Kind, Learner, LinearLearners } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { LinearScore } from './linear-score.ts';

const rate = z.number().positive().max(10);

const quantileOptions = z.strictObject({
  ...learnerOptions,
  /** In any order, no two the same. The score is the one nearest to 0.5, the lower of two. */
  quantiles: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .max(99)
    .refine((values) => new Set(values).size === values.length, 'no quantile twice')
    .default([0.1, 0.5, 0.9]),
  lr: rate.default(0.02),
  intercept_lr: rate.default(0.02),
  l1: z.number().min(0).max(1e6).default(0),
  l2: z.number().min(0).max(1e6).default(0),
});

type QuantileOptions = z.infer<typeof quantileOptions>;

/** Examples that the error's mean is over, once there are so many. */
const FADING = 200;
/** An error counts as at most this many mean errors. */
const OUTLIER = 10;

export class Quantile implements Learner {
  readonly outputNames: readonly string[];
  readonly #quantiles: readonly number[];
  /** The middle one. */
  readonly scoreAt: number;
  readonly #scores: readonly LinearScore[];
  readonly #outputs: Float64Array;
  readonly #pace: Pace = { scale: 0, examples: 0 };
  readonly #gradient: ConstructorParameters<typeof LinearScore>[0];

  constructor(options: QuantileOptions, saved?: StateReader) {
    this.#quantiles = [...options.quantiles].sort((a, b) => a - b);
    this.outputNames = this.#quantiles.map((quantile) => asKey(String(quantile)));
    const distance = (i: number) => Math.abs(this.#quantiles[i]! - 0.5);
    this.scoreAt = this.#quantiles.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
    const gradient = { ...options, optimizer: { name: 'sgd', lr: options.lr } } as const;
    this.#gradient = gradient;
    const loaded = new Map<number, LinearScore>();
    if (saved) {
      this.#pace.scale = saved.f64();
      this.#pace.examples = saved.f64();
      for (let left = saved.u32(); left > 0; left--) loaded.set(saved.f64(), LinearScore.load(gradient, saved));
    }
    this.#scores = this.#quantiles.map((quantile) => {
      // One that the options have only now starts where the nearest stands.
      const near = [...loaded.keys()].sort((a, b) => Math.abs(a - quantile) - Math.abs(b - quantile))[0];
      return (
        loaded.get(quantile) ?? (near === undefined ? new LinearScore(gradient) : loaded.get(near)!.copy(gradient))
      );
    });
    this.#outputs = new Float64Array(this.#quantiles.length);
  }

  static load(options: QuantileOptions, saved: Uint8Array): Quantile {
    const reader = new StateReader(saved, 'quantile learner');
    const learner = new Quantile(options, reader);
    reader.finish();
    return learner;
  }

  get bytes(): number {
    return this.#scores.reduce((sum, one) => sum + one.bytes, this.#outputs.byteLength);
  }

  predict(x: Input): number {
    return this.outputs(x)[this.scoreAt]!;
  }

  get linears(): LinearLearners | undefined {
    const like = new LinearScore(this.#gradient);
    if (!like.summable) return undefined;
    const pace = this.#pace;
    const ordered = `(${this.#quantiles.map((_, q) => (q === 0 ? 'true' : `outputs[${q - 1}] <= outputs[${q}]`)).join(' && ')})`;
    const slope = {
      code: `slopeOf(y < raw ? 1 - levels[at] : -levels[at], pace.scale, weight)`,
      uses: { slopeOf, pace, levels: this.#quantiles },
    };
    return {
      scores: this.#scores,
      like,
      said: { code: `${ordered} || intoOrder(outputs, count)`, uses: { intoOrder } },
      // The first example sets the biases.
      learns: (_, weight) => pace.examples > 0 && weight !== 0,
      before: { code: `follow(pace, Math.abs(y - raw${this.scoreAt}));`, uses: { follow, pace } },
      slope: like.sparse ? slope : undefined,
    };
  }

  outputs(x: Input): Float64Array {
    const outputs = this.#outputs;
    for (let q = 0; q < this.#scores.length; q++) outputs[q] = this.#scores[q]!.raw(x);
    intoOrder(outputs, outputs.length);
    return outputs;
  }

  learn(x: Input, y: number, weight: number): void {
    if (weight === 0) return;
    // From the first example on the bias is near the target: from zero, far ones would take as long as they are far.
    if (this.#pace.examples === 0) for (const one of this.#scores) one.bias = y;
    const raws = this.#outputs;
    for (let q = 0; q < this.#scores.length; q++) raws[q] = this.#scores[q]!.raw(x);
    follow(this.#pace, Math.abs(y - raws[this.scoreAt]!));
    for (let q = 0; q < this.#scores.length; q++) {
      const level = this.#quantiles[q]!;
      this.#scores[q]!.step(x, slopeOf(y < raws[q]! ? 1 - level : -level, this.#pace.scale, weight), weight);
    }
  }

  /** Of the score. */
  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const score = this.predict(x);
    // The raw quantile that stands in the middle once they are in order.
    const one = this.#scores.find((candidate) => candidate.raw(x) === score)!;
    return { bias: one.bias, contributions: one.contributions(x) };
  }

  save(): Uint8Array {
    const writer = new StateWriter('quantile learner');
    writer.f64(this.#pace.scale);
    writer.f64(this.#pace.examples);
    writer.u32(this.#scores.length);
    this.#quantiles.forEach((quantile, q) => {
      writer.f64(quantile);
      this.#scores[q]!.save(writer);
    });
    return writer.finish();
  }
}

/** Mean absolute error to the middle quantile, of the last examples most, and how many there were. */
interface Pace {
  scale: number;
  examples: number;
}

/** One more example with that error. */
function follow(pace: Pace, error: number): void {
  pace.examples += 1;
  // One absurd target must not make all later steps absurd.
  const counted = pace.examples > FADING && error > pace.scale * OUTLIER ? pace.scale * OUTLIER : error;
  pace.scale += (counted - pace.scale) / Math.min(pace.examples, FADING);
}

/** No example steps further than this many of weight 1 would. */
const MAX_WEIGHT = 100;

/** @param side of the pinball loss, its derivative by the raw quantile */
function slopeOf(side: number, scale: number, weight: number): number {
  return side * scale * Math.min(weight, MAX_WEIGHT);
}

/** The first `count`, in place: they nearly are in order, and are few. */
function intoOrder(values: Float64Array, count: number): void {
  for (let q = 1; q < count; q++) {
    const value = values[q]!;
    let at = q;
    for (; at > 0 && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
}

export const quantile: Kind = {
  name: 'quantile',
  tasks: ['regression'],
  options: quantileOptions,
  create(options) {
    return new Quantile(parseOptions(quantileOptions, options));
  },
  load(options, _task, saved) {
    return Quantile.load(parseOptions(quantileOptions, options), saved);
  },
};
