// What the label is made of must not be among the features: a model that sees the answer looks perfect until it is used. A column
// that the label view reads may enter only through a window that leaves the current row out.

import type { PipelineDefinition, TableName } from '../flow/pipeline.ts';
import type { SqlText } from './refusal.ts';
import {
  expressionsOf,
  nodesOf,
  partsOf,
  windowParts,
  type CallSyntax,
  type QuerySyntax,
  type Syntax,
  type WindowSyntax,
} from './syntax.ts';

export interface LeakCheck {
  readonly definition: PipelineDefinition;
  readonly features: {
    readonly query: QuerySyntax;
    readonly sql: SqlText;
    readonly columns: readonly { readonly name: string }[];
  };
  readonly labels: { readonly query: QuerySyntax; readonly columns: readonly { readonly name: string }[] };
}

/** Throws LEAK with the place in the feature view, unless the model options say `"allow_leak": true`. */
export function refuseLeaks(check: LeakCheck): void {
  if (check.definition.model['allow_leak'] === true) return;
  const { query } = check.features;
  const labelTable = check.labels.query.table.table;
  const isSame = sameTable(query.table.table, labelTable);
  const answers = isSame ? answerColumns(check) : new Set<string>();
  for (const { query: inner, at } of [...query.laterals, ...subqueriesOf(query)]) {
    if (sameTable(inner.table.table, labelTable) && (!isSame || reads(inner, answers)))
      refuse(check, at, `${labelTable.name}, which the label comes from,`);
  }
  if (isSame) for (const expression of expressionsOf(query)) visit(check, expression, answers);
}

/** Columns of the label view's table that say what the label is or whether there is one; not the key, not the event time. */
function answerColumns({ definition, features, labels }: LeakCheck): Set<string> {
  const innocent = new Set<string>();
  features.query.targets.forEach((target, index) => {
    const name = features.columns[index]?.name ?? target.name;
    if (name === definition.eventTime || definition.key.includes(name))
      for (const column of columnsOf(target.expression)) innocent.add(column);
  });
  const answers = new Set<string>();
  labels.query.targets.forEach((target, index) => {
    const name = labels.columns[index]?.name ?? target.name;
    if (!definition.key.includes(name)) for (const column of columnsOf(target.expression)) answers.add(column);
  });
  if (labels.query.where) for (const column of columnsOf(labels.query.where)) answers.add(column);
  return new Set([...answers].filter((column) => !innocent.has(column)));
}

function visit(check: LeakCheck, node: Syntax, answers: ReadonlySet<string>): void {
  if (node.kind === 'column') {
    if (answers.has(node.name)) refuse(check, node.at, `column ${node.name}, which the label is made of,`);
    return;
  }
  const parts =
    node.kind === 'call' && node.over && leavesCurrentRowOut(node, node.over)
      ? [...node.args.slice(1), ...windowParts(node.over)]
      : partsOf(node);
  for (const part of parts) visit(check, part, answers);
}

/** The first argument (and the filter) are then of other rows; lag's default is of the current one. */
function leavesCurrentRowOut(call: CallSyntax, over: WindowSyntax): boolean {
  if (call.name === 'lag') return true;
  const { exclude, end } = over.frame;
  if (exclude === 'current_row' || exclude === 'group') return true;
  return end.kind === 'preceding' && !(end.offset.kind === 'constant' && Number(end.offset.value) === 0);
}

function refuse({ features }: LeakCheck, at: number, what: string): never {
  return features.sql.refuse(
    at,
    `${what} is among the features: the model would be told the answer`,
    'Leave it out, or use it of earlier rows only: a window with EXCLUDE CURRENT ROW, or lag(). To insist, give the model option "allow_leak": true.',
    'LEAK',
  );
}

function columnsOf(expression: Syntax): string[] {
  return [...nodesOf(expression)].flatMap((node) => (node.kind === 'column' ? [node.name] : []));
}

function subqueriesOf(query: QuerySyntax): { readonly query: QuerySyntax; readonly at: number }[] {
  return expressionsOf(query).flatMap((expression) =>
    [...nodesOf(expression)].flatMap((node) => (node.kind === 'subquery' ? [{ query: node.query, at: node.at }] : [])),
  );
}

function reads(query: QuerySyntax, columns: ReadonlySet<string>): boolean {
  return expressionsOf(query).some((expression) => columnsOf(expression).some((column) => columns.has(column)));
}

function sameTable(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.name === b.name;
}
