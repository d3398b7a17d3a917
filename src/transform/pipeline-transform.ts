// The contract of a compiled pipeline at work: changes in, emissions out, state beside it. Nothing here waits: a
// transaction's changes are applied one by one, then the keys it touched are computed (docs/correctness.md, rule B).

import type { Change, Relation, Row } from '../flow/change.ts';
import type { Emission } from '../flow/record.ts';
import type { TableName } from '../flow/pipeline.ts';
import type { StateEntry } from '../state/state-store.ts';

/** A table that the pipeline reads, and the only columns of it that may leave the warehouse (identity included). */
export interface TableInput {
  readonly table: TableName;
  readonly columns: readonly string[];
  readonly role: 'driving' | 'lookup' | 'label';
}

/** How the backfill reads the driving table: in event-time order. */
export interface DrivingScan {
  /** As in the view's FROM: `public.payments p`. */
  readonly from: string;
  /** SQL over it: the event time expression, then the key columns. */
  readonly orderBy: readonly string[];
}

export interface PipelineTransform {
  readonly inputs: readonly TableInput[];
  readonly scan: DrivingScan;

  /**
   * Opens a transaction. `commitTimeUs` as it stands in the WAL; the clock never goes back (rule A).
   * @param backfill rows are today's, the clock is their event time, nothing expires below it
   */
  begin(commitTimeUs: number, backfill?: boolean): void;
  /** Applies one change to state and notes the keys it touched. Changes to tables that it does not read are ignored. */
  apply(change: Change): void;
  /**
   * Computes what the transaction touched, moves the clock, expires. Returns the emissions in rule B's order: truncate,
   * labels, then deletes and features in the order of each key's last change.
   */
  finish(): readonly Emission[];
  /** After `finish`: microseconds since 1970 UTC, the greatest so far; -Infinity before the first row. */
  readonly clockUs: number;

  /** A relation for rows that are read by the backfill, columns in the order of the {@link TableInput}. */
  relationOf(input: TableInput): Relation;
  /** Event time of a driving row as the backfill read it; null where NULL or where there is none. */
  eventTimeUsOf(row: Row): number | null;

  /** What changed in state since this was last called, for the next checkpoint; and nothing else. */
  takeDirty(): Iterable<StateEntry>;
  /** Rows and keys in state, and an estimate of their bytes in memory. */
  readonly size: { readonly keys: number; readonly bytes: number };
  /** Counters since the start. */
  readonly counts: { readonly filtered: number; readonly late: number; readonly deadLetters: number };
}

/** Gives back what `takeDirty` gave, at a restart. */
export interface StateReader {
  entries(space: string): Iterable<readonly [key: string, value: string]>;
}
