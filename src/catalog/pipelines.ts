// What a connector asks of the catalog, and what it notes there, besides the WAL. Every session here is the schema owner's or
// a member's: row-level security would hide rows from others, so it is switched off for the session, and then raises instead.

import type pg from 'pg';
import type { Cell } from '../flow/change.ts';
import type { PipelineDefinition, TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { TEXT_ONLY } from '../warehouse/connection.ts';
import { quoteTable } from '../warehouse/quoting.ts';
import { PIPELINE_COLUMNS, parsePipelineRow } from './pipeline-row.ts';

/** All pipelines, in the order in which they were created; also those that are dropped, until they are removed. */
export async function loadPipelines(client: pg.ClientBase): Promise<PipelineDefinition[]> {
  await client.query(`set row_security = off`);
  const result = await client.query<Record<string, Cell>>({
    text: `select ${PIPELINE_COLUMNS.join(', ')} from millrace._pipelines order by id`,
    types: TEXT_ONLY,
  });
  return result.rows.map(parsePipelineRow);
}

/** One by name; rejects with PIPELINE_UNKNOWN and the names that there are. */
export async function findPipeline(client: pg.ClientBase, name: string): Promise<PipelineDefinition> {
  const existing = (await loadPipelines(client)).filter(({ desired }) => desired !== 'dropped');
  const found = existing.find((definition) => definition.name === name);
  if (found) return found;
  throw new MillraceError('PIPELINE_UNKNOWN', `there is no pipeline '${name}'`, {
    hint:
      existing.length === 0
        ? 'There is none at all: create one with millrace.create_pipeline.'
        : `Pipelines are: ${existing.map((definition) => definition.name).join(', ')}.`,
    pipeline: name,
  });
}

/**
 * Starts a pipeline over under the given generation, unless it is that far already. The order reaches the connector through the
 * WAL like a user's rebuild, so asking twice is asking once.
 */
export async function requestGeneration(client: pg.ClientBase, pipelineId: number, generation: number): Promise<void> {
  await client.query(
    `update millrace._pipelines set generation = $2 where id = $1 and generation < $2 and desired <> 'dropped'`,
    [pipelineId, generation],
  );
}

/** Forgets a dropped pipeline, once connector and sink have removed what is theirs; rows that belong to it go with it. */
export async function removePipeline(client: pg.ClientBase, pipelineId: number): Promise<void> {
  await client.query(`delete from millrace._pipelines where id = $1 and desired = 'dropped'`, [pipelineId]);
}

export interface PinnedView {
  readonly role: 'features' | 'labels';
  readonly view: TableName;
  /** As pg_get_viewdef gives it. */
  readonly definition: string;
}

/** Notes what a generation was compiled from, for millrace.pipelines. Its older generations' texts go. */
export async function savePinnedViews(
  client: pg.ClientBase,
  pipelineId: number,
  generation: number,
  views: readonly PinnedView[],
): Promise<void> {
  await client.query(
    `with old as (delete from millrace._views where pipeline_id = $1 and generation < $2)
     insert into millrace._views (pipeline_id, generation, role, view, definition)
     select p.id, $2, v.role, v.view, v.definition
       from millrace._pipelines p, unnest($3::text[], $4::text[], $5::text[]) v (role, view, definition)
      where p.id = $1
     on conflict (pipeline_id, generation, role) do update set view = excluded.view, definition = excluded.definition`,
    [
      pipelineId,
      generation,
      views.map(({ role }) => role),
      views.map(({ view }) => quoteTable(view)),
      views.map(({ definition }) => definition),
    ],
  );
}

/**
 * Rejects unless the pipeline's owner may read both views and all that is behind them. create_pipeline has checked; ask again
 * whenever the views are compiled, as `create or replace view` may have made others of them since. Run it in the transaction
 * that reads their text. VIEW_MISSING, or WAREHOUSE_NOT_READY with the grant that is missing.
 */
export async function checkReadable(client: pg.ClientBase, definition: PipelineDefinition): Promise<void> {
  for (const [role, view] of [
    ['features', definition.features],
    ['labels', definition.labels],
  ] as const) {
    if (!view) continue;
    const name = quoteTable(view);
    const found = await client.query<{ relation: string | null }>('select to_regclass($1)::oid as relation', [name]);
    const relation = found.rows[0]!.relation;
    if (relation === null) {
      throw new MillraceError('VIEW_MISSING', `the ${role} view ${name} does not exist`, {
        hint: `Create it again, or name another: select millrace.alter_pipeline('${definition.name}', ${role} => '…').`,
        pipeline: definition.name,
      });
    }
    try {
      await client.query(
        'select millrace._check_readable(p.owner_id, $2::oid) from millrace._pipelines p where p.id = $1',
        [definition.id, relation],
      );
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === '42501')) throw cause;
      throw new MillraceError('WAREHOUSE_NOT_READY', cause.message, {
        ...('hint' in cause && typeof cause.hint === 'string' ? { hint: cause.hint } : {}),
        pipeline: definition.name,
        cause,
      });
    }
  }
}

/** True where a connector has started this generation before (and compiled its views). */
export async function hasPinnedViews(client: pg.ClientBase, pipelineId: number, generation: number): Promise<boolean> {
  const found = await client.query('select from millrace._views where pipeline_id = $1 and generation = $2 limit 1', [
    pipelineId,
    generation,
  ]);
  return (found.rowCount ?? 0) > 0;
}
