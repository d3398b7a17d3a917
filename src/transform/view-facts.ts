// All that a plan is made from, as Postgres described it once: plain JSON, kept with the pipeline's checkpoint, so that the
// same plan comes of it after any restart and in a simulation without a server.

import type { TableName } from '../flow/pipeline.ts';

export interface ViewFacts {
  readonly formatVersion: 1;
  /** server_version_num / 10000 */
  readonly serverMajor: number;
  readonly features: QueryFacts;
  readonly labels: QueryFacts | undefined;
  /** Every table that the views read. */
  readonly tables: readonly TableFacts[];
  /** Collations by OID, those that any column or the database uses. */
  readonly collations: readonly CollationFacts[];
  /** How the database's default collation maps case; undefined where no expression needs it. */
  readonly cases: CaseFacts | undefined;
}

export interface QueryFacts {
  /** pg_get_viewdef, pinned: what was compiled. */
  readonly text: string;
  /** The view's columns, in order. */
  readonly columns: readonly {
    readonly name: string;
    readonly typeOid: number;
    readonly typmod: number;
    readonly collation: number;
    readonly type: string;
  }[];
  /** Types of inner expressions, by query level (`main`, or a lateral's canonical text) and canonical text. */
  readonly types: TypeFacts;
}

export type TypeFacts = Readonly<Record<string, Readonly<Record<string, readonly [oid: number, typmod: number]>>>>;

/** The level of a view's outermost query in {@link TypeFacts}. */
export const MAIN_LEVEL = 'main';

export interface TableFacts {
  readonly table: TableName;
  readonly oid: number;
  readonly replicaIdentity: 'd' | 'n' | 'f' | 'i';
  readonly columns: readonly ColumnFacts[];
  readonly primaryKey: readonly string[];
  /** Unique indexes over plain columns, without a condition: the columns of each. */
  readonly uniqueKeys: readonly (readonly string[])[];
}

export interface ColumnFacts {
  readonly name: string;
  readonly typeOid: number;
  readonly typmod: number;
  readonly collation: number;
  /** As format_type prints it. */
  readonly type: string;
  readonly notNull: boolean;
  /** Part of the replica identity. */
  readonly identity: boolean;
  /** attstorage: p plain, m main, e external, x extended. All but plain may be stored out of line. */
  readonly storage: string;
  /** attgenerated: `s` is a stored generated column, which the stream does not carry. */
  readonly generated: boolean;
}

export interface CollationFacts {
  readonly oid: number;
  readonly name: string;
  /** True where it orders by code point. */
  readonly c: boolean;
  readonly deterministic: boolean;
}

/** Code points whose lower or upper case is another text: runs of [first, last, step, distance], and single ones. */
export interface CaseFacts {
  readonly provider: 'libc' | 'icu' | 'builtin' | 'c';
  readonly lower: CaseTable;
  readonly upper: CaseTable;
}

export interface CaseTable {
  readonly runs: readonly (readonly [first: number, last: number, step: number, distance: number])[];
  readonly others: readonly (readonly [codePoint: number, text: string])[];
}
