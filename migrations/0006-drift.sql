-- What watches over a model: the scores that examples were given, which its loss is of, and what was noticed.

alter table millrace._examples add column scores float8[];
alter table millrace._examples add column predictions text[];
comment on column millrace._examples.scores is 'What each row was given before its label came; NULL: not known.';
comment on column millrace._examples.predictions is 'Likewise, where the score does not say it; NULL: of none.';

create table millrace._drift (
  pipeline_id bigint not null,
  generation int not null,
  partition int not null,
  -- Of the example or row by which it was noticed. A replay notices the same by the same one.
  position_lsn pg_lsn not null,
  position_n bigint not null,
  position_i int not null,
  signal text not null,
  -- Empty: not of a feature.
  feature text not null,
  detector text not null,
  from_value float8 not null,
  to_value float8 not null,
  action text not null,
  examples bigint not null,
  model_version bigint not null,
  noticed_at timestamptz not null,
  primary key (pipeline_id, generation, partition, position_lsn, position_n, position_i, signal, feature, detector)
);
comment on table millrace._drift is 'Private: see the view millrace.drift.';

create view millrace.drift as
  select p.name as pipeline, d.noticed_at, d.signal, nullif(d.feature, '') as feature, d.detector, d.from_value, d.to_value, d.action,
         d.examples, d.model_version, d.position_lsn, d.position_lsn = '0/0' as backfill
    from millrace._drift d join millrace._pipelines p on (p.id, p.generation) = (d.pipeline_id, d.generation)
   where p.desired <> 'dropped';
comment on view millrace.drift is 'What watches over each model noticed: its loss has risen, scores or features have moved; by what, from where to where, and what was done.';
grant select on millrace.drift to public;
