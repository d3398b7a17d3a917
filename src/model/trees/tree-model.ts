// What a learner made of trees offers to the row's side of it: a tree, an adaptive tree, a forest.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Rows are dense: the value of column j at j, NaN where there is none. */
export interface TreeModel {
  readonly bytes: number;
  /** Numbers that `say` gives. */
  readonly outputs: number;
  /** Makes room for this many columns and for the target. Before `learn`. */
  prepare(columns: number, y: number): void;
  learn(row: Float64Array, y: number, weight: number): void;
  /** P of each class, or the value. False where nothing is known yet. */
  say(row: Float64Array, into: Float64Array): boolean;
  /** Adds each column's part of one output to `into`, times `share`, and gives the rest, the bias, times `share`. */
  explain(row: Float64Array, output: number, into: Float64Array, share: number): number;
  /** Of several trees: the one that errs most gives its place to another. */
  mend?(): void;
  save(writer: StateWriter): void;
  /** Only into a new one. */
  load(reader: StateReader): void;
}
