// Commands that are in a snapshot already when the connector comes to them: nothing carries them out a second time.

import { beforeAll, expect, test } from 'vitest';
import type { PipelineDefinition } from '../../src/flow/pipeline.ts';
import { loadParser } from '../../src/transform/compile.ts';
import { Shop } from './history.ts';
import { PIPELINES, readFixtures } from './pipelines.ts';
import { START_US } from './schedule.ts';
import { Scheduler } from './scheduler.ts';
import { World, type Process } from './world.ts';

const MAX_STEPS = 20_000;
const [first, second] = PIPELINES as readonly [PipelineDefinition, PipelineDefinition, ...PipelineDefinition[]];

beforeAll(loadParser);

function open(): { readonly world: World; readonly define: (change: Partial<PipelineDefinition>) => void } {
  const world = new World(new Scheduler(1, START_US), readFixtures(), 1);
  const shop = new Shop(world.scheduler, world.warehouse);
  for (let count = 0; count < 5; count++) shop.transaction();
  const define = (change: Partial<PipelineDefinition>): void => {
    const before = world.warehouse.definition(first.id);
    world.warehouse.define({ ...(before ?? first), ...change, revision: (before?.revision ?? 0) + 1 });
  };
  return { world, define };
}

async function finish(world: World, process: Process): Promise<void> {
  process.finish();
  await world.scheduler.run(() => process.ended, MAX_STEPS);
}

const standing = (world: World): unknown =>
  world.folder.durable
    .checkpoints()
    .map(({ pipelineId, generation, phase, definition: { revision, desired, model } }) => {
      return { pipelineId, generation, phase, revision, desired, save_every: model['save_every'] };
    });

test('a pipeline that is rebuilt, paused, altered and resumed before it is read goes on by its newest definition', async () => {
  const { world, define } = open();
  define({});
  await finish(world, world.startConnector());
  define({ generation: 2 });
  define({ desired: 'paused' });
  define({ model: { ...first.model, save_every: 9 } });
  define({ desired: 'running' });
  await finish(world, world.startConnector());
  const alive = { pipelineId: first.id, generation: 2, phase: 'live', revision: 5, desired: 'running', save_every: 9 };
  expect(standing(world)).toEqual([alive]);
  // The sink is told of it, too.
  const definitions = [...world.topics.topics.values()].flatMap(({ partitions }) =>
    partitions.flatMap(({ records }) =>
      records.flatMap(({ body }) => (body.kind === 'progress' ? (body.definition ?? []) : [])),
    ),
  );
  expect(definitions.at(-1)!.revision).toBe(5);
});

test('a pipeline that is resumed while the first start is begun again goes on', async () => {
  const { world, define } = open();
  define({ desired: 'paused' });
  world.warehouse.define(second);
  const cutOff = world.startConnector();
  const isPaused = (): boolean => world.folder.durable.checkpoints().some(({ phase }) => phase === 'paused');
  await world.scheduler.run(isPaused, MAX_STEPS);
  expect(world.folder.durable.group).toBeUndefined();
  cutOff.kill();
  define({ desired: 'running' });
  await finish(world, world.startConnector());
  const phases = world.folder.durable.checkpoints().map(({ phase }) => phase);
  expect(phases).toEqual(['live', 'live']);
});
