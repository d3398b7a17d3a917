// Examples, outcomes, checkpoints, versions and metrics in Postgres.

import type pg from 'pg';
import { formatLsn, parseLsn } from '../flow/lsn.ts';
import { boolArray, float8Array, int4Array, int8Array, lsnArray, textArray, timestampArray } from './binary-arrays.ts';
import { isAboveItem } from './item-position.ts';
import type {
  Cursors,
  Drift,
  Example,
  ExamplesAfter,
  GenerationId,
  ItemPosition,
  LearnerCheckpoint,
  MetricValue,
  ModelVersion,
  Outcome,
  OutcomesAfter,
  PartitionId,
  StoredVersion,
  VersionOptions,
} from './score-store.ts';

export async function insertExamples(client: pg.Client, id: PartitionId, examples: readonly Example[]): Promise<void> {
  const to = examples.at(-1)!.at;
  await client.query({
    name: 'write examples',
    text: `insert into millrace._examples (pipeline_id, generation, partition, to_lsn, to_n, to_i, lsns, ns, items, labels, weights, features,
        scores, predictions) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    values: [
      ...[id.pipelineId, id.generation, id.partition, formatLsn(to.lsn), to.n, to.i],
      ...positions(examples),
      textArray(examples.map((example) => example.label)),
      float8Array(examples.map((example) => example.weight)),
      textArray(examples.map((example) => example.features)),
      examples.some(({ score }) => score !== null) ? float8Array(examples.map((example) => example.score)) : null,
      examples.some(({ prediction }) => prediction !== null)
        ? textArray(examples.map((example) => example.prediction))
        : null,
    ],
  });
}

export async function insertOutcomes(client: pg.Client, id: PartitionId, outcomes: readonly Outcome[]): Promise<void> {
  const to = outcomes.at(-1)!.at;
  await client.query({
    name: 'write outcomes',
    text: `insert into millrace._outcomes (pipeline_id, generation, partition, to_lsn, to_n, to_i, lsns, ns, items, scores, labels, prior_labels,
        backfill, model_versions, event_times_us, answers) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    values: [
      ...[id.pipelineId, id.generation, id.partition, formatLsn(to.lsn), to.n, to.i],
      ...positions(outcomes),
      float8Array(outcomes.map((outcome) => outcome.score)),
      textArray(outcomes.map((outcome) => outcome.label)),
      textArray(outcomes.map((outcome) => outcome.prior)),
      boolArray(outcomes.map((outcome) => outcome.backfill)),
      int8Array(outcomes.map((outcome) => outcome.modelVersion)),
      int8Array(outcomes.map((outcome) => outcome.eventTimeUs)),
      outcomes.some(({ answer }) => answer !== null) ? textArray(outcomes.map((outcome) => outcome.answer)) : null,
    ],
  });
}

function positions(items: readonly { readonly at: ItemPosition }[]): Buffer[] {
  return [
    lsnArray(items.map((item) => item.at.lsn)),
    int8Array(items.map((item) => item.at.n)),
    int4Array(items.map((item) => item.at.i)),
  ];
}

interface ItemsRow {
  readonly partition: number;
  readonly lsns: string[];
  readonly ns: string[];
  readonly items: number[];
}

export async function readExamples(client: pg.Client, id: GenerationId, cursors: Cursors): Promise<ExamplesAfter[]> {
  const found = await client.query<
    ItemsRow & {
      labels: (string | null)[];
      weights: number[];
      features: string[];
      scores: (number | null)[] | null;
      predictions: (string | null)[] | null;
    }
  >({
    text: `select partition, lsns::text[], ns, items, labels, weights, features, scores, predictions from millrace._examples e
      where ${ABOVE} order by partition, to_lsn, to_n, to_i`,
    values: [id.pipelineId, id.generation, JSON.stringify(storedCursors(cursors))],
  });
  return found.rows.map((row) => ({
    partition: row.partition,
    examples: row.lsns
      .map((_, index) => ({
        at: itemPosition(row, index),
        features: row.features[index]!,
        label: row.labels[index] ?? null,
        weight: row.weights[index]!,
        score: row.scores?.[index] ?? null,
        prediction: row.predictions?.[index] ?? null,
      }))
      .filter((example) => isAboveItem(example.at, cursors[row.partition])),
  }));
}

/** Blocks read at once: after an upgrade all that a pipeline ever had may be asked for. */
const OUTCOME_BLOCKS = 64;

/** The next blocks of outcomes above the cursors; empty: there are no more. @param after the last that was read, null: none */
export async function readOutcomes(
  client: pg.Client,
  id: GenerationId,
  cursors: Cursors,
  after: OutcomesAfter | null,
): Promise<OutcomesAfter[]> {
  const last = after?.outcomes.at(-1)!.at;
  const found = await client.query<
    ItemsRow & {
      scores: number[];
      labels: (string | null)[];
      prior_labels: (string | null)[];
      backfill: boolean[];
      model_versions: (string | null)[];
      event_times_us: (string | null)[];
      answers: (string | null)[] | null;
    }
  >({
    text: `select partition, lsns::text[], ns, items, scores, labels, prior_labels, backfill, model_versions, event_times_us, answers
      from millrace._outcomes e where ${ABOVE} and (partition, to_lsn, to_n, to_i) > ($4::int, $5::pg_lsn, $6::int8, $7::int)
      order by partition, to_lsn, to_n, to_i limit ${OUTCOME_BLOCKS}`,
    values: [
      ...[id.pipelineId, id.generation, JSON.stringify(storedCursors(cursors))],
      ...(after && last ? [after.partition, formatLsn(last.lsn), last.n, last.i] : [-1, '0/0', 0, 0]),
    ],
  });
  return found.rows.map((row) => ({
    partition: row.partition,
    outcomes: row.lsns
      .map((_, index) => ({
        at: itemPosition(row, index),
        score: row.scores[index]!,
        answer: row.answers?.[index] ?? null,
        label: row.labels[index] ?? null,
        prior: row.prior_labels[index] ?? null,
        backfill: row.backfill[index]!,
        modelVersion: numberOf(row.model_versions[index]),
        eventTimeUs: numberOf(row.event_times_us[index]),
      }))
      .filter((outcome) => isAboveItem(outcome.at, cursors[row.partition])),
  }));
}

/** Blocks whose last item is above the partition's cursor; $3 is the cursors as JSON. */
const ABOVE = `pipeline_id = $1 and generation = $2 and not exists (
  select from json_to_recordset($3::json) c(partition int, lsn pg_lsn, n bigint, i int)
  where c.partition = e.partition and (e.to_lsn, e.to_n, e.to_i) <= (c.lsn, c.n, c.i))`;

interface StoredCursor {
  readonly partition: number;
  readonly lsn: string;
  readonly n: number;
  readonly i: number;
}

function storedCursors(cursors: Cursors): StoredCursor[] {
  return cursors.flatMap((at, partition) =>
    at === undefined ? [] : [{ partition, lsn: formatLsn(at.lsn), n: at.n, i: at.i }],
  );
}

function readCursors(stored: readonly StoredCursor[]): Cursors {
  const cursors: (ItemPosition | undefined)[] = [];
  for (const { partition, lsn, n, i } of stored) cursors[partition] = { lsn: parseLsn(lsn), n, i };
  return cursors;
}

/** False where the stored checkpoint is not the one before: somebody else learns. Examples that it has are deleted. */
export async function insertCheckpoint(
  client: pg.Client,
  id: GenerationId,
  checkpoint: LearnerCheckpoint,
): Promise<boolean> {
  const values = [
    id.pipelineId,
    id.generation,
    checkpoint.serial,
    checkpoint.version,
    checkpoint.kind,
    checkpoint.examples,
    Buffer.from(checkpoint.state),
    JSON.stringify(storedCursors(checkpoint.cursors)),
    Buffer.from(checkpoint.metrics),
    JSON.stringify(storedCursors(checkpoint.metricCursors)),
  ];
  const saved = await client.query({
    name: 'write checkpoint',
    text: `insert into millrace._checkpoints as c (pipeline_id, generation, serial, version, kind, examples, state, cursors, metrics, metric_cursors)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      on conflict (pipeline_id, generation) do update set serial = excluded.serial, version = excluded.version, kind = excluded.kind,
        examples = excluded.examples, state = excluded.state, cursors = excluded.cursors, metrics = excluded.metrics,
        metric_cursors = excluded.metric_cursors where c.serial = excluded.serial - 1`,
    values,
  });
  if (saved.rowCount !== 1) return false;
  await client.query({
    name: 'delete learned examples',
    text: `delete from millrace._examples e using json_to_recordset($3::json) c(partition int, lsn pg_lsn, n bigint, i int)
      where e.pipeline_id = $1 and e.generation = $2 and e.partition = c.partition and (e.to_lsn, e.to_n, e.to_i) <= (c.lsn, c.n, c.i)`,
    values: [id.pipelineId, id.generation, JSON.stringify(storedCursors(checkpoint.cursors))],
  });
  return true;
}

export async function readCheckpoint(client: pg.Client, id: GenerationId): Promise<LearnerCheckpoint | undefined> {
  const found = await client.query<{
    serial: string;
    version: string;
    kind: string;
    examples: string;
    state: Buffer;
    cursors: StoredCursor[];
    metrics: Buffer;
    metric_cursors: StoredCursor[];
  }>(
    `select serial, version, kind, examples, state, cursors, metrics, metric_cursors from millrace._checkpoints
      where pipeline_id = $1 and generation = $2`,
    [id.pipelineId, id.generation],
  );
  const row = found.rows[0];
  if (row === undefined) return undefined;
  return {
    serial: Number(row.serial),
    version: Number(row.version),
    kind: row.kind,
    examples: Number(row.examples),
    state: row.state,
    cursors: readCursors(row.cursors),
    metrics: row.metrics,
    metricCursors: readCursors(row.metric_cursors),
  };
}

export async function readVersion(
  client: pg.Client,
  id: GenerationId,
  version: number,
): Promise<StoredVersion | undefined> {
  const found = await client.query<{ state: Buffer; options: VersionOptions | null }>(
    'select state, options from millrace._models where pipeline_id = $1 and generation = $2 and version = $3',
    [id.pipelineId, id.generation, version],
  );
  const row = found.rows[0];
  return row && { state: row.state, options: row.options ?? undefined };
}

/** Saves it as the serving one, and deletes versions beyond those that it keeps. */
export async function insertVersion(client: pg.Client, id: GenerationId, version: ModelVersion): Promise<void> {
  await client.query({
    name: 'retire versions',
    text: `update millrace._models set serving = false, promoted = promoted or version is not distinct from $3
      where pipeline_id = $1 and generation = $2 and (serving or version = $3)`,
    values: [id.pipelineId, id.generation, version.promoted],
  });
  await client.query({
    name: 'write version',
    text: `insert into millrace._models (pipeline_id, generation, version, kind, examples, state, cursors, metrics, serving, reason, race, promoted, options, saved_at)
      select $1, $2, $3, $4, $5, $6, $7, $8, true, $9, $10, $11, $12, u.at from unnest($13::timestamptz[]) u(at)`,
    values: [
      id.pipelineId,
      id.generation,
      version.version,
      version.kind,
      version.examples,
      Buffer.from(version.state),
      JSON.stringify(storedCursors(version.cursors)),
      version.metrics,
      version.reason,
      version.race,
      version.promoted !== null,
      JSON.stringify(version.options),
      timestampArray([version.savedAtUs]),
    ],
  });
  await client.query({
    name: 'prune versions',
    text: `delete from millrace._models where pipeline_id = $1 and generation = $2 and version <= $3 and not promoted`,
    values: [id.pipelineId, id.generation, version.version - version.keep],
  });
}

/** What is there already was noticed before a restart, by the same example. */
export async function insertDrift(client: pg.Client, id: GenerationId, drift: readonly Drift[]): Promise<void> {
  await client.query({
    name: 'write drift',
    text: `insert into millrace._drift (pipeline_id, generation, partition, position_lsn, position_n, position_i, signal, feature, detector,
        from_value, to_value, action, examples, model_version, noticed_at)
      select $1, $2, u.* from unnest($3::int4[], $4::pg_lsn[], $5::int8[], $6::int4[], $7::text[], $8::text[], $9::text[], $10::float8[],
        $11::float8[], $12::text[], $13::int8[], $14::int8[], $15::timestamptz[]) u
      on conflict do nothing`,
    values: [
      id.pipelineId,
      id.generation,
      int4Array(drift.map((one) => one.partition)),
      ...positions(drift),
      textArray(drift.map((one) => one.signal)),
      textArray(drift.map((one) => one.feature ?? '')),
      textArray(drift.map((one) => one.detector)),
      float8Array(drift.map((one) => one.from)),
      float8Array(drift.map((one) => one.to)),
      textArray(drift.map((one) => one.action)),
      int8Array(drift.map((one) => one.examples)),
      int8Array(drift.map((one) => one.modelVersion)),
      timestampArray(drift.map((one) => one.noticedAtUs)),
    ],
  });
}

/** The present values, in the place of all that there were, and those of the hour. In a transaction of the caller's. */
export async function upsertMetrics(
  client: pg.Client,
  id: GenerationId,
  values: readonly MetricValue[],
  atUs: number,
): Promise<void> {
  await client.query({
    name: 'delete former metrics',
    text: `delete from millrace._metrics m where pipeline_id = $1 and generation = $2 and hour = '-infinity' and not exists (
      select from unnest($3::text[], $4::text[], $5::text[]) u(period, segment, metric)
      where (u.period, u.segment, u.metric) = (m.period, m.segment, m.metric))`,
    values: [
      id.pipelineId,
      id.generation,
      textArray(values.map((value) => value.period)),
      textArray(values.map((value) => value.segment)),
      textArray(values.map((value) => value.metric)),
    ],
  });
  await client.query({
    name: 'write metrics',
    text: `insert into millrace._metrics (pipeline_id, generation, hour, period, segment, metric, value, baseline, baseline_kind, examples,
        model_version, from_time, to_time)
      select $1, $2, h.hour, u.* from unnest($3::text[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::text[], $9::int8[], $10::int8[],
        $11::timestamptz[], $12::timestamptz[]) u,
        (select '-infinity'::timestamptz union all select date_trunc('hour', t.at) from unnest($13::timestamptz[]) t(at)) h(hour)
      on conflict (pipeline_id, generation, hour, period, segment, metric) do update set value = excluded.value, baseline = excluded.baseline,
        baseline_kind = excluded.baseline_kind, examples = excluded.examples, model_version = excluded.model_version,
        from_time = excluded.from_time, to_time = excluded.to_time`,
    values: [
      id.pipelineId,
      id.generation,
      textArray(values.map((value) => value.period)),
      textArray(values.map((value) => value.segment)),
      textArray(values.map((value) => value.metric)),
      float8Array(values.map((value) => value.value)),
      float8Array(values.map((value) => value.baseline)),
      textArray(values.map((value) => value.baselineKind)),
      int8Array(values.map((value) => value.examples)),
      int8Array(values.map((value) => value.modelVersion)),
      timestampArray(values.map((value) => value.fromUs)),
      timestampArray(values.map((value) => value.toUs)),
      timestampArray([atUs]),
    ],
  });
}

function itemPosition(row: ItemsRow, index: number): ItemPosition {
  return { lsn: parseLsn(row.lsns[index]!), n: Number(row.ns[index]), i: row.items[index]! };
}

const numberOf = (text: string | null | undefined): number | null =>
  text === null || text === undefined ? null : Number(text);
