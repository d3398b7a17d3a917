// A batch's writes, each table in one statement, in the order that keys demand: what goes before what comes.

import type pg from 'pg';
import type { SinkDefinition } from '../flow/pipeline.ts';
import type { KeyText } from '../flow/record.ts';
import { failPoint } from '../runtime/fail-points.ts';
import { boolArray, float8Array, int8Array, jsonArray, lsnArray, textArray, timestampArray } from './binary-arrays.ts';
import { TEXT_ONLY } from '../warehouse/connection.ts';
import { keyColumns } from './key-columns.ts';
import type { ExpiryRange } from './expiry.ts';
import { insertDrift, insertExamples, insertOutcomes, insertVersion } from './postgres-learning.ts';
import { insertEnd } from './postgres-retraining.ts';
import { timestampText } from './postgres-reads.ts';
import { scoreTableSql } from './score-table.ts';
import type { PartitionId, ScoreRow, WriteSet } from './score-store.ts';

/** @param insertsAreNew no other generation has rows: false where that was tried and one was there */
export async function applyWrites(
  client: pg.Client,
  id: PartitionId,
  definition: SinkDefinition,
  writes: WriteSet,
  insertsAreNew: boolean,
): Promise<void> {
  await writeScores(client, id, definition, writes, insertsAreNew);
  failPoint('sink.scores-written');
  await writeLabels(client, id, writes);
  await writeDue(client, id, writes);
  if (writes.examples.length > 0) await insertExamples(client, id, writes.examples);
  if (writes.outcomes.length > 0) await insertOutcomes(client, id, writes.outcomes);
  await writeDeadLetters(client, id, writes);
  await writeAlerts(client, id, writes);
  for (const version of writes.versions) await insertVersion(client, id, version);
  if (writes.drift.length > 0) await insertDrift(client, id, writes.drift);
  for (const end of writes.retrainings) await insertEnd(client, id, end);
}

/** One bounded deletion, in a transaction of its own; again it finds nothing or what is left. */
export async function deleteExpired(
  client: pg.Client,
  id: PartitionId,
  definition: SinkDefinition,
  range: ExpiryRange,
  limit: number,
): Promise<number> {
  const sql = scoreTableSql(definition);
  await client.query('begin');
  const gone = await client.query<Record<string, string>>({
    text: sql.expire,
    values: [
      id.generation,
      id.partition,
      timestampText(range.fromUs),
      timestampText(range.throughUs),
      range.labelledOnly,
      limit,
    ],
    types: TEXT_ONLY,
  });
  const keys = gone.rows.map((row) =>
    JSON.stringify(Array.from({ length: sql.keyCount }, (_, index) => row[`k${index}`]!)),
  );
  if (keys.length > 0) await deleteKeys(client, id, 'alerts', keys);
  await client.query('commit');
  return keys.length;
}

async function writeScores(
  client: pg.Client,
  id: PartitionId,
  definition: SinkDefinition,
  writes: WriteSet,
  insertsAreNew: boolean,
): Promise<void> {
  const sql = scoreTableSql(definition);
  const { labelled, deletes } = writes;
  const { inserts, upserts } = insertsAreNew
    ? divided(writes)
    : { inserts: [], upserts: [...writes.inserts, ...writes.upserts] };
  const hasOutputs = inserts.some((row) => row.outputs !== null);
  const keysOf = (keys: readonly KeyText[]): Buffer[] => keyColumns(keys, sql.keyCount);
  if (writes.truncate) {
    await client.query(sql.truncate, [id.generation, id.partition]);
    for (const table of ['due', 'alerts', 'dead_letters'])
      await client.query(
        `delete from millrace._${table} where pipeline_id = $1 and generation = $2 and partition = $3`,
        [id.pipelineId, id.generation, id.partition],
      );
  }
  if (deletes.length > 0) await client.query(sql.deleteByKey, [...keysOf(deletes), id.generation]);
  if (inserts.length > 0)
    await client.query(hasOutputs ? sql.insertWithOutputs : sql.insert, [
      ...keysOf(inserts.map((row) => row.key)),
      float8Array(inserts.map((row) => row.score)),
      textArray(inserts.map((row) => row.prediction)),
      int8Array(inserts.map((row) => row.modelVersion)),
      textArray(inserts.map((row) => row.eventTime)),
      jsonArray(inserts.map((row) => row.features)),
      boolArray(inserts.map((row) => row.late)),
      int8Array(inserts.map((row) => row.position.n)),
      lsnArray(inserts.map((row) => row.position.lsn)),
      ...(hasOutputs ? [jsonArray(inserts.map((row) => row.outputs))] : []),
      timestampText(inserts[0]!.scoredAtUs),
      id.generation,
      id.partition,
    ]);
  if (upserts.length > 0)
    await client.query(sql.upsert, [
      ...keysOf(upserts.map((row) => row.key)),
      float8Array(upserts.map((row) => row.score)),
      textArray(upserts.map((row) => row.prediction)),
      jsonArray(upserts.map((row) => row.outputs)),
      jsonArray(upserts.map((row) => row.explanation)),
      int8Array(upserts.map((row) => row.modelVersion)),
      textArray(upserts.map((row) => row.eventTime)),
      timestampArray(upserts.map((row) => row.scoredAtUs)),
      jsonArray(upserts.map((row) => row.features)),
      textArray(upserts.map((row) => row.label)),
      timestampArray(upserts.map((row) => row.labelledAtUs)),
      float8Array(upserts.map((row) => row.measuredScore)),
      jsonArray(upserts.map((row) => row.measuredFeatures)),
      jsonArray(upserts.map((row) => row.measuredAnswer)),
      lsnArray(upserts.map((row) => row.measuredLsn)),
      boolArray(upserts.map((row) => row.late)),
      int8Array(upserts.map((row) => row.position.n)),
      lsnArray(upserts.map((row) => row.position.lsn)),
      id.generation,
      id.partition,
    ]);
  if (labelled.length > 0)
    await client.query(sql.setLabel, [
      ...keysOf(labelled.map((row) => row.key)),
      textArray(labelled.map((row) => row.label)),
      timestampArray(labelled.map((row) => row.labelledAtUs)),
      float8Array(labelled.map((row) => row.measuredScore)),
      lsnArray(labelled.map((row) => row.measuredLsn)),
      id.generation,
    ]);
  if (writes.supersede) await client.query(sql.supersede, [id.generation]);
}

/** Bare rows, that need no more than `insert` writes, and the others. */
function divided({ inserts, upserts }: WriteSet): { inserts: readonly ScoreRow[]; upserts: readonly ScoreRow[] } {
  const bare: ScoreRow[] = [];
  const rest: ScoreRow[] = [];
  for (const row of inserts) {
    const isBare =
      row.label === null &&
      row.measuredLsn === null &&
      row.measuredAnswer === null &&
      row.explanation === null &&
      row.scoredAtUs === inserts[0]!.scoredAtUs;
    (isBare ? bare : rest).push(row);
  }
  return { inserts: bare, upserts: rest.length === 0 ? upserts : [...rest, ...upserts] };
}

async function writeLabels(client: pg.Client, id: PartitionId, writes: WriteSet): Promise<void> {
  const { labels, labelDeletes } = writes;
  if (labelDeletes.length > 0) await deleteKeys(client, id, 'labels', labelDeletes);
  if (labels.length > 0)
    await client.query({
      name: 'write labels',
      text: `insert into millrace._labels (pipeline_id, generation, partition, key, label, label_at, weight, measured_score, measured_lsn, measured_answer)
        select $1, $2, $3, u.* from unnest($4::text[], $5::text[], $6::timestamptz[], $7::float8[], $8::float8[], $9::pg_lsn[], $10::json[]) u
        on conflict (pipeline_id, generation, key) do update set label = excluded.label, label_at = excluded.label_at, weight = excluded.weight,
          measured_score = excluded.measured_score, measured_lsn = excluded.measured_lsn, measured_answer = excluded.measured_answer, partition = excluded.partition`,
      values: [
        id.pipelineId,
        id.generation,
        id.partition,
        textArray(labels.map((entry) => entry.key)),
        textArray(labels.map((entry) => entry.label)),
        timestampArray(labels.map((entry) => entry.labelAtUs)),
        float8Array(labels.map((entry) => entry.weight)),
        float8Array(labels.map((entry) => entry.measuredScore)),
        lsnArray(labels.map((entry) => entry.measuredLsn)),
        jsonArray(labels.map((entry) => entry.measuredAnswer)),
      ],
    });
}

async function writeDue(client: pg.Client, id: PartitionId, writes: WriteSet): Promise<void> {
  const { dueAdds, dueDeletes } = writes;
  if (writes.dueClear)
    await client.query('delete from millrace._due where pipeline_id = $1 and generation = $2 and partition = $3', [
      id.pipelineId,
      id.generation,
      id.partition,
    ]);
  if (dueDeletes.length > 0)
    await client.query(
      'delete from millrace._due where pipeline_id = $1 and generation = $2 and partition = $3 and key = any($4::text[])',
      [id.pipelineId, id.generation, id.partition, textArray(dueDeletes)],
    );
  if (dueAdds.length > 0)
    await client.query({
      name: 'write due',
      text: `insert into millrace._due (pipeline_id, generation, partition, key, event_time_us)
        select $1, $2, $3, u.* from unnest($4::text[], $5::int8[]) u
        on conflict (pipeline_id, generation, partition, key) do update set event_time_us = excluded.event_time_us`,
      values: [
        id.pipelineId,
        id.generation,
        id.partition,
        textArray(dueAdds.map((entry) => entry.key)),
        int8Array(dueAdds.map((entry) => entry.eventTimeUs)),
      ],
    });
}

async function writeDeadLetters(client: pg.Client, id: PartitionId, writes: WriteSet): Promise<void> {
  const { deadLetters, deadLetterClears } = writes;
  if (deadLetterClears.length > 0) await deleteKeys(client, id, 'dead_letters', deadLetterClears);
  if (deadLetters.length > 0)
    await client.query({
      name: 'write dead letters',
      text: `insert into millrace._dead_letters (pipeline_id, generation, partition, position_lsn, position_n, key, source_table, source_row, code, message, committed_at)
        select $1, $2, $3, u.* from unnest($4::pg_lsn[], $5::int8[], $6::text[], $7::text[], $8::json[], $9::text[], $10::text[], $11::timestamptz[]) u`,
      values: [
        id.pipelineId,
        id.generation,
        id.partition,
        lsnArray(deadLetters.map((letter) => letter.position.lsn)),
        int8Array(deadLetters.map((letter) => letter.position.n)),
        textArray(deadLetters.map((letter) => letter.key)),
        textArray(deadLetters.map((letter) => letter.table)),
        jsonArray(deadLetters.map((letter) => letter.row)),
        textArray(deadLetters.map((letter) => letter.code)),
        textArray(deadLetters.map((letter) => letter.message)),
        timestampArray(deadLetters.map((letter) => letter.commitTimeUs)),
      ],
    });
}

async function writeAlerts(client: pg.Client, id: PartitionId, writes: WriteSet): Promise<void> {
  const { alerts, alertCloses } = writes;
  if (alertCloses.length > 0) await deleteKeys(client, id, 'alerts', alertCloses);
  if (alerts.length > 0)
    await client.query({
      name: 'write alerts',
      text: `with opened as (
          insert into millrace._alerts (pipeline_id, generation, partition, key, position_lsn, position_n, score, prediction, model_version, event_time, alerted_at)
          select $1, $2, $3, u.* from unnest($4::text[], $5::pg_lsn[], $6::int8[], $7::float8[], $8::text[], $9::int8[], $10::timestamptz[], $11::timestamptz[]) u
          returning id)
        select pg_notify('millrace_alerts', id::text) from opened order by id`,
      values: [
        id.pipelineId,
        id.generation,
        id.partition,
        textArray(alerts.map((alert) => alert.key)),
        lsnArray(alerts.map((alert) => alert.position.lsn)),
        int8Array(alerts.map((alert) => alert.position.n)),
        float8Array(alerts.map((alert) => alert.score)),
        textArray(alerts.map((alert) => alert.prediction)),
        int8Array(alerts.map((alert) => alert.modelVersion)),
        timestampArray(alerts.map((alert) => alert.eventTimeUs)),
        timestampArray(alerts.map((alert) => alert.alertedAtUs)),
      ],
    });
}

async function deleteKeys(
  client: pg.Client,
  id: PartitionId,
  table: 'labels' | 'dead_letters' | 'alerts',
  keys: readonly KeyText[],
): Promise<void> {
  // Neither joined nor prepared: see readLabels.
  await client.query(
    `delete from millrace._${table} where pipeline_id = $1 and generation = $2 and key = any($3::text[])`,
    [id.pipelineId, id.generation, textArray(keys)],
  );
}
