// What the sink is told about a pipeline: the definition in force, and the columns as the plan knows them.

import type { ColumnType, PipelineDefinition, SinkDefinition } from '../flow/pipeline.ts';
import type { PipelinePlan, PlanOutput } from '../transform/view-plan.ts';

export function sinkDefinitionOf(definition: PipelineDefinition, plan: PipelinePlan): SinkDefinition {
  return {
    pipelineId: definition.id,
    generation: definition.generation,
    revision: definition.revision,
    name: definition.name,
    scoreTable: definition.scoreTable,
    key: plan.features.key.map(columnOf),
    eventTime: plan.features.eventTime && columnOf(plan.features.eventTime),
    features: plan.features.features.map(columnOf),
    label: plan.labels && columnOf(plan.labels.label),
    labelWaitUs: definition.labelWaitUs,
    labelDefault: definition.labelDefault,
    model: definition.model,
    ...(definition.promote === undefined ? {} : { promote: definition.promote }),
    ...(definition.retrain === undefined ? {} : { retrain: definition.retrain }),
    alertWhen: definition.alertWhen,
    keepScoresForUs: definition.keepScoresForUs,
    timezone: definition.timezone,
  };
}

function columnOf(output: PlanOutput): ColumnType {
  return { name: output.name, typeOid: output.expression.type.oid, type: output.typeName };
}
