-- A goal in alert_when is judged where it is written, by the rules of the sink: docs/sql.md, Alerts. What is no goal is a condition,
-- which the sink has Postgres describe.
create function millrace._judge_alert_when() returns trigger
  language plpgsql set search_path = pg_catalog as $$
declare
  parts text[] := regexp_match(new.alert_when, '^\s*(precision|recall|alerts_per_day|alert_share)\s*(>=|<=|<>|!=|>|<|=)\s*(\S+)\s*$', 'i');
  goal text := lower(parts[1]);
  sign text := parts[2];
  number numeric := case when parts[3] ~ '^(\d+\.?\d*|\.\d+)$' then parts[3]::numeric end;
  labels oid := case when new.labels_name is not null then to_regclass(format('%I.%I', new.labels_schema, new.labels_name)) end;
  wrong text;
  advice text;
begin
  if parts is null or (tg_op = 'UPDATE' and new.alert_when is not distinct from old.alert_when)
    or exists (select from pg_attribute where attrelid = to_regclass(format('%I.%I', new.features_schema, new.features_name))
                  and attname = goal and attnum > 0 and not attisdropped) then
    return new;
  end if;
  if new.model ->> 'kind' = 'none' then
    wrong := 'there is no model';
    advice := 'Choose another model kind, or a condition.';
  elsif goal = 'alerts_per_day' then
    if sign <> '<=' or number is null or number <> trunc(number) or number not between 1 and 4096 then
      wrong := 'it is a whole number of alerts from 1 to 4096, with <=';
      advice := 'For example: alert_when => ''alerts_per_day <= 50''.';
    end if;
  elsif goal = 'alert_share' then
    if sign <> '<=' or number is null or number not between 0.0001 and 0.5 then
      wrong := 'it is a share of the rows from 0.0001 to 0.5, with <=';
      advice := 'For example: alert_when => ''alert_share <= 0.01'' for the highest 1 % of the scores.';
    end if;
  elsif sign <> '>=' or number is null or number <= 0 or number >= 1 then
    wrong := goal || ' is a share between 0 and 1, with >=';
    advice := format('For example: alert_when => ''%s >= 0.9''.', goal);
  elsif labels is null or not exists (select from pg_attribute where attrelid = labels and attname = 'label' and atttypid = 'bool'::regtype) then
    wrong := goal || ' needs a boolean label';
    advice := 'Give the pipeline a label view with a boolean label, or use alerts_per_day <= 50, alert_share <= 0.01 or a condition.';
  end if;
  if wrong is not null then
    raise exception 'alert_when (%) cannot be used: %', new.alert_when, wrong using hint = advice;
  end if;
  return new;
end $$;

-- After `guard`, by name: what it reads is checked by then.
create trigger judge_alert_when before insert or update of alert_when on millrace._pipelines
  for each row execute function millrace._judge_alert_when();
