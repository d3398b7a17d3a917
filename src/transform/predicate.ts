// `alert_when`: a condition over score, prediction and features, compiled like a view and never executed by Postgres.

import type pg from 'pg';
import type { ColumnType, SinkDefinition } from '../flow/pipeline.ts';
import { jsonReaderOf } from '../flow/types/sql-text.ts';
import type { SqlValue } from '../flow/types/sql-value.ts';
import { COLLATION, isTextOid, OID } from '../flow/types/type-oid.ts';
import { MillraceError } from '../runtime/errors.ts';
import { quoteIdentifier } from '../warehouse/quoting.ts';
import { isAggregateName } from './aggregate-names.ts';
import { environmentOf } from './compile.ts';
import { ExpressionCompiler } from './compile-expression.ts';
import { readCases, readCollations } from './describe-catalog.ts';
import { inPinnedTransaction } from './describe.ts';
import { describeLevel } from './describe-types.ts';
import type { SlotRef } from './expression-scope.ts';
import { collationIn, levelScope, type ViewContext } from './level-scope.ts';
import { loadParser, parseExpressionText } from './parse-sql.ts';
import { nodesOf, type ColumnSyntax, type Syntax } from './syntax.ts';
import { MAIN_LEVEL, type CaseFacts, type CollationFacts, type TypeFacts } from './view-facts.ts';

/** What Postgres said of a condition: plain JSON. */
export interface PredicateFacts {
  readonly types: TypeFacts;
  readonly collations: readonly CollationFacts[];
  readonly cases: CaseFacts | undefined;
}

export interface Predicate {
  /** Positions, among the given columns, of those that are read. */
  readonly reads: readonly number[];
  /** Values in the order of the columns. NULL is neither true nor false. Throws MillraceError DATA where Postgres would raise. */
  evaluate(values: readonly SqlValue[]): boolean | null;
}

const CASES = /\b(lower|upper|ilike)\b|~~\*/i;

/** Asks for the types of the condition's parts; executes nothing of it. Rejects with SQL_INVALID, SQL_UNSUPPORTED. */
export async function describePredicate(
  client: pg.Client,
  sql: string,
  columns: readonly ColumnType[],
  timezone: string,
): Promise<PredicateFacts> {
  await loadParser();
  const { expression } = parseExpressionText(sql);
  return inPinnedTransaction(client, timezone, async () => {
    const row = columns.map((column) => `null::${column.type} as ${quoteIdentifier(column.name)}`).join(', ');
    const types = await describeLevel(client, [expression], `(select ${row}) "row"`);
    const collations = await readCollations(client, []);
    return { types: { [MAIN_LEVEL]: types }, collations, cases: CASES.test(sql) ? await readCases(client) : undefined };
  });
}

/**
 * Pure. Without facts, types are found from the columns' alone, and text is neither ordered nor changed in case. Throws
 * SQL_INVALID and SQL_UNSUPPORTED with line and column in `sql`. `loadParser` must have been awaited.
 */
export function compilePredicate(
  sql: string,
  columns: readonly ColumnType[],
  facts: PredicateFacts | undefined,
  timezone: string,
): Predicate {
  const { expression, sql: text } = parseExpressionText(sql);
  const collations = facts?.collations ?? [];
  const context: ViewContext = {
    facts: {
      formatVersion: 1,
      serverMajor: 0,
      features: NO_QUERY,
      labels: undefined,
      tables: [],
      collations,
      cases: facts?.cases,
    },
    types: facts?.types ?? {},
    sql: text,
    environment: environmentOf({ cases: facts?.cases }, timezone),
    warnings: [],
  };
  const compiler = new ExpressionCompiler(
    levelScope(context, {
      level: MAIN_LEVEL,
      column: (node) => slotOf(context, columns, node),
      result: (node) => refuseResults(context, node),
    }),
  );
  const { evaluate } = compiler.compileAs(expression, OID.bool);
  const names = new Set([...nodesOf(expression)].flatMap((node) => (node.kind === 'column' ? [node.name] : [])));
  const reads = columns.flatMap((column, index) => (names.has(column.name) ? [index] : []));
  return { reads, evaluate: (values) => evaluate(values) as boolean | null };
}

const NO_QUERY = { text: '', columns: [], types: {} };

function slotOf(context: ViewContext, columns: readonly ColumnType[], node: ColumnSyntax): SlotRef {
  const slot = columns.findIndex((column) => column.name === node.name);
  if (slot < 0 || node.table !== undefined) {
    return context.sql.refuse(
      node.at,
      `there is no column ${node.text.replaceAll('"', '')}`,
      `It can be one of ${columns.map((column) => column.name).join(', ')}.`,
      'SQL_INVALID',
    );
  }
  const oid = columns[slot]!.typeOid;
  const collation = isTextOid(oid) ? collationIn(context.facts, COLLATION.default).oid : COLLATION.none;
  return { slot, type: { oid, typmod: -1, collation }, inexact: false };
}

function refuseResults(context: ViewContext, node: Syntax): undefined {
  const isMany =
    node.kind === 'subquery' || (node.kind === 'call' && (node.over !== undefined || isAggregateName(node.name)));
  if (isMany)
    context.sql.refuse(
      node.at,
      'a condition looks at one row',
      'Compute it in the feature view, and compare its column here.',
    );
  return undefined;
}

/** The columns that `alert_when` can name: score, prediction, then those of the view. */
export function alertColumns(definition: SinkDefinition): readonly ColumnType[] {
  const own = new Set(['score', 'prediction']);
  return [
    { name: 'score', typeOid: OID.float8, type: 'double precision' },
    { name: 'prediction', typeOid: OID.text, type: 'text' },
    ...definition.features.filter((feature) => !own.has(feature.name)),
  ];
}

export type AlertCondition = (
  score: number | null,
  prediction: string | null,
  features: Readonly<Record<string, unknown>>,
) => boolean | null;

/**
 * The condition over a row as the sink has it, features as JSON.parse gives them. Null where Postgres would raise for the
 * row (a division by zero): such a row meets no condition.
 */
export function compileAlert(
  definition: SinkDefinition,
  facts: PredicateFacts | undefined,
): AlertCondition | undefined {
  if (definition.alertWhen === undefined) return undefined;
  const columns = alertColumns(definition);
  const predicate = compilePredicate(definition.alertWhen, columns, facts, definition.timezone);
  const readers = columns.map((column) => jsonReaderOf(column.typeOid));
  const values = columns.map((): SqlValue => null);
  return (score, prediction, features) => {
    for (const index of predicate.reads) {
      const given = index === 0 ? score : index === 1 ? prediction : features[columns[index]!.name];
      values[index] = index < 2 ? (given as SqlValue) : readers[index]!(given);
    }
    try {
      return predicate.evaluate(values);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'DATA') return null;
      throw error;
    }
  };
}
