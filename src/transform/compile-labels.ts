// A label view over one table: filter and projection. Its columns are found by name: the key's, label, label_at, weight.

import type { PipelineDefinition } from '../flow/pipeline.ts';
import { OID } from '../flow/types/type-oid.ts';
import { ExpressionCompiler } from './compile-expression.ts';
import { namedTargets, targetNamed } from './compile-view.ts';
import { columnsRead, levelScope, planTableOf, slotInTable, tableFactsOf, type ViewContext } from './level-scope.ts';
import { isNumber } from './resolve-function.ts';
import { expressionsOf, nodesOf, type QuerySyntax, type TargetSyntax } from './syntax.ts';
import { MAIN_LEVEL, type QueryFacts } from './view-facts.ts';
import type { LabelPlan, PlanOutput } from './view-plan.ts';

export function compileLabels(
  context: ViewContext,
  facts: QueryFacts,
  query: QuerySyntax,
  definition: PipelineDefinition,
): LabelPlan {
  const { sql } = context;
  const targets = namedTargets(facts, query);
  for (const lateral of query.laterals)
    sql.refuse(
      lateral.at,
      'a label view over several tables is not compiled yet',
      'Select from the table that holds the label.',
    );
  const nodes = expressionsOf(query).flatMap((expression) => [...nodesOf(expression)]);
  const table = planTableOf(context, query.table, columnsRead(context, query.table, nodes));
  const tableFacts = tableFactsOf(context, query.table);
  const compiler = new ExpressionCompiler(
    levelScope(context, {
      level: MAIN_LEVEL,
      column: (node) => slotInTable(context, table, node, tableFacts),
      result: (node) => {
        if (node.kind === 'call' && node.over)
          sql.refuse(node.at, 'a window call in a label view is not compiled yet', 'Keep the label in a column.');
        if (node.kind === 'subquery')
          sql.refuse(node.at, 'a subquery in a label view is not compiled yet', 'Keep the label in a column.');
        return undefined;
      },
    }),
  );
  const output = (target: TargetSyntax): PlanOutput => {
    const column = facts.columns.find(({ name }) => name === target.name)!;
    return { name: target.name, expression: compiler.compile(target.expression), typeName: column.type };
  };
  const optional = (name: string): TargetSyntax | undefined => targets.find((target) => target.name === name);
  const labelAt = optional('label_at');
  const weight = optional('weight');
  const plan: LabelPlan = {
    table,
    where: query.where && compiler.compileAs(query.where, OID.bool),
    key: definition.key.map((name) => output(targetNamed(targets, name, 'key'))),
    label: output(targetNamed(targets, 'label', 'label')),
    labelAt: labelAt && output(labelAt),
    weight: weight && output(weight),
  };
  if (plan.labelAt && ![OID.timestamptz, OID.timestamp, OID.date].includes(plan.labelAt.expression.type.oid as never)) {
    sql.refuse(labelAt!.expression.at, 'label_at is not a date or timestamp', 'Give it as timestamptz.');
  }
  if (plan.weight && !isNumber(plan.weight.expression.type.oid))
    sql.refuse(weight!.expression.at, 'weight is not a number', 'Give it as float8.');
  return plan;
}
