// A saved version that takes the serving model's place in mid-stream: at that record, whatever batches and restarts there are.

import { expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { SinkReport } from '../../src/sink/ports.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };
const COMMITS = 300;

/** The definition changes after half of the commits, and again after three quarters. */
function promoting(seed: number, ...changes: readonly Partial<SinkDefinition>[]): StreamRecord[] {
  const records = history({ random: seeded(seed), commits: COMMITS, keys: 20 });
  changes.forEach((change, index) => {
    const wanted = BigInt(COMMITS * (0.5 + index / 4)) * 100n;
    const at = records.findIndex(({ position }) => position.lsn >= wanted);
    const { position, commitTimeUs } = records[at]!;
    records.splice(at, 0, {
      position: { lsn: position.lsn - 1n, n: 0 },
      partition: 0,
      commitTimeUs,
      body: {
        kind: 'progress',
        clockUs: commitTimeUs,
        phase: 'live',
        definition: { ...definition, revision: index + 2, ...change },
      },
    });
  });
  return records;
}

async function run(records: readonly StreamRecord[], fetch: () => number, lives = 1) {
  const store = new MemoryScoreStore();
  let last: SinkReport | undefined;
  for (let life = 1; life <= lives; life++) {
    const log = new ArrayLog(topic, 1, fetch);
    log.append(records.slice(0, Math.ceil((records.length * life) / lives)));
    last = await runToEnd(ports(log, store, seeded(1)));
  }
  return { store, last: last!, versions: store.generation(topic).versions };
}

const promote = (version: number, command = 2) => ({ promote: { version, command } });

test('what was learned since is taken back, and learning goes on from the present position', async () => {
  const { versions, last } = await run(promoting(1, promote(3)), () => 50);
  expect(last).toMatchObject({ state: 'caught up', reason: undefined });
  const at = versions.findIndex(({ reason }) => reason === 'version 3 promoted');
  const third = versions.find(({ version }) => version === 3)!;
  const promoted = versions[at]!;
  expect(promoted.promoted).toBe(3);
  expect(promoted.version).toBeGreaterThan(5);
  expect(promoted.examples).toBe(third.examples);
  expect(Buffer.compare(promoted.state, third.state)).toBe(0);
  expect(promoted.cursors[0]!.lsn).toBeGreaterThan(third.cursors[0]!.lsn);
  expect(versions[at + 1]!.examples).toBe(third.examples + 7);
  // Scores come of it: another version gives other ones.
  const scores = async (change: Partial<SinkDefinition>): Promise<unknown> => {
    const { store } = await run(promoting(1, change), () => 50);
    return [...store.tables.get('public.fraud_scores')!.values()].map(({ score }) => score);
  };
  expect(await scores(promote(3))).not.toEqual(await scores(promote(4)));
});

test('promoted versions stay stored, others only as many as are to be kept', async () => {
  const model = { kind: 'logistic', save_every: 7, keep_versions: 3 };
  const records = promoting(1, { model }, { model, ...promote(3) });
  const { versions } = await run(records, () => 50);
  // The first change took version 3 along.
  expect(versions.map(({ reason }) => reason)).not.toContain('version 3 promoted');
  const before = await run(promoting(1, promote(3), { model, ...promote(3) }), () => 50);
  const numbers = before.versions.map(({ version }) => version);
  const promoted = before.versions.find(({ reason }) => reason === 'version 3 promoted')!.version;
  const newest = Math.max(...numbers);
  expect(new Set(numbers)).toEqual(new Set([3, promoted, newest - 2, newest - 1, newest]));
});

test('a version that is not there leaves the model as it is, and says so', async () => {
  const { last, versions, store } = await run(promoting(2, promote(999)), () => 50);
  expect(last).toMatchObject({ state: 'caught up', reason: expect.stringMatching(/version 999 cannot/) as string });
  expect(last.hint).toContain('millrace.models');
  const calm = await run(promoting(2, {}), () => 50);
  expect(versions).toEqual(calm.versions);
  expect(store.tables).toEqual(calm.store.tables);
});

test('a version that is corrupt leaves the model as it is, and says so', async () => {
  class Corrupting extends MemoryScoreStore {
    override async version(...given: Parameters<MemoryScoreStore['version']>) {
      const found = await super.version(...given);
      return found && { ...found, state: found.state.slice(0, -5) };
    }
  }
  const log = new ArrayLog(topic, 1, () => 50);
  log.append(promoting(2, promote(3)));
  const last = await runToEnd(ports(log, new Corrupting(), seeded(1)));
  expect(last?.reason).toMatch(/version 3 cannot be promoted.*checksum differs/);
});

test('the same version can be promoted twice, with other options at the same time', async () => {
  const model = { kind: 'logistic', save_every: 5, l2: 0.1 };
  const { versions } = await run(promoting(3, promote(3), { model, ...promote(3, 3) }), () => 30);
  const promoted = versions.filter(({ reason }) => reason === 'version 3 promoted');
  expect(promoted).toHaveLength(2);
  expect(versions.at(-1)!.examples % 5).toBe(0);
});

test.each([1, 2, 3])('batches and restarts do not show in what a promotion does (seed %i)', async (seed) => {
  const records = promoting(seed, promote(4), promote(2, 3));
  const one = contents((await run(records, () => 1)).store);
  const random = seeded(seed);
  for (const fetch of [() => 5_000, () => 1 + Math.floor(random() * 40)])
    for (const lives of [1, 30]) expect(contents((await run(records, fetch, lives)).store)).toEqual(one);
});

test.each([1, 2, 3])('killed around a promotion it ends as if undisturbed (seed %i)', async (seed) => {
  const records = promoting(seed, promote(4), promote(2, 3));
  const calm = contents((await run(records, () => 11)).store);
  const random = seeded(seed + 30);
  let kills = 0;
  let killer = new AbortController();
  const store: MemoryScoreStore = new MemoryScoreStore({
    fault: async () => {
      if (kills >= 60 || random() > 0.05) return;
      kills += 1;
      killer.abort();
      store.crash();
      throw new MillraceError('WAREHOUSE_UNREACHABLE', 'killed');
    },
  });
  for (let life = 0; life < 150; life++) {
    killer = new AbortController();
    const before = kills;
    const log = new ArrayLog(topic, 1, () => 1 + Math.floor(random() * 40));
    log.append(records);
    await runToEnd(ports(log, store, seeded(life)), { abort: killer.signal }).catch(() => {});
    if (kills === before) break;
  }
  expect(kills).toBeGreaterThan(10);
  expect(contents(store)).toEqual(calm);
});
