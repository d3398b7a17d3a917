// A lateral or scalar subquery that aggregates one table by equality with the driving row.

import { COLLATION, isComputedOid, isTextOid, OID } from '../flow/types/type-oid.ts';
import { aggregateNamed, isAggregateName } from './aggregate-names.ts';
import { compileArguments, isInexactAggregate } from './compile-aggregate.ts';
import { ExpressionCompiler } from './compile-expression.ts';
import { typeRef } from './typed-expression.ts';
import type { SlotRef, Typed } from './expression-scope.ts';
import {
  columnsRead,
  isColumnOf,
  levelScope,
  planTableOf,
  slotInTable,
  tableFactsOf,
  type ViewContext,
} from './level-scope.ts';
import { commonType, UNKNOWN } from './resolve-function.ts';
import {
  expressionsOf,
  nodesOf,
  type CallSyntax,
  type ColumnSyntax,
  type QuerySyntax,
  type Syntax,
  type TableSyntax,
} from './syntax.ts';
import type { LateralAggregate, LateralPlan, PlanTable } from './view-plan.ts';

export interface CompiledLateral {
  readonly plan: LateralPlan;
  readonly outputs: readonly Typed[];
}

interface Sides {
  readonly context: ViewContext;
  readonly inner: TableSyntax;
  readonly outer: TableSyntax;
  readonly level: string;
}

/** `exists` compiles to the one output count(*) > 0. */
export function compileLateral(
  context: ViewContext,
  query: QuerySyntax,
  outer: { readonly syntax: TableSyntax; readonly table: PlanTable },
  exists = false,
): CompiledLateral {
  const sides: Sides = { context, inner: query.table, outer: outer.syntax, level: query.text };
  const nodes = expressionsOf(query).flatMap((expression) => [...nodesOf(expression)]);
  const innerFacts = tableFactsOf(context, query.table);
  const read = columnsRead(
    context,
    query.table,
    nodes.filter((node) => node.kind === 'column' && sideOf(sides, node) === 'inner'),
  );
  const table = planTableOf(context, query.table, read);
  const outerFacts = tableFactsOf(context, outer.syntax);
  const innerCompiler = compilerFor(sides, 'inner', (node) => slotInTable(context, table, node, innerFacts));
  const outerCompiler = compilerFor(sides, 'outer', (node) => slotInTable(context, outer.table, node, outerFacts));
  const { match, where } = splitFilter(sides, query, innerCompiler, outerCompiler);
  const aggregates: LateralAggregate[] = [];
  const texts: string[] = [];
  if (exists) {
    aggregates.push({ name: 'count', args: [], filter: undefined, type: typeRef(OID.int8) });
    const some: Typed = {
      type: typeRef(OID.bool),
      text: 'exists',
      evaluate: (slots) => (slots[0] as bigint) > 0n,
      inexact: false,
      constant: false,
      explicitCollation: false,
    };
    return { plan: { table, match, where, aggregates, outputs: [some] }, outputs: [some] };
  }
  const aggregate = (node: CallSyntax): SlotRef => {
    let index = texts.indexOf(node.text);
    if (index < 0) {
      const name = aggregateNamed(node.name);
      if (!name)
        return innerCompiler.refuse(
          node,
          `${node.name}() is not compiled`,
          'Use count, sum, avg, min, max, stddev, bool_and, bool_or.',
        );
      if (node.distinct)
        return innerCompiler.refuse(
          node,
          'DISTINCT in an aggregate is not compiled yet',
          'Count all rows, or those that a FILTER chooses.',
        );
      aggregates.push({ name, ...compileArguments(innerCompiler, node, name) });
      index = texts.push(node.text) - 1;
    }
    const { name, type, args } = aggregates[index]!;
    return { slot: index, type, inexact: isInexactAggregate(name, type, args) };
  };
  const scope = levelScope(context, {
    level: query.text,
    column: (node) =>
      context.sql.refuse(
        node.at,
        `${node.name} is a column of a single row, beside aggregates over many`,
        'Aggregate it: max(…).',
      ),
    result: (node) => (node.kind === 'call' && isAggregateName(node.name) && !node.over ? aggregate(node) : undefined),
  });
  const compiler = new ExpressionCompiler(scope);
  const outputs = query.targets.map((target) => {
    if (![...nodesOf(target.expression)].some((node) => node.kind === 'call' && isAggregateName(node.name))) {
      context.sql.refuse(
        target.expression.at,
        'a lateral subquery is compiled where it gives one row of aggregates',
        'Aggregate: count(*), sum(…), max(…).',
      );
    }
    return compiler.compile(target.expression);
  });
  return { plan: { table, match, where, aggregates, outputs }, outputs };
}

function sideOf({ context, inner, outer }: Sides, node: ColumnSyntax): 'inner' | 'outer' {
  if (isColumnOf(context, inner, node)) return 'inner';
  if (isColumnOf(context, outer, node)) return 'outer';
  return context.sql.refuse(
    node.at,
    `${node.text.replaceAll('"', '')} is neither of the subquery's table nor of the driving one`,
    'Use columns of these two.',
  );
}

/** A compiler for expressions over one side alone. */
function compilerFor(sides: Sides, side: 'inner' | 'outer', slot: (node: ColumnSyntax) => SlotRef): ExpressionCompiler {
  const { sql } = sides.context;
  return new ExpressionCompiler(
    levelScope(sides.context, {
      level: sides.level,
      column: (node) =>
        sideOf(sides, node) === side
          ? slot(node)
          : sql.refuse(node.at, 'here the two tables are mixed in one expression', 'Compare them with = alone.'),
      result: (node) => {
        if (node.kind === 'subquery')
          sql.refuse(node.at, 'a subquery inside a subquery is not compiled', 'Use one level.');
        return undefined;
      },
    }),
  );
}

function splitFilter(
  sides: Sides,
  query: QuerySyntax,
  inner: ExpressionCompiler,
  outer: ExpressionCompiler,
): Pick<LateralPlan, 'match' | 'where'> {
  const match: LateralPlan['match'][number][] = [];
  const own: Syntax[] = [];
  for (const condition of conjuncts(query.where)) {
    const used = sidesUsed(sides, condition);
    if (!used.has('outer')) own.push(condition);
    else match.push(compileMatch(sides, condition, inner, outer));
  }
  if (match.length === 0) {
    sides.context.sql.refuse(
      query.table.at,
      'the subquery is not tied to the row by an equality',
      'Write where t.key = row.key.',
    );
  }
  if (own.length === 0) return { match, where: undefined };
  const [only] = own;
  const text = `(${own.map((condition) => condition.text).join(' and ')})`;
  const all: Syntax = own.length === 1 ? only! : { kind: 'boolean', operator: 'and', args: own, at: only!.at, text };
  return { match, where: inner.compileAs(all, OID.bool) };
}

function compileMatch(
  sides: Sides,
  condition: Syntax,
  inner: ExpressionCompiler,
  outer: ExpressionCompiler,
): LateralPlan['match'][number] {
  const { sql } = sides.context;
  if (condition.kind === 'operator' && condition.name === '=' && condition.left) {
    const left = sidesUsed(sides, condition.left);
    const right = sidesUsed(sides, condition.right);
    const straight = !left.has('outer') && left.has('inner') && right.has('outer') && !right.has('inner');
    const crossed = !right.has('outer') && right.has('inner') && left.has('outer') && !left.has('inner');
    if (straight || crossed) {
      const a = inner.compile(straight ? condition.left : condition.right);
      const b = outer.compile(straight ? condition.right : condition.left);
      const common = a.type.oid === b.type.oid ? a.type.oid : commonType(a.type.oid, b.type.oid);
      if (common === undefined || common === UNKNOWN || !(isComputedOid(common) || common === OID.uuid)) {
        return sql.refuse(condition.at, 'these two are not compared here', 'Compare columns of one type.');
      }
      if (isTextOid(common)) inner.checkEquality(inner.collationOf([a, b]) || COLLATION.default, condition);
      return { inner: inner.coerce(a, common, condition), outer: outer.coerce(b, common, condition) };
    }
  }
  return sql.refuse(
    condition.at,
    'the subquery may be tied to the row by equality alone',
    "Write t.key = row.key, and conditions on the subquery's own columns.",
  );
}

export function conjuncts(where: Syntax | undefined): readonly Syntax[] {
  if (!where) return [];
  return where.kind === 'boolean' && where.operator === 'and' ? where.args.flatMap(conjuncts) : [where];
}

function sidesUsed(sides: Sides, node: Syntax): Set<'inner' | 'outer'> {
  const used = new Set<'inner' | 'outer'>();
  for (const part of nodesOf(node)) if (part.kind === 'column') used.add(sideOf(sides, part));
  return used;
}
