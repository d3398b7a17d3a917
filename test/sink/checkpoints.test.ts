import { expect, test } from 'vitest';
import { StateWriter } from '../../src/model/saved-state.ts';
import type { WriteSet } from '../../src/scores/score-store.ts';
import type { SinkReport } from '../../src/sink/ports.ts';
import { openMetrics } from '../../src/sink/quality.ts';
import { splitParts } from '../../src/sink/checkpoint-parts.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';
import { killedOften } from './killed-often.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

/** One version, at the beginning: what is learned after it is in no version. Nothing watches, so that a checkpoint is small. */
const seldom = { ...definition, model: { kind: 'logistic', save_every: 1_000_000, drift: { signals: [] } } };

class WatchedStore extends MemoryScoreStore {
  readonly writes: WriteSet[] = [];

  override write(...given: Parameters<MemoryScoreStore['write']>): ReturnType<MemoryScoreStore['write']> {
    this.writes.push(given[2]);
    return super.write(...given);
  }
}

test('a batch whose examples weigh more than a checkpoint makes one, and stores none that it has learned', async () => {
  const records = history({ random: seeded(3), commits: 900, keys: 60, definition: seldom });
  const run = async (fetch: number): Promise<WatchedStore> => {
    const store = new WatchedStore();
    const log = new ArrayLog(topic, 1, () => fetch);
    log.append(records);
    await runToEnd(ports(log, store, seeded(1)));
    return store;
  };
  const large = await run(400);
  const checkpoints = large.writes.filter(({ checkpoint }) => checkpoint !== undefined);
  expect(checkpoints.length).toBeGreaterThan(2);
  // But for the last commit's, which are not learned yet.
  for (const { checkpoint, examples } of checkpoints) {
    const cursor = checkpoint!.cursors[0];
    for (const { at } of examples)
      if (cursor !== undefined) expect(at.lsn > cursor.lsn || at.n > cursor.n || at.i > cursor.i).toBe(true);
    expect(new Set(examples.map(({ at }) => at.lsn)).size).toBeLessThanOrEqual(1);
  }
  const small = await run(3);
  expect(small.writes.filter(({ checkpoint }) => checkpoint !== undefined).length).toBeLessThan(3);
  expect(contents(large)).toEqual(contents(small));
});

test.each([1, 2, 3])('killed between such checkpoints it ends as if undisturbed (seed %i)', async (seed) => {
  const records = history({ random: seeded(seed), commits: 600, keys: 40, definition: seldom });
  const logOf = (sizes: () => number): ArrayLog => {
    const log = new ArrayLog(topic, 1, () => 1 + Math.floor(sizes() * 400));
    log.append(records);
    return log;
  };
  const calm = new MemoryScoreStore();
  await runToEnd(ports(logOf(seeded(1)), calm, seeded(1)));
  const serials = new Set<number | undefined>();
  const store = await killedOften({
    random: seeded(seed + 20),
    chance: 0.07,
    live: async (killed, abort, life) => {
      try {
        await runToEnd(ports(logOf(seeded(seed + life)), killed, seeded(life)), { abort });
      } finally {
        serials.add(killed.generation(topic).checkpoint?.serial);
      }
    },
  });
  expect(serials.size).toBeGreaterThan(3);
  expect(contents(store)).toEqual(contents(calm));
});

test.each([
  ['Metrics of a release that measured less', shortened],
  ['Metrics that are corrupt', (saved: Uint8Array): Uint8Array => changedAt(saved, 40)],
  ['Thresholds that are corrupt', (saved: Uint8Array): Uint8Array => changedAt(saved, saved.length - 30)],
])('%s are counted anew from the stored outcomes', async (_, former) => {
  const goal = { ...definition, alertWhen: 'precision >= 0.2' };
  const records = history({ random: seeded(5), commits: 500, keys: 60, definition: goal });
  const run = async (store: MemoryScoreStore, count: number): Promise<SinkReport | undefined> => {
    const log = new ArrayLog(topic, 1, () => 40);
    log.append(records.slice(0, count));
    return await runToEnd({ ...ports(log, store, seeded(1)), openMetrics });
  };
  const calm = new MemoryScoreStore();
  await run(calm, records.length);
  const store = new MemoryScoreStore();
  await run(store, 1000);
  const { checkpoint } = store.generation(topic);
  store.generation(topic).checkpoint = { ...checkpoint!, metrics: former(checkpoint!.metrics) };
  expect(await run(store, records.length)).toMatchObject({ state: 'caught up', reason: undefined });
  expect(contents(store)).toEqual(contents(calm));
});

function changedAt(saved: Uint8Array, index: number): Uint8Array {
  const changed = saved.slice();
  changed[index]! ^= 1;
  return changed;
}

/** Each period is another state by the same name, whose parts end where there were no more. */
function shortened(metrics: Uint8Array): Uint8Array {
  const periods = Object.keys(JSON.parse(Buffer.from(splitParts(metrics).metrics).toString('utf8')) as object);
  const entries = periods.map((period) => {
    const writer = new StateWriter(`binary metrics ${period}`);
    writer.f64(0);
    const state = Buffer.from(writer.finish()).toString('base64');
    return [period, { state, fromUs: null, toUs: null }];
  });
  return Buffer.from(JSON.stringify(Object.fromEntries(entries)));
}
