-- Versions of a model as something to choose from: promote, rollback, and how the candidates of auto did.

alter table millrace._models add column race json;
-- It was chosen, or goes on from one that was: it stays stored.
alter table millrace._models add column promoted boolean not null default false;

drop view millrace.models;
create view millrace.models as
  select p.name as pipeline, m.version, m.kind, m.examples, m.metrics::jsonb as metrics, m.serving, m.reason, m.saved_at,
         octet_length(m.state) as bytes, m.race::jsonb as race
    from millrace._models m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where p.desired <> 'dropped';
comment on view millrace.models is 'Saved versions of each pipeline''s model: what each had learned, how good it was, why it was saved, and of auto how its candidates did.';
grant select on millrace.models to public;

-- A command stands in the definition's row, so that it takes effect at its commit, at the same record after any restart.
create or replace view millrace.pipelines as
  select p.id, p.name, p.generation, p.revision, p.desired,
         format('%I.%I', p.features_schema, p.features_name) as features,
         (select string_agg(quote_ident(k.name), ', ' order by k.n)
            from json_array_elements_text(p.key) with ordinality k (name, n)) as key,
         p.event_time,
         quote_ident(p.labels_schema) || '.' || quote_ident(p.labels_name) as labels,
         millrace._interval(p.label_wait_us) as label_wait,
         p.label_default,
         p.model::jsonb - '_promote' as model,
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

create function millrace._promote(name text, version bigint) returns void
  language sql set search_path = pg_catalog as $$
  update millrace._pipelines x
     set model = (x.model::jsonb || jsonb_build_object('_promote', jsonb_build_object('version', _promote.version, 'command', x.revision + 1)))::json
   where x.id = millrace._own(_promote.name)
$$;

create function millrace.promote(name text, version bigint) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  own constant bigint := millrace._own(name);
  kept text;
begin
  if not exists (select from millrace.models m where m.pipeline = name and m.version = version) then
    select string_agg(v.version::text, ', ' order by v.version desc) into kept
      from (select m.version from millrace.models m where m.pipeline = name order by m.version desc limit 10) v;
    raise exception 'pipeline % has no saved version %', quote_ident(name), coalesce(version::text, 'NULL')
      using hint = coalesce('The latest: ' || kept || '. All: select * from millrace.models where pipeline = ' || quote_literal(name) || '.',
        'None is saved yet: a sink saves the first when it starts.');
  end if;
  if exists (select from millrace.models m where m.pipeline = name and m.version = version and m.serving) then
    raise notice 'version % serves already, with what it has learned since: promoting it takes that back', version;
  end if;
  perform millrace._promote(name, version);
end $$;
comment on function millrace.promote is
  'A saved version of the pipeline''s model takes the serving one''s place, and goes on learning from there: select millrace.promote(''fraud'', 7). What it becomes is a version of its own, see millrace.models.';

create function millrace.rollback(name text) returns bigint
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  own constant bigint := millrace._own(name);
  replaced bigint;
  before bigint;
begin
  -- Whatever did not come of learning alone.
  select max(m.version) into replaced from millrace.models m
   where m.pipeline = name and m.reason !~ '^(created|[0-9]+ examples|[0-9]+ rows|drift: )';
  if replaced is null then
    raise exception 'the model of pipeline % was never replaced: neither promoted nor given other options', quote_ident(name)
      using hint = 'To go back in what it has learned, promote an older version: select version, examples, reason from millrace.models where pipeline = '
        || quote_literal(name) || ' order by version.';
  end if;
  select max(m.version) into before from millrace.models m where m.pipeline = name and m.version < replaced;
  if before is null then
    raise exception 'what served before version % of pipeline % is not stored any more', replaced, quote_ident(name)
      using hint = 'Promote one of those that are: select version, examples, reason from millrace.models where pipeline = ' || quote_literal(name) || '. The model option "keep_versions" keeps more.';
  end if;
  perform millrace._promote(name, before);
  return before;
end $$;
comment on function millrace.rollback is
  'Promotes the version that served before the model was last replaced, by promote, rollback or other options. Returns it. A second rollback takes the first one back.';
