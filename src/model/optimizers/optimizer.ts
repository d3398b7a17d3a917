// The contract of an optimizer of sparse weights, and its options.
// They step as River 0.26 does (river.optim), so that its traces can be compared with ours.

import { z } from 'zod';
import type { Input } from '../learner.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export interface Optimizer {
  readonly name: string;
  /** Room for this many weights; what is new is as at the start. */
  grow(capacity: number): void;
  /** Opens the step of one example. */
  begin(): void;
  /** The new value of weight `j`, from its present one and its gradient. */
  step(j: number, weight: number, gradient: number): number;
  /** Steps all weights of an example, whose gradients are its values times `slope`. In each class again, so that V8 inlines `step`. */
  stepSparse(x: Input, slope: number, weights: Float64Array): void;
  /** The same step as generated code, for where it stands between others. */
  readonly code: StepCode;
  /** Takes over weights that another optimizer learned, with no memory of how. */
  adopt(weights: Float64Array, count: number): void;
  save(writer: StateWriter, count: number): void;
  load(reader: StateReader): void;
  readonly bytes: number;
}

/** Code beside which stand: `optimizer`, the weight `w` at the index `j` and its gradient `g`; what it uses besides begins with `o`. */
export interface StepCode {
  /** Before the first step, after `begin`. */
  readonly open: string;
  /** Sets `w` to what `step` gives; `j` is an integer or a variable. */
  step(j: number | string): string;
}

const rate = z.number().positive().max(1e6);
const fraction = z.number().min(0).lt(1);

export const optimizerOptions = z
  .discriminatedUnion('name', [
    z.strictObject({ name: z.literal('sgd'), lr: rate.default(0.01) }),
    z.strictObject({ name: z.literal('adagrad'), lr: rate.default(0.1), eps: z.number().positive().default(1e-8) }),
    z.strictObject({
      name: z.literal('adam'),
      lr: rate.default(0.1),
      beta_1: fraction.default(0.9),
      beta_2: fraction.default(0.999),
      eps: z.number().positive().default(1e-8),
    }),
    z.strictObject({
      name: z.literal('ftrl'),
      alpha: rate.default(0.05),
      beta: z.number().min(0).max(1e6).default(1),
      l1: z.number().min(0).max(1e6).default(0),
      l2: z.number().min(0).max(1e6).default(1),
      order: z.enum(['river', 'paper']).default('river'),
    }),
  ])
  .default({ name: 'sgd', lr: 0.01 });

export type OptimizerOptions = z.infer<typeof optimizerOptions>;

/** A weight that a step would carry beyond this keeps its value: a rate that diverges gives bad scores, never NaN. */
export const MAX_WEIGHT = 1e100;

export function bounded(next: number, present: number): number {
  return Math.abs(next) <= MAX_WEIGHT ? next : present;
}

/** A copy with room for `capacity`, zeros behind. */
export function grown(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(values);
  return larger;
}
