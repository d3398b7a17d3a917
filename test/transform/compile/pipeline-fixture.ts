// Describing and compiling views in a test database, and evaluating their rows without any operator.

import type pg from 'pg';
import type { PipelineDefinition } from '../../../src/flow/pipeline.ts';
import { parserOf } from '../../../src/flow/types/sql-text.ts';
import type { SqlValue } from '../../../src/flow/types/sql-value.ts';
import { compilePipeline } from '../../../src/transform/compile.ts';
import { describePipeline } from '../../../src/transform/describe.ts';
import type { PipelinePlan, PlanTable } from '../../../src/transform/view-plan.ts';

export function definitionOf(changes: Partial<PipelineDefinition> = {}): PipelineDefinition {
  return {
    id: 1,
    name: 'test',
    generation: 1,
    revision: 1,
    desired: 'running',
    features: { schema: 'public', name: 'v' },
    labels: undefined,
    key: ['id'],
    eventTime: 'at',
    labelWaitUs: undefined,
    labelDefault: undefined,
    model: { kind: 'none' },
    alertWhen: undefined,
    scoreTable: { schema: 'public', name: 'test_scores' },
    backfill: 'learn',
    alsoOn: [],
    clock: 'commit',
    lateByUs: 0,
    appendOnly: false,
    keepScoresForUs: undefined,
    timezone: 'UTC',
    owner: 'postgres',
    ...changes,
  };
}

/** Facts go through JSON, as they do through a checkpoint. */
export async function planOf(client: pg.Client, definition: PipelineDefinition): Promise<PipelinePlan> {
  const facts = await describePipeline(client, definition);
  return compilePipeline(JSON.parse(JSON.stringify(facts)) as typeof facts, definition);
}

/** Slots of every row of a table, in its key's order, read as the stream would give them. */
export async function slotsOf(client: pg.Client, table: PlanTable, orderBy: string): Promise<SqlValue[][]> {
  const columns = table.columns.map((column) => `"${column.name}"`).join(', ');
  const found = await client.query({
    text: `select ${columns} from "${table.table.schema}"."${table.table.name}" order by ${orderBy}`,
    rowMode: 'array',
    types: { getTypeParser: () => (text: string) => text } as never,
  });
  const parsers = table.columns.map((column) => parserOf(column.type.oid));
  return (found.rows as (string | null)[][]).map((row) =>
    row.map((cell, index) => (cell === null ? null : parsers[index]!(cell))),
  );
}
