import { expect, test } from 'vitest';
import { loadFolder, saveFolder, forgetFolder } from '../../src/catalog/folder.ts';
import {
  findPipeline,
  loadPipelines,
  removePipeline,
  requestGeneration,
  savePinnedViews,
} from '../../src/catalog/pipelines.ts';
import { openShop } from './shop.ts';

const FRAUD = `select millrace.create_pipeline('fraud', 'fraud_features', event_time => 'created_at', labels => 'fraud_labels',
  label_wait => '30 days', label_default => 'false', alert_when => 'score > 0.9', model => '{"kind":"logistic","l2":0.1}')`;

test('alter_pipeline changes what needs no rebuild and nothing else, and counts the revision', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  const client = await shop.connect();
  const [before] = await loadPipelines(client);
  await shop.query(`select millrace.alter_pipeline('fraud', alert_when => 'score > 0.5', model => '{"l2": 1}', label_wait => '7 days',
    label_default => 'TRUE', keep_scores_for => '1 year')`);
  const [after] = await loadPipelines(client);
  expect(after).toEqual({
    ...before,
    revision: 2,
    alertWhen: 'score > 0.5',
    model: { kind: 'logistic', l2: 1 },
    labelWaitUs: 7 * 86_400_000_000,
    labelDefault: 'true',
    keepScoresForUs: 360 * 86_400_000_000,
  });
  await shop.query(`select millrace.alter_pipeline('fraud', alert_when => '', label_default => '')`);
  expect((await loadPipelines(client))[0]).toMatchObject({
    revision: 3,
    alertWhen: undefined,
    labelDefault: undefined,
  });
});

test('alter_pipeline notes new views and says when they take effect', async () => {
  await using shop = await openShop();
  await shop.query(`${FRAUD}; create view better as select id, created_at, amount * 2 as twice from payments`);
  const client = await shop.connect();
  const notices: (string | undefined)[] = [];
  client.on('notice', (notice) => notices.push(notice.message));
  await client.query(`select millrace.alter_pipeline('fraud', features => 'better')`);
  expect(notices).toEqual([`the new views take effect at the next rebuild: select millrace.rebuild('fraud')`]);
  expect((await loadPipelines(client))[0]).toMatchObject({
    generation: 1,
    revision: 2,
    features: { schema: 'public', name: 'better' },
  });
});

test('alter_pipeline takes a model of another kind, and says when it serves', async () => {
  await using shop = await openShop();
  await shop.query(`${FRAUD}; create view amounts as select payment_id as id, 1.5 as label from chargebacks`);
  const client = await shop.connect();
  const notices: (string | undefined)[] = [];
  client.on('notice', (notice) => notices.push(notice.message));
  await client.query(
    `select millrace.alter_pipeline('fraud', labels => 'amounts', label_default => '0', model => '{"kind":"linear"}')`,
  );
  expect(notices).toEqual([
    `the new views take effect at the next rebuild: select millrace.rebuild('fraud')`,
    `kind 'linear' takes the place of a model of another kind at the next rebuild: select millrace.rebuild('fraud')`,
  ]);
  expect((await loadPipelines(client))[0]).toMatchObject({
    generation: 1,
    revision: 2,
    model: { kind: 'linear' },
    labelDefault: '0',
  });
});

test('what alter_pipeline cannot do is refused with a way out', async () => {
  await using shop = await openShop();
  await shop.query(`${FRAUD}; create view keyless as select amount from payments`);
  const alter = (args: string): Promise<unknown> => shop.refusal(`select millrace.alter_pipeline('fraud'${args})`);
  expect(await alter(``)).toEqual({
    message: 'nothing to change',
    hint: "Pass what changes, e.g. alert_when => 'score > 0.95'.",
  });
  expect(await alter(`, model => '{"kind":"linear"}'`)).toMatchObject({
    message: "model kind 'linear' learns a number, and label is of type boolean",
  });
  expect(await alter(`, model => '{"kind":"lineal"}'`)).toMatchObject({ message: "model kind 'lineal' is not known" });
  expect(await alter(`, model => '3'`)).toMatchObject({ message: 'model is not a JSON object' });
  expect(await alter(`, features => 'keyless'`)).toMatchObject({
    message: 'key column id is not a column of public.keyless',
  });
  expect(await alter(`, label_default => 'maybe'`)).toMatchObject({
    message: "label_default 'maybe' is not a value of label's type, boolean",
  });
  expect(await alter(`, labels => 'nothing_like_it'`)).toMatchObject({
    message: 'labels view nothing_like_it does not exist',
  });
  expect(await shop.refusal(`update millrace._pipelines set key = '["amount"]'`)).toMatchObject({
    message: 'pipeline fraud: this part of a definition never changes',
  });
  expect(await shop.query(`select revision from millrace.pipelines`)).toEqual([{ revision: 1 }]);
});

test('a pipeline that does not exist is refused with the names of those that do', async () => {
  await using shop = await openShop();
  const client = await shop.connect();
  expect(await shop.refusal(`select millrace.pause('fraud')`)).toEqual({
    message: "there is no pipeline 'fraud'",
    hint: 'There is none at all: create one with millrace.create_pipeline.',
  });
  await expect(findPipeline(client, 'fraud')).rejects.toMatchObject({ code: 'PIPELINE_UNKNOWN' });
  await shop.query(
    `select millrace.create_pipeline('b', 'fraud_features'), millrace.create_pipeline('a', 'fraud_features')`,
  );
  for (const call of [
    `pause('fraud')`,
    `resume('fraud')`,
    `rebuild('fraud')`,
    `drop_pipeline('fraud')`,
    `alter_pipeline('fraud', alert_when => 'x')`,
  ]) {
    expect(await shop.refusal(`select millrace.${call}`)).toEqual({
      message: "there is no pipeline 'fraud'",
      hint: 'Pipelines are: a, b.',
    });
  }
  await expect(findPipeline(client, 'fraud')).rejects.toMatchObject({ hint: 'Pipelines are: b, a.' });
  expect(await findPipeline(client, 'a')).toMatchObject({ id: 2, name: 'a' });
});

test('pause and resume change what is desired; each change counts the revision, so that none is taken for an old one', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  const client = await shop.connect();
  const seen = async (): Promise<unknown> => {
    const { desired, revision, generation } = (await loadPipelines(client))[0]!;
    return [desired, revision, generation];
  };
  await shop.query(`select millrace.pause('fraud')`);
  expect(await seen()).toEqual(['paused', 2, 1]);
  await shop.query(`select millrace.pause('fraud')`);
  expect(await seen()).toEqual(['paused', 2, 1]);
  await shop.query(`select millrace.resume('fraud')`);
  expect(await seen()).toEqual(['running', 3, 1]);
  expect(await shop.query(`select millrace.rebuild('fraud') as generation`)).toEqual([{ generation: 2 }]);
  expect(await seen()).toEqual(['running', 4, 2]);
});

test('a generation that is asked for twice is started once, and none goes back', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  const client = await shop.connect();
  await requestGeneration(client, 1, 2);
  await requestGeneration(client, 1, 2);
  await requestGeneration(client, 1, 1);
  expect((await loadPipelines(client))[0]).toMatchObject({ generation: 2, revision: 2 });
});

test('a dropped pipeline frees its name at once, keeps its scores, and is gone when connector and sink have let go', async () => {
  await using shop = await openShop();
  const client = await shop.connect();
  await shop.query(`${FRAUD}; select millrace.drop_pipeline('fraud')`);
  expect(await shop.query(`select * from millrace.pipelines`)).toEqual([]);
  expect(await shop.query(`select pipeline, state from millrace.status`)).toEqual([
    { pipeline: 'fraud', state: 'dropping' },
  ]);
  expect(await shop.refusal(FRAUD)).toEqual({
    message: 'relation public.fraud_scores exists',
    hint: "It was kept when its pipeline was dropped: rename it, drop it (drop table … cascade), or pass score_table => 'another_name' and another pipeline name.",
  });
  await shop.query(
    `alter table fraud_scores rename to old_scores; alter view fraud_examples rename to old_examples; ${FRAUD}`,
  );
  expect((await loadPipelines(client)).map(({ id, name, desired }) => [id, name, desired])).toEqual([
    [1, 'fraud', 'dropped'],
    [2, 'fraud', 'running'],
  ]);
  expect(await shop.refusal(`update millrace._pipelines set desired = 'running' where id = 1`)).toMatchObject({
    message: 'pipeline fraud is dropped',
  });
  await removePipeline(client, 1);
  await removePipeline(client, 2);
  expect((await loadPipelines(client)).map(({ id }) => id)).toEqual([2]);
});

test('a pipeline dropped with its scores leaves no relation, and its id is never used again', async () => {
  await using shop = await openShop();
  const relations = async (): Promise<unknown> =>
    shop.query(`select relname from pg_class where relname like 'fraud%' order by 1`);
  const before = await relations();
  await shop.query(`${FRAUD}; select millrace.drop_pipeline('fraud', keep_scores => false)`);
  expect(await relations()).toEqual(before);
  await removePipeline(await shop.connect(), 1);
  await shop.query(FRAUD);
  expect(await shop.query(`select id from millrace.pipelines`)).toEqual([{ id: '2' }]);
});

test('every change wakes whoever listens, and only wakes', async () => {
  await using shop = await openShop();
  const listener = await shop.connect();
  await listener.query('listen millrace');
  const woken = (): Promise<string | undefined> =>
    new Promise((resolve) => listener.once('notification', ({ payload }) => resolve(payload)));
  for (const sql of [FRAUD, `select millrace.pause('fraud')`, `select millrace.drop_pipeline('fraud')`]) {
    const next = woken();
    await shop.query(sql);
    expect(await next).toBe('');
  }
});

test("the views' pinned text is shown for the running generation", async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  const client = await shop.connect();
  const pin = (generation: number, definition: string): Promise<void> =>
    savePinnedViews(client, 1, generation, [
      { role: 'features', view: { schema: 'public', name: 'fraud_features' }, definition },
      { role: 'labels', view: { schema: 'public', name: 'fraud_labels' }, definition: 'l' },
    ]);
  await pin(1, 'first');
  await pin(1, 'again');
  const shown = async (): Promise<unknown> => shop.query(`select features_sql, labels_sql from millrace.pipelines`);
  expect(await shown()).toEqual([{ features_sql: 'again', labels_sql: 'l' }]);
  await shop.query(`select millrace.rebuild('fraud')`);
  expect(await shown()).toEqual([{ features_sql: null, labels_sql: null }]);
  await pin(2, 'second');
  expect(await shown()).toEqual([{ features_sql: 'second', labels_sql: 'l' }]);
  expect(await shop.query(`select distinct generation from millrace._views`)).toEqual([{ generation: 2 }]);
});

test("a group's folder is remembered until it is forgotten", async () => {
  await using shop = await openShop();
  const client = await shop.connect();
  expect(await loadFolder(client, 'default')).toBeUndefined();
  const identity = {
    group: 'default',
    folderId: 'f1',
    systemIdentifier: '7300000000000000001',
    timeline: 1,
    slot: 'millrace_default',
  };
  await saveFolder(client, identity);
  await saveFolder(client, { ...identity, folderId: 'f2', timeline: 2 });
  expect(await loadFolder(client, 'default')).toEqual({ ...identity, folderId: 'f2', timeline: 2 });
  await forgetFolder(client, 'default');
  expect(await loadFolder(client, 'default')).toBeUndefined();
});

test('options that a kind does not have are refused when they are asked for, by create and by alter', async () => {
  await using shop = await openShop();
  const create = (name: string, model: string, labels = `, labels => 'fraud_labels'`): Promise<unknown> =>
    shop.query(
      `select millrace.create_pipeline('${name}', 'fraud_features', event_time => 'created_at', model => '${model}'${labels})`,
    );
  await expect(create('fraud', '{"kind": "logistic", "clas_weights": {}}')).rejects.toMatchObject({
    message: `model kind 'logistic' has no option 'clas_weights'`,
    hint: expect.stringContaining('class_weights') as string,
  });
  await create('fraud', '{"kind": "logistic", "l2": 0.1}');
  await expect(shop.query(`select millrace.alter_pipeline('fraud', model => '{"nope": 1}')`)).rejects.toThrow(
    /'logistic' has no option 'nope'/,
  );
  expect(await shop.query('select model, revision::int from millrace.pipelines')).toEqual([
    { model: { kind: 'logistic', l2: 0.1 }, revision: 1 },
  ]);
  // Without labels auto finds anomalies.
  await create('odd', '{"kind": "auto", "threshold": 0.99}', '');
  await expect(create('even', '{"kind": "auto", "threshold": 0.99}')).rejects.toThrow(
    /'auto' has no option 'threshold'/,
  );
});
