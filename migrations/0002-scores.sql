-- The sink's memory: where it stands in each topic, labels, what was learned and measured, models, dead letters, alerts; and
-- the views that show them. All keyed by (pipeline id, generation), ids that are never reused (docs/correctness.md, rules E and F).

create table millrace._offsets (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  next_offset bigint not null,
  -- Of the last record applied: what is not above it is dropped.
  position_lsn pg_lsn,
  position_n bigint,
  -- Of the last record scored: what had to be learned before it, is.
  scored_lsn pg_lsn,
  scored_n bigint,
  -- As the topic's records gave it: takes effect at the same record after any restart.
  definition json,
  clock_us bigint,
  phase text not null default 'backfill' check (phase in ('backfill', 'live')),
  due_through_us bigint,
  -- keep_scores_for: event times up to which rows, and rows with a label, have left the score table.
  expired_through_us bigint,
  expired_labelled_us bigint,
  -- Tells a commit whose answer was lost from one that somebody else made.
  written_by text,
  written_at timestamptz not null default now(),
  primary key (pipeline_id, generation, partition)
) with (fillfactor = 40);
comment on table millrace._offsets is 'Private: the sink locks its row first in every transaction.';

create table millrace._labels (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  key text not null,
  label text not null,
  label_at timestamptz,
  weight float8 not null,
  measured_score float8,
  measured_lsn pg_lsn,
  primary key (pipeline_id, generation, key)
);
comment on table millrace._labels is 'Private: labels until the label view withdraws them; they may come before their row, and outlive it.';

create table millrace._due (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  key text not null,
  event_time_us bigint not null,
  primary key (pipeline_id, generation, partition, key)
);
comment on table millrace._due is 'Private: rows without a label that came when their default label was due already; the next progress record sets it.';

-- A row a batch, arrays in step: 2 bytes of header a batch instead of 28 a row. They are read once and deleted, so compressing
-- them would be work for nothing.
create table millrace._examples (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  to_lsn pg_lsn not null,
  to_n bigint not null,
  to_i int not null,
  lsns pg_lsn[] not null,
  ns bigint[] not null,
  items int[] not null,
  labels text[] not null,
  weights float8[] not null,
  features text[] not null,
  primary key (pipeline_id, generation, partition, to_lsn, to_n, to_i)
);
alter table millrace._examples alter column features set storage external;
comment on table millrace._examples is 'Private: examples that are not in a saved model yet.';

create table millrace._outcomes (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  to_lsn pg_lsn not null,
  to_n bigint not null,
  to_i int not null,
  lsns pg_lsn[] not null,
  ns bigint[] not null,
  items int[] not null,
  scores float8[] not null,
  -- NULL: withdrawn.
  labels text[] not null,
  -- The label that this one replaces; NULL: the first.
  prior_labels text[] not null,
  backfill boolean[] not null,
  model_versions bigint[] not null,
  event_times_us bigint[] not null,
  primary key (pipeline_id, generation, partition, to_lsn, to_n, to_i)
);
-- Their default compression was 6 % of what the sink costs the server; lz4, where the server has it, is a fraction of that.
do $$
declare
  c name;
begin
  for c in
    select a.attname from pg_catalog.pg_attribute a
    where a.attrelid = 'millrace._outcomes'::regclass and a.attnum > 0 and a.attndims > 0
  loop
    execute format('alter table millrace._outcomes alter column %I set compression lz4', c);
  end loop;
exception when feature_not_supported then
  null;
end $$;
comment on table millrace._outcomes is 'Private: every label that was measured, changed or withdrawn, with the score given before it was known; metrics are folded from it.';

create table millrace._models (
  pipeline_id bigint not null,
  generation int not null,
  version bigint not null,
  kind text not null,
  examples bigint not null,
  state bytea not null,
  cursors json not null,
  metrics json not null,
  serving boolean not null,
  reason text not null,
  saved_at timestamptz not null,
  primary key (pipeline_id, generation, version)
);
alter table millrace._models alter column state set storage external;

create table millrace._checkpoints (
  pipeline_id bigint not null,
  generation int not null,
  serial bigint not null,
  version bigint not null,
  kind text not null,
  examples bigint not null,
  state bytea not null,
  cursors json not null,
  metrics bytea not null,
  metric_cursors json not null,
  primary key (pipeline_id, generation)
);
alter table millrace._checkpoints alter column state set storage external;
alter table millrace._checkpoints alter column metrics set storage external;
comment on table millrace._checkpoints is 'Private: where learning goes on after a restart. Not a version: a drain must not change which version a score names.';

create table millrace._metrics (
  pipeline_id bigint not null,
  generation int not null,
  -- -infinity: the present values.
  hour timestamptz not null,
  period text not null,
  segment text not null,
  metric text not null,
  value float8,
  baseline float8,
  baseline_kind text,
  examples bigint not null,
  model_version bigint,
  from_time timestamptz,
  to_time timestamptz,
  primary key (pipeline_id, generation, hour, period, segment, metric)
) with (fillfactor = 50);

create table millrace._dead_letters (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  position_lsn pg_lsn not null,
  position_n bigint not null,
  key text,
  source_table text not null,
  source_row json not null,
  code text not null,
  message text not null,
  committed_at timestamptz not null,
  primary key (pipeline_id, generation, partition, position_lsn, position_n)
);
create index on millrace._dead_letters (pipeline_id, generation, key);

create table millrace._alerts (
  id bigint generated always as identity primary key,
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  key text not null,
  position_lsn pg_lsn not null,
  position_n bigint not null,
  score float8,
  prediction text,
  model_version bigint,
  event_time timestamptz,
  alerted_at timestamptz not null
);
create unique index on millrace._alerts (pipeline_id, generation, key);

create view millrace.metrics as
  select p.name as pipeline, m.period, m.segment, m.metric, m.value, m.baseline, m.baseline_kind, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where m.hour = '-infinity' and p.desired <> 'dropped';
comment on view millrace.metrics is 'Quality now, always prequential: measured on the score that a row had before its label was known.';

create view millrace.metrics_hourly as
  select p.name as pipeline, m.hour, m.period, m.segment, m.metric, m.value, m.baseline, m.baseline_kind, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where m.hour <> '-infinity' and p.desired <> 'dropped';
comment on view millrace.metrics_hourly is 'The last values of millrace.metrics in each hour.';

create view millrace.models as
  select p.name as pipeline, m.version, m.kind, m.examples, m.metrics::jsonb as metrics, m.serving, m.reason, m.saved_at, octet_length(m.state) as bytes
    from millrace._models m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where p.desired <> 'dropped';
comment on view millrace.models is 'Saved versions of each pipeline''s model.';

-- These two show rows: to the pipeline's owner only.
create view millrace.dead_letters as
  select p.name as pipeline, d.position_lsn, d.position_n, d.source_table as "table", d.key, d.source_row as "row", d.code, d.message, d.committed_at
    from millrace._dead_letters d join millrace._pipelines p on (p.id, p.generation) = (d.pipeline_id, d.generation)
   where p.desired <> 'dropped' and pg_has_role(p.owner_id, 'usage');
comment on view millrace.dead_letters is 'Rows that could not be computed, and why. One goes when its row is computed or deleted. Shown to the pipeline''s owner.';

create view millrace.alerts as
  select a.id, p.name as pipeline, a.key, a.score, a.prediction, a.model_version, a.event_time, a.alerted_at, a.position_lsn, a.position_n
    from millrace._alerts a join millrace._pipelines p on (p.id, p.generation) = (a.pipeline_id, a.generation)
   where p.desired <> 'dropped' and pg_has_role(p.owner_id, 'usage');
comment on view millrace.alerts is 'Rows that meet alert_when, since they did; also NOTIFY millrace_alerts with the id. Shown to the pipeline''s owner.';

grant select on millrace.metrics, millrace.metrics_hourly, millrace.models, millrace.dead_letters, millrace.alerts to public;
