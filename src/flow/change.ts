// What the source gives: committed transactions, in commit order, and the rows that they changed.

import type { Lsn } from './lsn.ts';

/**
 * One value of a row: its text as Postgres prints it under the pinned session settings, `null` for NULL, and `undefined`
 * for "not sent": a value stored out of line that an update left alone, or a column outside the replica identity in an
 * old row. "Not sent" is never NULL; treating it so would blank a column that nobody touched.
 */
export type Cell = string | null | undefined;

/** A row's cells, in the order of its {@link Relation}'s columns. */
export type Row = readonly Cell[];

export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typmod: number;
  /** Part of the replica identity, so sent with every update of the key and every delete. */
  readonly identity: boolean;
}

/** A table as the stream describes it. A new object whenever its description changed, so it can key a WeakMap. */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** As in pg_class.relreplident: default, nothing, full, index. */
  readonly replicaIdentity: 'd' | 'n' | 'f' | 'i';
  readonly columns: readonly RelationColumn[];
}

/**
 * One changed row, one shape for all kinds. `old` of an update is undefined unless the identity changed or the table is
 * REPLICA IDENTITY FULL; `old` of a delete has only identity columns unless FULL.
 */
export interface RowChange {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly relation: Relation;
  readonly old: Row | undefined;
  readonly new: Row | undefined;
}

export interface TruncateChange {
  readonly kind: 'truncate';
  readonly relations: readonly Relation[];
}

export type Change = RowChange | TruncateChange;

/**
 * A committed transaction, pulled: its changes are read once, in order, in chunks of bounded size, and need not fit in
 * memory. The next transaction can be pulled only when these have been read to their end.
 */
export interface Transaction {
  readonly xid: number;
  /** Where its commit record starts. Orders transactions; part of each record's position. */
  readonly commitLsn: Lsn;
  /** Where its commit record ends: what is acknowledged, exactly. Known when `changes()` has ended. */
  readonly endLsn: Lsn;
  /** Microseconds since 1970 UTC. May be lower than that of the transaction before. */
  readonly commitTimeUs: number;
  changes(): AsyncIterable<readonly Change[]>;
}
