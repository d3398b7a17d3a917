// Commands for versions, as SQL takes them: each is a change of the definition's row, which the WAL carries.

import { expect, test } from 'vitest';
import { loadPipelines } from '../../src/catalog/pipelines.ts';
import { openShop } from './shop.ts';

const FRAUD = `select millrace.create_pipeline('fraud', 'fraud_features', event_time => 'created_at', labels => 'fraud_labels',
  model => '{"kind":"logistic","l2":0.1}')`;

/** As the sink would have saved them. */
function versions(...reasons: readonly string[]): string {
  return `insert into millrace._models (pipeline_id, generation, version, kind, examples, state, cursors, metrics, serving, reason, saved_at)
    select p.id, 1, r.n, 'logistic', 10 * r.n, '', '[]', '{}', r.n = ${reasons.length}, r.reason, now()
      from millrace._pipelines p, unnest(array[${reasons.map((reason) => `'${reason}'`).join(',')}]) with ordinality r (reason, n)`;
}

test('promote changes the definition, and no option of the model', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  await shop.query(versions('created', '5000 examples', '10000 examples'));
  const client = await shop.connect();
  const [before] = await loadPipelines(client);
  await shop.query(`select millrace.promote('fraud', 2)`);
  const [after] = await loadPipelines(client);
  expect(after).toEqual({ ...before, revision: 2, promote: { version: 2, command: 2 } });
  // Again is another command.
  await shop.query(`select millrace.promote('fraud', 2)`);
  expect((await loadPipelines(client))[0]!.promote).toEqual({ version: 2, command: 3 });
  expect(await shop.query(`select model from millrace.pipelines`)).toEqual([{ model: { kind: 'logistic', l2: 0.1 } }]);
  // Other options do not repeat it.
  await shop.query(`select millrace.alter_pipeline('fraud', model => '{"l2": 1}')`);
  expect((await loadPipelines(client))[0]).toMatchObject({ revision: 4, model: { kind: 'logistic', l2: 1 } });
  expect((await loadPipelines(client))[0]!.promote).toBeUndefined();
});

test('what cannot be promoted is refused with what could', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  await expect(shop.query(`select millrace.promote('fraud', 1)`)).rejects.toMatchObject({
    message: 'pipeline fraud has no saved version 1',
    hint: 'None is saved yet: a sink saves the first when it starts.',
  });
  await shop.query(versions('created', '5000 examples'));
  await expect(shop.query(`select millrace.promote('fraud', 7)`)).rejects.toMatchObject({
    message: 'pipeline fraud has no saved version 7',
    hint: expect.stringContaining('The latest: 2, 1.') as string,
  });
  await expect(shop.query(`select millrace.promote('fruad', 1)`)).rejects.toThrow(/there is no pipeline 'fruad'/);
  await shop.query(`create role stranger; grant usage on schema millrace to stranger`);
  const client = await shop.connect();
  await client.query('set role stranger');
  await expect(client.query(`select millrace.promote('fraud', 1)`)).rejects.toThrow(/belongs to role/);
  await client.query('reset role; drop owned by stranger; drop role stranger');
});

test('rollback promotes what served before the model was last replaced', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  await shop.query(versions('created', '5000 examples', '10000 examples'));
  await expect(shop.query(`select millrace.rollback('fraud')`)).rejects.toMatchObject({
    message: 'the model of pipeline fraud was never replaced: neither promoted nor given other options',
  });
  await shop.query('delete from millrace._models');
  await shop.query(
    versions('created', '5000 examples', 'options changed', '10000 examples', 'version 2 promoted', '7000 examples'),
  );
  expect(await shop.query(`select millrace.rollback('fraud') as version`)).toEqual([{ version: '4' }]);
  const client = await shop.connect();
  expect((await loadPipelines(client))[0]!.promote).toEqual({ version: 4, command: 2 });
  // What it takes the place of is not known before the sink has got to it.
  await expect(shop.query(`select millrace.rollback('fraud')`)).rejects.toMatchObject({
    message: 'pipeline fraud is about to go on with version 4, so what it is to go back to is not there yet',
    hint: expect.stringContaining(`To keep what serves now: select millrace.promote('fraud', 6)`) as string,
  });
  await shop.query(`insert into millrace._models (pipeline_id, generation, version, kind, examples, state, cursors, metrics, serving, reason, saved_at)
    select id, 1, 7, 'logistic', 40, '', '[]', '{}', false, 'version 4 promoted', now() from millrace._pipelines`);
  expect(await shop.query(`select millrace.rollback('fraud') as version`)).toEqual([{ version: '6' }]);
  // What served before is gone: nothing else is guessed.
  await shop.query(`insert into millrace._models (pipeline_id, generation, version, kind, examples, state, cursors, metrics, serving, reason, saved_at)
    select id, 1, 8, 'logistic', 70, '', '[]', '{}', false, 'version 6 promoted', now() from millrace._pipelines`);
  await shop.query('delete from millrace._models where version in (6, 7)');
  await expect(shop.query(`select millrace.rollback('fraud')`)).rejects.toThrow(/is not stored any more/);
});

test('a promotion and a rollback in one transaction are refused: nothing was promoted yet', async () => {
  await using shop = await openShop();
  await shop.query(FRAUD);
  await shop.query(versions('created', '5000 examples', 'options changed'));
  await expect(
    shop.query(`begin; select millrace.promote('fraud', 1); select millrace.rollback('fraud')`),
  ).rejects.toThrow(/is about to go on with version 1/);
});
