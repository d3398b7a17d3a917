// Statements over a pipeline's score table, whose key columns and event time have the view's own types. One statement a batch
// each; keys go as an array of texts a column and are cast, so that equal keys are those that Postgres finds equal.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../warehouse/quoting.ts';

export interface ScoreTableSql {
  readonly keyCount: number;
  /** $1… keys; then generation. */
  readonly readByKey: string;
  /** $1 generation, $2 partition, $3 from (exclusive, microseconds or null), $4 through, $5 pipeline. */
  readonly readDue: string;
  readonly upsert: string;
  readonly setLabel: string;
  readonly deleteByKey: string;
  readonly truncate: string;
  readonly supersede: string;
}

export function scoreTableSql(definition: SinkDefinition): ScoreTableSql {
  const table = quoteTable(definition.scoreTable);
  const names = definition.key.map((column) => quoteIdentifier(column.name));
  const n = names.length;
  const keyArrays = definition.key.map((column, index) => `$${index + 1}::text[]::${column.type}[]`).join(', ');
  const aliases = names.map((_, index) => `k${index}`);
  const matches = names.map((name, index) => `t.${name} = u.k${index}`).join(' and ');
  const time = eventTimeSql(definition);
  const columns = `t.score::text, t.prediction, t.explanation, t.model_version, t.event_time::text, ${time.us} as event_time_us,
    ${epochUs('t.scored_at')} as scored_at_us, t.features, t.label, ${epochUs('t.labelled_at')} as labelled_at_us,
    t.measured_score::text, t.measured_features, t.measured_lsn, t.late, t.position_lsn, t.position_n`;
  const p = (index: number): string => `$${n + index}`;
  return {
    keyCount: n,
    readByKey: `select u.ordinal, ${columns}
      from unnest(${keyArrays}) with ordinality u(${aliases.join(', ')}, ordinal)
      join ${table} t on ${matches} where t.generation = ${p(1)}::int`,
    readDue: `select ${names.map((name, index) => `t.${name}::text as k${index}`).join(', ')}, ${columns}
      from ${table} t
      where t.generation = $1::int and t.partition = $2::int and t.label is null
        and t.event_time <= ${time.column('$4')} + interval '1 day'
        and ($3::bigint is null or t.event_time >= ${time.column('$3')} - interval '1 day')
        and ${time.us} <= $4::bigint and ($3::bigint is null or ${time.us} > $3::bigint)`,
    upsert: `insert into ${table} as t (${names.join(', ')}, score, prediction, explanation, model_version, event_time, scored_at, features,
        label, labelled_at, measured_score, measured_features, measured_lsn, late, position_n, position_lsn, generation, partition)
      select u.*, ${p(16)}::int, ${p(17)}::int from unnest(${keyArrays}, ${p(1)}::float8[], ${p(2)}::text[], ${p(3)}::json[], ${p(4)}::int8[],
        ${p(5)}::text[]::${time.type}[], ${p(6)}::timestamptz[], ${p(7)}::json[], ${p(8)}::text[], ${p(9)}::timestamptz[], ${p(10)}::float8[],
        ${p(11)}::json[], ${p(12)}::pg_lsn[], ${p(13)}::bool[], ${p(14)}::int8[], ${p(15)}::pg_lsn[]) u
      on conflict (${names.join(', ')}) do update set score = excluded.score, prediction = excluded.prediction,
        explanation = excluded.explanation, model_version = excluded.model_version, event_time = excluded.event_time,
        scored_at = excluded.scored_at, features = excluded.features, label = excluded.label, labelled_at = excluded.labelled_at,
        measured_score = excluded.measured_score, measured_features = excluded.measured_features,
        measured_lsn = excluded.measured_lsn, late = excluded.late, position_n = excluded.position_n,
        position_lsn = excluded.position_lsn, generation = excluded.generation, partition = excluded.partition
      where t.generation <= excluded.generation`,
    setLabel: `update ${table} t set label = u.label, labelled_at = u.labelled_at, measured_score = u.measured_score, measured_lsn = u.measured_lsn
      from unnest(${keyArrays}, ${p(1)}::text[], ${p(2)}::timestamptz[], ${p(3)}::float8[], ${p(4)}::pg_lsn[])
        u(${aliases.join(', ')}, label, labelled_at, measured_score, measured_lsn)
      where ${matches} and t.generation = ${p(5)}::int`,
    deleteByKey: `delete from ${table} t using unnest(${keyArrays}) u(${aliases.join(', ')}) where ${matches} and t.generation = ${p(1)}::int`,
    truncate: `delete from ${table} where generation = $1 and partition = $2`,
    supersede: `delete from ${table} where generation < $1`,
  };
}

/** Microseconds since 1970 of a timestamptz; the int8 extremes where it is infinite. */
function epochUs(expression: string): string {
  return `case when isfinite(${expression}) then (extract(epoch from ${expression}) * 1000000)::int8
    when ${expression} > '-infinity' then 9223372036854775807 when ${expression} is not null then -9223372036854775808 end`;
}

/** The event time column, of type timestamptz, timestamp or date, against microseconds. */
function eventTimeSql(definition: SinkDefinition): {
  readonly type: string;
  readonly us: string;
  readonly column: (parameter: string) => string;
} {
  const type = definition.eventTime?.type ?? 'timestamptz';
  const zone = quoteLiteral(definition.timezone);
  const zoned = /^timestamp.*with time zone$|^timestamptz/.test(type);
  const at = (parameter: string): string => `('epoch'::timestamptz + ${parameter}::bigint * interval '1 microsecond')`;
  return {
    type,
    us: epochUs(zoned ? 't.event_time' : `(t.event_time::timestamp at time zone ${zone})`),
    column: (parameter) => (zoned ? at(parameter) : `(${at(parameter)} at time zone ${zone})::${type}`),
  };
}
