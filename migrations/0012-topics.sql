-- Topics carry a mark of the data folder that writes them, so that warehouses can share a broker and a group's name
-- (docs/decisions/0006). A sink reads those that the connector of its own warehouse has claimed here.

alter table millrace._groups
  -- Of this database. A copy of the row in another database, server or timeline claims nothing.
  add column database oid,
  -- Generations whose topics were made before topics had a mark: [{"pipelineId": 1, "generation": 1}].
  add column unmarked json not null default '[]';
comment on column millrace._groups.database is 'NULL: no connector has said yet which topics are the group''s.';
