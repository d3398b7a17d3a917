import { expect, test } from 'vitest';
import { checkReadable, loadPipelines, requestGeneration } from '../../src/catalog/pipelines.ts';
import { readStatus, reportSink } from '../../src/catalog/status.ts';
import { openShop } from './shop.ts';

const CREATE = `select millrace.create_pipeline('mine', 'mine_features', key => 'id')`;

test('a role that owns nothing but a view of what it may read makes a pipeline, and the service may write its scores', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}`);
  await alice.client.query(`create view mine_features as select id, amount from payments`);
  await alice.client.query(CREATE);
  expect(await shop.query(`select name, owner from millrace.pipelines`)).toEqual([{ name: 'mine', owner: alice.name }]);
  const owners = await shop.query(
    `select relname, pg_get_userbyid(relowner) as owner, relacl::text as acl from pg_class where relname like 'mine\\_%' and relkind in ('r', 'v') order by 1`,
  );
  expect(owners.map(({ relname, owner }) => [relname, owner])).toEqual([
    ['mine_examples', alice.name],
    ['mine_features', alice.name],
    ['mine_scores', alice.name],
  ]);
  expect(owners[2]!['acl']).toContain('postgres=arwdD/');
  expect(owners[0]!['acl']).toContain('postgres=r/');
});

test('a view of a table that its maker may not read makes no pipeline, for him or for others', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await alice.client.query(`create view mine_features as select id, amount from payments`);
  expect(await alice.refusal(CREATE)).toEqual({
    message: `role ${alice.name} may not read public.payments, which public.mine_features reads`,
    hint: `A pipeline shows its owner what its views read, so he must be able to read that himself. Its owner can run: grant select on public.payments to ${alice.name}.`,
  });
  // Rights on the view say nothing of what is behind it: it is read in its owner's name.
  expect((await shop.refusal(CREATE)).message).toContain('may not read public.payments');
});

test("the chain of views is followed, each in its own owner's name", async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(
    `create view open_payments as select id, amount from payments; grant select on open_payments to ${alice.name}`,
  );
  await alice.client.query(`create view mine_features as select id, amount from open_payments`);
  await alice.client.query(CREATE);
  const bob = await shop.role('bob');
  expect((await bob.refusal(`select millrace.create_pipeline('his', 'mine_features', key => 'id')`)).message).toBe(
    `role ${bob.name} may not read public.mine_features`,
  );
});

test('a right on the columns that the view reads is enough, and one on others is not', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select (id) on payments to ${alice.name}`);
  await alice.client.query(`create view mine_features as select id from payments`);
  await alice.client.query(CREATE);
  await alice.client.query(`create view more_features as select id, amount from payments`);
  expect(
    (await alice.refusal(`select millrace.create_pipeline('more', 'more_features', key => 'id')`)).message,
  ).toContain('may not read public.payments');
});

test('whom row-level security shows a part of a table makes no pipeline of it', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}; alter table payments enable row level security;
    create policy own on payments using (customer_id = 1)`);
  await alice.client.query(`create view mine_features as select id, amount from payments`);
  expect(await alice.refusal(CREATE)).toEqual({
    message: `role ${alice.name} may read only some rows of public.payments: it has row-level security`,
    hint: "The connector reads tables whole. The pipeline can be made by the table's owner, or by a role with BYPASSRLS.",
  });
});

test('a row written past create_pipeline is judged just the same', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await alice.client.query(
    `create view mine_features as select id, amount from payments; create table mine_scores (id bigint)`,
  );
  const insert = (features: string, scores: string, extra = ''): string =>
    `insert into millrace._pipelines (name, features_schema, features_name, key, model, score_schema, score_name, backfill, also_on, clock,
       late_by_us, append_only, timezone, owner, owner_id${extra && ', generation'}) values
       ('mine', 'public', '${features}', '["id"]', '{"kind":"none"}', 'public', '${scores}', 'learn', '[]', 'commit', 0, false, 'UTC', 'postgres', 10${extra})`;
  expect((await alice.refusal(insert('mine_features', 'mine_scores'))).message).toContain(
    'may not read public.payments',
  );
  await shop.query(`grant select on payments to ${alice.name}`);
  // Scores into somebody else's table, by the service's rights.
  expect((await alice.refusal(insert('mine_features', 'customers'))).message).toBe(
    'score table public.customers is not a table of yours',
  );
  // In somebody else's name: the name is the writer's, whatever the row says.
  await alice.client.query(insert('mine_features', 'mine_scores', ', 7'));
  expect(await shop.query(`select owner, generation from millrace.pipelines`)).toEqual([
    { owner: alice.name, generation: 1 },
  ]);
});

test('a pipeline is changed by its owner alone, and its name is no secret', async () => {
  await using shop = await openShop();
  await shop.query(`select millrace.create_pipeline('fraud', 'fraud_features')`);
  const bob = await shop.role('bob');
  for (const call of [
    `pause('fraud')`,
    `resume('fraud')`,
    `rebuild('fraud')`,
    `drop_pipeline('fraud')`,
    `alter_pipeline('fraud', alert_when => 'true')`,
  ]) {
    expect(await bob.refusal(`select millrace.${call}`)).toEqual({
      message: 'pipeline fraud belongs to role postgres',
      hint: 'Only its owner changes it: set role postgres, or become a member of it.',
    });
  }
  expect((await bob.client.query(`update millrace._pipelines set desired = 'dropped'`)).rowCount).toBe(0);
  expect((await bob.refusal(`delete from millrace._pipelines`)).message).toContain('permission denied');
  expect((await bob.refusal(`select * from millrace._status`)).message).toContain('permission denied');
  expect((await bob.client.query(`select name from millrace.pipelines`)).rows).toEqual([{ name: 'fraud' }]);
  expect((await bob.client.query(`select pipeline, state from millrace.status`)).rows).toEqual([
    { pipeline: 'fraud', state: 'waiting for a connector' },
  ]);
});

test("a member of the owner's role changes its pipelines", async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  const bob = await shop.role('bob');
  await shop.query(`grant select on payments to ${alice.name}; grant ${alice.name} to ${bob.name}`);
  await alice.client.query(`create view mine_features as select id from payments; ${CREATE}`);
  await bob.client.query(`select millrace.pause('mine')`);
  expect(await shop.query(`select desired from millrace.pipelines`)).toEqual([{ desired: 'paused' }]);
});

test('a schema where one may not create is refused by name', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(
    `grant select on payments to ${alice.name}; create schema closed; grant usage on schema closed to ${alice.name}`,
  );
  await alice.client.query(`create view mine_features as select id from payments`);
  expect(
    await alice.refusal(`select millrace.create_pipeline('mine', 'mine_features', score_table => 'closed.mine')`),
  ).toEqual({
    message: `you (role ${alice.name}) may not create tables in schema closed`,
    hint: "Pass score_table => 'a_schema.mine', a schema where you may; or ask for create on this one.",
  });
});

test('a loader whom row-level security would show a part gets an error, never fewer pipelines', async () => {
  await using shop = await openShop();
  await shop.query(`select millrace.create_pipeline('fraud', 'fraud_features')`);
  const bob = await shop.role('bob');
  await expect(loadPipelines(bob.client)).rejects.toThrow('row-level security');
  expect(await loadPipelines(await shop.connect())).toHaveLength(1);
});

test('a view that is replaced by one of a forbidden table is noticed when it is compiled', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}`);
  await alice.client.query(`create view mine_features as select id, amount from payments`);
  await alice.client.query(CREATE);
  const connector = await shop.connect();
  const [definition] = await loadPipelines(connector);
  await checkReadable(connector, definition!);
  await alice.client.query(
    `create or replace view mine_features as select id::bigint, null::numeric as amount from customers`,
  );
  await expect(checkReadable(connector, definition!)).rejects.toMatchObject({
    code: 'WAREHOUSE_NOT_READY',
    message: `role ${alice.name} may not read public.customers, which public.mine_features reads`,
    hint: expect.stringContaining(`grant select on public.customers to ${alice.name}`),
  });
  await alice.client.query(`drop view mine_features`);
  await expect(checkReadable(connector, definition!)).rejects.toMatchObject({
    code: 'VIEW_MISSING',
    message: 'the features view "public"."mine_features" does not exist',
  });
});

test('a service without superuser rights, or a member of it, does all its work on the pipelines of others', async () => {
  await using shop = await openShop('service');
  const service = await shop.role('service');
  const member = await shop.role('member');
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}; grant ${service.name} to ${member.name}`);
  await alice.client.query(`create view mine_features as select id, amount from payments; ${CREATE}`);
  for (const { client } of [service, member]) {
    const [definition] = await loadPipelines(client);
    expect(definition).toMatchObject({ name: 'mine', owner: alice.name });
    await checkReadable(client, definition!);
    await requestGeneration(client, 1, definition!.generation + 1);
    await reportSink(client, [
      { pipelineId: 1, reason: undefined, hint: undefined, lagRecords: 0, lagMs: 0, rowsPerSecond: 0 },
    ]);
    await client.query(`insert into mine_scores (id, generation, partition, position_lsn, position_n) values (1, 1, 0, '0/1', 0);
      update mine_scores set label = 'true'; select * from mine_examples; delete from mine_scores`);
  }
  expect(await loadPipelines(member.client)).toMatchObject([{ generation: 3, owner: alice.name }]);
  expect(await readStatus(alice.client)).toMatchObject([{ pipeline: 'mine', generation: 3 }]);
});

test('a schema that the service may not use is refused with the grant that it lacks', async () => {
  await using shop = await openShop('service');
  const service = await shop.role('service');
  await shop.query(`create schema vault; create view vault.v as select id from payments`);
  expect(await shop.refusal(`select millrace.create_pipeline('p', 'vault.v')`)).toEqual({
    message: `the role ${service.name} that writes scores may not use schema vault`,
    hint: `Run: grant usage on schema vault to ${service.name}`,
  });
});

test('a pipeline of a schema that a role may not use does not keep him from making and changing his own', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}; create schema private;
    create view private."His features" as select id, amount from payments`);
  await shop.query(
    `select millrace.create_pipeline('his', 'private."His features"', key => 'id', score_table => 'private."Hi.s"')`,
  );
  await alice.client.query(`create view mine_features as select id, amount from payments`);
  await alice.client.query(CREATE);
  await alice.client.query(`select millrace.alter_pipeline('mine', alert_when => 'amount > 3')`);
  // What reads through another's score table is still found.
  await shop.query(`grant usage on schema private to ${alice.name}; grant select on private."Hi.s" to ${alice.name};
    grant select on mine_scores to current_user`);
  await shop.query(
    `create or replace view private."His features" as select p.id, p.amount from payments p join mine_scores m using (id)`,
  );
  await alice.client.query(
    `create view loop_features as select id, amount from private."Hi.s" join payments using (id)`,
  );
  expect(
    (await alice.refusal(`select millrace.alter_pipeline('mine', features => 'loop_features')`)).message,
  ).toContain('would feed on its own scores');
});

test('values of rows that stand in metrics are shown to the owner alone', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}`);
  await alice.client.query(`create view mine_features as select id, amount from payments`);
  await alice.client.query(CREATE);
  await shop.query(`insert into millrace._metrics (pipeline_id, generation, hour, period, segment, metric, value, examples)
    select p.id, 1, h, 'all', s, m, 1, 1 from millrace._pipelines p, unnest(array['-infinity', now()]) h,
      (values ('', 'brier'), ('', 'f1:a secret'), ('a secret', 'brier')) v (s, m)`);
  await shop.query(`insert into millrace._models (pipeline_id, generation, version, kind, examples, state, cursors, metrics, serving, reason, saved_at)
    select p.id, 1, 1, 'softmax', 1, '', '[]', '{"all brier": 1, "all f1:a secret": 2}', true, 'created', now() from millrace._pipelines p`);
  const bob = await shop.role('bob');
  const seen = async (client: typeof alice.client): Promise<unknown[]> => {
    const all = await client.query<{
      all: string[];
    }>(`select array(select segment || ' ' || metric from millrace.metrics order by 1)
      || array(select segment || ' ' || metric from millrace.metrics_hourly order by 1)
      || array(select k from millrace.models, jsonb_object_keys(metrics) k order by 1) as all`);
    return all.rows[0]!.all;
  };
  const own = [' brier', ' f1:a secret', 'a secret brier'];
  expect(await seen(alice.client)).toEqual([...own, ...own, 'all brier', 'all f1:a secret']);
  expect(await seen(bob.client)).toEqual([' brier', ' brier', 'all brier']);
});
