// Statements over a pipeline's score table, whose key columns and event time have the view's own types. One statement a batch
// each; keys go as an array of texts a column and are cast, so that equal keys are those that Postgres finds equal.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../warehouse/quoting.ts';

export interface ScoreTableSql {
  readonly keyCount: number;
  /** $1… keys; then generation. */
  readonly readByKey: string;
  /** For `readColumns`: an array of texts a key column, then those of {@link DueRow}. `fromUs` exclusive; both timestamptz texts. */
  readonly readDue: (generation: number, partition: number, from: string | null, through: string) => string;
  /** Rows that are bare (neither label nor explanation) and new; fails on one that is there. */
  readonly insert: string;
  /** The same of rows whose model says more than a score. */
  readonly insertWithOutputs: string;
  readonly upsert: string;
  readonly setLabel: string;
  readonly deleteByKey: string;
  /** $1 generation, $2 partition, $3 from (exclusive, or null), $4 through, $5 only labelled rows, $6 limit; returns keys. */
  readonly expire: string;
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
  // Times as Postgres prints them: `extract(epoch …)` is numeric arithmetic, several microseconds a row.
  const columns = `t.score, t.prediction, t.outputs, t.explanation, t.model_version, ${time.zoned} as event_at, t.scored_at, t.features, t.label,
    t.labelled_at, t.measured_score, t.measured_features, t.measured_answer, t.measured_lsn, t.late, t.position_lsn, t.position_n`;
  const p = (index: number): string => `$${n + index}`;
  return {
    keyCount: n,
    readByKey: `select u.ordinal, ${columns}
      from unnest(${keyArrays}) with ordinality u(${aliases.join(', ')}, ordinal)
      join ${table} t on ${matches} where t.generation = ${p(1)}::int`,
    readDue: (
      generation,
      partition,
      from,
      through,
    ) => `select ${names.map((name) => `array_agg(t.${name}::text)`).join(', ')},
        array_agg(t.score), array_agg(t.prediction), array_agg(t.outputs::json), array_agg(t.model_version), array_agg(${time.zoned}), array_agg(t.features), array_agg(t.measured_score),
        array_agg(t.measured_features), array_agg(t.measured_answer), array_agg(t.measured_lsn), array_agg(t.position_lsn), array_agg(t.position_n)
      from ${table} t
      where t.generation = ${generation} and t.partition = ${partition} and t.label is null
        and ${time.through(quoteLiteral(through))}${from === null ? '' : ` and ${time.after(quoteLiteral(from))}`}`,
    insert: insertSql(table, names, keyArrays, time.type, false),
    insertWithOutputs: insertSql(table, names, keyArrays, time.type, true),
    upsert: `insert into ${table} as t (${names.join(', ')}, score, prediction, outputs, explanation, model_version, event_time, scored_at, features,
        label, labelled_at, measured_score, measured_features, measured_answer, measured_lsn, late, position_n, position_lsn, generation, partition)
      select u.*, ${p(18)}::int, ${p(19)}::int from unnest(${keyArrays}, ${p(1)}::float8[], ${p(2)}::text[], ${p(3)}::json[]::jsonb[], ${p(4)}::json[],
        ${p(5)}::int8[], ${p(6)}::text[]::${time.type}[], ${p(7)}::timestamptz[], ${p(8)}::json[], ${p(9)}::text[], ${p(10)}::timestamptz[],
        ${p(11)}::float8[], ${p(12)}::json[], ${p(13)}::json[], ${p(14)}::pg_lsn[], ${p(15)}::bool[], ${p(16)}::int8[], ${p(17)}::pg_lsn[]) u
      on conflict (${names.join(', ')}) do update set score = excluded.score, prediction = excluded.prediction, outputs = excluded.outputs,
        explanation = excluded.explanation, model_version = excluded.model_version, event_time = excluded.event_time,
        scored_at = excluded.scored_at, features = excluded.features, label = excluded.label, labelled_at = excluded.labelled_at,
        measured_score = excluded.measured_score, measured_features = excluded.measured_features,
        measured_answer = excluded.measured_answer, measured_lsn = excluded.measured_lsn, late = excluded.late,
        position_n = excluded.position_n, position_lsn = excluded.position_lsn, generation = excluded.generation,
        partition = excluded.partition
      where t.generation <= excluded.generation`,
    setLabel: `update ${table} t set label = u.label, labelled_at = u.labelled_at, measured_score = u.measured_score, measured_lsn = u.measured_lsn
      from unnest(${keyArrays}, ${p(1)}::text[], ${p(2)}::timestamptz[], ${p(3)}::float8[], ${p(4)}::pg_lsn[])
        u(${aliases.join(', ')}, label, labelled_at, measured_score, measured_lsn)
      where ${matches} and t.generation = ${p(5)}::int`,
    deleteByKey: `delete from ${table} t using unnest(${keyArrays}) u(${aliases.join(', ')}) where ${matches} and t.generation = ${p(1)}::int`,
    // Found by the index on event_time, oldest first, in a subselect of its own: a delete has no limit.
    expire: `delete from ${table} where ctid = any(array(
        select t.ctid from ${table} t
        where t.generation = $1::int and t.partition = $2::int and ${time.through('$4')}
          and ($3::timestamptz is null or ${time.after('$3')}) and (not $5::bool or t.label is not null)
        order by t.event_time limit $6::int))
      returning ${names.map((name, index) => `${name}::text as k${index}`).join(', ')}`,
    truncate: `delete from ${table} where generation = $1 and partition = $2`,
    supersede: `delete from ${table} where generation < $1`,
  };
}

/**
 * An upsert of sixteen columns costs Postgres 9.6 µs a row, this 5.2: each array is unnested into a store of its own, and each row
 * looked for twice.
 */
function insertSql(
  table: string,
  names: readonly string[],
  keyArrays: string,
  timeType: string,
  outputs: boolean,
): string {
  const p = (index: number): string => `$${names.length + index + (outputs && index > 8 ? 1 : 0)}`;
  const more = outputs ? `, $${names.length + 9}::json[]::jsonb[]` : '';
  return `insert into ${table} (${names.join(', ')}, score, prediction, model_version, event_time, features, late, position_n,
        position_lsn${outputs ? ', outputs' : ''}, scored_at, generation, partition)
      select u.*, ${p(9)}::timestamptz, ${p(10)}::int, ${p(11)}::int from unnest(${keyArrays}, ${p(1)}::float8[], ${p(2)}::text[],
        ${p(3)}::int8[], ${p(4)}::text[]::${timeType}[], ${p(5)}::json[], ${p(6)}::bool[], ${p(7)}::int8[], ${p(8)}::pg_lsn[]${more}) u`;
}

/** The event time column, of type timestamptz, timestamp or date, against timestamptz parameters. */
export function eventTimeSql(definition: SinkDefinition): {
  readonly type: string;
  /** As timestamptz. */
  readonly zoned: string;
  readonly after: (parameter: string) => string;
  readonly through: (parameter: string) => string;
} {
  const type = definition.eventTime?.type ?? 'timestamptz';
  if (/^timestamp.*with time zone$|^timestamptz/.test(type))
    return {
      type,
      zoned: 't.event_time',
      after: (parameter) => `t.event_time > ${parameter}::timestamptz`,
      through: (parameter) => `t.event_time <= ${parameter}::timestamptz`,
    };
  const zone = quoteLiteral(definition.timezone);
  const zoned = `(t.event_time::timestamp at time zone ${zone})`;
  const local = (parameter: string): string => `(${parameter}::timestamptz at time zone ${zone})`;
  // The first comparison is wide by a day and can use the index, the second is exact.
  return {
    type,
    zoned,
    after: (parameter) =>
      `(t.event_time >= (${local(parameter)} - interval '1 day')::${type} and ${zoned} > ${parameter}::timestamptz)`,
    through: (parameter) =>
      `(t.event_time <= (${local(parameter)} + interval '1 day')::${type} and ${zoned} <= ${parameter}::timestamptz)`,
  };
}
