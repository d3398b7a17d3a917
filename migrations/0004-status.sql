-- What `millrace status` draws: the reports of connector and sink, and what follows from their silence.

-- A report counts for 30 seconds. A connector that went away cannot say so, so the view does; what needs a person (failed,
-- needs rebuild) stays in sight whether or not one runs.
create view millrace.status as
  select p.name as pipeline, p.id as pipeline_id, v.state,
         case when v.state = 'waiting for a connector' and s.connector_seen_at is null then 'no connector has picked it up yet'
              when v.state = 'waiting for a connector'
                then format('the connector was last seen at %s; it was %s then', date_trunc('second', s.connector_seen_at), s.state)
              when v.state = 'degraded' and s.state <> 'degraded' and s.sink_reason is not null then s.sink_reason
              when v.state = 'degraded' and s.state <> 'degraded'
                then format('the sink was last seen at %s', date_trunc('second', s.sink_seen_at))
              when v.state is not distinct from s.state then s.reason
         end as reason,
         case when v.state = 'waiting for a connector' then 'Start `millrace up` (or `millrace connector`).'
              when v.state = 'degraded' and s.state <> 'degraded' and s.sink_reason is not null then s.sink_hint
              when v.state = 'degraded' and s.state <> 'degraded' then 'Start `millrace up` (or `millrace sink`).'
              when v.state is not distinct from s.state then s.hint
         end as hint,
         p.desired, p.generation,
         s.backfill_done, s.backfill_total,
         s.lag_bytes,
         greatest(s.lag_ms, s.sink_lag_ms) as lag_ms,
         s.sink_lag_records as lag_records,
         s.rows_per_s,
         s.sink_rows_per_s as scores_per_s,
         s.retained_wal_bytes, s.wal_budget_bytes,
         make_interval(secs => s.wal_budget_left_s) as wal_budget_left,
         (select count(*) from millrace._dead_letters l where (l.pipeline_id, l.generation) = (p.id, p.generation)) as dead_letters,
         s.state_keys, s.state_bytes,
         s.connector_seen_at, s.sink_seen_at
    from millrace._pipelines p
    left join millrace._status s on s.pipeline_id = p.id
   cross join lateral (select
     coalesce(s.connector_seen_at > statement_timestamp() - interval '30 seconds', false) as connector_here,
     s.sink_seen_at < statement_timestamp() - interval '30 seconds' as sink_gone) h
   cross join lateral (select case
     when p.desired = 'dropped' then 'dropping'
     when s.generation is distinct from p.generation and s.state in ('failed', 'needs rebuild') and h.connector_here then 'starting'
     when s.generation = p.generation and s.state in ('failed', 'needs rebuild') then s.state
     when not h.connector_here and p.desired = 'paused' then 'paused'
     when not h.connector_here or s.state is null then 'waiting for a connector'
     when s.state = 'running' and (s.sink_reason is not null or h.sink_gone) then 'degraded'
     else s.state end as state) v;
comment on view millrace.status is 'One row a pipeline: its state, why, and what to do. Lags in bytes of WAL, milliseconds and records of the topic.';

grant select on millrace.status to public;
