// The contract of a learner. docs/design.md, section 6.

import type { z } from 'zod';
import type { ModelOptions } from '../flow/pipeline.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import type { LinearScore } from './kinds/linear-score.ts';
import type { LearnedTask } from './model.ts';

/**
 * An encoded row, sparse: `values[i]` at dimension `indexes[i]`, for i below `length`. Reused between calls: copy to keep.
 * As `vector`, what is not there is 0. As `columns`, every feature in use has an entry: the number itself, a category's code, or
 * NaN where the row says nothing of it.
 */
export interface Input {
  length: number;
  /** No index twice. */
  indexes: Int32Array;
  values: Float64Array;
  /** Of kinds with `series`: a small integer that stands for the row's series; -1: of none, or of none that has a label yet. */
  series?: number;
  /** Of kinds with `series`: when, in seconds since 1970 or as the column counts; NaN where the options name no time. */
  time?: number;
}

/** What a learner may ask about dimensions. */
export interface Layout {
  /** The dimension holds a category's code (a small integer), not a number. The answer never changes. */
  nominal(dimension: number): boolean;
  /** As columns: the feature's name. */
  name?(dimension: number): string | undefined;
  /** That there are. From the start each number, ordinal and boolean has one, in the order of the columns. */
  readonly dimensions: number;
  /** That there can be, once every category and every NULL has its own. */
  readonly mostDimensions: number;
}

/** predict, outputs and explain never change it; all randomness comes from a seed in its state. */
export interface Learner {
  /** Probability of true (binary), value (regression), or the index of the most probable class (multiclass; -1: none yet). */
  predict(x: Input): number;
  /** Of linear learners of one number, so that rows can be scored and learned as they are encoded; see FusedLinear. */
  readonly linear?: LinearLearner | undefined;
  /** The same of learners of several such numbers; see FusedScores. */
  readonly linears?: LinearLearners | undefined;
  /**
   * For multiclass the probability of each class learned so far, by index, else what `outputNames` names, NaN where it says nothing
   * of it. Reused between calls, and may be longer than there are outputs.
   */
  outputs?(x: Input): Float64Array;
  readonly outputNames?: readonly string[];
  /** Where `outputs` has what `predict` says; undefined: nowhere, or not always. */
  readonly scoreAt?: number;
  /**
   * `y`: 1/0 for binary, the number for regression, the class's index for multiclass (a new one is the next integer). Finite,
   * as is `weight` ≥ 0: the model sees to it.
   */
  learn(x: Input, y: number, weight: number): void;
  /**
   * The raw score's part of each input entry, in the input's order, and the bias; `parts` are of what is no column of the row,
   * such as the series' level.
   */
  explain(x: Input): {
    readonly bias: number;
    readonly contributions: Float64Array;
    readonly parts?: readonly { readonly name: string; readonly contribution: number }[];
  };
  /** Of what is made of parts: after a drift gives up the worst, and begins another in its place. */
  mend?(): void;
  save(): Uint8Array;
  readonly bytes: number;
  /** Of task anomaly: rows that it must have learned before what it predicts means anything. */
  readonly warmUp?: number;
  /** Of the examples it was given, those it could not use, e.g. a value older than the last of its series. */
  readonly skipped?: number;
}

/** A learner whose raw score is Σ weight · value + bias. */
export interface LinearLearner {
  readonly score: LinearScore;
  /** What `predict` says of an input with the raw score `raw`. */
  readonly said: CodeExpression;
  /**
   * By which `learn` steps the score, from `raw`, `y`, `weight` and `squares`, before the step. Only where it does nothing else, and a
   * step moves no weight but the input's own.
   */
  readonly slope?: CodeExpression | undefined;
  /** What `squares` begins with, before value² of each entry is added in turn; undefined: it is not read. */
  readonly squares?: number;
}

/** A learner of several raw scores Σ weight · value + bias over the same input, with the same options. */
export interface LinearLearners {
  /** They may become more. */
  readonly scores: readonly LinearScore[];
  /** One as they all are, but for what they learned. */
  readonly like: LinearScore;
  /** A statement that makes of the raw scores in `outputs`, of which there are `count`, what the learner says, in place. */
  readonly said: CodeExpression;
  /** Whether `learn` does with such an example what `slope` says, and nothing else. */
  learns(y: number, weight: number): boolean;
  /** Before the first step: statements over the raw scores `raw0`, `raw1` and so on, `y` and `weight`. */
  readonly before?: CodeExpression | undefined;
  /**
   * By which `learn` steps one of them, the one at index `at`, from its raw score `raw`, what stands in its place in `outputs`, `p`,
   * `y` and `weight`. As above.
   */
  readonly slope?: CodeExpression | undefined;
}

/** JavaScript, over variables and what it names in `uses`. */
export interface CodeExpression {
  readonly code: string;
  readonly uses: Readonly<Record<string, unknown>>;
}

/** One name in the registry. What must be loaded is awaited once, here. */
export interface Kind {
  readonly name: string;
  readonly tasks: readonly LearnedTask[];
  /** How it wants rows: one-hot and scaled to add up (`vector`, the default), a column each as it is (`columns`), or not at all. */
  readonly inputs?: 'vector' | 'columns' | 'none';
  /** It forecasts series: its options have `series` and `time`, and inputs say both. */
  readonly series?: boolean;
  /** Checks the options and fills in defaults; unknown names are refused. */
  readonly options: z.ZodType<LearnerOptions>;
  /** Gives a promise only where something must be loaded first: such a kind cannot begin another model beside, at a drift. */
  create(options: ModelOptions, task: LearnedTask, seed: number, layout: Layout): Learner | Promise<Learner>;
  load(options: ModelOptions, task: LearnedTask, saved: Uint8Array, layout: Layout): Learner | Promise<Learner>;
}
