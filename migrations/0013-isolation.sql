-- What one role does and shows is nothing to another: no pipeline of a schema that he may not use stands in his way, and no value of
-- anybody's rows is in the quality that everybody sees.

-- By its quoted name, in the catalogs. to_regclass raises where the caller may not use the schema.
create function millrace._relation(name text) returns oid
  language sql stable strict parallel safe set search_path = pg_catalog
begin atomic
  select c.oid from pg_namespace n join pg_class c on c.relnamespace = n.oid
   where n.nspname = (parse_ident(name))[1] and c.relname = (parse_ident(name))[2];
end;

-- As before (0003), but for that.
create or replace function millrace._reads(relation oid) returns table (oid oid, path text)
  language sql stable set search_path = pg_catalog
begin atomic
  with recursive r (oid, path, seen) as (
    select relation, relation::regclass::text, array[relation]
    union all
    select e.oid, r.path || ' reads ' || e.oid::regclass::text, r.seen || e.oid
      from r
     cross join lateral (
       select distinct d.refobjid as oid
         from pg_rewrite w
         join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                         and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
        where w.ev_class = r.oid and w.ev_type = '1' and d.refobjid <> r.oid
       union
       select v.oid
         from millrace.pipelines p
        cross join lateral (values (millrace._relation(p.features)), (millrace._relation(p.labels))) v (oid)
        where millrace._relation(p.score_table) = r.oid and v.oid is not null) e
     where not e.oid = any (r.seen)
  )
  select r.oid, r.path from r;
end;

create or replace function millrace._guard_pipeline() returns trigger
  language plpgsql set search_path = pg_catalog as $$
declare
  score oid;
begin
  if tg_op = 'INSERT' then
    new := millrace._checked(new);
    new.owner := current_user;
    new.owner_id := (select oid from pg_roles where rolname = current_user);
    new.generation := 1;
    new.revision := 1;
    new.desired := 'running';
    new.created_at := now();
    new.changed_at := now();
    -- The sink writes where this points, with rights that the caller may not have.
    score := to_regclass(format('%I.%I', new.score_schema, new.score_name));
    if score is null or not exists (select from pg_class where oid = score and relkind = 'r' and pg_has_role(current_user, relowner, 'usage')) then
      raise exception 'score table % is not a table of yours', format('%I.%I', new.score_schema, new.score_name)
        using errcode = 'insufficient_privilege', hint = 'millrace.create_pipeline makes it.';
    end if;
    if exists (select from millrace.pipelines p where millrace._relation(p.score_table) = score) then
      raise exception 'score table % is that of another pipeline', score::regclass using hint = 'millrace.create_pipeline makes one for each.';
    end if;
    return new;
  end if;
  if old.desired = 'dropped' then
    raise exception 'pipeline % is dropped', quote_ident(old.name) using hint = 'Create it again with millrace.create_pipeline.';
  end if;
  if (new.id, new.owner, new.owner_id, new.key, new.event_time, new.score_schema, new.score_name, new.backfill, new.also_on, new.clock, new.late_by_us, new.append_only, new.timezone)::text
     is distinct from
     (old.id, old.owner, old.owner_id, old.key, old.event_time, old.score_schema, old.score_name, old.backfill, old.also_on, old.clock, old.late_by_us, old.append_only, old.timezone)::text then
    raise exception 'pipeline %: this part of a definition never changes', quote_ident(old.name)
      using hint = 'Create another pipeline; both can run side by side.';
  end if;
  if (new.features_schema, new.features_name, new.labels_schema, new.labels_name, new.label_wait_us, new.label_default, new.model, new.alert_when, new.keep_scores_for_us)::text
     is distinct from
     (old.features_schema, old.features_name, old.labels_schema, old.labels_name, old.label_wait_us, old.label_default, old.model, old.alert_when, old.keep_scores_for_us)::text then
    new := millrace._checked(new);
  end if;
  if new.generation < old.generation then
    raise exception 'pipeline %: its generation only counts up', quote_ident(old.name) using hint = 'Use millrace.rebuild.';
  end if;
  new.created_at := old.created_at;
  new.revision := old.revision;
  if new::text is distinct from old::text then
    new.revision := old.revision + 1;
  end if;
  new.changed_at := now();
  return new;
end $$;

-- Segments are values of a feature, and some figures are of a class: for the pipeline's owner, as its rows are.
create or replace view millrace.metrics as
  select p.name as pipeline, m.period, m.segment, m.metric, m.value, m.baseline, m.baseline_kind, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where m.hour = '-infinity' and p.desired <> 'dropped' and m.metric not like 'reliability %'
     and ((m.segment = '' and m.metric not like 'f1:%') or pg_has_role(p.owner_id, 'usage'));

create or replace view millrace.metrics_hourly as
  select p.name as pipeline, m.hour, m.period, m.segment, m.metric, m.value, m.baseline, m.baseline_kind, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where m.hour <> '-infinity' and p.desired <> 'dropped' and m.metric not like 'reliability %'
     and ((m.segment = '' and m.metric not like 'f1:%') or pg_has_role(p.owner_id, 'usage'));

create or replace view millrace.models as
  select p.name as pipeline, m.version, m.kind, m.examples,
         case when pg_has_role(p.owner_id, 'usage') then m.metrics::jsonb
              else m.metrics::jsonb - array(select k.name from json_object_keys(m.metrics) k (name) where k.name like '% f1:%') end as metrics,
         m.serving, m.reason, m.saved_at,
         octet_length(m.state) as bytes, m.race::jsonb as race
    from millrace._models m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where p.desired <> 'dropped';

-- As before (0007), but for what it goes back to, where that is not stored any more.
create or replace function millrace.rollback(name text) returns bigint
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
  -- Not an older one: what it would take back is more than the replacement.
  before := replaced - 1;
  if not exists (select from millrace.models m where m.pipeline = name and m.version = before) then
    raise exception 'what served before version % of pipeline % is not stored any more', replaced, quote_ident(name)
      using hint = 'Promote one of those that are: select version, examples, reason from millrace.models where pipeline = ' || quote_literal(name) || '. The model option "keep_versions" keeps more.';
  end if;
  perform millrace._promote(name, before);
  return before;
end $$;
