// Retrainings in Postgres: the copy of the examples, how far the training is, and what came of it.

import type pg from 'pg';
import { parseLsn } from '../flow/lsn.ts';
import type { SinkDefinition } from '../flow/pipeline.ts';
import { failPoint } from '../runtime/fail-points.ts';
import { quoteIdentifier, quoteTable } from '../warehouse/quoting.ts';
import type {
  RetrainingEnd,
  RetrainingFigures,
  RetrainingId,
  RetrainingRequest,
  StoredExample,
  StoredExamples,
  TrainedState,
} from './retraining.ts';
import { timestampArray } from './binary-arrays.ts';
import { eventTimeSql } from './score-table.ts';
import type { GenerationId, ItemPosition } from './score-store.ts';

/** Examples of one row. */
const BLOCK = 500;
/** No item of a record has a greater number. */
const LAST_ITEM = 2_147_483_647;

/** In a transaction with one snapshot: the examples, and where the partitions stood. */
export async function copyExamples(
  client: pg.Client,
  id: RetrainingId,
  definition: SinkDefinition,
  request: RetrainingRequest,
): Promise<StoredExamples> {
  // The whole table is read, joined and sorted: not what the session's settings are for. Where statistics are old or missing Postgres
  // expects few rows, and would go through all labels for each of them.
  await client.query(`set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_nestloop = off`);
  const offsets = await client.query<{ partition: number; lsn: string; n: string }>(
    `select partition, position_lsn as lsn, position_n as n from millrace._offsets
      where pipeline_id = $1 and generation = $2 and position_lsn is not null`,
    [id.pipelineId, id.generation],
  );
  const start: (ItemPosition | undefined)[] = [];
  for (const { partition, lsn, n } of offsets.rows)
    start[partition] = { lsn: parseLsn(lsn), n: Number(n), i: LAST_ITEM };
  await deleteExamples(client, id);
  const copied = await client.query<{ count: number }>(copySql(definition), [...idsOf(id), request.examples]);
  const count = copied.rows.reduce((sum, row) => sum + row.count, 0);
  await client.query(
    `insert into millrace._retrainings (pipeline_id, generation, command, model, patience, examples, began_at)
      select $1, $2, $3, $4, $5, $6, u.at from unnest($7::timestamptz[]) u(at)
      on conflict (pipeline_id, generation, command) do update set model = excluded.model, patience = excluded.patience,
        examples = excluded.examples, began_at = excluded.began_at, trained = 0, kept = 0, state = null, judged = 0`,
    [...idsOf(id), request.model, request.patience, count, timestampArray([request.atUs])],
  );
  return { count, start };
}

/** $1 to $3 the retraining, $4 how many of the newest. */
function copySql(definition: SinkDefinition): string {
  const { zoned } = eventTimeSql(definition);
  // As a key's text is written everywhere: a JSON array of texts, without spaces.
  const key = definition.key.map(({ name }) => `to_json(t.${quoteIdentifier(name)}::text)::text`).join(` || ',' || `);
  return `insert into millrace._retraining_examples (pipeline_id, generation, command, first, features, labels, weights)
    select $1, $2, $3, min(x.place), array_agg(x.features order by x.place), array_agg(x.label order by x.place),
           array_agg(x.weight order by x.place)
      from (select coalesce(t.measured_features, t.features)::text as features, t.label, coalesce(l.weight, 1) as weight,
                   row_number() over w - 1 - greatest(count(*) over () - $4::bigint, 0) as place
              from ${quoteTable(definition.scoreTable)} t
              left join millrace._offsets o on (o.pipeline_id, o.generation, o.partition) = ($1::bigint, $2::int, t.partition)
              left join millrace._labels l on (l.pipeline_id, l.generation, l.key) = ($1::bigint, $2::int, '[' || ${key} || ']')
             where t.generation = $2::int and t.label is not null
               and (o.expired_labelled_us is null or t.event_time is null
                    or ${zoned} > timestamptz 'epoch' + o.expired_labelled_us * interval '1 microsecond')
            window w as (order by t.event_time nulls first, t.measured_lsn, t.position_lsn, t.position_n)) x
     where x.place >= 0 group by x.place / ${BLOCK}
    returning cardinality(labels) as count`;
}

export async function readStoredExamples(client: pg.Client, id: RetrainingId, from: number): Promise<StoredExample[]> {
  // As rows: arrays of long texts take the driver five times as long.
  const found = await client.query<StoredExample>({
    name: 'read stored examples',
    text: `select u.features, u.label, u.weight
      from (select * from millrace._retraining_examples
             where pipeline_id = $1 and generation = $2 and command = $3 and first <= $4 order by first desc limit 1) b
           cross join lateral unnest(b.features, b.labels, b.weights) with ordinality u (features, label, weight, n)
     where b.first + u.n > $4 order by u.n`,
    values: [...idsOf(id), from],
  });
  return found.rows;
}

export async function saveTrained(
  client: pg.Client,
  id: RetrainingId,
  { trained, state }: TrainedState,
): Promise<void> {
  await client.query('begin');
  const saved = await client.query(
    `update millrace._retrainings set kept = $4, trained = greatest(trained, $4), state = $5
      where pipeline_id = $1 and generation = $2 and command = $3 and ended is null and kept < $4`,
    [...idsOf(id), trained, Buffer.from(state)],
  );
  if (saved.rowCount === 1)
    await client.query(
      `delete from millrace._retraining_examples
        where pipeline_id = $1 and generation = $2 and command = $3 and first + cardinality(labels) <= $4`,
      [...idsOf(id), trained],
    );
  await client.query('commit');
}

export async function readTrained(client: pg.Client, id: RetrainingId): Promise<TrainedState | undefined> {
  const found = await client.query<{ kept: string; state: Buffer }>(
    `select kept, state from millrace._retrainings where pipeline_id = $1 and generation = $2 and command = $3 and state is not null`,
    idsOf(id),
  );
  const row = found.rows[0];
  return row && { trained: Number(row.kept), state: row.state };
}

export async function showFigures(client: pg.Client, id: RetrainingId, figures: RetrainingFigures): Promise<void> {
  const { trained, judged, loss, servingLoss } = figures;
  await client.query(
    `update millrace._retrainings set trained = $4, judged = $5, loss = $6, serving_loss = $7
      where pipeline_id = $1 and generation = $2 and command = $3 and ended is null`,
    [...idsOf(id), trained, judged, loss, servingLoss],
  );
}

export async function insertEnd(client: pg.Client, id: GenerationId, end: RetrainingEnd): Promise<void> {
  const ids = { pipelineId: id.pipelineId, generation: id.generation, command: end.command };
  await client.query(
    `insert into millrace._retrainings as r (pipeline_id, generation, command, model, patience, trained, judged, loss, serving_loss, ended,
        reason, version, ended_at)
      select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, u.at from unnest($13::timestamptz[]) u(at)
      on conflict (pipeline_id, generation, command) do update set trained = excluded.trained, judged = excluded.judged,
        loss = excluded.loss, serving_loss = excluded.serving_loss, ended = excluded.ended, reason = excluded.reason,
        version = excluded.version, ended_at = excluded.ended_at, state = null`,
    [
      ...idsOf(ids),
      ...[end.model, end.patience, end.trained, end.judged, end.loss, end.servingLoss, end.state, end.reason],
      ...[end.version, timestampArray([end.endedAtUs])],
    ],
  );
  await deleteExamples(client, ids);
  failPoint('sink.retraining-ended');
}

/** Also of those before it: there is one at a time. */
async function deleteExamples(client: pg.Client, id: RetrainingId): Promise<void> {
  await client.query(
    'delete from millrace._retraining_examples where pipeline_id = $1 and generation = $2 and command <= $3',
    idsOf(id),
  );
}

const idsOf = ({ pipelineId, generation, command }: RetrainingId): number[] => [pipelineId, generation, command];
