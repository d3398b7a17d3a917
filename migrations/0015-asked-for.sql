-- Refused where it is asked for: options by names that no kind has, and a rollback from what is not there yet.

create function millrace._guard_options() returns trigger
  language plpgsql set search_path = pg_catalog as $$
declare
  model constant jsonb := new.model::jsonb - '_promote' - '_retrain';
  option text;
  known text[];
begin
  -- What was asked for before this was looked at may stay: it says nothing new.
  if tg_op = 'UPDATE' and model = old.model::jsonb - '_promote' - '_retrain' then
    return new;
  end if;
  select o.name, v.options into option, known
    from (select k.options || case when k.kind = 'auto' and new.labels_name is null
                                   then (select h.options from millrace._model_options() h where h.kind = 'half_space_trees') end as options
            from millrace._model_options() k where k.kind = model ->> 'kind') v
         cross join lateral jsonb_object_keys(model) o (name)
   where o.name <> all (v.options) limit 1;
  if found then
    raise exception 'model kind % has no option %', quote_literal(model ->> 'kind'), quote_literal(option)
      using hint = format('Its options are %s; docs/models.md says what each does.',
        (select string_agg(distinct x.name, ', ') from unnest(known) x (name)));
  end if;
  return new;
end $$;
-- After the guard, by its name: kind and shape are judged there.
create trigger options before insert or update of model on millrace._pipelines
  for each row execute function millrace._guard_options();

-- `after`: the latest version when it was asked for. What comes of it is a later one.
create or replace function millrace._promote(name text, version bigint) returns void
  language sql set search_path = pg_catalog as $$
  update millrace._pipelines x
     set model = (x.model::jsonb || jsonb_build_object('_promote', jsonb_build_object('version', _promote.version, 'command', x.revision + 1,
                   'after', (select max(m.version) from millrace.models m where m.pipeline = x.name))))::json
   where x.id = millrace._own(_promote.name)
$$;

-- As before (0013), but not from what is about to be replaced.
create or replace function millrace.rollback(name text) returns bigint
  language plpgsql set search_path = pg_catalog as $$
#variable_conflict use_variable
declare
  own constant bigint := millrace._own(name);
  asked jsonb := (select p.model::jsonb -> '_promote' from millrace._pipelines p where p.id = own);
  replaced bigint;
  before bigint;
begin
  if asked ? 'after' and not exists (
      select from millrace.models m
       where m.pipeline = name and m.version > (asked ->> 'after')::bigint and m.reason = format('version %s promoted', asked ->> 'version')) then
    raise exception 'pipeline % is about to go on with version %, so what it is to go back to is not there yet', quote_ident(name), asked ->> 'version'
      using hint = format('Wait until millrace.models shows it, or until millrace.status says why it cannot be. To keep what serves now: select millrace.promote(%L, %s).',
        name, coalesce((select m.version::text from millrace.models m where m.pipeline = name and m.serving), 'a version of millrace.models'));
  end if;
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
