// The contract of a learner. docs/design.md, section 6.

import type { z } from 'zod';
import type { ModelOptions } from '../flow/pipeline.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import type { Task } from './model.ts';

/** An encoded row, sparse: `values[i]` at dimension `indexes[i]`, for i below `length`. Reused between calls: copy to keep. */
export interface Input {
  length: number;
  /** No index twice. */
  indexes: Int32Array;
  values: Float64Array;
}

/** predict and explain never change it; all randomness comes from a seed in its state. */
export interface Learner {
  /** Probability of true (binary) or value (regression). */
  predict(x: Input): number;
  /** `y`: 1/0 for binary, the number for regression. Both finite, `weight` ≥ 0: the model sees to it. */
  learn(x: Input, y: number, weight: number): void;
  /** The raw score's part of each input dimension, in the input's order, and the bias. */
  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array };
  save(): Uint8Array;
  readonly bytes: number;
}

/** One name in the registry. What must be loaded is awaited once, here. */
export interface Kind {
  readonly name: string;
  readonly tasks: readonly Task[];
  /** Checks the options and fills in defaults; unknown names are refused. */
  readonly options: z.ZodType<LearnerOptions>;
  create(options: ModelOptions, task: Task, seed: number): Promise<Learner>;
  load(options: ModelOptions, task: Task, saved: Uint8Array): Promise<Learner>;
}
