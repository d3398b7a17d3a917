// millrace.retrain, as SQL takes it: a change of the definition's row, judged early.

import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadPipelines } from '../../src/catalog/pipelines.ts';
import { readStatus } from '../../src/catalog/status.ts';
import { LEARNERS } from '../../src/model/kinds/registry.ts';
import { auto } from '../../src/model/portfolio/open-portfolio.ts';
import { openShop } from './shop.ts';

const FRAUD = `select millrace.create_pipeline('fraud', 'fraud_features', event_time => 'created_at', labels => 'fraud_labels',
  model => '{"kind":"logistic","l2":0.1,"metrics_by":"amount"}')`;

type Shop = Awaited<ReturnType<typeof openShop>>;

/** Scored rows with labels, as the sink would have written them. */
function scored(rows: number): string {
  return `insert into fraud_scores (id, features, label, generation, partition, position_lsn, position_n)
    select n, '{}', 'true', 1, 0, '0/1', n from generate_series(1, ${rows}) n`;
}

/** The serving version, as the sink would have saved it. */
function serving(options: object): string {
  return `delete from millrace._models;
    insert into millrace._models (pipeline_id, generation, version, kind, examples, state, cursors, metrics, serving, reason, saved_at, options)
    select p.id, p.generation, 9, 'softmax', 10, '', '[]', '{}', true, 'retrained: …', now(), '${JSON.stringify(options)}' from millrace._pipelines p`;
}

/** How the sink would have told of a command. */
function told(command: number, ended: string | null): string {
  return `insert into millrace._retrainings (pipeline_id, generation, command, model, patience, examples, trained, ended, began_at, ended_at)
    select p.id, p.generation, ${command}, '{}', 200, 100, 40, ${ended === null ? 'null' : `'${ended}'`}, now(), ${ended === null ? 'null' : 'now()'}
      from millrace._pipelines p
    on conflict (pipeline_id, generation, command) do update set ended = excluded.ended, ended_at = excluded.ended_at`;
}

async function open(rows = 1_000): Promise<Shop> {
  const shop = await openShop();
  await shop.query(FRAUD);
  if (rows > 0) await shop.query(scored(rows));
  return shop;
}

const retrainings = (shop: Shop): Promise<unknown[]> =>
  shop.query('select command::int, state, model, patience::int from millrace.retrainings order by command');

test('retrain changes the definition, and no option of the model; what is not given is the pipeline’s', async () => {
  await using shop = await open();
  const client = await shop.connect();
  const [before] = await loadPipelines(client);
  expect(await shop.query(`select millrace.retrain('fraud', '{"l2": 1}', patience => 300) as command`)).toEqual([
    { command: '2' },
  ]);
  const model = { kind: 'logistic', l2: 1, metrics_by: 'amount' };
  const [after] = await loadPipelines(client);
  expect(after).toEqual({
    ...before,
    revision: 2,
    retrain: { command: 2, train: { model, examples: 1_000_000, patience: 300 } },
  });
  expect(await shop.query('select model from millrace.pipelines')).toEqual([
    { model: { kind: 'logistic', l2: 0.1, metrics_by: 'amount' } },
  ]);
  expect(await retrainings(shop)).toEqual([{ command: 2, state: 'waiting for the sink', model, patience: 300 }]);
});

test('without options it is the same model, from the beginning', async () => {
  await using shop = await open();
  await shop.query(`select millrace.retrain('fraud')`);
  const [pipeline] = await loadPipelines(await shop.connect());
  expect(pipeline!.retrain!.train!.model).toEqual({ kind: 'logistic', l2: 0.1, metrics_by: 'amount' });
});

const refused: [string, string, RegExp][] = [
  ['a name that is none', `'fruad'`, /there is no pipeline 'fruad'/],
  ['a model that is no object', `'fraud', '[1]'`, /model is not a JSON object/],
  ['a kind that is none', `'fraud', '{"kind": "logistics"}'`, /model kind 'logistics' is not known/],
  [
    'a kind that learns another label',
    `'fraud', '{"kind": "linear"}'`,
    /model kind 'linear' learns a number, and label is of type boolean/,
  ],
  ['no model', `'fraud', '{"kind": "none"}'`, /model kind 'none' learns nothing from labels/],
  [
    'a kind that learns no labels',
    `'fraud', '{"kind": "half_space_trees"}'`,
    /model kind 'half_space_trees' learns nothing from labels/,
  ],
  ['another feature to measure by', `'fraud', '{"metrics_by": "id"}'`, /option 'metrics_by' is the pipeline's/],
  ['an unknown option', `'fraud', '{"l22": 1}'`, /model kind 'logistic' has no option 'l22'/],
  [
    'an option of another kind',
    `'fraud', '{"kind": "naive_bayes", "l2": 1}'`,
    /model kind 'naive_bayes' has no option 'l2'/,
  ],
  ['no examples', `'fraud', examples => 0`, /examples is 0, not from 1/],
  ['little patience', `'fraud', patience => 199`, /patience is 199, not from 200/],
  [
    'options that are too long',
    `'fraud', jsonb_build_object('seed', repeat('x', 1500))`,
    /model, alert_when, key or also_on is too long/,
  ],
];
test('what cannot be retrained is refused, with what could', async () => {
  await using shop = await open();
  for (const [what, given, message] of refused)
    await expect(shop.query(`select millrace.retrain(${given})`), what).rejects.toThrow(message);
  await shop.query(`create role passer_by; grant usage on schema millrace to passer_by`);
  const client = await shop.connect();
  await client.query('set role passer_by');
  await expect(client.query(`select millrace.retrain('fraud')`)).rejects.toThrow(/belongs to role/);
  await expect(client.query(`select millrace.cancel_retrain('fraud')`)).rejects.toThrow(/belongs to role/);
  await client.query('reset role; drop owned by passer_by; drop role passer_by');
  expect((await loadPipelines(client))[0]!.revision).toBe(1);
});

test('the options that SQL knows are those that the kinds take', async () => {
  await using shop = await openShop();
  const known = await shop.query<{ kind: string; options: string[] }>('select * from millrace._model_options()');
  const taken = new Map([auto, ...LEARNERS].map((kind) => [kind.name, optionsOf(kind.options)]));
  // With an option of theirs, auto is one of the linear kinds.
  taken.set('auto', new Set([...taken.get('auto')!, ...taken.get('logistic')!, ...taken.get('linear')!]));
  const inOrder = (names: Iterable<string>): string[] => [...names].sort();
  expect(Object.fromEntries(known.map(({ kind, options }) => [kind, inOrder(options)]))).toEqual(
    Object.fromEntries([...taken].map(([kind, options]) => [kind, inOrder(options)])),
  );
});

function optionsOf(schema: z.ZodType): Set<string> {
  if (schema instanceof z.ZodObject) return new Set(Object.keys(schema.shape));
  if (schema instanceof z.ZodPipe) return optionsOf(schema.in as z.ZodType);
  throw new Error('options are an object, perhaps with a transformation after it');
}

test('without examples there is nothing to train on, and of few ones it is said', async () => {
  await using shop = await open(0);
  await expect(shop.query(`select millrace.retrain('fraud')`)).rejects.toMatchObject({
    message: 'pipeline fraud has no examples to train on: no row of public.fraud_scores has a label',
    hint: expect.stringContaining('label view') as string,
  });
  await shop.query(`select millrace.alter_pipeline('fraud', keep_scores_for => '3 days')`);
  await expect(shop.query(`select millrace.retrain('fraud')`)).rejects.toMatchObject({
    hint: expect.stringContaining('3 days after their event time (keep_scores_for)') as string,
  });
  await shop.query(scored(7));
  const client = await shop.connect();
  const notices: string[] = [];
  client.on('notice', ({ message }) => notices.push(message ?? ''));
  await client.query(`select millrace.retrain('fraud')`);
  expect(notices.join()).toMatch(/^only 7 examples are there/);
});

test('an owner who is nobody else can ask for it, see it and take it back', async () => {
  await using shop = await openShop();
  const alice = await shop.role('alice');
  await shop.query(`grant select on payments to ${alice.name}`);
  await alice.client.query(`create view hers as select id, created_at, amount from payments;
    create view her_labels as select id, amount > 60 as label from payments`);
  await alice.client.query(
    `select millrace.create_pipeline('hers', 'hers', key => 'id', event_time => 'created_at', labels => 'her_labels')`,
  );
  await shop.query(scored(1_000).replace('fraud_scores', 'hers_scores'));
  await alice.client.query(`select millrace.retrain('hers', '{"kind": "naive_bayes"}')`);
  const seen = await alice.client.query('select pipeline, state from millrace.retrainings');
  expect(seen.rows).toEqual([{ pipeline: 'hers', state: 'waiting for the sink' }]);
  await alice.client.query(`select millrace.cancel_retrain('hers')`);
  expect((await loadPipelines(await shop.connect()))[0]!.retrain).toEqual({ command: 3 });
});

test('a pipeline without labels or model has nothing to retrain', async () => {
  await using shop = await openShop();
  await shop.query(`select millrace.create_pipeline('live', 'fraud_features')`);
  await expect(shop.query(`select millrace.retrain('live')`)).rejects.toThrow(
    /has no labels: there is nothing to train/,
  );
});

test('a second one is refused until the first has ended or is cancelled', async () => {
  await using shop = await open();
  const again = (): Promise<unknown> => shop.query(`select millrace.retrain('fraud', '{"l2": 2}')`);
  await expect(shop.query(`select millrace.cancel_retrain('fraud')`)).rejects.toThrow(/is not being retrained/);
  await again();
  const running = {
    message: 'pipeline fraud is being retrained already (command 2)',
    hint: expect.stringContaining('cancel_retrain') as string,
  };
  await expect(again()).rejects.toMatchObject(running);
  await shop.query(told(2, null));
  expect(await retrainings(shop)).toMatchObject([{ command: 2, state: 'training' }]);
  await expect(again()).rejects.toMatchObject(running);
  await shop.query(told(2, 'dropped'));
  await expect(shop.query(`select millrace.cancel_retrain('fraud')`)).rejects.toThrow(/is not being retrained/);
  await again();
  await shop.query(`select millrace.cancel_retrain('fraud')`);
  const client = await shop.connect();
  expect((await loadPipelines(client))[0]!.retrain).toEqual({ command: 4 });
  await again();
  // One that was refused can be taken back, which is what status says.
  await shop.query(told(5, 'refused'));
  await shop.query(`select millrace.cancel_retrain('fraud')`);
  expect((await loadPipelines(client))[0]!.retrain).toEqual({ command: 6 });
});

test('status shows how far it is until it has ended', async () => {
  await using shop = await open();
  const client = await shop.connect();
  const shown = async (): Promise<unknown> => (await readStatus(client))[0]!.retraining;
  expect(await shown()).toBeNull();
  await shop.query(`select millrace.retrain('fraud', patience => 300)`);
  expect(await shown()).toMatchObject({ command: 2, state: 'waiting for the sink', patience: 300, trained: null });
  await shop.query(told(2, null));
  expect(await shown()).toMatchObject({ command: 2, state: 'training', examples: 100, trained: 40 });
  await shop.query(`update millrace._retrainings set trained = 100`);
  expect(await shown()).toMatchObject({ state: 'trained' });
  await shop.query(`update millrace._retrainings set judged = 7, loss = 0.5, serving_loss = 0.25`);
  expect(await shown()).toMatchObject({ state: 'comparing', judged: 7, loss: 0.5, servingLoss: 0.25 });
  await shop.query(told(2, 'dropped'));
  expect(await shown()).toBeNull();
});

test('other commands and changes leave it running; a rebuild ends it', async () => {
  await using shop = await open();
  await shop.query(serving({ model: { kind: 'logistic', l2: 0.1, metrics_by: 'amount' }, asked: null }));
  await shop.query(`select millrace.retrain('fraud', '{"l2": 1}')`);
  const client = await shop.connect();
  const command = (await loadPipelines(client))[0]!.retrain;
  await shop.query(`select millrace.promote('fraud', 9)`);
  await shop.query(`select millrace.alter_pipeline('fraud', model => '{"l2": 7}')`);
  await shop.query(`select millrace.alter_pipeline('fraud', alert_when => 'score > 0.5')`);
  await shop.query(`select millrace.pause('fraud')`);
  expect((await loadPipelines(client))[0]).toMatchObject({ retrain: command, model: { kind: 'logistic', l2: 7 } });
  await expect(shop.query(`select millrace.retrain('fraud')`)).rejects.toThrow(/is being retrained already/);
  await shop.query(`select millrace.rebuild('fraud')`);
  expect((await loadPipelines(client))[0]!.retrain).toBeUndefined();
  expect(await retrainings(shop)).toEqual([]);
});

test('options that a retraining has put in place are what a rebuild starts with, and whose kind an alteration keeps', async () => {
  await using shop = await open();
  const asked = { kind: 'logistic', l2: 0.1, metrics_by: 'amount' };
  const model = { kind: 'naive_bayes', metrics_by: 'amount' };
  await shop.query(serving({ model, asked }));
  expect(await shop.query('select options, asked from millrace.models')).toEqual([{ options: model, asked }]);
  const client = await shop.connect();
  await shop.query(`select millrace.alter_pipeline('fraud', alert_when => 'score > 0.5')`);
  expect((await loadPipelines(client))[0]!.model).toEqual(asked);
  await shop.query(`select millrace.rebuild('fraud')`);
  expect((await loadPipelines(client))[0]).toMatchObject({ generation: 2, model });
  // Asked for since, they are what counts.
  await shop.query(serving({ model: { kind: 'hoeffding_tree' }, asked: model }));
  await shop.query(`select millrace.alter_pipeline('fraud', model => '{"save_every": 10}')`);
  expect((await loadPipelines(client))[0]!.model).toEqual({ kind: 'hoeffding_tree', save_every: 10 });
  await shop.query(`select millrace.rebuild('fraud')`);
  expect((await loadPipelines(client))[0]!.model).toEqual({ kind: 'hoeffding_tree', save_every: 10 });
});
