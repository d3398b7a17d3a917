import { expect, test } from 'vitest';
import { LEARNERS } from '../../src/model/kinds/registry.ts';
import { openShop } from './shop.ts';

test('create_pipeline fills in the defaults, and the view shows them', async () => {
  await using shop = await openShop();
  const created = await shop.query(
    `select millrace.create_pipeline('fraud', features => 'fraud_features', key => 'id', event_time => 'created_at',
       labels => 'fraud_labels', label_wait => '30 days', label_default => 'f', alert_when => ' score > 0.9 ') as id`,
  );
  expect(created).toEqual([{ id: '1' }]);
  const [row] = await shop.query(`select *, label_wait::text, late_by::text from millrace.pipelines`);
  expect(row).toMatchObject({
    name: 'fraud',
    generation: 1,
    revision: 1,
    desired: 'running',
    features: 'public.fraud_features',
    key: 'id',
    event_time: 'created_at',
    labels: 'public.fraud_labels',
    label_wait: '30 days',
    label_default: 'false',
    model: { kind: 'auto' },
    alert_when: 'score > 0.9',
    score_table: 'public.fraud_scores',
    backfill: 'learn',
    also_on: [],
    clock: 'commit',
    late_by: '1 day',
    append_only: false,
    keep_scores_for: null,
    timezone: 'UTC',
    owner: 'postgres',
    features_sql: null,
  });
});

test('the key is the primary key where the view has one table and shows it', async () => {
  await using shop = await openShop();
  await shop.query(`create table days (store_id int, day date, sales int, primary key (day, store_id));
    create view sales_features as select sales, store_id, day from days`);
  await shop.query(`select millrace.create_pipeline('sales', 'sales_features')`);
  expect(await shop.query(`select key, model from millrace.pipelines`)).toEqual([
    { key: 'day, store_id', model: { kind: 'none' } },
  ]);
});

test('names are taken as Postgres would: folded, unless quoted', async () => {
  await using shop = await openShop();
  await shop.query(`create schema "Lab"; create table "Lab"."T" ("Shop No" int, day date, "at, when" timestamptz, x int);
    create view "Lab"."V" as select * from "Lab"."T"`);
  await shop.query(
    `select millrace.create_pipeline('lab', '"Lab"."V"', key => ' "Shop No" ,DAY', event_time => '"at, when"')`,
  );
  expect(await shop.query(`select features, key, event_time, score_table from millrace.pipelines`)).toEqual([
    { features: '"Lab"."V"', key: '"Shop No", day', event_time: 'at, when', score_table: '"Lab".lab_scores' },
  ]);
  expect(await shop.query(`select "Shop No", day, features from "Lab".lab_examples`)).toEqual([]);
});

test("views are found on the caller's search_path, and kept with their schema", async () => {
  await using shop = await openShop();
  await shop.query(`create schema ml; create view ml.v as select id from payments; set search_path = ml;
    select millrace.create_pipeline('p', 'v'); reset search_path`);
  expect(await shop.query(`select features, score_table from millrace.pipelines`)).toEqual([
    { features: 'ml.v', score_table: 'ml.p_scores' },
  ]);
});

test('the score table has the columns that the sink writes, in the types of the view', async () => {
  await using shop = await openShop();
  await shop.query(`create table readings (sensor varchar(20) collate "C", at timestamp(3), kind text, primary key (sensor, at));
    create view reading_features as select * from readings;
    select millrace.create_pipeline('pump', 'reading_features', event_time => 'at')`);
  const columns = await shop.query<{ line: string }>(
    `select concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
       case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
       case when a.attnotnull then 'not null' end) as line
     from pg_attribute a join pg_type t on t.oid = a.atttypid where attrelid = 'pump_scores'::regclass and attnum > 0 order by attnum`,
  );
  expect(columns.map(({ line }) => line)).toEqual([
    'sensor character varying(20) "C" not null',
    'at timestamp(3) without time zone not null',
    'score double precision',
    'prediction text',
    'outputs jsonb',
    'explanation json',
    'model_version bigint',
    'event_time timestamp(3) without time zone',
    'scored_at timestamp with time zone not null',
    'features json',
    'label text',
    'labelled_at timestamp with time zone',
    'measured_score double precision',
    'measured_features json',
    'measured_answer json',
    'measured_lsn pg_lsn',
    'late boolean not null',
    'generation integer not null',
    'partition integer not null',
    'position_lsn pg_lsn not null',
    'position_n bigint not null',
  ]);
  const indexes = await shop.query<{ indexdef: string }>(
    `select indexdef from pg_indexes where tablename = 'pump_scores' order by indexdef`,
  );
  expect(indexes.map(({ indexdef }) => indexdef.replace(/^.* USING /, ''))).toEqual([
    'btree (event_time)',
    'btree (sensor, at)',
  ]);
  const [{ undocumented }] = (await shop.query(
    `select count(*)::int as undocumented from pg_attribute
      where attrelid = 'pump_scores'::regclass and attnum > 2 and col_description(attrelid, attnum) is null`,
  )) as [{ undocumented: number }];
  expect(undocumented).toBe(0);
});

test('the examples view gives the features that the label was measured on', async () => {
  await using shop = await openShop();
  await shop.query(`select millrace.create_pipeline('fraud', 'fraud_features', event_time => 'created_at', labels => 'fraud_labels');
    insert into fraud_scores (id, features, label, measured_score, measured_features, generation, partition, position_lsn, position_n) values
      (1, '{"a":1}', 'true', 0.5, null, 1, 0, '0/1', 0), (2, '{"a":2}', 'true', 0.6, '{"a":3}', 1, 0, '0/1', 1),
      (3, '{"a":4}', null, null, null, 1, 0, '0/1', 2)`);
  expect(await shop.query(`select id, features, label, measured_score from fraud_examples order by id`)).toEqual([
    { id: '1', features: { a: 1 }, label: 'true', measured_score: 0.5 },
    { id: '2', features: { a: 3 }, label: 'true', measured_score: 0.6 },
  ]);
});

test('an update that writes a label stays in its page', async () => {
  await using shop = await openShop();
  await shop.query(`select millrace.create_pipeline('fraud', 'fraud_features', event_time => 'created_at', labels => 'fraud_labels');
    insert into fraud_scores (id, features, generation, partition, position_lsn, position_n)
      select i, json_build_object('amount', i), 1, 0, '0/1', i from generate_series(1, 200) i`);
  // The transaction's own counts: what it did is in the shared ones only a moment later.
  const [stats] = await shop.query(
    `begin; update fraud_scores set label = 'true', measured_score = 0.5 where id % 10 = 0;
     select pg_stat_get_xact_tuples_updated('fraud_scores'::regclass)::int as updated,
            pg_stat_get_xact_tuples_hot_updated('fraud_scores'::regclass)::int as hot`,
  );
  await shop.query('commit');
  expect(stats).toEqual({ updated: 20, hot: 20 });
});

test('if_not_exists leaves an existing pipeline as it is', async () => {
  await using shop = await openShop();
  const sql = `select millrace.create_pipeline('fraud', 'fraud_features', if_not_exists => true) as id`;
  expect([await shop.query(sql), await shop.query(sql)]).toEqual([[{ id: '1' }], [{ id: '1' }]]);
});

test('months count as 30 days, and durations are microseconds', async () => {
  await using shop = await openShop();
  const us = async (interval: string): Promise<string> =>
    (await shop.query<{ us: string }>(`select millrace._microseconds($1::interval) as us`, [interval]))[0]!.us;
  expect(await us('30 days')).toBe('2592000000000');
  expect(await us('1 year 1 month')).toBe(String(390 * 86_400_000_000));
  expect(await us('1 day 02:03:04.000005')).toBe('93784000005');
  expect(await us('-1 hour')).toBe('-3600000000');
});

/** What is wrong, the call's arguments after the name, and what the refusal says. */
const REFUSALS: readonly (readonly [what: string, args: string, message: RegExp, hint: RegExp])[] = [
  [
    'a view that does not exist',
    `'fraud_feature'`,
    /^features view fraud_feature does not exist$/,
    /^Did you mean public\.fraud_features\?$/,
  ],
  ['a view that resembles nothing', `'zzz'`, /^features view zzz does not exist$/, /^Create the view first/],
  ['a view name that is no name', `'a b c.'`, /^features view a b c\. does not exist$/, /Create the view first/],
  ['no view at all', `null`, /^features view NULL does not exist$/, /Create the view first/],
  [
    'a table in place of a view',
    `'payments'`,
    /^public\.payments is not a view$/,
    /create view payments_features as select … from public\.payments/,
  ],
  [
    'a label view that does not exist',
    `'fraud_features', labels => 'fraud_label'`,
    /^labels view fraud_label does not exist$/,
    /Did you mean public\.fraud_labels\?/,
  ],
  [
    'a key that is not in the view',
    `'fraud_features', key => 'payment_id'`,
    /^key column payment_id is not a column of public\.fraud_features$/,
    /Its columns are id, created_at, amount, currency\./,
  ],
  ['an empty key', `'fraud_features', key => ' , '`, /^the key is empty$/, /Name the columns/],
  ['a key column twice', `'fraud_features', key => 'id, ID'`, /names a column twice$/, /once/],
  [
    'a key whose text is not unique',
    `'fraud_features', key => 'amount'`,
    /^key column amount is of type numeric, whose equal values can be written in several ways$/,
    /amount::bigint or amount::text/,
  ],
  [
    'a key named like a score column',
    `'clash_features', key => 'score'`,
    /^key column score has the name of a column of the score table$/,
    /score as p_score/,
  ],
  [
    'no key over two tables',
    `'joined_features'`,
    /^key is required, since public\.joined_features reads 2 relations$/,
    /key => 'id'/,
  ],
  [
    'no key over a table without primary key',
    `'heap_features'`,
    /^key is required, since public\.heap has no primary key$/,
    /replica identity/,
  ],
  [
    'no key where the view hides it',
    `'hidden_features'`,
    /^key is required, since public\.hidden_features does not show the primary key \(id\) of public\.payments$/,
    /Add these columns/,
  ],
  [
    'an event time that is not in the view',
    `'fraud_features', event_time => 'at'`,
    /^event_time column at is not a column of public\.fraud_features$/,
    /Its columns are id/,
  ],
  [
    'an event time that is no time',
    `'fraud_features', event_time => 'amount'`,
    /^event_time column amount is of type numeric, not a time$/,
    /to_timestamp\(amount\)/,
  ],
  [
    'an unknown clock',
    `'fraud_features', clock => 'wall'`,
    /^clock is 'wall', not 'commit' or 'event_time'$/,
    /history that is replayed/,
  ],
  [
    'a clock by event time without one',
    `'fraud_features', clock => 'event_time'`,
    /needs an event time$/,
    /event_time => 'created_at'/,
  ],
  [
    'an unknown backfill',
    `'fraud_features', backfill => 'all'`,
    /^backfill is 'all', not 'learn', 'state' or 'none'$/,
    /starts with the next change/,
  ],
  [
    'a negative late_by',
    `'fraud_features', late_by => '-1 day'`,
    /^late_by is out of range$/,
    /between 0 and 100 years/,
  ],
  [
    'an endless wait',
    `'fraud_features', event_time => 'created_at', labels => 'fraud_labels', label_wait => '1000 years'`,
    /^label_wait is out of range$/,
    /between 0 and 100 years/,
  ],
  [
    'scores kept for a time that rows do not have',
    `'fraud_features', keep_scores_for => '1 day'`,
    /^keep_scores_for needs event_time$/,
    /created_at/,
  ],
  ['scores kept for no time', `'fraud_features', keep_scores_for => '0'`, /^keep_scores_for is 0$/, /Leave it out/],
  [
    'a model that is no object',
    `'fraud_features', model => '[1]'`,
    /^model is not a JSON object$/,
    /"kind": "logistic"/,
  ],
  [
    'an unknown kind of model',
    `'fraud_features', labels => 'fraud_labels', model => '{"kind":"magic"}'`,
    /^model kind 'magic' is not known$/,
    /Known kinds are auto, logistic, linear, .*none\./,
  ],
  [
    'a kind that is no text',
    `'fraud_features', labels => 'fraud_labels', model => '{"kind":1}'`,
    /^model kind '1' is not known$/,
    /Known kinds/,
  ],
  [
    'a model without labels',
    `'fraud_features', model => '{"kind":"logistic"}'`,
    /^model kind 'logistic' needs labels$/,
    /live feature table/,
  ],
  ['a wait without labels', `'fraud_features', label_wait => '1 day'`, /^label_wait needs labels$/, /Pass labels/],
  [
    'a default without labels',
    `'fraud_features', label_default => 'false'`,
    /^label_default needs labels$/,
    /Pass labels/,
  ],
  [
    'labels without the key',
    `'fraud_features', labels => 'keyless_labels'`,
    /^label view public\.keyless_labels has no column id, which is part of the key$/,
    /payment_id as id/,
  ],
  [
    'labels with a key of another type',
    `'fraud_features', labels => 'text_labels'`,
    /^key column id is bigint in public\.fraud_features and text in public\.text_labels$/,
    /Cast it/,
  ],
  [
    'labels without a label',
    `'fraud_features', labels => 'truthless_labels'`,
    /^label view public\.truthless_labels has no column "label"$/,
    /true as label/,
  ],
  [
    'a label that is no truth',
    `'fraud_features', labels => 'kind_labels'`,
    /^label is of type jsonb; a model learns a boolean, a number or a text$/,
    /\(status = 'fraud'\) as label/,
  ],
  [
    'logistic over numbers',
    `'fraud_features', labels => 'amount_labels', model => '{"kind":"logistic"}'`,
    /^model kind 'logistic' learns a boolean, and label is of type integer$/,
    /\(label = 1\) as label/,
  ],
  [
    'linear over booleans',
    `'fraud_features', labels => 'fraud_labels', model => '{"kind":"linear"}'`,
    /^model kind 'linear' learns a number, and label is of type boolean$/,
    /'logistic'/,
  ],
  [
    'a label_at that is no time',
    `'fraud_features', labels => 'timeless_labels'`,
    /^label_at is of type text, not a time$/,
    /became known/,
  ],
  [
    'a weight that is no number',
    `'fraud_features', labels => 'heavy_labels'`,
    /^weight is of type text, not a number$/,
    /importance/,
  ],
  [
    'a default that is no label',
    `'fraud_features', event_time => 'created_at', labels => 'fraud_labels', label_wait => '1 day', label_default => 'maybe'`,
    /^label_default 'maybe' is not a value of label's type, boolean$/,
    /'true' or 'false'/,
  ],
  [
    'a default without a wait',
    `'fraud_features', event_time => 'created_at', labels => 'fraud_labels', label_default => 'false'`,
    /^label_default needs label_wait$/,
    /label_wait => '30 days'/,
  ],
  [
    'a default without an event time',
    `'fraud_features', labels => 'fraud_labels', label_wait => '1 day', label_default => 'false'`,
    /^label_default needs event_time$/,
    /event_time => 'created_at'/,
  ],
  [
    'also_on of a table that does not exist',
    `'joined_features', key => 'id', also_on => '{customer}'`,
    /^also_on names customer, which does not exist$/,
    /tables that the view joins/,
  ],
  [
    'also_on of a table that is not read',
    `'fraud_features', also_on => '{customers}'`,
    /^also_on names public\.customers, which public\.fraud_features does not read$/,
    /tables that the view joins/,
  ],
  [
    'a score table that is there',
    `'fraud_features', score_table => 'customers'`,
    /^relation public\.customers exists$/,
    /score_table => 'another_name'/,
  ],
  [
    'a score table in no schema',
    `'fraud_features', score_table => 'nowhere.scores'`,
    /^schema nowhere does not exist$/,
    /create schema nowhere/,
  ],
  [
    'a score table that is no name',
    `'fraud_features', score_table => 'a.b.c'`,
    /^score_table 'a\.b\.c' is not the name of a table$/,
    /'ml\.fraud_scores'/,
  ],
  [
    'a model that is too long',
    `'fraud_features', labels => 'fraud_labels', model => jsonb_build_object('kind', 'auto', 'x', repeat('x', 2000))`,
    /is too long$/,
    /1,500 bytes/,
  ],
];

test('what SQL can judge is refused with a message and a way out, and leaves nothing behind', async () => {
  await using shop = await openShop();
  await shop.query(`
    create table heap (x int);
    create view heap_features as select * from heap;
    create view hidden_features as select id as payment, amount from payments;
    create view clash_features as select id as score from payments;
    create view joined_features as select p.id, c.country from payments p left join customers c on c.id = p.customer_id;
    create view keyless_labels as select payment_id, true as label from chargebacks;
    create view text_labels as select payment_id::text as id, true as label from chargebacks;
    create view truthless_labels as select payment_id as id from chargebacks;
    create view kind_labels as select payment_id as id, to_jsonb(kind) as label from chargebacks;
    create view amount_labels as select payment_id as id, 1 as label from chargebacks;
    create view timeless_labels as select payment_id as id, true as label, kind as label_at from chargebacks;
    create view heavy_labels as select payment_id as id, true as label, kind as weight from chargebacks;`);
  const relations = async (): Promise<unknown> => shop.query(`select relname from pg_class order by oid`);
  const before = await relations();
  for (const [what, args, message, hint] of REFUSALS) {
    const refusal = await shop.refusal(`select millrace.create_pipeline('p', ${args})`);
    expect(refusal.message, what).toMatch(message);
    expect(refusal.hint, what).toMatch(hint);
  }
  expect(await relations()).toEqual(before);
  expect(await shop.query(`select * from millrace.pipelines`)).toEqual([]);
});

test('names that no pipeline can have, or that one has, are refused', async () => {
  await using shop = await openShop();
  for (const name of ['', 'Fraud', '1st', 'a-b', 'x'.repeat(49)]) {
    const refusal = await shop.refusal(`select millrace.create_pipeline('${name}', 'fraud_features')`);
    expect(refusal).toEqual({
      message: `pipeline name '${name}' is not valid`,
      hint: 'Use up to 48 of a-z, 0-9 and _, beginning with a letter or _: tables are named after it.',
    });
  }
  await shop.query(`select millrace.create_pipeline('fraud', 'fraud_features')`);
  expect(await shop.refusal(`select millrace.create_pipeline('fraud', 'fraud_features')`)).toEqual({
    message: 'pipeline fraud exists',
    hint: "Change it with millrace.alter_pipeline('fraud', …), drop it with millrace.drop_pipeline('fraud'), or pass if_not_exists => true.",
  });
});

test('a score table may feed another pipeline, and never its own, through any chain', async () => {
  await using shop = await openShop();
  await shop.query(`select millrace.create_pipeline('a', 'fraud_features');
    create view b_features as select f.id, s.score from payments f left join a_scores s on s.id = f.id;
    select millrace.create_pipeline('b', 'b_features', key => 'id');
    create view b_view as select * from b_scores;
    create view a_next as select p.id, p.created_at, b.score from payments p left join b_view b on b.id = p.id;
    create view a_own as select p.id, s.score as before from payments p left join a_scores s on s.id = p.id`);
  expect(await shop.refusal(`select millrace.alter_pipeline('a', features => 'a_own')`)).toEqual({
    message: 'the pipeline would feed on its own scores: public.a_own reads public.a_scores',
    hint: 'A score table may feed other pipelines, never, through any chain, its own.',
  });
  expect((await shop.refusal(`select millrace.alter_pipeline('a', features => 'a_next')`)).message).toBe(
    'the pipeline would feed on its own scores: public.a_next reads public.b_view reads public.b_scores reads public.b_features reads public.a_scores',
  );
});

test('the kinds that SQL knows are the learners that a pipeline can use, for the labels that they learn', async () => {
  await using shop = await openShop();
  const known = await shop.query<{ kind: string; learns: string[] }>(
    'select kind, learns from millrace._model_kinds() order by place',
  );
  const inOrder = (tasks: readonly string[]): readonly string[] => [...tasks].sort();
  expect(known.map(({ kind, learns }) => ({ kind, learns: inOrder(learns) }))).toEqual(
    LEARNERS.map(({ name, tasks }) => ({ kind: name, learns: inOrder(tasks) })),
  );
});
