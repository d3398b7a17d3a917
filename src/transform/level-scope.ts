// The scope of one query level: which table each column is of, and where the results of window calls, aggregates and
// laterals stand.

import { COLLATION } from '../flow/types/type-oid.ts';
import type { Scope, SlotRef } from './expression-scope.ts';
import type { SqlText } from './refusal.ts';
import type { Environment } from './scalars/scalar-function.ts';
import type { ColumnSyntax, Syntax, TableSyntax } from './syntax.ts';
import type { ColumnFacts, TableFacts, TypeFacts, ViewFacts } from './view-facts.ts';
import type { PlanTable, PlanWarning, TypeRef } from './view-plan.ts';

/** What all levels of a view share. */
export interface ViewContext {
  readonly facts: ViewFacts;
  readonly types: TypeFacts;
  readonly sql: SqlText;
  readonly environment: Environment;
  readonly warnings: PlanWarning[];
}

export function tableFactsOf(context: ViewContext, syntax: TableSyntax): TableFacts {
  const { schema, name } = syntax.table;
  const found = context.facts.tables.find(({ table }) => table.schema === schema && table.name === name);
  return (
    found ??
    context.sql.refuse(
      syntax.at,
      `table ${schema}.${name} was not described`,
      'Create the pipeline again.',
      'SQL_INVALID',
    )
  );
}

/** The columns that are read, and the identity, in the table's order. */
export function planTableOf(context: ViewContext, syntax: TableSyntax, read: ReadonlySet<string>): PlanTable {
  const facts = tableFactsOf(context, syntax);
  const shown = `${facts.table.schema}.${facts.table.name}`;
  if (facts.replicaIdentity === 'n' || !facts.columns.some((column) => column.identity)) {
    context.sql.refuse(
      syntax.at,
      `${shown} has no replica identity: once it is published, every UPDATE and DELETE of it would fail`,
      `Give it a primary key, or run: alter table ${shown} replica identity full;`,
      'TABLE_IDENTITY',
    );
  }
  const columns = facts.columns.filter(
    (column) => read.has(column.name) || (column.identity && facts.replicaIdentity !== 'f'),
  );
  const all = columns.length > 0 ? columns : facts.columns.slice(0, 1);
  return {
    table: facts.table,
    replicaIdentity: facts.replicaIdentity,
    columns: all.map((column) => ({
      name: column.name,
      type: columnType(context.facts, column),
      identity: column.identity,
      toastable: column.storage !== 'p',
    })),
  };
}

export const columnType = (facts: ViewFacts, column: ColumnFacts): TypeRef => ({
  oid: column.typeOid,
  typmod: column.typmod,
  collation: column.collation === COLLATION.none ? COLLATION.none : collationIn(facts, column.collation).oid,
});

export function collationIn(facts: ViewFacts, oid: number): { readonly oid: number; readonly deterministic: boolean } {
  const found = facts.collations.find((collation) => collation.oid === oid);
  const named = !found?.c ? oid : oid === COLLATION.c || oid === COLLATION.posix ? COLLATION.c : COLLATION.codePoint;
  return { oid: named, deterministic: found?.deterministic ?? oid !== -1 };
}

/** Does this reference mean a column of this table? An unqualified one does if the table has it. */
export function isColumnOf(context: ViewContext, table: TableSyntax, node: ColumnSyntax): boolean {
  if (node.table !== undefined) return node.table === table.alias;
  return tableFactsOf(context, table).columns.some((column) => column.name === node.name);
}

export function slotInTable(context: ViewContext, table: PlanTable, node: ColumnSyntax, facts: TableFacts): SlotRef {
  const slot = table.columns.findIndex((column) => column.name === node.name);
  const described = facts.columns.find((column) => column.name === node.name);
  if (slot < 0 || !described)
    return context.sql.refuse(node.at, `there is no column ${node.name}`, 'Create the pipeline again.', 'SQL_INVALID');
  if (described.generated) {
    context.sql.refuse(
      node.at,
      `${node.name} is a generated column, which replication does not carry`,
      'Write its expression in the view.',
    );
  }
  return { slot, type: table.columns[slot]!.type, inexact: false };
}

export interface LevelOptions {
  readonly level: string;
  readonly column: (node: ColumnSyntax) => SlotRef;
  readonly result: (node: Syntax) => SlotRef | undefined;
}

export function levelScope(context: ViewContext, { level, column, result }: LevelOptions): Scope {
  const { sql, environment, warnings, facts, types } = context;
  const described = types[level] ?? {};
  return {
    sql,
    environment,
    warnings,
    column,
    result,
    described: (text) => (Object.hasOwn(described, text) ? described[text] : undefined),
    collationOf: (oid) => collationIn(facts, oid),
    collationNamed: (name) => {
      const found = facts.collations.find((collation) => collation.name === name);
      return found && collationIn(facts, found.oid);
    },
  };
}

/** Names of the columns of one table that these expressions read. */
export function columnsRead(context: ViewContext, table: TableSyntax, nodes: Iterable<Syntax>): Set<string> {
  const names = new Set<string>();
  for (const node of nodes) {
    if (node.kind === 'column' && isColumnOf(context, table, node)) names.add(node.name);
  }
  return names;
}
