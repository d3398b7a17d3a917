-- Pipelines as SQL: create_pipeline, alter_pipeline, drop_pipeline, pause, resume, rebuild. All run with the caller's rights.
-- What SQL can judge is judged here, with a hint; the connector compiles the views and says the rest in millrace.status.
--
-- The functions that a user calls have the caller's search_path, to find the names he means; they name all else by schema.
-- Those with an underscore have a fixed one.

create function millrace._microseconds(duration interval) returns bigint
  language sql immutable strict parallel safe set search_path = pg_catalog
  return ((extract(year from duration) * 12 + extract(month from duration)) * 30 + extract(day from duration)) * 86400000000
         + extract(hour from duration) * 3600000000 + extract(minute from duration) * 60000000
         + extract(microseconds from duration);
comment on function millrace._microseconds is 'A month counts as 30 days, a day as 24 hours.';

-- The role that connector and sink run as (or are members of).
create function millrace._service() returns name
  language sql stable parallel safe set search_path = pg_catalog
  return (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'millrace');

-- Shared runs of three letters: enough to find the name that somebody meant, without an extension.
create function millrace._similarity(a text, b text) returns float8
  language sql immutable strict parallel safe set search_path = pg_catalog
  return (
    with x as (select distinct substr('  ' || lower(a) || ' ', i, 3) as t from generate_series(1, length(a) + 1) i),
         y as (select distinct substr('  ' || lower(b) || ' ', i, 3) as t from generate_series(1, length(b) + 1) i)
    select count(y.t)::float8 / greatest(count(*) + (select count(*) from y) - count(y.t), 1) from x left join y using (t));

-- 'store_id, "Day"' as the names that Postgres would understand.
create function millrace._names(list text) returns text[]
  language sql immutable strict parallel safe set search_path = pg_catalog
  return array(
    select case when m.name like '"%' then replace(substr(m.name, 2, length(m.name) - 2), '""', '"') else lower(m.name) end
      from (select btrim(x.parts[1], E' \t\n') as name, x.n from regexp_matches(list, '\s*("(?:[^"]|"")+"|[^,]+)', 'g') with ordinality x (parts, n)) m
     where m.name <> '' order by m.n);

-- A relation by the name that the caller wrote, on his search_path; NULL where there is none.
create function millrace._find(name text) returns oid language plpgsql stable as $$
begin
  return pg_catalog.to_regclass(name)::pg_catalog.oid;
exception when others then
  return null;
end $$;

-- Every relation that a role reads by reading one: and in whose name (a view reads in its owner's).
create function millrace._reading(role oid, relation oid) returns table (reader oid, target oid, columns int2[])
  language sql stable set search_path = pg_catalog
begin atomic
  with recursive r (reader, target, columns) as (
    select role, relation, array[0]::int2[]
    union
    select case when coalesce('security_invoker=true' = any (c.reloptions) or 'security_invoker=on' = any (c.reloptions), false)
                then r.reader else c.relowner end,
           d.target, d.columns
      from r join pg_class c on c.oid = r.target and c.relkind = 'v'
     cross join lateral (
       select d.refobjid as target, array_agg(distinct d.refobjsubid::int2) as columns
         from pg_rewrite w
         join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                         and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
        where w.ev_class = r.target and w.ev_type = '1' and d.refobjid <> r.target
        group by d.refobjid) d
  )
  select r.reader, r.target, r.columns from r;
end;

-- Raises unless a role may read a view, and all of what it reads, and all rows of that: the connector reads tables whole, so
-- whom a missing right or row-level security keeps from a table must not get its rows through us. Judged from the catalogs (a
-- right on a view says nothing of the tables behind it), without running anything of the view: so the connector can ask again
-- when it compiles, in case the view is another one by then.
create function millrace._check_readable(role oid, relation oid) returns void
  language plpgsql stable set search_path = pg_catalog as $$
declare
  missing record;
begin
  select pg_get_userbyid(r.reader) as reader, r.target::regclass as target, s.allowed into missing
    from millrace._reading(role, relation) r
    join pg_class c on c.oid = r.target
    join pg_roles o on o.oid = r.reader
   cross join lateral (select
     has_schema_privilege(r.reader, c.relnamespace, 'usage')
       and (has_table_privilege(r.reader, r.target, 'select')
            or (r.columns <> '{0}' and not exists (
                  select from unnest(r.columns) n where n > 0 and not has_column_privilege(r.reader, r.target, n, 'select')))
            or (r.target = relation and has_any_column_privilege(r.reader, r.target, 'select'))) as allowed,
     c.relrowsecurity and not o.rolsuper and not o.rolbypassrls
       and (c.relforcerowsecurity or not pg_has_role(r.reader, c.relowner, 'usage')) as partly) s
   where not s.allowed or s.partly
   limit 1;
  if found then
    if missing.allowed then
      raise exception 'role % may read only some rows of %: it has row-level security', quote_ident(missing.reader), missing.target
        using errcode = 'insufficient_privilege',
              hint = 'The connector reads tables whole. The pipeline can be made by the table''s owner, or by a role with BYPASSRLS.';
    end if;
    raise exception 'role % may not read %', quote_ident(missing.reader),
        case when missing.target = relation then relation::regclass::text else format('%s, which %s reads', missing.target, relation::regclass) end
      using errcode = 'insufficient_privilege',
            hint = format('A pipeline shows its owner what its views read, so he must be able to read that himself. Its owner can run: grant select on %s to %I.',
                          missing.target, missing.reader);
  end if;
end $$;

-- Every relation that a view reads, through views, and through the score tables of pipelines as far as their views: with the
-- names on the way.
create function millrace._reads(relation oid) returns table (oid oid, path text)
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
        cross join lateral (values (to_regclass(p.features)::oid), (to_regclass(p.labels)::oid)) v (oid)
        where to_regclass(p.score_table)::oid = r.oid and v.oid is not null) e
     where not e.oid = any (r.seen)
  )
  select r.oid, r.path from r;
end;

-- Types whose equal values always have the same text, so that a key's text is the key; families print alike.
create function millrace._key_family(type oid, typmod int) returns text
  language sql stable set search_path = pg_catalog
  return case
    when type in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then 'integer'
    when type in ('text'::regtype, 'varchar'::regtype) then 'text'
    when type in ('float4'::regtype, 'float8'::regtype, 'json'::regtype, 'jsonb'::regtype, 'interval'::regtype, 'timetz'::regtype) then null
    when type = 'numeric'::regtype and typmod = -1 then null
    else type::text end;

-- Kinds of model beside auto and none, and what each learns; a test holds them against the learners that there are.
create function millrace._model_kinds() returns table (kind text, place int, learns text[])
  language sql immutable set search_path = pg_catalog as $$
  select * from (values
    ('logistic', 1, array['binary']),
    ('linear', 2, array['regression']),
    ('passive_aggressive', 3, array['binary', 'regression']),
    ('quantile', 4, array['regression']),
    ('naive_bayes', 5, array['binary']),
    ('hoeffding_tree', 6, array['binary', 'regression']),
    ('hoeffding_adaptive_tree', 7, array['binary', 'regression']),
    ('adaptive_forest', 8, array['binary', 'regression'])) as known
$$;

-- Judges a definition, and fills in what follows from it. The trigger below runs it for every row that is written, whoever
-- writes it and however; create_pipeline runs it first, to fail before it makes anything.
create function millrace._checked(d millrace._pipelines) returns millrace._pipelines
  language plpgsql set search_path = pg_catalog as $$
declare
  features oid := to_regclass(format('%I.%I', d.features_schema, d.features_name));
  labels oid := case when d.labels_name is not null then to_regclass(format('%I.%I', d.labels_schema, d.labels_name)) end;
  kinds constant text[] := array['auto'] || (select array_agg(k.kind order by k.place) from millrace._model_kinds() k) || array['none'];
  -- Columns of the score table that are not the key's.
  taken constant text[] := array['score', 'prediction', 'outputs', 'explanation', 'model_version', 'event_time', 'scored_at', 'features',
    'label', 'labelled_at', 'measured_score', 'measured_features', 'measured_lsn', 'late', 'generation', 'partition', 'position_lsn', 'position_n'];
  kind text;
  columns text;
  col record;
  other record;
  k text;
begin
  perform millrace._check_view(features, format('%I.%I', d.features_schema, d.features_name), 'features');
  if d.labels_name is not null then
    perform millrace._check_view(labels, format('%I.%I', d.labels_schema, d.labels_name), 'labels');
  end if;
  select string_agg(quote_ident(attname), ', ' order by attnum) into columns
    from pg_attribute where attrelid = features and attnum > 0 and not attisdropped;

  -- The key.
  if json_array_length(d.key) = 0 then
    raise exception 'the key is empty' using hint = 'Name the columns that identify a row of the view, e.g. key => ''store_id, day''.';
  end if;
  for k in select value from json_array_elements_text(d.key) loop
    select atttypid, atttypmod into col from pg_attribute where attrelid = features and attname = k and attnum > 0 and not attisdropped;
    if not found then
      raise exception 'key column % is not a column of %', quote_ident(k), features::regclass
        using hint = format('Its columns are %s. The key must stand in the view: add it there, or name another.', columns);
    end if;
    if millrace._key_family(col.atttypid, col.atttypmod) is null then
      raise exception 'key column % is of type %, whose equal values can be written in several ways', quote_ident(k), format_type(col.atttypid, col.atttypmod)
        using hint = format('Cast it in the view, e.g. %s::bigint or %1$s::text.', quote_ident(k));
    end if;
    if k = any (taken) then
      raise exception 'key column % has the name of a column of the score table', quote_ident(k)
        using hint = format('Rename it in the view: %s as %s.', quote_ident(k), quote_ident(rtrim(d.name, '_') || '_' || k));
    end if;
  end loop;
  if (select count(distinct value) < count(*) from json_array_elements_text(d.key)) then
    raise exception 'the key % names a column twice', d.key using hint = 'Name each column once.';
  end if;

  -- Event time and clock.
  if d.event_time is not null then
    select atttypid into col from pg_attribute where attrelid = features and attname = d.event_time and attnum > 0 and not attisdropped;
    if not found then
      raise exception 'event_time column % is not a column of %', quote_ident(d.event_time), features::regclass
        using hint = format('Its columns are %s.', columns);
    end if;
    if col.atttypid not in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) then
      raise exception 'event_time column % is of type %, not a time', quote_ident(d.event_time), col.atttypid::regtype
        using hint = format('It must be timestamptz, timestamp or date. Of seconds since 1970 the view makes one by to_timestamp(%s).', quote_ident(d.event_time));
    end if;
  end if;
  if d.clock is null or d.clock not in ('commit', 'event_time') then
    raise exception 'clock is %, not ''commit'' or ''event_time''', coalesce(quote_literal(d.clock), 'NULL')
      using hint = '''commit'' follows the time of commits; ''event_time'' the greatest event time so far, for history that is replayed.';
  end if;
  if d.clock = 'event_time' and d.event_time is null then
    raise exception 'clock => ''event_time'' needs an event time' using hint = 'Name the view''s time column: event_time => ''created_at''.';
  end if;
  if d.backfill is null or d.backfill not in ('learn', 'state', 'none') then
    raise exception 'backfill is %, not ''learn'', ''state'' or ''none''', coalesce(quote_literal(d.backfill), 'NULL')
      using hint = '''learn'' scores and learns the rows that are there, ''state'' only counts them in windows, ''none'' starts with the next change.';
  end if;

  -- Durations. JavaScript counts microseconds exactly for 285 years.
  for col in select * from (values ('label_wait', d.label_wait_us), ('late_by', d.late_by_us), ('keep_scores_for', d.keep_scores_for_us)) v (name, us) loop
    if col.us < 0 or col.us > 100::bigint * 365 * 86400000000 then
      raise exception '% is out of range', col.name using hint = 'A duration is between 0 and 100 years, e.g. ''30 days''.';
    end if;
  end loop;
  if d.keep_scores_for_us = 0 then
    raise exception 'keep_scores_for is 0' using hint = 'Leave it out to keep scores for good.';
  end if;
  if d.keep_scores_for_us is not null and d.event_time is null then
    raise exception 'keep_scores_for needs event_time'
      using hint = 'A row is as old as its event time: event_time => ''created_at''. Leave keep_scores_for out to keep scores for good.';
  end if;

  -- The model.
  if json_typeof(d.model) <> 'object' then
    raise exception 'model is not a JSON object' using hint = 'For example model => ''{"kind": "logistic"}''.';
  end if;
  kind := d.model ->> 'kind';
  if kind is null or json_typeof(d.model -> 'kind') <> 'string' or kind <> all (kinds) then
    raise exception 'model kind % is not known', coalesce(quote_literal(kind), 'NULL')
      using hint = format('Known kinds are %s.', array_to_string(kinds, ', '));
  end if;

  -- Labels.
  if d.labels_name is null then
    if kind <> 'none' then
      raise exception 'model kind % needs labels', quote_literal(kind)
        using hint = 'Pass labels => ''a_view'' that gives the key and a column "label" once the truth is known; or model => ''{"kind": "none"}'' for a live feature table.';
    end if;
    if d.label_wait_us is not null or d.label_default is not null then
      raise exception '% needs labels', case when d.label_default is null then 'label_wait' else 'label_default' end
        using hint = 'Pass labels => ''a_view'' that gives the key and a column "label".';
    end if;
  else
    d := millrace._checked_labels(d, features, labels, kind);
  end if;

  -- No feedback loop, through any chain of views and pipelines.
  for other in
    select r.path from unnest(array_remove(array[features, labels], null)) v (oid) cross join lateral millrace._reads(v.oid) r
     where r.oid = to_regclass(format('%I.%I', d.score_schema, d.score_name))
  loop
    raise exception 'the pipeline would feed on its own scores: %', other.path
      using hint = 'A score table may feed other pipelines, never, through any chain, its own.';
  end loop;

  for col in select t.value ->> 0 as schema, t.value ->> 1 as name from json_array_elements(d.also_on) t loop
    if not exists (select from millrace._reads(features) r where r.oid = to_regclass(format('%I.%I', col.schema, col.name))) then
      raise exception 'also_on names %, which % does not read', format('%I.%I', col.schema, col.name), features::regclass
        using hint = 'also_on lists tables that the view joins, and whose changes are to compute the joined rows again.';
    end if;
  end loop;
  if octet_length(d.model::text) > 1500 or octet_length(d.alert_when) > 1000 or octet_length(d.key::text) > 1500 or octet_length(d.also_on::text) > 1500 then
    raise exception 'model, alert_when, key or also_on is too long' using hint = 'model, key and also_on take 1,500 bytes each, alert_when 1,000.';
  end if;
  return d;
end $$;

create function millrace._check_view(relation oid, asked text, role text) returns void
  language plpgsql set search_path = pg_catalog as $$
declare
  relkind "char" := (select c.relkind from pg_class c where c.oid = relation);
begin
  if relation is null then
    raise exception '% view % does not exist', role, asked using errcode = 'undefined_table', hint = millrace._did_you_mean(asked, role);
  end if;
  if relkind <> 'v' then
    raise exception '% is not a view', relation::regclass
      using errcode = 'wrong_object_type',
            hint = format('Make one, with the columns that are to be %s: create view %s as select … from %s.', role,
                          quote_ident((select relname from pg_class where oid = relation) || '_' || role), relation::regclass);
  end if;
  perform millrace._check_readable((select oid from pg_roles where rolname = current_user), relation);
  -- And Postgres's own word for it, which costs nothing: the planner stops at the limit.
  execute format('select from %s limit 0', relation::regclass);
end $$;

create function millrace._did_you_mean(asked text, role text) returns text
  language sql stable set search_path = pg_catalog
  return coalesce(
    (select format('Did you mean %I.%I?', n.nspname, c.relname)
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'v' and n.nspname not in ('pg_catalog', 'information_schema', 'millrace')
        and millrace._similarity(c.relname, regexp_replace(asked, '^.*\.', '')) > 0.3
      order by millrace._similarity(c.relname, regexp_replace(asked, '^.*\.', '')) desc, 1 limit 1),
    format('Create the view first, or name its schema if it is not on your search_path: %s => ''a_schema.a_view''.', role));

create function millrace._checked_labels(d millrace._pipelines, features oid, labels oid, kind text) returns millrace._pipelines
  language plpgsql set search_path = pg_catalog as $$
declare
  k text;
  col record;
  own record;
  task text;
begin
  for k in select value from json_array_elements_text(d.key) loop
    select atttypid, atttypmod into col from pg_attribute where attrelid = labels and attname = k and attnum > 0 and not attisdropped;
    if not found then
      raise exception 'label view % has no column %, which is part of the key', labels::regclass, quote_ident(k)
        using hint = format('Give it the key''s columns by the same names, e.g. payment_id as %s.', quote_ident(k));
    end if;
    select atttypid, atttypmod into own from pg_attribute where attrelid = features and attname = k and attnum > 0 and not attisdropped;
    if millrace._key_family(col.atttypid, col.atttypmod) is distinct from millrace._key_family(own.atttypid, own.atttypmod) then
      raise exception 'key column % is % in % and % in %', quote_ident(k), format_type(own.atttypid, own.atttypmod), features::regclass,
          format_type(col.atttypid, col.atttypmod), labels::regclass
        using hint = 'Cast it in one of the views, so that both have the same type.';
    end if;
  end loop;

  select atttypid, atttypmod into col from pg_attribute where attrelid = labels and attname = 'label' and attnum > 0 and not attisdropped;
  if not found then
    raise exception 'label view % has no column "label"', labels::regclass
      using hint = 'The column that holds the truth must have that name, e.g. true as label.';
  end if;
  task := case when col.atttypid = 'bool'::regtype then 'binary'
               when col.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'float4'::regtype, 'float8'::regtype, 'numeric'::regtype) then 'regression' end;
  if kind <> 'none' and task is null then
    raise exception 'label is of type %; a model learns a boolean or a number', format_type(col.atttypid, col.atttypmod)
      using hint = 'Make it one in the view, e.g. (status = ''fraud'') as label; or model => ''{"kind": "none"}''.';
  end if;
  if exists (select from millrace._model_kinds() k where k.kind = $4 and not task = any(k.learns)) then
    if task = 'regression' then
      raise exception 'model kind % learns a boolean, and label is of type %', quote_literal(kind), format_type(col.atttypid, col.atttypmod)
        using hint = 'Make it a boolean in the view, e.g. (label = 1) as label; or use kind ''linear''.';
    else
      raise exception 'model kind % learns a number, and label is boolean', quote_literal(kind)
        using hint = 'Use kind ''logistic'', or make label a number in the view.';
    end if;
  end if;

  if d.label_default is not null then
    if d.event_time is null or d.label_wait_us is null then
      raise exception 'label_default needs %', case when d.event_time is null then 'event_time' else 'label_wait' end
        using hint = 'A row without a label gets the default when its event time is label_wait ago: event_time => ''created_at'', label_wait => ''30 days''.';
    end if;
    begin
      execute format('select (%L::%s)::text', d.label_default, format_type(col.atttypid, col.atttypmod)) into d.label_default;
    exception when others then
      raise exception 'label_default % is not a value of label''s type, %', quote_literal(d.label_default), format_type(col.atttypid, col.atttypmod)
        using hint = case task when 'binary' then 'For a boolean label it is ''true'' or ''false''.' when 'regression' then 'For a number it is, for example, ''0''.' end;
    end;
  end if;

  for col in select attname, atttypid from pg_attribute
              where attrelid = labels and attname in ('label_at', 'weight') and attnum > 0 and not attisdropped loop
    if col.attname = 'label_at' and col.atttypid not in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) then
      raise exception 'label_at is of type %, not a time', col.atttypid::regtype using hint = 'It must be timestamptz, timestamp or date: when the label became known.';
    end if;
    if col.attname = 'weight' and col.atttypid not in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'float4'::regtype, 'float8'::regtype, 'numeric'::regtype) then
      raise exception 'weight is of type %, not a number', col.atttypid::regtype using hint = 'It is the importance of the example; 1 where there is no such column.';
    end if;
  end loop;
  return d;
end $$;

-- Every write to a definition comes through here, in the name of the role that writes.
create function millrace._guard_pipeline() returns trigger
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
    if exists (select from millrace.pipelines p where to_regclass(p.score_table) = score) then
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

create trigger guard before insert or update on millrace._pipelines
  for each row execute function millrace._guard_pipeline();

-- Only wakes: what changed, and when it takes effect, is in the WAL.
create function millrace._wake() returns trigger
  language plpgsql set search_path = pg_catalog as $$
begin
  perform pg_notify('millrace', '');
  return null;
end $$;

create trigger wake after insert or update or delete on millrace._pipelines
  for each statement execute function millrace._wake();

-- The columns that identify a row of the view's one table, where the view shows them by their own names.
create function millrace._default_key(features oid) returns text[]
  language plpgsql stable set search_path = pg_catalog as $$
declare
  tables oid[] := array(
    select distinct d.refobjid
      from pg_rewrite w
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
     where w.ev_class = features and w.ev_type = '1' and d.refobjid <> features);
  names text[];
begin
  if cardinality(tables) <> 1 then
    raise exception 'key is required, since % reads % relations', features::regclass, cardinality(tables)
      using hint = 'Name the columns of the view that identify a row of its first table, e.g. key => ''id''.';
  end if;
  select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) into names
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
   where i.indrelid = tables[1] and i.indisprimary;
  if names is null then
    raise exception 'key is required, since % has no primary key', tables[1]::regclass
      using hint = 'Name the columns of the view that identify a row of it, e.g. key => ''id''; the table needs them as its replica identity.';
  end if;
  if exists (select from unnest(names) k (name)
              where not exists (select from pg_attribute a where a.attrelid = features and a.attname = k.name and a.attnum > 0)) then
    raise exception 'key is required, since % does not show the primary key (%) of %', features::regclass, array_to_string(names, ', '), tables[1]::regclass
      using hint = 'Add these columns to the view; or, if it shows them by other names, name those.';
  end if;
  return names;
end $$;

create function millrace._create_score_table(d millrace._pipelines) returns void
  language plpgsql set search_path = pg_catalog as $$
declare
  features oid := to_regclass(format('%I.%I', d.features_schema, d.features_name));
  scores text := format('%I.%I', d.score_schema, d.score_name);
  examples text := format('%I.%I', d.score_schema, d.name || '_examples');
  service name := millrace._service();
  kept boolean;
  name text;
  columns text;
  keys text;
  time_type text := 'timestamptz';
begin
  foreach name in array array[scores, examples] loop
    if to_regclass(name) is not null then
      kept := coalesce(obj_description(to_regclass(name), 'pg_class') ~ '^Millrace: ', false);
      raise exception 'relation % exists', name
        using errcode = 'duplicate_table',
              hint = case when kept then 'It was kept when its pipeline was dropped: rename it, drop it (drop table … cascade), or pass score_table => ''another_name'' and another pipeline name.'
                          else 'Rename it, or pass score_table => ''another_name'' (for … _examples: another pipeline name).' end;
    end if;
  end loop;
  if not has_schema_privilege(d.score_schema, 'create') then
    raise exception 'you (role %) may not create tables in schema %', current_user, quote_ident(d.score_schema)
      using errcode = 'insufficient_privilege', hint = format('Pass score_table => ''a_schema.%s'', a schema where you may; or ask for create on this one.', d.score_name);
  end if;
  if not has_schema_privilege(service, d.score_schema, 'usage') then
    raise exception 'the role % that writes scores may not use schema %', quote_ident(service), quote_ident(d.score_schema)
      using errcode = 'insufficient_privilege', hint = format('Run: grant usage on schema %I to %I', d.score_schema, service);
  end if;

  select string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                           case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::regcollation else '' end), ', ' order by k.n),
         string_agg(quote_ident(a.attname), ', ' order by k.n)
    into columns, keys
    from json_array_elements_text(d.key) with ordinality k (name, n)
    join pg_attribute a on a.attrelid = features and a.attname = k.name and a.attnum > 0
    join pg_type t on t.oid = a.atttypid;
  if d.event_time is not null then
    select format_type(atttypid, atttypmod) into time_type from pg_attribute where attrelid = features and attname = d.event_time and attnum > 0;
  end if;

  -- A row is updated when its label comes and when it is scored again; no index but the key and the time, and room on the page,
  -- so that updates stay in it (HOT): a batch sets the labels of whole pages in one transaction, so where there are labels half of
  -- the page is left for the second version of each row. Features stay inline and as they are while a row is below 2 kB, then are compressed.
  execute format($ddl$
    create table %s (%s,
      score float8, prediction text, outputs jsonb, explanation json, model_version bigint,
      event_time %s, scored_at timestamptz not null default now(), features json,
      label text, labelled_at timestamptz, measured_score float8, measured_features json, measured_lsn pg_lsn,
      late boolean not null default false,
      generation int not null, partition int not null, position_lsn pg_lsn not null, position_n int8 not null,
      primary key (%s)) with (fillfactor = %s)$ddl$, scores, columns, time_type, keys, case when d.labels_name is null then 85 else 50 end);
  execute format('create index on %s (event_time)', scores);
  execute format('create view %s as select %s, event_time, coalesce(measured_features, features) as features, label, measured_score, labelled_at from %s where label is not null',
                 examples, keys, scores);

  execute format('comment on table %s is %L', scores, format('Millrace: scores of the pipeline %s, written by `millrace sink`.', d.name));
  execute format('comment on view %s is %L', examples, format('Millrace: the training set of the pipeline %s, as it was learned.', d.name));
  for name, columns in values
    ('score', 'Probability of true, or the predicted value. NULL where there is no model.'),
    ('prediction', 'The predicted class or value, as text.'),
    ('outputs', 'By class, quantile or horizon.'),
    ('explanation', 'What moved the score most: feature, value, contribution.'),
    ('model_version', 'Last saved version of the model that gave the score (millrace.models).'),
    ('event_time', coalesce(quote_ident(d.event_time) || ' of the view.', 'Always NULL: the pipeline has no event_time.')),
    ('scored_at', 'When the sink wrote the score.'),
    ('features', 'The view''s columns that were scored, as to_json prints them.'),
    ('label', 'The truth as text, or label_default once label_wait was over.'),
    ('labelled_at', 'When the label became known.'),
    ('measured_score', 'The score that stood when the label came: quality is measured on it.'),
    ('measured_features', 'The features behind measured_score, where the row was scored again since.'),
    ('measured_lsn', 'Commit of the change behind measured_score.'),
    ('late', 'Computed from what was still kept, as the row came later than late_by allows.'),
    ('generation', 'Generation of the pipeline (it counts rebuilds).'),
    ('partition', 'Partition of the topic that the row came through.'),
    ('position_lsn', 'Commit of the change behind the score; 0/0 for rows that were there at the start.'),
    ('position_n', 'Number of the record in its transaction.')
  loop
    execute format('comment on column %s.%I is %L', scores, name, columns);
  end loop;

  if service <> current_user then
    execute format('grant select, insert, update, delete, truncate on %s to %I', scores, service);
    execute format('grant select on %s to %I', examples, service);
  end if;
end $$;

create function millrace._create_pipeline(
  name text, features_asked text, features oid, key text, event_time text, labels_asked text, labels oid, label_wait interval,
  label_default text, model jsonb, alert_when text, score_table text, backfill text, also_asked text[], also_on oid[], clock text,
  late_by interval, append_only boolean, keep_scores_for interval, if_not_exists boolean
) returns bigint
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  d millrace._pipelines;
  existing bigint;
  parts text[];
begin
  if name is null or name !~ '^[a-z_][a-z0-9_]{0,47}$' then
    raise exception 'pipeline name % is not valid', coalesce(quote_literal(name), 'NULL')
      using hint = 'Use up to 48 of a-z, 0-9 and _, beginning with a letter or _: tables are named after it.';
  end if;
  select p.id into existing from millrace.pipelines p where p.name = name;
  if existing is not null then
    if if_not_exists then
      raise notice 'pipeline % exists, left as it is', quote_ident(name);
      return existing;
    end if;
    raise exception 'pipeline % exists', quote_ident(name)
      using errcode = 'duplicate_object',
            hint = format('Change it with millrace.alter_pipeline(%L, …), drop it with millrace.drop_pipeline(%1$L), or pass if_not_exists => true.', name);
  end if;

  perform millrace._check_view(features, coalesce(features_asked, 'NULL'), 'features');
  select n.nspname, c.relname into d.features_schema, d.features_name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = features;
  if labels_asked is not null then
    perform millrace._check_view(labels, labels_asked, 'labels');
    select n.nspname, c.relname into d.labels_schema, d.labels_name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = labels;
  end if;
  for i in 1 .. coalesce(cardinality(also_on), 0) loop
    if also_on[i] is null then
      raise exception 'also_on names %, which does not exist', also_asked[i] using errcode = 'undefined_table', hint = 'also_on lists tables that the view joins.';
    end if;
  end loop;

  d.name := name;
  d.key := to_json(coalesce(millrace._names(key), millrace._default_key(features)));
  d.event_time := (millrace._names(event_time))[1];
  d.label_wait_us := millrace._microseconds(label_wait);
  d.label_default := label_default;
  -- Without labels there is nothing to learn: a live feature table.
  d.model := case when model is null and labels_asked is null then '{"kind": "none"}'::jsonb
                  when model is null then '{"kind": "auto"}'::jsonb
                  when jsonb_typeof(model) = 'object' and not model ? 'kind' then model || '{"kind": "auto"}'::jsonb
                  else model end;
  d.alert_when := nullif(btrim(alert_when), '');
  parts := case when score_table is null then array[d.features_schema, name || '_scores'] else millrace._qualified(score_table, d.features_schema) end;
  d.score_schema := parts[1];
  d.score_name := parts[2];
  d.backfill := backfill;
  d.also_on := (select coalesce(json_agg(json_build_array(n.nspname, c.relname) order by t.i), '[]')
                  from unnest(also_on) with ordinality t (oid, i) join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace);
  d.clock := clock;
  d.late_by_us := coalesce(millrace._microseconds(late_by), 86400000000);
  d.append_only := coalesce(append_only, false);
  d.keep_scores_for_us := millrace._microseconds(keep_scores_for);
  d.timezone := current_setting('timezone');
  d := millrace._checked(d);
  perform millrace._create_score_table(d);

  insert into millrace._pipelines (name, features_schema, features_name, labels_schema, labels_name, key, event_time, label_wait_us,
      label_default, model, alert_when, score_schema, score_name, backfill, also_on, clock, late_by_us, append_only, keep_scores_for_us,
      timezone, owner, owner_id)
    values (d.name, d.features_schema, d.features_name, d.labels_schema, d.labels_name, d.key, d.event_time, d.label_wait_us,
      d.label_default, d.model, d.alert_when, d.score_schema, d.score_name, d.backfill, d.also_on, d.clock, d.late_by_us, d.append_only,
      d.keep_scores_for_us, d.timezone, current_user, 0)
    returning id into existing;
  return existing;
end $$;

create function millrace._qualified(name text, default_schema text) returns text[]
  language plpgsql immutable strict set search_path = pg_catalog as $$
declare
  parts text[];
begin
  begin
    parts := parse_ident(name);
  exception when others then
    parts := null;
  end;
  if parts is null or cardinality(parts) > 2 then
    raise exception 'score_table % is not the name of a table', quote_literal(name) using hint = 'For example ''fraud_scores'' or ''ml.fraud_scores''.';
  end if;
  parts := case when cardinality(parts) = 1 then default_schema || parts else parts end;
  if to_regnamespace(quote_ident(parts[1])) is null then
    raise exception 'schema % does not exist', quote_ident(parts[1]) using hint = format('Create it (create schema %I), or choose another score_table.', parts[1]);
  end if;
  return parts;
end $$;

create function millrace.create_pipeline(
  name text, features text, key text default null, event_time text default null, labels text default null, label_wait interval default null,
  label_default text default null, model jsonb default null, alert_when text default null, score_table text default null,
  backfill text default 'learn', also_on text[] default null, clock text default 'commit', late_by interval default '1 day',
  append_only boolean default false, keep_scores_for interval default null, if_not_exists boolean default false
) returns bigint
  language plpgsql as $$
declare
  tables pg_catalog.oid[];
  asked text;
begin
  foreach asked in array coalesce(also_on, '{}') loop
    tables := pg_catalog.array_append(tables, millrace._find(asked));
  end loop;
  return millrace._create_pipeline(name, features, millrace._find(features), key, event_time, labels, millrace._find(labels), label_wait,
    label_default, model, alert_when, score_table, backfill, also_on, tables, clock, late_by, append_only, keep_scores_for, if_not_exists);
end $$;
comment on function millrace.create_pipeline is
  'Puts a model on a view: millrace.create_pipeline(''fraud'', features => ''fraud_features'', key => ''id'', labels => ''fraud_labels''). Returns the pipeline''s id; follow it in millrace.status.';

-- The id of a pipeline that the caller owns.
create function millrace._own(name text) returns bigint
  language plpgsql stable set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  p millrace.pipelines;
begin
  select x.* into p from millrace.pipelines x where x.name = name;
  if p.id is null then
    raise exception 'there is no pipeline %', coalesce(quote_literal(name), 'NULL')
      using errcode = 'undefined_object',
            hint = coalesce((select 'Pipelines are: ' || string_agg(x.name, ', ' order by x.name) || '.' from millrace.pipelines x),
                            'There is none at all: create one with millrace.create_pipeline.');
  end if;
  if not exists (select from millrace._pipelines x where x.id = p.id and pg_has_role(x.owner_id, 'usage')) then
    raise exception 'pipeline % belongs to role %', quote_ident(name), quote_ident(p.owner)
      using errcode = 'insufficient_privilege', hint = format('Only its owner changes it: set role %I, or become a member of it.', p.owner);
  end if;
  return p.id;
end $$;

create function millrace._alter_pipeline(
  name text, features_asked text, features oid, labels_asked text, labels oid, label_wait interval, label_default text, model jsonb,
  alert_when text, keep_scores_for interval
) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  p millrace._pipelines;
  rekinded boolean := false;
begin
  if coalesce(features_asked, labels_asked, label_wait::text, label_default, model::text, alert_when, keep_scores_for::text) is null then
    raise exception 'nothing to change' using hint = 'Pass what changes, e.g. alert_when => ''score > 0.95''.';
  end if;
  select x.* into p from millrace._pipelines x where x.id = millrace._own(name) for update;
  if features_asked is not null then
    perform millrace._check_view(features, features_asked, 'features');
    select n.nspname, c.relname into p.features_schema, p.features_name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = features;
  end if;
  if labels_asked is not null then
    perform millrace._check_view(labels, labels_asked, 'labels');
    select n.nspname, c.relname into p.labels_schema, p.labels_name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = labels;
  end if;
  if model is not null then
    if jsonb_typeof(model) <> 'object' then
      raise exception 'model is not a JSON object' using hint = 'For example model => ''{"l2": 0.01}''.';
    end if;
    model := jsonb_build_object('kind', p.model ->> 'kind') || model;
    rekinded := model ->> 'kind' is distinct from p.model ->> 'kind';
  end if;
  update millrace._pipelines x set
      features_schema = p.features_schema, features_name = p.features_name, labels_schema = p.labels_schema, labels_name = p.labels_name,
      label_wait_us = coalesce(millrace._microseconds(label_wait), p.label_wait_us),
      label_default = nullif(coalesce(label_default, p.label_default), ''),
      model = coalesce(model::json, p.model),
      alert_when = nullif(btrim(coalesce(alert_when, p.alert_when)), ''),
      keep_scores_for_us = coalesce(millrace._microseconds(keep_scores_for), p.keep_scores_for_us)
    where x.id = p.id;
  if features_asked is not null or labels_asked is not null then
    raise notice 'the new views take effect at the next rebuild: select millrace.rebuild(%)', quote_literal(name);
  end if;
  if rekinded then
    raise notice 'kind % takes the place of a model of another kind at the next rebuild: select millrace.rebuild(%)',
      quote_literal(model ->> 'kind'), quote_literal(name);
  end if;
end $$;

create function millrace.alter_pipeline(
  name text, features text default null, labels text default null, label_wait interval default null, label_default text default null,
  model jsonb default null, alert_when text default null, keep_scores_for interval default null
) returns void
  language plpgsql as $$
begin
  perform millrace._alter_pipeline(name, features, millrace._find(features), labels, millrace._find(labels), label_wait, label_default,
    model, alert_when, keep_scores_for);
end $$;
comment on function millrace.alter_pipeline is
  'Changes what needs no rebuild; NULL leaves a thing as it is, an empty alert_when or label_default takes it away. New views, and a model of another kind, take effect at the next rebuild. model replaces all options; without a kind it keeps that.';

create function millrace.drop_pipeline(name text, keep_scores boolean default true) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  p millrace._pipelines;
begin
  update millrace._pipelines x set desired = 'dropped' where x.id = millrace._own(name) returning x.* into p;
  if not keep_scores then
    execute format('drop view if exists %I.%I', p.score_schema, p.name || '_examples');
    execute format('drop table if exists %I.%I', p.score_schema, p.score_name);
  end if;
end $$;
comment on function millrace.drop_pipeline is
  'Drops a pipeline; its name is free at once. Connector and sink remove topic and state. keep_scores => false drops the score table too.';

create function millrace.pause(name text) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
begin
  update millrace._pipelines x set desired = 'paused' where x.id = millrace._own(name);
end $$;
comment on function millrace.pause is 'Stops a pipeline until millrace.resume. Meanwhile Postgres keeps the WAL that it will need: watch millrace.status.';

create function millrace.resume(name text) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
begin
  update millrace._pipelines x set desired = 'running' where x.id = millrace._own(name);
end $$;
comment on function millrace.resume is 'Lets a paused pipeline go on where it stopped.';

create function millrace.rebuild(name text) returns int
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  started int;
begin
  update millrace._pipelines x set generation = x.generation + 1, desired = 'running' where x.id = millrace._own(name)
    returning x.generation into started;
  return started;
end $$;
comment on function millrace.rebuild is 'Starts a pipeline over from the tables as they are, with its views as they are now. Returns the new generation.';

-- What the functions above write in the caller's name; row-level security and the guard judge it.
grant select, insert, update on millrace._pipelines to public;
