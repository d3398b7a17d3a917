// The whole, as a person uses it: migrate, SQL, up, status, from the command line.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runCli, type CliResult } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

const SHOP = `
  create table orders (id bigint primary key, customer int not null, total numeric(10,2), placed_at timestamptz not null, returned boolean);
  create view order_features as
    select id, placed_at, total, count(*) over w as orders_30d, avg(total) over w as usual
    from orders window w as (partition by customer order by placed_at range between '30 days' preceding and current row);
  create view order_labels as select id, returned as label from orders where returned is not null;
  insert into orders select n, n % 20, (n * 7 % 50) + 10, timestamptz '2026-01-01' + n * interval '1 minute', (n * 7 % 50) > 30 from generate_series(1, 500) n;`;

class Shop {
  readonly database: TestDatabase;
  readonly folder = mkdtempSync(path.join(tmpdir(), 'millrace-cli-'));

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  static async open(): Promise<Shop> {
    const shop = new Shop(await createDatabase());
    await shop.database.query(SHOP);
    return shop;
  }

  run(...args: string[]): Promise<CliResult> {
    return runCli(args, {
      MILLRACE_WAREHOUSE: this.database.url,
      MILLRACE_DATA: this.folder,
      MILLRACE_GROUP: this.database.name.slice(0, 40),
    });
  }

  /** Fails with the reason where a pipeline did not get there. */
  async catchUp(): Promise<void> {
    const { code } = await this.run('up', '--until-caught-up');
    const reasons = await this.database.query(
      'select pipeline, reason, hint from millrace.status where reason is not null',
    );
    expect({ code, reasons }).toEqual({ code: 0, reasons: [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('from a table to scores: migrate, create_pipeline, up, status, and again after more rows', async () => {
  await using shop = await Shop.open();
  expect(await shop.run('migrate')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('is at version') as string,
  });
  expect(await shop.run('migrate')).toMatchObject({ code: 0, stdout: expect.stringContaining('up to date') as string });
  const validated = await shop.run('validate', 'order_features', '--event-time', 'placed_at');
  expect(validated).toMatchObject({ code: 0, stdout: expect.stringContaining('orders_30d') as string });
  expect(await shop.run('validate', 'public.order_features', '--event-time', 'placed_at')).toMatchObject({ code: 0 });
  await shop.database.query('create view millrace.strayed as select 1 as id');
  for (const [name, hint] of [
    ['strayed', 'set schema public'],
    ['nowhere', 'schema.view'],
  ] as const)
    expect(await shop.run('validate', name)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(hint) as string,
    });
  await shop.database.query('drop view millrace.strayed');
  await shop.database.query(
    `select millrace.create_pipeline('returns', features => 'order_features', event_time => 'placed_at', key => 'id', labels => 'order_labels')`,
  );
  await shop.catchUp();
  const [scored] = await shop.database.query<{ n: string; labelled: string }>(
    'select count(*) as n, count(label) as labelled from returns_scores where score is not null',
  );
  expect(scored).toEqual({ n: '500', labelled: '500' });
  await shop.database.query(
    `insert into orders values (501, 1, 45, '2026-02-01', null), (502, 1, 12, '2026-02-01', null); delete from orders where id = 1`,
  );
  await shop.catchUp();
  const rows = await shop.database.query<{ id: string; equal: boolean }>(
    `select s.id, s.features::jsonb = jsonb_build_object('total', f.total, 'orders_30d', f.orders_30d, 'usual', (s.features ->> 'usual')::numeric) as equal
       from returns_scores s join order_features f using (id) where id > 500 order by id`,
  );
  expect(rows).toEqual([
    { id: '501', equal: true },
    { id: '502', equal: true },
  ]);
  expect(await shop.database.query('select from returns_scores where id = 1')).toEqual([]);
  const status = await shop.run('status', '--json');
  expect(JSON.parse(status.stdout)).toMatchObject({
    ok: true,
    command: 'status',
    data: [{ pipeline: 'returns', state: 'running' }],
  });
  const asked = await shop.run('sql', `select metric from millrace.metrics where period = 'backfill' order by 1`);
  expect(asked.stdout.trim().split(/\s*\n/)).toEqual([
    'metric',
    expect.stringMatching(/^─+$/),
    ...[
      'accuracy',
      'balanced_accuracy',
      'brier',
      'ece',
      'f1',
      'kappa',
      'kappa_temporal',
      'log_loss',
      'pr_auc',
      'roc_auc',
    ],
    '(10 rows)',
  ]);
});

test('a failed pipeline makes --until-caught-up exit with 3, and status too, with reason and hint', async () => {
  await using shop = await Shop.open();
  await shop.run('migrate');
  await shop.database.query(
    `create view bad as select id, random() as luck from orders; select millrace.create_pipeline('bad', features => 'bad', key => 'id')`,
  );
  expect(await shop.run('up', '--until-caught-up')).toMatchObject({ code: 3 });
  const status = await shop.run('status');
  expect(status).toMatchObject({ code: 3, stdout: expect.stringMatching(/failed[\s\S]*random[\s\S]*hint/) as string });
  expect(await shop.run('validate', 'bad')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/random[\s\S]*\^[\s\S]*hint/) as string,
  });
});

test('a pipeline that does not run as it was asked to makes --until-caught-up exit with 3, as status does', async () => {
  await using shop = await Shop.open();
  await shop.run('migrate');
  await shop.database.query(
    `select millrace.create_pipeline('returns', features => 'order_features', event_time => 'placed_at', key => 'id',
      labels => 'order_labels', model => '{"kind": "logistic"}')`,
  );
  expect(await shop.run('up', '--until-caught-up')).toMatchObject({ code: 0 });
  await shop.database.query(`select millrace.alter_pipeline('returns', model => '{"kind": "naive_bayes"}')`);
  expect(await shop.run('up', '--until-caught-up')).toMatchObject({ code: 3 });
  expect(await shop.run('status')).toMatchObject({ code: 3 });
});

const mistakes: [string[], number, RegExp][] = [
  [['status'], 1, /schema millrace is not installed[\s\S]*millrace migrate/],
  [['up'], 1, /schema millrace is not installed/],
  [['validate', 'nothing'], 1, /./],
  [['frobnicate'], 2, /unknown command/],
  [['up', '--brokers', 'nowhere'], 2, /host:port/],
  [['up', '--group', 'No!'], 2, /lower-case/],
  [['sql', 'select * frm orders'], 1, /syntax error[\s\S]*\^/],
];
test.each(mistakes)('millrace %s exits with %i and says what to do', async (args, code, message) => {
  await using shop = await Shop.open();
  const result = await shop.run(...args);
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(message);
});

test('without a warehouse, and with one that is away, the error names the flag', async () => {
  expect(await runCli(['status'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('MILLRACE_WAREHOUSE') as string,
  });
  expect(await runCli(['status', '--warehouse', 'postgres://127.0.0.1:1/x'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--warehouse') as string,
  });
  const json = await runCli(['status', '--json', '--warehouse', 'postgres://127.0.0.1:1/x']);
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: { code: 'WAREHOUSE_UNREACHABLE' } });
});

test('drop-slot leaves the slot of another database alone', async () => {
  await using shop = await Shop.open();
  await using other = await createDatabase();
  const slot = `millrace_${shop.database.name.slice(0, 40)}`;
  await other.query(`select pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  expect(await shop.run('drop-slot')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/belongs to the database t_.*another --group/s) as string,
  });
  expect(await other.query(`select database from pg_replication_slots where slot_name = '${slot}'`)).toEqual([
    { database: other.name },
  ]);
});

test('drop-slot gives the WAL back, and says how to start again', async () => {
  await using shop = await Shop.open();
  await shop.run('migrate');
  await shop.run('up', '--until-caught-up');
  expect(await shop.run('drop-slot')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/Dropped millrace_.*remove the folder/s) as string,
  });
  expect(await shop.run('drop-slot')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('There is no slot') as string,
  });
  expect(await shop.run('up', '--until-caught-up')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Remove the data folder') as string,
  });
});

test('every command has help with an example', async () => {
  for (const command of ['demo', 'up', 'connector', 'sink', 'migrate', 'status', 'validate', 'sql', 'drop-slot']) {
    const { code, stdout } = await runCli([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`millrace ${command}`);
    expect(stdout).toContain('Example');
  }
});

test('every kind of model that SQL knows scores and learns in a pipeline, and goes on after a restart', async () => {
  await using shop = await Shop.open();
  const { database } = shop;
  await shop.run('migrate');
  await database.query(
    `create view order_minutes as select id, (id * 7 % 50)::float8 * 2 as label from orders where returned is not null;
     create view order_sizes as select id, case id % 3 when 0 then 'small' when 1 then 'middle' else 'large' end as label from orders where returned is not null`,
  );
  const kinds = await database.query<{ kind: string; learns: string[] }>(
    'select kind, learns from millrace._model_kinds() order by place',
  );
  for (const { kind, learns } of kinds)
    await database.query(
      `select millrace.create_pipeline($1, features => 'order_features', event_time => 'placed_at', key => 'id', labels => $2, model => $3)`,
      [kind, labelsFor(learns), JSON.stringify({ kind })],
    );
  await shop.catchUp();
  await database.query(
    `insert into orders select n, n % 20, (n * 7 % 50) + 10, timestamptz '2026-02-01' + n * interval '1 minute', (n * 7 % 50) > 30 from generate_series(501, 600) n`,
  );
  await shop.catchUp();
  for (const { kind, learns } of kinds) {
    const classes = labelsFor(learns) === 'order_sizes';
    const [scored] = await database.query(
      `select count(score)::int as scores, count(distinct score) > 5 as varied, count(label)::int as labels,
              count(outputs)::int as outputs,
              (select max(examples)::int from millrace.metrics where pipeline = $1 and period = 'all') as learned
         from ${kind}_scores`,
      [kind],
    );
    expect(scored, kind).toMatchObject({ scores: 600, varied: true, labels: 600 });
    expect(scored, kind).toMatchObject(classes ? { outputs: 600 } : { learned: 100 });
  }
});

test('a version is promoted, and rolled back, in a pipeline that runs; auto shows its race', async () => {
  await using shop = await Shop.open();
  const { database } = shop;
  await shop.run('migrate');
  await database.query(
    `select millrace.create_pipeline('returns', features => 'order_features', event_time => 'placed_at', key => 'id',
      labels => 'order_labels', model => '{"kind": "auto", "save_every": 50}')`,
  );
  const more = async (from: number): Promise<void> => {
    await database.query(
      `insert into orders select n, n % 20, (n * 7 % 50) + 10, timestamptz '2026-02-01' + n * interval '1 minute', (n * 7 % 50) > 30
         from generate_series(${from}, ${from + 99}) n`,
    );
    await shop.catchUp();
  };
  await shop.catchUp();
  await more(501);
  const models = (): Promise<
    { version: string; reason: string; examples: string; serving: boolean; race: unknown[] }[]
  > => database.query('select version, reason, examples, serving, race from millrace.models order by version');
  const before = await models();
  expect(before[0]!.race).toHaveLength(9);
  await database.query(`select millrace.promote('returns', 1)`);
  await more(601);
  const after = await models();
  const promoted = after.find(({ reason }) => reason === 'version 1 promoted')!;
  expect(promoted.examples).toBe(before[0]!.examples);
  expect(after.filter(({ serving }) => serving)).toEqual([after.at(-1)]);
  const [{ version }] = (await database.query<{ version: string }>(
    `select millrace.rollback('returns') as version`,
  )) as [{ version: string }];
  expect(Number(version)).toBe(Number(promoted.version) - 1);
  await more(701);
  expect((await models()).map(({ reason }) => reason)).toContain(`version ${version} promoted`);
});

/** A view that the kind learns from, or is measured on. */
function labelsFor(learns: readonly string[]): string {
  return learns.includes('binary') || learns.includes('anomaly')
    ? 'order_labels'
    : learns.includes('regression')
      ? 'order_minutes'
      : 'order_sizes';
}

test('a label of text is learned: prediction, score and outputs by class stand in the score table', async () => {
  await using shop = await Shop.open();
  const { database } = shop;
  await shop.run('migrate');
  await database.query(
    `create view order_fates as select id, case when returned then 'back' else 'kept' end as label from orders where returned is not null;
     select millrace.create_pipeline('fates', features => 'order_features', event_time => 'placed_at', key => 'id', labels => 'order_fates',
       model => '{"kind": "naive_bayes"}', alert_when => 'prediction = ''back'' and score > 0.5')`,
  );
  await shop.catchUp();
  const [found] = await database.query(
    `select count(*)::int as rows, avg((prediction = label)::int) > 0.6 as right,
            bool_and(abs((outputs ->> prediction)::float8 - score) < 1e-9) as agrees,
            bool_and(abs((select sum(value::float8) from jsonb_each_text(outputs)) - 1) < 1e-9) as sums
       from fates_scores where prediction is not null`,
  );
  expect(found).toMatchObject({ right: true, agrees: true, sums: true });
});
