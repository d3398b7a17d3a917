-- Retraining: another model is trained on the examples that the score table keeps, and takes the serving one's place where it does
-- better on those that come. The command stands in the definition's row, as a promotion does (0007).

-- NULL: saved before they were.
alter table millrace._models add column options json;
comment on column millrace._models.options is 'Options of the model, and those that were asked for where a retraining has put these in their place.';

create table millrace._retrainings (
  pipeline_id bigint not null,
  generation int not null,
  -- Revision of the definition that asked for it.
  command bigint not null,
  model json not null,
  patience bigint not null,
  -- Stored examples that it is trained on, and those that it has learned.
  examples bigint not null default 0,
  trained bigint not null default 0,
  -- What the training came to, of so many examples: not thrown away by a restart.
  kept bigint not null default 0,
  state bytea,
  judged bigint not null default 0,
  loss float8,
  serving_loss float8,
  ended text check (ended in ('promoted', 'dropped', 'cancelled', 'refused', 'failed')),
  reason text,
  version bigint,
  began_at timestamptz,
  ended_at timestamptz,
  primary key (pipeline_id, generation, command)
);
alter table millrace._retrainings alter column state set storage external;
comment on table millrace._retrainings is 'Private: see the view millrace.retrainings.';

-- As the score table had them when it was asked: a row that is scored again meanwhile, or expires, changes nothing of it.
create table millrace._retraining_examples (
  pipeline_id bigint not null,
  generation int not null,
  command bigint not null,
  -- Number of its first example.
  first bigint not null,
  features text[] not null,
  labels text[] not null,
  weights float8[] not null,
  primary key (pipeline_id, generation, command, first)
);
alter table millrace._retraining_examples alter column features set storage external;
comment on table millrace._retraining_examples is 'Private: what a retraining learns; deleted as far as it has, and at its end.';

create or replace view millrace.models as
  select p.name as pipeline, m.version, m.kind, m.examples,
         case when pg_has_role(p.owner_id, 'usage') then m.metrics::jsonb
              else m.metrics::jsonb - array(select k.name from json_object_keys(m.metrics) k (name) where k.name like '% f1:%') end as metrics,
         m.serving, m.reason, m.saved_at,
         octet_length(m.state) as bytes, m.race::jsonb as race, m.options::jsonb -> 'model' as options,
         nullif(m.options::jsonb -> 'asked', 'null') as asked
    from millrace._models m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where p.desired <> 'dropped';
comment on view millrace.models is 'Saved versions of each pipeline''s model: what each had learned, how good it was, why it was saved, its options, and of auto how its candidates did. asked: what the definition said, where a retraining has put other options in its place.';

create view millrace.retrainings as
  select p.name as pipeline, r.command, r.model::jsonb as model,
         coalesce(r.ended, case when r.trained < r.examples then 'training' when r.judged = 0 then 'trained' else 'comparing' end) as state,
         r.reason, r.examples, r.trained, r.judged, r.patience, r.loss, r.serving_loss, r.version, r.began_at, r.ended_at
    from millrace._retrainings r join millrace._pipelines p on (p.id, p.generation) = (r.pipeline_id, r.generation)
   where p.desired <> 'dropped'
  union all
  select p.name, (c.asked ->> 'command')::bigint, c.asked -> 'model', 'waiting for the sink', null, null, null, null,
         (c.asked ->> 'patience')::bigint, null, null, null, null, null
    from millrace._pipelines p cross join lateral (select p.model::jsonb -> '_retrain' as asked) c
   where p.desired <> 'dropped' and c.asked ? 'model' and (c.asked ->> 'generation')::int = p.generation
     and not exists (select from millrace._retrainings r
                      where (r.pipeline_id, r.generation, r.command) = (p.id, p.generation, (c.asked ->> 'command')::bigint));
comment on view millrace.retrainings is 'Every millrace.retrain of the running generation: how far it is, or what came of it. Losses are means over the examples that both models were compared on, the latest weighing most.';
grant select on millrace.retrainings to public;

create or replace view millrace.pipelines as
  select p.id, p.name, p.generation, p.revision, p.desired,
         format('%I.%I', p.features_schema, p.features_name) as features,
         (select string_agg(quote_ident(k.name), ', ' order by k.n)
            from json_array_elements_text(p.key) with ordinality k (name, n)) as key,
         p.event_time,
         quote_ident(p.labels_schema) || '.' || quote_ident(p.labels_name) as labels,
         millrace._interval(p.label_wait_us) as label_wait,
         p.label_default,
         p.model::jsonb - '_promote' - '_retrain' as model,
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

-- What the model learns with: where a retraining has won, its options, until others are asked for.
create function millrace._model_in_force(p millrace._pipelines) returns jsonb
  language sql stable set search_path = pg_catalog as $$
  select coalesce((select m.options from millrace.models m where m.pipeline = p.name and m.serving and m.asked = asked.model), asked.model)
    from (select p.model::jsonb - '_promote' - '_retrain' as model) asked
$$;

-- The command that is not done with yet; NULL: there is none.
create function millrace._retraining(p millrace._pipelines) returns bigint
  language sql stable set search_path = pg_catalog as $$
  select r.command from millrace.retrainings r
   where r.pipeline = p.name and r.ended_at is null and r.command = (p.model::jsonb -> '_retrain' ->> 'command')::bigint
$$;

-- Options of each kind by name; a test holds them against those that the learners take. `auto` is one kind alone with an option of that.
create function millrace._model_options() returns table (kind text, options text[])
  language sql immutable set search_path = pg_catalog as $$
  select known.kind, array['kind', 'save_every', 'keep_versions', 'explain', 'explain_top', 'allow_leak', 'metrics_by', 'calibrate',
                           'under_sample', 'seed', 'drift'] || string_to_array(known.own, ' ')
    from (values
      ('auto', 'encode update task budget class_weights max_classes optimizer intercept_lr l1 l2 clip_gradient importance'),
      ('logistic', 'encode update optimizer intercept_lr l1 l2 clip_gradient importance class_weights'),
      ('linear', 'encode update optimizer intercept_lr l1 l2 clip_gradient importance'),
      ('softmax', 'encode update optimizer intercept_lr l1 l2 clip_gradient class_weights max_classes'),
      ('passive_aggressive', 'encode update variant c epsilon intercept class_weights'),
      ('quantile', 'encode update quantiles lr intercept_lr l1 l2'),
      ('naive_bayes', 'encode update alpha class_weights max_classes'),
      ('hoeffding_tree', 'encode update task grace_period delta tau max_depth min_branch_fraction max_bytes leaf max_share_to_split forget class_weights max_classes'),
      ('hoeffding_adaptive_tree', 'encode update task bootstrap drift_delta drift_window switch_significance grace_period delta tau max_depth min_branch_fraction max_bytes leaf max_share_to_split forget class_weights max_classes'),
      ('adaptive_forest', 'encode update task trees max_features lambda warning_delta drift_delta grace_period delta tau max_depth min_branch_fraction max_bytes leaf max_share_to_split forget class_weights max_classes'),
      ('factorization', 'encode update factors init optimizer intercept_lr l2 l2_factors clip_gradient max_bytes class_weights'),
      ('holt_winters', 'series time period max_series horizon interval alpha beta gamma season seasonal damping clip start'),
      ('neural', 'encode update batch epochs replay hidden activation dropout lr beta_1 beta_2 eps l2 clip class_weights max_classes task'),
      ('autoregression', 'encode update series time period max_series horizon interval optimizer intercept_lr l1 l2 clip_gradient forgetting p d q season sp sd sq method start columns_ahead'),
      ('mondrian_forest', 'encode update task trees step aggregate dirichlet split_pure distances losses max_bytes class_weights max_classes'),
      ('half_space_trees', 'encode update threshold memory n_trees height window_size ranges limits warm_up'),
      ('gaussian_scorer', 'encode update threshold memory combine warm_up'),
      ('tensorflow', 'encode update layers topology inputs batch epochs replay optimizer lr beta_1 beta_2 eps momentum l2 clip class_weights max_classes task')
    ) as known (kind, own)
$$;

create function millrace.retrain(name text, model jsonb default null, examples bigint default 1000000, patience bigint default 5000) returns bigint
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  p millrace._pipelines;
  in_force jsonb;
  running bigint;
  stored bigint;
  option text;
  known text[];
begin
  select x.* into p from millrace._pipelines x where x.id = millrace._own(name) for update;
  in_force := millrace._model_in_force(p);
  if p.labels_name is null or in_force ->> 'kind' = 'none' then
    raise exception 'pipeline % has %', quote_ident(name), case when p.labels_name is null then 'no labels: there is nothing to train a model on' else 'no model' end
      using hint = 'Create it with labels => ''a_view'' and a model; both pipelines can run side by side.';
  end if;
  if model is not null and jsonb_typeof(model) <> 'object' then
    raise exception 'model is not a JSON object' using hint = 'For example model => ''{"kind": "adaptive_forest"}''; NULL: the options that the model has, from the beginning.';
  end if;
  if model is not null then
    model := jsonb_build_object('kind', in_force -> 'kind') || model;
    foreach option in array array['metrics_by', 'allow_leak'] loop
      if model ? option and model -> option is distinct from in_force -> option then
        raise exception 'option % is the pipeline''s, not the model''s: a retraining does not change it', quote_literal(option)
          using hint = format('Leave it out; change it with millrace.alter_pipeline(%L, model => …).', name);
      elsif in_force ? option then
        model := model || jsonb_build_object(option, in_force -> option);
      end if;
    end loop;
  end if;
  model := coalesce(model, in_force);
  if model ->> 'kind' = 'none' or exists (select from millrace._model_kinds() k where k.kind in (model ->> 'kind', in_force ->> 'kind') and k.learns = array['anomaly']) then
    raise exception 'model kind % learns nothing from labels, so nothing says which model is better',
        quote_literal(case when exists (select from millrace._model_kinds() k where k.kind = in_force ->> 'kind' and k.learns = array['anomaly'])
                           then in_force ->> 'kind' else model ->> 'kind' end)
      using hint = format('Give it with millrace.alter_pipeline(%L, model => …), then millrace.rebuild(%1$L).', name);
  end if;
  select o.name, v.options into option, known
    from millrace._model_options() v cross join lateral jsonb_object_keys(model) o (name)
   where v.kind = model ->> 'kind' and o.name <> all (v.options) limit 1;
  if found then
    raise exception 'model kind % has no option %', quote_literal(model ->> 'kind'), quote_literal(option)
      using hint = format('Its options are %s; docs/models.md says what each does.', array_to_string(known, ', '));
  end if;
  if examples is null or examples < 1 or examples > 100000000 then
    raise exception 'examples is %, not from 1 to 100,000,000', coalesce(examples::text, 'NULL')
      using hint = 'It is trained on so many of the newest examples that the score table keeps: 1,000,000 where it is left out.';
  end if;
  if patience is null or patience < 200 or patience > 1000000000 then
    raise exception 'patience is %, not from 200 to 1,000,000,000', coalesce(patience::text, 'NULL')
      using hint = 'So many examples it is compared on before it is given up: 5,000 where it is left out.';
  end if;

  running := millrace._retraining(p);
  if running is not null then
    raise exception 'pipeline % is being retrained already (command %)', quote_ident(name), running
      using hint = format('See select * from millrace.retrainings where pipeline = %L. To begin another one: select millrace.cancel_retrain(%1$L) first.', name);
  end if;
  if to_regclass(format('%I.%I', p.score_schema, p.score_name)) is not null then
    execute format('select count(*) from (select from %I.%I where label is not null and generation = $1 limit 1000) x', p.score_schema, p.score_name)
      into stored using p.generation;
    if stored = 0 then
      raise exception 'pipeline % has no examples to train on: no row of % has a label', quote_ident(name), format('%I.%I', p.score_schema, p.score_name)
        using hint = case when p.keep_scores_for_us is null then 'Labels come through the label view, or by label_wait and label_default. Ask again when there are some.'
                          else format('Rows leave the score table %s after their event time (keep_scores_for), and their examples with them.', millrace._interval(p.keep_scores_for_us)) end;
    elsif stored < least(examples, 1000) then
      raise notice 'only % examples are there to train on; the model that comes of them must still be better than the one that serves, which has learned more', stored;
    end if;
  end if;

  p.model := model::json;
  perform millrace._checked(p);
  update millrace._pipelines x
     set model = (x.model::jsonb || jsonb_build_object('_retrain', jsonb_build_object('command', x.revision + 1, 'generation', x.generation,
                   'model', model, 'examples', examples, 'patience', patience)))::json
   where x.id = p.id
   returning x.revision into running;
  return running;
end $$;
comment on function millrace.retrain is
  'Trains another model, with these options, on the examples that the score table keeps, while the present one serves; it is promoted when it does better on examples that come, and dropped when it has not after `patience` of them. Returns the command''s number in millrace.retrainings.';

create function millrace.cancel_retrain(name text) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  p millrace._pipelines;
begin
  select x.* into p from millrace._pipelines x where x.id = millrace._own(name) for update;
  if not coalesce(p.model::jsonb -> '_retrain' ? 'model', false) or exists (
      select from millrace.retrainings r where r.pipeline = name and r.ended_at is not null and r.state <> 'refused'
         and r.command = (p.model::jsonb -> '_retrain' ->> 'command')::bigint) then
    raise exception 'pipeline % is not being retrained', quote_ident(name)
      using hint = format('What became of it: select * from millrace.retrainings where pipeline = %L. To take a promotion back: select millrace.rollback(%1$L).', name);
  end if;
  update millrace._pipelines x
     set model = (x.model::jsonb || jsonb_build_object('_retrain', jsonb_build_object('command', x.revision + 1, 'generation', x.generation)))::json
   where x.id = p.id;
end $$;
comment on function millrace.cancel_retrain is 'Gives up what millrace.retrain has begun; the serving model goes on as it is. Also takes back one that was refused.';

-- As before (0003), but for the kind that is kept, which is that of a model that was retrained; and a retraining goes on.
create or replace function millrace._alter_pipeline(
  name text, features_asked text, features oid, labels_asked text, labels oid, label_wait interval, label_default text, model jsonb,
  alert_when text, keep_scores_for interval
) returns void
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  p millrace._pipelines;
  in_force jsonb;
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
    in_force := millrace._model_in_force(p);
    model := jsonb_build_object('kind', in_force -> 'kind') || model;
    rekinded := model ->> 'kind' is distinct from in_force ->> 'kind';
    if millrace._retraining(p) is not null then
      model := model || jsonb_build_object('_retrain', p.model::jsonb -> '_retrain');
    end if;
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

-- With the options that a retraining has put in the place of others; commands were the former generation's.
create or replace function millrace.rebuild(name text) returns int
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  started int;
begin
  update millrace._pipelines x set generation = x.generation + 1, desired = 'running', model = millrace._model_in_force(x)::json
   where x.id = millrace._own(name)
    returning x.generation into started;
  return started;
end $$;
