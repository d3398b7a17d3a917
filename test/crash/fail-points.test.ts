// Dies at every named place between two durable steps, goes on, and must end as if nothing had happened.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeHistory, PIPELINE, type HistoryTransaction } from './history.ts';
import { remainsOf, type Remains } from './remains.ts';
import { World, type Stage } from './world.ts';

/** In the order in which they are armed, one life each. The first four stand in attaching, the next three in the backfill. */
const PLACES: Readonly<Record<Stage, readonly string[]>> = {
  connector: [
    'connector.folder_named',
    'connector.folder_known',
    'connector.publication_made',
    'connector.slot_made',
    'connector.claimed',
    'connector.backfill_chunk',
    'connector.backfilled',
    'connector.published',
    'connector.state_flushed',
    'connector.acknowledged',
  ],
  sink: [
    'sink.folded',
    'sink.scores-written',
    'sink.committed',
    'sink.model-saved',
    'sink.acknowledged',
    'sink.checkpoint-saved',
  ],
};
const UP_TO_BACKFILL = 7;
/** Places of the sink that it comes to only where a model is retrained. */
const RETRAINING = ['sink.examples-copied', 'sink.training-kept', 'sink.retraining-ended'];

const history = makeHistory({ seed: 7, days: 6, paymentsPerDay: 400 });
/** One slice is there before the pipeline; the others come with a changed definition each, which ends the sink's batch. */
const SLICES = 8;

function slice(number: number): readonly HistoryTransaction[] {
  const size = Math.ceil(history.length / SLICES);
  return history.slice(number * size, (number + 1) * size);
}

async function writeSlice(world: World, number: number): Promise<void> {
  for (const transaction of slice(number)) await world.write(transaction);
  if (number === 0) await world.createPipeline();
  else await world.database.query(`select millrace.alter_pipeline('fraud', alert_when => 'score > 0.${number}')`);
}

let undisturbed: Remains;

beforeAll(async () => {
  await using world = await World.open({ partitions: 1, brokers: undefined });
  await writeSlice(world, 0);
  await world.catchUp('connector');
  for (let number = 1; number < SLICES; number++) await writeSlice(world, number);
  await world.catchUp('connector');
  await world.catchUp('sink');
  undisturbed = await remainsOf(world);
});

test('the undisturbed run has a score for every payment, and examples of all kinds', () => {
  expect(undisturbed.rows.map((row) => row.id)).toEqual(undisturbed.sourceKeys);
  expect(undisturbed.deadLetters).toBe(0);
  expect(undisturbed.examples).toBeGreaterThan(1000);
  expect(undisturbed.outcomes.filter(({ label }) => label === null).length).toBeGreaterThan(0);
  expect(undisturbed.outcomes.filter(({ label, prior }) => label !== null && prior !== null).length).toBeGreaterThan(0);
});

test('every fail point in the source stands here', () => {
  const source = path.resolve(import.meta.dirname, '../../src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const calls = files.flatMap((file) => {
    if (file.endsWith('runtime/fail-points.ts')) return [];
    return [...readFileSync(path.join(source, file), 'utf8').matchAll(/failPoint\(\s*(?:'([^']*)')?/g)].map(
      ([, name]) => name ?? `not a constant, in ${file}`,
    );
  });
  expect([...new Set(calls)].sort()).toEqual([...PLACES.connector, ...PLACES.sink, ...RETRAINING].sort());
});

test('the connector, killed at each of its places in turn, ends as undisturbed', async () => {
  await using world = await World.open({ partitions: 1, brokers: undefined });
  await writeSlice(world, 0);
  for (const [number, place] of PLACES.connector.entries()) {
    if (number >= UP_TO_BACKFILL) await writeSlice(world, 1 + number - UP_TO_BACKFILL);
    await dieAt(world, 'connector', place);
    const stands = await world.slotAndFolder();
    if (stands) expect(stands.confirmed <= stands.lowest, `the slot after ${place}`).toBe(true);
    // The next slice must not become part of a backfill that is to be read again.
    if (number === UP_TO_BACKFILL - 1) await world.catchUp('connector');
  }
  for (let number = 1 + PLACES.connector.length - UP_TO_BACKFILL; number < SLICES; number++)
    await writeSlice(world, number);
  await world.catchUp('connector');
  await world.catchUp('sink');
  expect(await remainsOf(world)).toEqual(undisturbed);
});

test('the sink, killed at each of its places in turn, ends as undisturbed', async () => {
  await using world = await World.open({ partitions: 1, brokers: undefined });
  await writeSlice(world, 0);
  await world.catchUp('connector');
  for (let number = 1; number < SLICES; number++) await writeSlice(world, number);
  await world.catchUp('connector');
  for (const place of PLACES.sink) await dieAt(world, 'sink', place);
  await world.catchUp('sink');
  expect(await remainsOf(world)).toEqual(undisturbed);
});

test('the sink, killed at each place of a retraining, ends as undisturbed, with the same versions of the model', async () => {
  const calm = await retrained(async () => {});
  expect(calm.retrainings).toMatchObject([{ ended: 'promoted' }]);
  expect(calm.versions.filter(({ reason }) => reason.startsWith('retrained: '))).toHaveLength(1);
  const killed = await retrained(async (world) => {
    for (const place of RETRAINING) await dieAt(world, 'sink', place);
  });
  for (const part of Object.keys(calm) as (keyof typeof calm)[]) expect(killed[part], part).toEqual(calm[part]);
});

/** A model that learns next to nothing is retrained in the middle of the history. */
async function retrained(kill: (world: World) => Promise<void>) {
  await using world = await World.open({ partitions: 1, brokers: undefined });
  for (const transaction of [...slice(0), ...slice(1), ...slice(2)]) await world.write(transaction);
  await world.database.query(
    PIPELINE.replace('"save_every": 500', '"save_every": 500, "optimizer": {"name": "sgd", "lr": 1e-9}'),
  );
  await world.catchUp('connector');
  await world.catchUp('sink');
  await world.database.query(`select millrace.retrain('fraud', '{"kind": "naive_bayes"}', patience => 400)`);
  for (let number = 3; number < SLICES; number++) await writeSlice(world, number);
  await world.catchUp('connector');
  await kill(world);
  await world.catchUp('sink');
  return {
    remains: await remainsOf(world),
    versions: await world.database.query<{ version: string; reason: string; state: string }>(
      'select version, kind, reason, options::text, md5(state) as state from millrace._models order by version',
    ),
    retrainings: await world.database.query<{ ended: string }>(
      `select command, model::text, patience, examples, trained, judged, loss, serving_loss, ended, reason, version
         from millrace._retrainings`,
    ),
    left: await world.database.query('select count(*) as n from millrace._retraining_examples'),
  };
}

async function dieAt(world: World, stage: Stage, place: string): Promise<void> {
  const hits = await world.dieAt(stage, place, 1);
  console.log(`${place}: ${hits} hit`);
  expect(hits, `hits of ${place}`).toBe(1);
}
