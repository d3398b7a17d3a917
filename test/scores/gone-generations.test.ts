import { expect, test } from 'vitest';
import { migrate } from '../../src/catalog/migrate.ts';
import { removeGone } from '../../src/scores/gone-generations.ts';
import { createDatabase } from '../support/database.ts';

test('dropped pipelines and replaced generations go once their topic is gone; every table of the sink is looked at', async () => {
  await using database = await createDatabase();
  await migrate(database.url);
  await database.query(`create table t (id int primary key); create view v as select id from t`);
  for (const name of ['kept', 'gone']) {
    await database.query(
      `select millrace.create_pipeline('${name}', features => 'v', key => 'id', model => '{"kind":"none"}')`,
    );
  }
  await database.query(
    `update millrace._pipelines set generation = 2, revision = revision + 1 where name = 'kept'; select millrace.drop_pipeline('gone')`,
  );
  await database.query(
    `insert into millrace._offsets (pipeline_id, generation, partition, next_offset) values (1, 1, 0, 5), (1, 2, 0, 5), (2, 1, 0, 5)`,
  );
  const client = await database.connect();
  const left = async (): Promise<unknown> =>
    (await client.query('select pipeline_id::int as id, generation from millrace._offsets order by 1, 2')).rows;
  // Topics of the old ones are still there: somebody may be reading them.
  const topics = [
    { pipelineId: 1, generation: 1 },
    { pipelineId: 1, generation: 2 },
    { pipelineId: 2, generation: 1 },
  ];
  expect(await removeGone(client, topics)).toEqual([]);
  expect(await left()).toHaveLength(3);
  expect(await removeGone(client, [{ pipelineId: 1, generation: 2 }])).toEqual([2]);
  expect(await left()).toEqual([{ id: 1, generation: 2 }]);
  const tables = await client.query<{ name: string }>(
    `select c.relname as name from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'millrace' and c.relkind = 'r' and a.attname = 'generation' and c.relname not in ('_pipelines', '_status', '_views') order by 1`,
  );
  const source = await import('node:fs').then(({ readFileSync }) =>
    readFileSync(new URL('../../src/scores/gone-generations.ts', import.meta.url), 'utf8'),
  );
  for (const { name } of tables.rows) expect(source).toContain(`'${name}'`);
});
