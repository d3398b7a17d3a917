// What a tree keeps at its nodes, and how a leaf splits and speaks: one form for classes, one for numbers.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { Split } from './split.ts';

/** More than any view has, with those that it once had. */
export const MAX_COLUMNS = 100_000;

/** Rows are dense: the value of column j at j, NaN where there is none. */
export interface Leaves {
  readonly bytes: number;
  /** Bytes of what an active leaf watches, which deactivating it frees. */
  readonly watchedBytes: number;
  /** Numbers that `say` gives. */
  readonly outputs: number;
  /** Makes room for columns and for the target; every new column is watched by all leaves that watch all. */
  prepare(columns: number, y: number): void;
  /** A new leaf; `side` says which part of the split it starts with. */
  open(node: number, start?: { readonly parent: number; readonly split: Split; readonly side: 'left' | 'right' }): void;
  /** The node became a branch: what it watched is given back. */
  close(node: number): void;
  /** The node is no more. */
  drop(node: number): void;
  /** No more splits here, and nothing watched. */
  deactivate(node: number): void;
  active(node: number): boolean;
  /** An example at its leaf. */
  learn(node: number, row: Float64Array, y: number, weight: number): void;
  /** An example on its way through a branch. */
  pass(node: number, y: number, weight: number): void;
  /** The weight that counts towards the next try to split. */
  waiting(node: number): number;
  /** Looks for a split. */
  attempt(node: number): Split | undefined;
  /** What the leaf says of a row: P of each class, or the value. False where it knows nothing. */
  say(node: number, row: Float64Array, into: Float64Array): boolean;
  /** The same for what the node alone knows, without the row: the share of each class, or the mean. */
  sayPlainly(node: number, into: Float64Array): boolean;
  /** Adds to `into`, by column, how what the leaf says of the row comes about beyond what it says plainly, for one output. */
  explain(node: number, row: Float64Array, output: number, into: Float64Array): void;
  /** How much an active leaf may still gain by a split: the least promising are deactivated first. */
  promise(node: number): number;
  /** Only the nodes in `kept` stay, each numbered by its place there. `ended`: of these, branches that are leaves from now on. */
  keepOnly(kept: readonly number[], capacity: number, ended: ReadonlySet<number>): void;
  save(writer: StateWriter, nodes: number): void;
  load(reader: StateReader, nodes: number): void;
}
