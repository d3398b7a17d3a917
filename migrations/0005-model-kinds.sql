-- What a pipeline's model may be: kinds and the labels they learn, classes and anomalies among them. The judge of a definition is
-- cut into a function for each part of it, so that a later migration replaces only what it changes.

-- What a model says beside score and prediction may be needed after the row was scored again: its quality was measured on it.
alter table millrace._labels add column measured_answer json;
comment on column millrace._labels.measured_answer is 'Prediction, outputs and segment behind measured_score, where the score does not say it all.';
alter table millrace._outcomes add column answers text[];
comment on column millrace._outcomes.answers is 'By outcome prediction, outputs and segment as JSON; NULL: none has any.';
do $$
declare
  p record;
begin
  for p in select schema.nspname, score.relname from millrace._pipelines d
             join pg_catalog.pg_namespace schema on schema.nspname = d.score_schema
             join pg_catalog.pg_class score on score.relnamespace = schema.oid and score.relname = d.score_name where d.desired <> 'dropped' loop
    execute format('alter table %I.%I add column if not exists measured_answer json', p.nspname, p.relname);
  end loop;
exception when insufficient_privilege then
  raise exception 'score table %.% cannot get its new column: %', p.nspname, p.relname, sqlerrm
    using hint = 'Run `millrace migrate` as a role that is a member of the score tables'' owners, or as a superuser.';
end $$;
-- NULL: a row that arrived, learned without a label.
comment on column millrace._examples.labels is 'NULL: a row as it arrived, for what learns without labels.';

-- Kinds of model beside auto and none, and what each learns; a test holds them against the learners that there are.
create or replace function millrace._model_kinds() returns table (kind text, place int, learns text[])
  language sql immutable set search_path = pg_catalog as $$
  select * from (values
    ('logistic', 1, array['binary']),
    ('linear', 2, array['regression']),
    ('softmax', 3, array['multiclass']),
    ('passive_aggressive', 4, array['binary', 'regression']),
    ('quantile', 5, array['regression']),
    ('naive_bayes', 6, array['binary', 'multiclass']),
    ('hoeffding_tree', 7, array['binary', 'multiclass', 'regression']),
    ('hoeffding_adaptive_tree', 8, array['binary', 'multiclass', 'regression']),
    ('adaptive_forest', 9, array['binary', 'multiclass', 'regression']),
    ('factorization', 10, array['binary', 'regression']),
    ('holt_winters', 11, array['regression']),
    ('neural', 12, array['binary', 'multiclass', 'regression']),
    ('autoregression', 13, array['regression']),
    ('mondrian_forest', 14, array['binary', 'multiclass', 'regression']),
    ('half_space_trees', 15, array['anomaly']),
    ('gaussian_scorer', 16, array['anomaly']),
    ('tensorflow', 17, array['binary', 'multiclass', 'regression'])) as known
$$;

-- What a label of a type can be learned as, the usual one first. A boolean also measures what learns without labels.
create function millrace._label_tasks(type oid) returns text[]
  language sql stable set search_path = pg_catalog
  return case
    when type = 'bool'::regtype then array['binary', 'anomaly']
    when type in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then array['regression', 'multiclass']
    when type in ('float4'::regtype, 'float8'::regtype, 'numeric'::regtype) then array['regression']
    when type in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype, '"char"'::regtype)
      or (select t.typtype = 'e' from pg_type t where t.oid = type) then array['multiclass'] end;

-- Judges a definition, and fills in what follows from it. The trigger of _pipelines runs it for every row that is written.
create or replace function millrace._checked(d millrace._pipelines) returns millrace._pipelines
  language plpgsql set search_path = pg_catalog as $$
declare
  features oid := to_regclass(format('%I.%I', d.features_schema, d.features_name));
  labels oid := case when d.labels_name is not null then to_regclass(format('%I.%I', d.labels_schema, d.labels_name)) end;
  col record;
  other record;
begin
  perform millrace._check_view(features, format('%I.%I', d.features_schema, d.features_name), 'features');
  if d.labels_name is not null then
    perform millrace._check_view(labels, format('%I.%I', d.labels_schema, d.labels_name), 'labels');
  end if;
  perform millrace._check_key(d, features);
  perform millrace._check_times(d, features);
  perform millrace._check_model(d);
  d := millrace._checked_labels(d, features, labels, d.model ->> 'kind');

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

create function millrace._check_key(d millrace._pipelines, features oid) returns void
  language plpgsql set search_path = pg_catalog as $$
declare
  -- Columns of the score table that are not the key's.
  taken constant text[] := array['score', 'prediction', 'outputs', 'explanation', 'model_version', 'event_time', 'scored_at', 'features',
    'label', 'labelled_at', 'measured_score', 'measured_features', 'measured_lsn', 'measured_answer', 'late', 'generation', 'partition', 'position_lsn', 'position_n'];
  columns text := (select string_agg(quote_ident(attname), ', ' order by attnum)
                     from pg_attribute where attrelid = features and attnum > 0 and not attisdropped);
  col record;
  k text;
begin
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
end $$;

create function millrace._check_times(d millrace._pipelines, features oid) returns void
  language plpgsql set search_path = pg_catalog as $$
declare
  columns text := (select string_agg(quote_ident(attname), ', ' order by attnum)
                     from pg_attribute where attrelid = features and attnum > 0 and not attisdropped);
  col record;
begin
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
end $$;

create function millrace._check_model(d millrace._pipelines) returns void
  language plpgsql set search_path = pg_catalog as $$
declare
  kinds constant text[] := array['auto'] || (select array_agg(k.kind order by k.place) from millrace._model_kinds() k) || array['none'];
  kind text;
begin
  if json_typeof(d.model) <> 'object' then
    raise exception 'model is not a JSON object' using hint = 'For example model => ''{"kind": "logistic"}''.';
  end if;
  kind := d.model ->> 'kind';
  if kind is null or json_typeof(d.model -> 'kind') <> 'string' or kind <> all (kinds) then
    raise exception 'model kind % is not known', coalesce(quote_literal(kind), 'NULL')
      using hint = format('Known kinds are %s.', array_to_string(kinds, ', '));
  end if;
end $$;

create or replace function millrace._checked_labels(d millrace._pipelines, features oid, labels oid, kind text) returns millrace._pipelines
  language plpgsql set search_path = pg_catalog as $$
declare
  k text;
  col record;
  own record;
  tasks text[];
  learns text[] := (select k.learns from millrace._model_kinds() k where k.kind = $4);
begin
  if labels is null then
    if kind not in ('none', 'auto') and not 'anomaly' = any(learns) then
      raise exception 'model kind % needs labels', quote_literal(kind)
        using hint = 'Pass labels => ''a_view'' that gives the key and a column "label" once the truth is known; or model => ''{"kind": "none"}'' for a live feature table.';
    end if;
    if d.label_wait_us is not null or d.label_default is not null then
      raise exception '% needs labels', case when d.label_default is null then 'label_wait' else 'label_default' end
        using hint = 'Pass labels => ''a_view'' that gives the key and a column "label".';
    end if;
    return d;
  end if;
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
  tasks := millrace._label_tasks(col.atttypid);
  if kind <> 'none' and tasks is null then
    raise exception 'label is of type %; a model learns a boolean, a number or a text', format_type(col.atttypid, col.atttypmod)
      using hint = 'Make it one in the view, e.g. (status = ''fraud'') as label; or model => ''{"kind": "none"}''.';
  end if;
  if learns is not null and not learns && tasks then
    if learns = array['anomaly'] then
      raise exception 'model kind % learns without labels; one that measures it is boolean, and this is of type %', quote_literal(kind), format_type(col.atttypid, col.atttypmod)
        using hint = 'Make it a boolean in the view, e.g. (label = 1) as label, or leave labels out.';
    end if;
    raise exception 'model kind % learns %, and label is of type %', quote_literal(kind),
        (select string_agg(w.word, ' or ' order by w.place) from (values ('binary', 1, 'a boolean'), ('regression', 2, 'a number'), ('multiclass', 3, 'a text or an integer')) w (task, place, word)
          where w.task = any (learns)), format_type(col.atttypid, col.atttypmod)
      using hint = case tasks[1] when 'binary' then 'Use kind ''logistic'', or make label what this kind learns.'
                                 when 'regression' then 'Make it a boolean in the view, e.g. (label = 1) as label; or use kind ''linear''.'
                                 else 'Use kind ''softmax'', or make label what this kind learns, e.g. (label = ''x'') as label.' end;
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
        using hint = case tasks[1] when 'binary' then 'For a boolean label it is ''true'' or ''false''.' when 'regression' then 'For a number it is, for example, ''0''.' end;
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

create or replace function millrace._create_score_table(d millrace._pipelines) returns void
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
      label text, labelled_at timestamptz, measured_score float8, measured_features json, measured_answer json, measured_lsn pg_lsn,
      late boolean not null default false,
      generation int not null, partition int not null, position_lsn pg_lsn not null, position_n int8 not null,
      primary key (%s)) with (fillfactor = %s)$ddl$, scores, columns, time_type, keys, case when d.labels_name is null then 85 else 50 end);
  execute format('create index on %s (event_time)', scores);
  execute format('create view %s as select %s, event_time, coalesce(measured_features, features) as features, label, measured_score, labelled_at from %s where label is not null',
                 examples, keys, scores);

  execute format('comment on table %s is %L', scores, format('Millrace: scores of the pipeline %s, written by `millrace sink`.', d.name));
  execute format('comment on view %s is %L', examples, format('Millrace: the training set of the pipeline %s, as it was learned.', d.name));
  for name, columns in values
    ('score', 'Probability of true or of the predicted class, the predicted value, or how rare (0 to 1) an anomaly is. NULL where there is no model.'),
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
    ('measured_answer', 'Prediction, outputs and segment behind measured_score, where the row was scored again since.'),
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
