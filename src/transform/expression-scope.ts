// What an expression can name at its place: columns, results that have a slot already, the types that Postgres described.

import type { ColumnSyntax, Syntax } from './syntax.ts';
import type { SqlText } from './refusal.ts';
import type { Environment } from './scalars/scalar-function.ts';
import type { PlanExpression, PlanWarning, TypeRef } from './view-plan.ts';

/** A compiled expression, and what the expressions around it must know of it. */
export interface Typed extends PlanExpression {
  /** May hold the float8 result of a numeric division, avg or stddev. */
  readonly inexact: boolean;
  /** Reads no slot. */
  readonly constant: boolean;
  /** NULL whatever the row, as Postgres knows before it reads any: what it is combined with is not computed then, and raises nothing. */
  readonly alwaysNull?: boolean;
  /** By COLLATE: wins over the collations of columns. */
  readonly explicitCollation: boolean;
}

export interface SlotRef {
  readonly slot: number;
  readonly type: TypeRef;
  readonly inexact: boolean;
}

export interface Scope {
  readonly sql: SqlText;
  readonly environment: Environment;
  readonly warnings: PlanWarning[];
  /** Refuses, with the place, a column that cannot be used here. */
  column(node: ColumnSyntax): SlotRef;
  /** A window call, an aggregate, a scalar subquery; undefined where the node is none of these. Refuses it where it cannot stand. */
  result(node: Syntax): SlotRef | undefined;
  /** Type OID and typmod of the node with this text as Postgres described it; undefined where nobody asked. */
  described(text: string): readonly [oid: number, typmod: number] | undefined;
  /** A column's or the database's collation by OID as the plan names it: C for every one that orders by code point. */
  collationOf(oid: number): { readonly oid: number; readonly deterministic: boolean };
  collationNamed(name: string): { readonly oid: number; readonly deterministic: boolean } | undefined;
}
