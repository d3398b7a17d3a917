-- How scores are calibrated has a view of its own.

create or replace view millrace.metrics as
  select p.name as pipeline, m.period, m.segment, m.metric, m.value, m.baseline, m.baseline_kind, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where m.hour = '-infinity' and p.desired <> 'dropped' and m.metric not like 'reliability %';

create or replace view millrace.metrics_hourly as
  select p.name as pipeline, m.hour, m.period, m.segment, m.metric, m.value, m.baseline, m.baseline_kind, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
   where m.hour <> '-infinity' and p.desired <> 'dropped' and m.metric not like 'reliability %';

create view millrace.reliability as
  select p.name as pipeline, m.period, b.bin::float8 / 10 as score_from, (b.bin + 1)::float8 / 10 as score_to, m.baseline as mean_score,
         m.value as observed, m.examples, m.model_version, m.from_time, m.to_time
    from millrace._metrics m join millrace._pipelines p on (p.id, p.generation) = (m.pipeline_id, m.generation)
    cross join lateral (select split_part(m.metric, ' ', 2)::int as bin) b
   where m.hour = '-infinity' and p.desired <> 'dropped' and m.metric like 'reliability %' and m.examples > 0;
comment on view millrace.reliability is 'Of a boolean label, by tenths of the score: the mean score and the share of true labels, which are equal where scores are calibrated.';
grant select on millrace.reliability to public;
