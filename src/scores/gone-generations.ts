// What the sink kept of pipelines that were dropped, and of generations that a rebuild has replaced, once their topic is gone.

import type pg from 'pg';
import type { GenerationId } from './score-store.ts';

const TABLES = [
  '_offsets',
  '_labels',
  '_due',
  '_examples',
  '_outcomes',
  '_models',
  '_checkpoints',
  '_metrics',
  '_drift',
  '_retrainings',
  '_retraining_examples',
  '_dead_letters',
  '_alerts',
] as const;

/**
 * Removes the rows of dropped pipelines and older generations, but for those that still have a topic: somebody may be reading it.
 * Gives the ids of dropped pipelines of which nothing is left.
 */
export async function removeGone(
  client: pg.ClientBase,
  withTopic: readonly GenerationId[],
): Promise<readonly number[]> {
  const keep = JSON.stringify(withTopic.map(({ pipelineId, generation }) => ({ pipeline_id: pipelineId, generation })));
  for (const table of TABLES) {
    await client.query(
      `delete from millrace.${table} t
        where not exists (select from json_to_recordset($1::json) k (pipeline_id bigint, generation int)
                           where (k.pipeline_id, k.generation) = (t.pipeline_id, t.generation))
          and not exists (select from millrace._pipelines p
                           where p.id = t.pipeline_id and p.generation <= t.generation and p.desired <> 'dropped')`,
      [keep],
    );
  }
  const gone = await client.query<{ id: string }>(
    `select id from millrace._pipelines p
      where desired = 'dropped'
        and not exists (select from json_to_recordset($1::json) k (pipeline_id bigint, generation int) where k.pipeline_id = p.id)`,
    [keep],
  );
  return gone.rows.map((row) => Number(row.id));
}
