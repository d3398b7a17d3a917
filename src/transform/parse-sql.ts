// The Postgres parser's tree (libpg-query, compiled to WASM) as the compiler's own (syntax.ts). What has no counterpart there
// is refused here, with its place.

import { hasSqlDetails, loadModule, parseSync } from 'libpg-query';
import { MillraceError } from '../runtime/errors.ts';
import { SqlText } from './refusal.ts';
import { parseQuery } from './parse-query.ts';
import type { QuerySyntax, Syntax } from './syntax.ts';
import { ExpressionParser } from './parse-expression.ts';
import { listAt, nodeAt, type Tree } from './parse-tree.ts';

/** The parser is WASM and is loaded once, before anything is compiled. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/** A view's text, as pg_get_viewdef gives it. Refuses what no plan can express. */
export function parseView(text: string): { readonly query: QuerySyntax; readonly sql: SqlText } {
  const sql = new SqlText(text);
  const statement = statementOf(text, sql);
  return { query: parseQuery(statement, sql), sql };
}

const PREDICATE_PREFIX = 'select ';

/** One expression by itself (`score > 0.9`). */
export function parseExpressionText(text: string): { readonly expression: Syntax; readonly sql: SqlText } {
  const sql = new SqlText(text, PREDICATE_PREFIX);
  const statement = statementOf(`${PREDICATE_PREFIX}${text}`, sql, PREDICATE_PREFIX.length);
  const targets = listAt(statement, 'targetList');
  const extra = ['fromClause', 'whereClause', 'groupClause', 'sortClause', 'limitCount', 'withClause', 'intoClause'];
  if (targets.length !== 1 || extra.some((name) => statement[name] !== undefined)) {
    throw new MillraceError('SQL_INVALID', 'expected one expression', {
      hint: "For example: alert_when => 'score > 0.9'.",
    });
  }
  const target = nodeAt(targets[0]!, 'ResTarget');
  return { expression: new ExpressionParser(sql, new Map()).parse(target['val'] as Tree), sql };
}

function statementOf(text: string, sql: SqlText, skip = 0): Tree {
  let statements: readonly unknown[];
  try {
    statements = parseSync(text).stmts ?? [];
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const at = Buffer.byteLength([...text].slice(0, Math.max(0, error.sqlDetails?.cursorPosition ?? 0)).join(''));
    throw new MillraceError('SQL_INVALID', error.message, {
      ...sql.placeOf(Math.max(at, skip)),
      hint: 'Postgres cannot read this either.',
    });
  }
  const statement = (statements[0] as { stmt?: Tree } | undefined)?.stmt;
  const select = statement?.['SelectStmt'] as Tree | undefined;
  if (statements.length !== 1 || !select) {
    throw new MillraceError('SQL_INVALID', 'expected one query', { hint: 'A view holds exactly one SELECT.' });
  }
  return select;
}
