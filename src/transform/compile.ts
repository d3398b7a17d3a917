// From recorded facts to a plan. Pure: the same facts and definition give the same plan, with the same hash, anywhere.

import { createHash } from 'node:crypto';
import type { PipelineDefinition } from '../flow/pipeline.ts';
import { compileLabels } from './compile-labels.ts';
import { compileView } from './compile-view.ts';
import type { ViewContext } from './level-scope.ts';
import { refuseLeaks } from './leak.ts';
import { parseView } from './parse-sql.ts';
import type { SqlText } from './refusal.ts';
import { caseMapping } from './scalars/case-mapping.ts';
import type { Environment } from './scalars/scalar-function.ts';
import type { QueryFacts, ViewFacts } from './view-facts.ts';
import type { PipelinePlan, PlanExpression, PlanOutput, PlanTable, PlanWarning } from './view-plan.ts';

export type { ViewFacts } from './view-facts.ts';
export { loadParser } from './parse-sql.ts';

/** Counts up whenever the same facts give other results than before. */
const PLAN_VERSION = 1;

/** Throws MillraceError: SQL_UNSUPPORTED, FUTURE, KEY_INVALID, TABLE_IDENTITY, SQL_INVALID, with line and column. `loadParser` must have been awaited. */
export function compilePipeline(facts: ViewFacts, definition: PipelineDefinition): PipelinePlan {
  const warnings: PlanWarning[] = [];
  const environment = environmentOf(facts, definition.timezone);
  const contextOf = (query: QueryFacts, sql: SqlText): ViewContext => ({
    facts,
    types: query.types,
    sql,
    environment,
    warnings,
  });
  const view = parseView(facts.features.text);
  const features = compileView(contextOf(facts.features, view.sql), facts.features, view.query, definition);
  const labelView = facts.labels && parseView(facts.labels.text);
  const labels =
    labelView && compileLabels(contextOf(facts.labels!, labelView.sql), facts.labels!, labelView.query, definition);
  if (labelView) {
    const labelsRead = { query: labelView.query, columns: facts.labels!.columns };
    refuseLeaks({ definition, features: { ...view, columns: facts.features.columns }, labels: labelsRead });
  }
  const plan = { features, labels };
  return { ...plan, warnings, hash: hashOf(plan, facts, definition) };
}

export function environmentOf(facts: Pick<ViewFacts, 'cases'>, timezone: string): Environment {
  const { cases } = facts;
  return {
    timezone,
    lower: cases && caseMapping(cases, 'lower'),
    upper: cases && caseMapping(cases, 'upper'),
  };
}

function hashOf(
  { features, labels }: Pick<PipelinePlan, 'features' | 'labels'>,
  facts: ViewFacts,
  definition: PipelineDefinition,
): string {
  const expression = ({ text, type }: PlanExpression): unknown => [text, type.oid, type.typmod, type.collation];
  const maybe = (given: PlanExpression | undefined): unknown => given && expression(given);
  const output = (given: PlanOutput | undefined): unknown =>
    given && [given.name, expression(given.expression), given.typeName];
  const table = (given: PlanTable): unknown => [given.table, given.replicaIdentity, given.columns];
  const canonical = {
    version: PLAN_VERSION,
    timezone: definition.timezone,
    cases: facts.cases,
    driving: table(features.driving),
    where: maybe(features.where),
    groups: features.windowGroups.map((group) => [
      group.partitionBy.map(expression),
      group.orderBy.map((key) => [expression(key.expression), key.descending, key.nullsFirst]),
    ]),
    calls: features.windowCalls.map((call) => [
      call.group,
      call.name,
      call.args.map(expression),
      maybe(call.filter),
      call.frame,
      call.type,
    ]),
    laterals: features.laterals.map((lateral) => [
      table(lateral.table),
      lateral.match.map(({ inner, outer }) => [expression(inner), expression(outer)]),
      maybe(lateral.where),
      lateral.aggregates.map((call) => [call.name, call.args.map(expression), maybe(call.filter), call.type]),
      lateral.outputs.map(expression),
    ]),
    features: features.features.map(output),
    key: features.key.map(output),
    eventTime: output(features.eventTime),
    scan: features.scan,
    labels: labels && [
      table(labels.table),
      maybe(labels.where),
      labels.key.map(output),
      output(labels.label),
      output(labels.labelAt),
      output(labels.weight),
    ],
  };
  const text = JSON.stringify(canonical, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  return createHash('sha256').update(text).digest('hex');
}
