-- The control plane's memory: pipelines as defined, what the running processes report of them, and the view of the first.
-- Plain SQL: no extension, no superuser. Whoever runs it owns the schema; `millrace connector` and `millrace sink` run as
-- that role or as a member of it (docs/correctness.md, rule G).
--
-- Who may do what:
--   views      everybody. They hold definitions and states, which the catalogs of Postgres show anyway; no rows of anybody's.
--   functions  everybody, with the caller's own rights: all of them are SECURITY INVOKER.
--   _pipelines row-level security lets a role see and change only what it owns, and a trigger (0003) judges each row in the
--              name of the role that wrote it. A SECURITY DEFINER function in its place could be called past create_pipeline,
--              by somebody who made a view of a table that he may not read; a trigger cannot be passed by.
--   the rest   the schema's owner alone.
-- To keep others from creating pipelines: `revoke insert on millrace._pipelines from public`.

create table millrace._pipelines (
  -- Never reused: topics, state and models are named by it.
  id bigint generated always as identity primary key,
  name text not null check (name ~ '^[a-z_][a-z0-9_]{0,47}$'),
  generation int not null default 1 check (generation > 0),
  revision int not null default 1 check (revision > 0),
  desired text not null default 'running' check (desired in ('running', 'paused', 'dropped')),
  features_schema text not null,
  features_name text not null,
  labels_schema text,
  labels_name text,
  key json not null,
  event_time text,
  label_wait_us bigint check (label_wait_us >= 0),
  label_default text check (octet_length(label_default) <= 200),
  model json not null,
  alert_when text check (octet_length(alert_when) <= 1000),
  score_schema text not null,
  score_name text not null,
  backfill text not null check (backfill in ('learn', 'state', 'none')),
  also_on json not null,
  clock text not null check (clock in ('commit', 'event_time')),
  late_by_us bigint not null check (late_by_us >= 0),
  append_only boolean not null,
  keep_scores_for_us bigint check (keep_scores_for_us > 0),
  timezone text not null,
  owner text not null,
  owner_id oid not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  check ((labels_schema is null) = (labels_name is null)),
  check (octet_length(key::text) <= 1500 and octet_length(also_on::text) <= 1500 and octet_length(model::text) <= 1500)
);

-- All that the connector must know of a pipeline is in this one row, which reaches it through the WAL and takes effect at its
-- commit. A value stored out of line would be left out of an update that does not change it; so every column is stored plainly,
-- and the checks above keep a row below a page. (json, not jsonb: its size is its text's.)
do $$
declare
  c name;
begin
  for c in
    select a.attname from pg_catalog.pg_attribute a
    where a.attrelid = 'millrace._pipelines'::regclass and a.attnum > 0 and a.attstorage <> 'p'
  loop
    execute format('alter table millrace._pipelines alter column %I set storage plain', c);
  end loop;
end $$;

-- A name is free as soon as its pipeline is dropped, though its row stays until connector and sink have removed what is theirs.
create unique index _pipelines_name on millrace._pipelines (name) where desired <> 'dropped';

comment on table millrace._pipelines is 'Private: see the view millrace.pipelines. Durations are microseconds; a month counts as 30 days.';

alter table millrace._pipelines enable row level security;
create policy create_own on millrace._pipelines for insert with check (true);
create policy see_own on millrace._pipelines for select using (pg_has_role(owner_id, 'usage'));
create policy change_own on millrace._pipelines for update using (pg_has_role(owner_id, 'usage'));

create table millrace._views (
  pipeline_id bigint not null references millrace._pipelines on delete cascade,
  generation int not null,
  role text not null check (role in ('features', 'labels')),
  view text not null,
  definition text not null,
  primary key (pipeline_id, generation, role)
);
comment on table millrace._views is 'Private: the text of a pipeline''s views as the connector compiled it, pinned for the generation.';

create table millrace._groups (
  name text primary key,
  -- Random, also in the data folder: tells our folder from an older or another one.
  folder_id text not null,
  system_identifier text not null,
  timeline int not null,
  slot text not null,
  created_at timestamptz not null default now()
);
comment on table millrace._groups is 'Private: the identity of each connector''s data folder (docs/correctness.md, rule D).';

-- Every report rewrites the row: no index but the key, and room on the page, so that these updates stay in their page.
create table millrace._status (
  pipeline_id bigint primary key references millrace._pipelines on delete cascade,
  generation int,
  state text check (state in ('starting', 'backfilling', 'catching up', 'running', 'degraded', 'paused', 'failed', 'needs rebuild', 'dropping')),
  reason text,
  hint text,
  lag_bytes bigint,
  lag_ms bigint,
  rows_per_s float8,
  retained_wal_bytes bigint,
  wal_budget_bytes bigint,
  wal_budget_left_s float8,
  backfill_done bigint,
  backfill_total bigint,
  state_keys bigint,
  state_bytes bigint,
  connector_seen_at timestamptz,
  sink_reason text,
  sink_hint text,
  sink_lag_records bigint,
  sink_lag_ms bigint,
  sink_rows_per_s float8,
  sink_seen_at timestamptz
) with (fillfactor = 40);
comment on table millrace._status is 'Private: see the view millrace.status.';

create function millrace._interval(us bigint) returns interval
  language sql immutable strict parallel safe set search_path = pg_catalog
  return make_interval(days => (us / 86400000000)::int, secs => (us % 86400000000) / 1e6::float8);

create view millrace.pipelines as
  select p.id, p.name, p.generation, p.revision, p.desired,
         format('%I.%I', p.features_schema, p.features_name) as features,
         (select string_agg(quote_ident(k.name), ', ' order by k.n)
            from json_array_elements_text(p.key) with ordinality k (name, n)) as key,
         p.event_time,
         quote_ident(p.labels_schema) || '.' || quote_ident(p.labels_name) as labels,
         millrace._interval(p.label_wait_us) as label_wait,
         p.label_default,
         p.model::jsonb as model,
         p.alert_when,
         format('%I.%I', p.score_schema, p.score_name) as score_table,
         p.backfill,
         array(select format('%I.%I', t.value ->> 0, t.value ->> 1)
                 from json_array_elements(p.also_on) with ordinality t (value, n) order by t.n) as also_on,
         p.clock,
         millrace._interval(p.late_by_us) as late_by,
         p.append_only,
         millrace._interval(p.keep_scores_for_us) as keep_scores_for,
         p.timezone, p.owner, p.created_at, p.changed_at,
         f.definition as features_sql,
         l.definition as labels_sql
    from millrace._pipelines p
    left join millrace._views f on (f.pipeline_id, f.generation, f.role) = (p.id, p.generation, 'features')
    left join millrace._views l on (l.pipeline_id, l.generation, l.role) = (p.id, p.generation, 'labels')
   where p.desired <> 'dropped';
comment on view millrace.pipelines is 'Pipelines as they were defined; features_sql and labels_sql are the views'' text that the running generation was compiled from.';

grant usage on schema millrace to public;
grant select on millrace.pipelines, millrace._migrations to public;
