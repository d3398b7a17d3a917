// What a batch needs of the warehouse before it is folded: read once, by sets of keys.

import type pg from 'pg';
import { parseLsn } from '../flow/lsn.ts';
import type { SinkDefinition } from '../flow/pipeline.ts';
import type { KeyText } from '../flow/record.ts';
import { formatTimestamptz, parseTimestamp } from '../flow/types/timestamp.ts';
import { TEXT_ONLY } from '../warehouse/connection.ts';
import { textArray } from './binary-arrays.ts';
import { readColumns, type ColumnReader } from './binary-columns.ts';
import { keyColumns } from './key-columns.ts';
import { scoreTableSql } from './score-table.ts';
import type {
  DueRow,
  GenerationId,
  LabelEntry,
  PartitionId,
  ReadRequest,
  ReadResult,
  ScoreRow,
} from './score-store.ts';

interface StoredRow {
  readonly score: string | null;
  readonly prediction: string | null;
  readonly outputs: string | null;
  readonly explanation: string | null;
  readonly model_version: string | null;
  readonly event_at: string | null;
  readonly scored_at: string;
  readonly features: string;
  readonly label: string | null;
  readonly labelled_at: string | null;
  readonly measured_score: string | null;
  readonly measured_features: string | null;
  readonly measured_answer: string | null;
  readonly measured_lsn: string | null;
  readonly late: string;
  readonly position_lsn: string;
  readonly position_n: string;
}

export async function readBatch(
  client: pg.Client,
  id: PartitionId,
  definition: SinkDefinition,
  request: ReadRequest,
  deadLetters: boolean,
): Promise<ReadResult> {
  const { keys } = request;
  const sql = scoreTableSql(definition);
  const rows = new Map<KeyText, ScoreRow>();
  if (keys.length > 0) {
    const found = await client.query<StoredRow & { ordinal: string }>({
      text: sql.readByKey,
      values: [...keyColumns(keys, sql.keyCount), id.generation],
      types: TEXT_ONLY,
    });
    for (const row of found.rows) {
      const key = keys[Number(row.ordinal) - 1]!;
      rows.set(key, scoreRow(key, row));
    }
  }
  const due = request.due === undefined ? NOTHING_DUE : await readDue(client, id, definition, request.due);
  return {
    rows,
    labels: definition.label === undefined ? new Map() : await readLabels(client, id, keys),
    alerts: rows.size === 0 ? new Set() : await readKeys(client, id, 'alerts', [...rows.keys()]),
    deadLetters: deadLetters ? await readKeys(client, id, 'dead_letters', keys) : new Set(),
    ...due,
  };
}

const NOTHING_DUE = { due: [] as DueRow[], dueListed: new Set<KeyText>() };

async function readDue(
  client: pg.Client,
  id: PartitionId,
  definition: SinkDefinition,
  range: NonNullable<ReadRequest['due']>,
): Promise<Pick<ReadResult, 'due' | 'dueListed'>> {
  const sql = scoreTableSql(definition);
  const columns = await readColumns(
    client,
    sql.readDue(id.generation, id.partition, timestampText(range.fromUs), timestampText(range.throughUs)!),
  );
  const due = dueRows(columns, sql.keyCount);
  const listed = await client.query<{ key: string }>({
    name: 'due listed',
    text: `select key from millrace._due where pipeline_id = $1 and generation = $2 and partition = $3 and event_time_us <= $4`,
    values: [id.pipelineId, id.generation, id.partition, Math.round(range.throughUs)],
  });
  const dueListed = new Set(listed.rows.map((row) => row.key));
  if (dueListed.size > 0) {
    const known = new Set(due.map((row) => row.key));
    const missing = [...dueListed].filter((key) => !known.has(key));
    const late = await client.query<StoredRow & { ordinal: string }>({
      text: sql.readByKey,
      values: [...keyColumns(missing, sql.keyCount), id.generation],
      types: TEXT_ONLY,
    });
    for (const row of late.rows)
      if (row.label === null && row.event_at !== null) due.push(scoreRow(missing[Number(row.ordinal) - 1]!, row));
  }
  return { due, dueListed };
}

function dueRows(columns: readonly ColumnReader[], keyCount: number): DueRow[] {
  const keys = columns.slice(0, keyCount);
  const [
    score,
    prediction,
    outputs,
    modelVersion,
    eventTime,
    features,
    measuredScore,
    measuredFeatures,
    measuredAnswer,
    measuredLsn,
    lsn,
    n,
  ] = columns.slice(keyCount) as [
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
    ColumnReader,
  ];
  return Array.from({ length: lsn.length }, () => ({
    key: JSON.stringify(keys.map((column) => column.text())),
    score: score.float8(),
    prediction: prediction.text(),
    outputs: outputs.text(),
    modelVersion: modelVersion.int8(),
    eventTimeUs: eventTime.timestampUs(),
    features: features.text()!,
    measuredScore: measuredScore.float8(),
    measuredFeatures: measuredFeatures.text(),
    measuredAnswer: measuredAnswer.text(),
    measuredLsn: measuredLsn.lsn(),
    position: { lsn: lsn.lsn()!, n: n.int8()! },
  }));
}

async function readLabels(
  client: pg.Client,
  id: GenerationId,
  keys: readonly KeyText[],
): Promise<Map<KeyText, LabelEntry>> {
  const labels = new Map<KeyText, LabelEntry>();
  if (keys.length === 0) return labels;
  const found = await client.query<{
    key: string;
    label: string;
    label_at_us: string | null;
    weight: number;
    measured_score: number | null;
    measured_answer: string | null;
    measured_lsn: string | null;
  }>({
    // Not joined with unnest, and not prepared: before its first ANALYZE the table counts as one row, and the plan for that
    // compares every label with every key. So each batch is planned for its keys, at worst as a hash of them.
    text: `select key, label, (extract(epoch from label_at) * 1000000)::int8 as label_at_us, weight, measured_score,
        measured_answer::text as measured_answer, measured_lsn
      from millrace._labels where pipeline_id = $1 and generation = $2 and key = any($3::text[])`,
    values: [id.pipelineId, id.generation, textArray(keys)],
  });
  for (const row of found.rows)
    labels.set(row.key, {
      key: row.key,
      label: row.label,
      labelAtUs: row.label_at_us === null ? null : Number(row.label_at_us),
      weight: row.weight,
      measuredScore: row.measured_score,
      measuredAnswer: row.measured_answer,
      measuredLsn: row.measured_lsn === null ? null : parseLsn(row.measured_lsn),
    });
  return labels;
}

async function readKeys(
  client: pg.Client,
  id: GenerationId,
  table: 'alerts' | 'dead_letters',
  keys: readonly KeyText[],
): Promise<Set<KeyText>> {
  const found = await client.query<{ key: string }>({
    text: `select key from millrace._${table} where pipeline_id = $1 and generation = $2 and key = any($3::text[])`,
    values: [id.pipelineId, id.generation, textArray(keys)],
  });
  return new Set(found.rows.map((row) => row.key));
}

function scoreRow(key: KeyText, row: StoredRow): ScoreRow {
  return {
    key,
    score: numberOf(row.score),
    prediction: row.prediction,
    outputs: row.outputs,
    explanation: row.explanation,
    modelVersion: numberOf(row.model_version),
    eventTime: null,
    eventTimeUs: timestampUs(row.event_at),
    scoredAtUs: timestampUs(row.scored_at)!,
    features: row.features,
    label: row.label,
    labelledAtUs: timestampUs(row.labelled_at),
    measuredScore: numberOf(row.measured_score),
    measuredFeatures: row.measured_features,
    measuredAnswer: row.measured_answer,
    measuredLsn: row.measured_lsn === null ? null : parseLsn(row.measured_lsn),
    late: row.late === 't',
    position: { lsn: parseLsn(row.position_lsn), n: Number(row.position_n) },
  };
}

const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));

/** Microseconds since 1970 of a timestamptz as a session in UTC prints it (`2026-01-31 12:00:00.25+00`); ±infinity as int64 extremes. */
function timestampUs(text: string | null): number | null {
  if (text === null) return null;
  const usual = text.length >= 22 && text.charCodeAt(4) === 45 && text.charCodeAt(0) > 48 && text.endsWith('+00');
  if (!usual) return Number(parseTimestamp(text));
  const at = (from: number): number => (text.charCodeAt(from) - 48) * 10 + text.charCodeAt(from + 1) - 48;
  const ms = Date.UTC(at(0) * 100 + at(2), at(5) - 1, at(8), at(11), at(14), at(17));
  const fraction = text.length === 22 ? 0 : Math.round(Number(text.slice(19, -3)) * 1e6);
  return ms * 1000 + fraction;
}

/** As a timestamptz parameter; undefined: NULL. */
export const timestampText = (us: number | undefined): string | null =>
  us === undefined ? null : formatTimestamptz(BigInt(Math.round(us)), 'UTC');
