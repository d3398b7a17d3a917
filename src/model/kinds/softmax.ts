// `softmax`: multinomial logistic regression for a text or integer label, as River 0.26's SoftmaxRegression: weights of its own
// for each class, from zero when it is first learned; slope clamp(p_c) − [c = y] for every class seen. River has no intercept:
// `"intercept_lr": 0` is River to the last digits.

import { z } from 'zod';
import { classWeights, learnerOptions, maxClasses } from '../encoder/encode-options.ts';
import type { Input, Kind, Learner, LinearLearners } from '../learner.ts';
import { exp } from '../exponential.ts';
import { parseOptions } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { clipped, gradientOptions, LinearScore, oneL1, ONE_L1 } from './linear-score.ts';

const softmaxOptions = z
  .strictObject({ ...learnerOptions, ...gradientOptions, class_weights: classWeights, max_classes: maxClasses })
  .refine(oneL1, ONE_L1);

type SoftmaxOptions = z.infer<typeof softmaxOptions>;

/** River's: the slope never uses a probability nearer to 0 or 1. */
const LEAST = 1e-15;

export class Softmax implements Learner {
  readonly #options: SoftmaxOptions;
  readonly #classes: LinearScore[] = [];
  #outputs: Float64Array = new Float64Array(4);

  constructor(options: SoftmaxOptions) {
    this.#options = options;
  }

  static load(options: SoftmaxOptions, saved: Uint8Array): Softmax {
    const learner = new Softmax(options);
    const reader = new StateReader(saved, 'softmax learner');
    for (let left = reader.u32(); left > 0; left--) learner.#add(LinearScore.load(options, reader));
    reader.finish();
    return learner;
  }

  get bytes(): number {
    return this.#classes.reduce((sum, one) => sum + one.bytes, this.#outputs.byteLength);
  }

  get linears(): LinearLearners | undefined {
    const like = new LinearScore(this.#options);
    if (!like.summable) return undefined;
    const slope = { code: `slopeOf(p, Number(y === at), weight, ${this.#options.clip_gradient})`, uses: { slopeOf } };
    return {
      scores: this.#classes,
      like,
      // The first example of a class makes it.
      learns: (y) => y < this.#classes.length,
      said: { code: 'toProbabilities(outputs, count)', uses: { toProbabilities } },
      slope: like.sparse ? slope : undefined,
    };
  }

  predict(x: Input): number {
    return firstGreatest(this.outputs(x), this.#classes.length);
  }

  outputs(x: Input): Float64Array {
    const outputs = this.#outputs;
    const count = this.#classes.length;
    for (let c = 0; c < count; c++) outputs[c] = this.#classes[c]!.raw(x);
    toProbabilities(outputs, count);
    return outputs;
  }

  learn(x: Input, y: number, weight: number): void {
    const seen = this.#classes.length;
    const outputs = this.outputs(x);
    while (this.#classes.length <= y) this.#add(new LinearScore(this.#options));
    for (let c = 0; c < this.#classes.length; c++) {
      // A class that is new has had no probability: River takes it as the least.
      const slope = slopeOf(c < seen ? outputs[c]! : 0, c === y ? 1 : 0, weight, this.#options.clip_gradient);
      this.#classes[c]!.step(x, slope, weight);
    }
  }

  /** Log-odds of the most probable class against the next one. */
  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const outputs = this.outputs(x).slice(0, this.#classes.length);
    const contributions = new Float64Array(x.length);
    const best = firstGreatest(outputs, outputs.length);
    if (outputs.length < 2) return { bias: 0, contributions };
    outputs[best] = -1;
    const next = firstGreatest(outputs, outputs.length);
    const [winner, other] = [this.#classes[best]!, this.#classes[next]!];
    for (let i = 0; i < x.length; i++)
      contributions[i] = (winner.weight(x.indexes[i]!) - other.weight(x.indexes[i]!)) * x.values[i]!;
    return { bias: winner.bias - other.bias, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter('softmax learner');
    writer.u32(this.#classes.length);
    for (const one of this.#classes) one.save(writer);
    return writer.finish();
  }

  #add(one: LinearScore): void {
    this.#classes.push(one);
    if (this.#classes.length > this.#outputs.length) this.#outputs = new Float64Array(this.#classes.length * 2);
  }
}

/** Of raw scores, the first `count`, in place. */
function toProbabilities(outputs: Float64Array, count: number): void {
  const apart = Math.abs(outputs[0]! - outputs[1]!);
  if (count === 2 && apart < Infinity) {
    // What follows, with one exponential, and no branch on which of the two is greater.
    const less = Number(outputs[0]! >= outputs[1]!);
    const smaller = exp(-apart);
    outputs[less] = smaller / (1 + smaller);
    outputs[1 - less] = 1 / (1 + smaller);
    return;
  }
  let greatest = -Infinity;
  for (let c = 0; c < count; c++) if (outputs[c]! > greatest) greatest = outputs[c]!;
  let sum = 0;
  for (let c = 0; c < count; c++) sum += outputs[c] = exp(outputs[c]! - greatest);
  for (let c = 0; c < count; c++) outputs[c] = outputs[c]! / sum;
}

/** @param own 1 for the class that it was, else 0 */
function slopeOf(p: number, own: number, weight: number, clip: number): number {
  return clipped((Math.min(Math.max(p, LEAST), 1 - LEAST) - own) * weight, clip);
}

/** The first of the greatest, as River's `max` over classes in the order they came; -1 where there is none. */
export function firstGreatest(values: Float64Array, count: number): number {
  let best = -1;
  for (let i = 0; i < count; i++) if (best < 0 || values[i]! > values[best]!) best = i;
  return best;
}

export const softmax: Kind = {
  name: 'softmax',
  tasks: ['multiclass'],
  options: softmaxOptions,
  create(options) {
    return new Softmax(parseOptions(softmaxOptions, options));
  },
  load(options, _task, saved) {
    return Softmax.load(parseOptions(softmaxOptions, options), saved);
  },
};
