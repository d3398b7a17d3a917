// One query level: which clauses it has, which of them are refused, and what its FROM reads.

import { quoteIdentifier, quoteTable } from '../warehouse/quoting.ts';
import { ExpressionParser } from './parse-expression.ts';
import { kindOf, listAt, nodeAt, numberAt, textAt, treeAt, type Tree } from './parse-tree.ts';
import type { SqlText } from './refusal.ts';
import type { LateralSyntax, QuerySyntax, Syntax, TableSyntax, TargetSyntax } from './syntax.ts';

const LOOKUP =
  'Take what you need with an aggregate: left join lateral (select max(…) as … from t where t.key = row.key) x on true.';

export function parseQuery(select: Tree, sql: SqlText, nested = false): QuerySyntax {
  refuseClauses(select, sql, nested);
  const windows = new Map(
    listAt(select, 'windowClause').map((item) => {
      const window = nodeAt(item, 'WindowDef');
      return [textAt(window, 'name'), window];
    }),
  );
  const parser = new ExpressionParser(sql, windows, nested ? undefined : (inner) => parseQuery(inner, sql, true));
  const from = listAt(select, 'fromClause');
  const firstTarget = treeAt(listAt(select, 'targetList')[0] ?? {}, 'ResTarget');
  const at = firstTarget ? numberAt(firstTarget, 'location') : 0;
  if (from.length === 0)
    sql.refuse(at, 'the query reads no table', 'Select from the table whose rows are to be scored.');
  const { table, laterals } = parseFrom(from, sql, nested);
  const targets = listAt(select, 'targetList').map((item): TargetSyntax => {
    const target = nodeAt(item, 'ResTarget');
    const expression = parser.parse(treeAt(target, 'val')!);
    return { name: textAt(target, 'name') || implicitName(expression), expression, at: numberAt(target, 'location') };
  });
  const whereTree = treeAt(select, 'whereClause');
  const where = whereTree && parser.parse(whereTree);
  const shown = targets.map((target) => `${target.expression.text} as ${quoteIdentifier(target.name)}`).join(', ');
  const text = `select ${shown} from ${fromText(table, laterals)}${where ? ` where ${where.text}` : ''}`;
  return { targets, table, laterals, where, at, text };
}

export const fromText = (table: TableSyntax, laterals: readonly LateralSyntax[]): string =>
  `${table.text}${laterals.map((lateral) => ` ${lateral.text}`).join('')}`;

function refuseClauses(select: Tree, sql: SqlText, nested: boolean): void {
  const clauseAt = (name: string): number => locationOf(select[name]) ?? 0;
  if (textAt(select, 'op') !== 'SETOP_NONE' && select['op'] !== undefined) {
    sql.refuse(
      locationOf(select['larg']) ?? 0,
      `${textAt(select, 'op').slice(6)} is not compiled`,
      'Make one pipeline for each part, or put the parts into one table.',
    );
  }
  if (select['valuesLists'] !== undefined) sql.refuse(0, 'VALUES is not compiled', 'Select from a table.');
  if (select['withClause'] !== undefined) {
    sql.refuse(clauseAt('withClause'), 'WITH is not compiled yet', 'Write the query in one level over its table.');
  }
  if (select['distinctClause'] !== undefined) {
    sql.refuse(
      locationOf(select['targetList']) ?? 0,
      'DISTINCT is not compiled',
      'Leave it out: the key makes rows distinct.',
    );
  }
  if (select['groupClause'] !== undefined) {
    sql.refuse(
      clauseAt('groupClause'),
      'GROUP BY is not compiled',
      nested
        ? 'Leave it out: the WHERE ties the inner rows to one row of the view.'
        : 'Keep one row for each row of the table, and aggregate with windows: sum(x) over (partition by … order by …).',
    );
  }
  if (select['havingClause'] !== undefined)
    sql.refuse(clauseAt('havingClause'), 'HAVING is not compiled', 'Filter the rows with WHERE or FILTER.');
  if (select['sortClause'] !== undefined) {
    sql.refuse(
      clauseAt('sortClause'),
      'ORDER BY is not compiled here',
      'Leave it out: sort where you read the scores.',
    );
  }
  if (select['limitCount'] !== undefined || select['limitOffset'] !== undefined) {
    sql.refuse(
      clauseAt('limitCount') || clauseAt('limitOffset'),
      'LIMIT and OFFSET are not compiled',
      'Leave them out: limit where you read the scores.',
    );
  }
  if (select['lockingClause'] !== undefined) sql.refuse(0, 'FOR UPDATE is not compiled', 'Leave it out.');
}

/** The first place that is named anywhere in a part of the tree. */
function locationOf(tree: unknown): number | undefined {
  if (typeof tree !== 'object' || tree === null) return undefined;
  const own = (tree as Tree)['location'];
  if (typeof own === 'number' && own >= 0) return own;
  let first: number | undefined;
  for (const part of Object.values(tree)) {
    const found = locationOf(part);
    if (found !== undefined && (first === undefined || found < first)) first = found;
  }
  return first;
}

interface From {
  readonly table: TableSyntax;
  readonly laterals: readonly LateralSyntax[];
}

function parseFrom(items: readonly Tree[], sql: SqlText, nested: boolean): From {
  const [first, ...others] = items;
  const from = parseFromItem(first!, sql, nested);
  const laterals = others.map((item) => parseLateral(item, 'cross join', sql, nested));
  return { table: from.table, laterals: [...from.laterals, ...laterals] };
}

function parseFromItem(item: Tree, sql: SqlText, nested: boolean): From {
  const kind = kindOf(item);
  const node = nodeAt(item, kind);
  if (kind === 'RangeVar') return { table: parseTable(node), laterals: [] };
  const at = locationOf(node) ?? 0;
  if (kind === 'RangeSubselect') {
    return sql.refuse(at, 'a subquery in FROM is not compiled yet', 'Write the query in one level over its table.');
  }
  if (kind !== 'JoinExpr') {
    return sql.refuse(at, 'this item of FROM is not compiled', 'Select from a table.');
  }
  const left = parseFromItem(treeAt(node, 'larg')!, sql, nested);
  const type = textAt(node, 'jointype');
  const rightAt = locationOf(node['rarg']) ?? at;
  if (type !== 'JOIN_LEFT' && type !== 'JOIN_INNER') {
    sql.refuse(
      rightAt,
      'FULL and RIGHT joins are not compiled',
      'Start from the table whose rows are scored, and use LEFT JOIN.',
    );
  }
  const quals = treeAt(node, 'quals');
  const always =
    !quals || ((quals['A_Const'] as Tree | undefined)?.['boolval'] as Tree | undefined)?.['boolval'] === true;
  const joinText = !quals ? 'cross join' : type === 'JOIN_LEFT' ? 'left join' : 'join';
  const lateral = parseLateral(treeAt(node, 'rarg')!, joinText, sql, nested);
  if (!always)
    sql.refuse(locationOf(quals) ?? rightAt, 'a lateral join needs ON true', 'Move the condition into the subquery.');
  return { table: left.table, laterals: [...left.laterals, lateral] };
}

function parseTable(node: Tree): TableSyntax {
  const table = { schema: textAt(node, 'schemaname'), name: textAt(node, 'relname') };
  const alias = textAt(treeAt(node, 'alias') ?? {}, 'aliasname');
  const shown = table.schema ? quoteTable(table) : quoteIdentifier(table.name);
  const only = node['inh'] === true ? '' : 'only ';
  return {
    table,
    alias: alias || table.name,
    at: numberAt(node, 'location'),
    text: `${only}${shown}${alias ? ` ${quoteIdentifier(alias)}` : ''}`,
  };
}

function parseLateral(item: Tree, join: string, sql: SqlText, nested: boolean): LateralSyntax {
  const at = locationOf(item) ?? 0;
  const node = item['RangeSubselect'] as Tree | undefined;
  if (!node) return sql.refuse(at, 'a join to another table is not compiled yet', LOOKUP);
  if (nested)
    return sql.refuse(
      at,
      'a join inside a lateral subquery is not compiled',
      'Aggregate one table in each lateral subquery.',
    );
  if (node['lateral'] !== true) return sql.refuse(at, 'a join to a subquery is not compiled yet', LOOKUP);
  const alias = textAt(treeAt(node, 'alias') ?? {}, 'aliasname');
  const query = parseQuery(nodeAt(treeAt(node, 'subquery')!, 'SelectStmt'), sql, true);
  const renamed = listAt(treeAt(node, 'alias') ?? {}, 'colnames');
  const names = renamed.map((name) => textAt(nodeAt(name, 'String'), 'sval'));
  const targets = query.targets.map((target, index) => ({ ...target, name: names[index] ?? target.name }));
  const on = join === 'cross join' ? '' : ' on true';
  const columns = names.length > 0 ? `(${names.map(quoteIdentifier).join(', ')})` : '';
  return {
    alias,
    query: { ...query, targets },
    at,
    text: `${join} lateral (${query.text}) ${quoteIdentifier(alias)}${columns}${on}`,
  };
}

/** What Postgres calls a target without AS; pg_get_viewdef leaves AS out only where this is the name. */
function implicitName(expression: Syntax): string {
  switch (expression.kind) {
    case 'column':
    case 'call':
      return expression.name;
    case 'cast':
      return expression.argument.kind === 'constant' ? expression.type.name : implicitName(expression.argument);
    case 'collate':
      return implicitName(expression.argument);
    case 'coalesce':
    case 'greatest':
    case 'least':
    case 'nullif':
    case 'case':
    case 'array':
      return expression.kind;
    case 'constant':
    case 'operator':
    case 'boolean':
    case 'test':
    case 'distinct':
    case 'membership':
    case 'subquery':
      return '?column?';
  }
}
