// A view of the oracle compiled, as `create_pipeline` would have it.

import type pg from 'pg';
import type { PipelineDefinition, TableName } from '../../src/flow/pipeline.ts';
import { compilePipeline } from '../../src/transform/compile.ts';
import { describePipeline } from '../../src/transform/describe.ts';
import type { PipelinePlan } from '../../src/transform/view-plan.ts';

export interface SubjectOptions {
  readonly features: TableName;
  readonly labels?: TableName;
  readonly key: readonly string[];
  readonly eventTime: string | undefined;
  readonly timezone: string;
  readonly alsoOn?: readonly TableName[];
}

export function definitionOf(options: SubjectOptions): PipelineDefinition {
  return {
    id: 1,
    name: 'oracle',
    generation: 1,
    revision: 1,
    desired: 'running',
    features: options.features,
    labels: options.labels,
    key: options.key,
    eventTime: options.eventTime,
    labelWaitUs: undefined,
    labelDefault: undefined,
    model: { kind: 'none' },
    alertWhen: undefined,
    scoreTable: { schema: 'shop', name: 'oracle_scores' },
    backfill: 'state',
    alsoOn: options.alsoOn ?? [],
    clock: 'commit',
    lateByUs: 86_400_000_000,
    appendOnly: false,
    keepScoresForUs: undefined,
    timezone: options.timezone,
    owner: 'postgres',
  };
}

/** Rejects with SQL_UNSUPPORTED where the view is outside the subset. */
export async function compilePlan(client: pg.Client, definition: PipelineDefinition): Promise<PipelinePlan> {
  return compilePipeline(await describePipeline(client, definition), definition);
}
