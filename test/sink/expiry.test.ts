// keep_scores_for over random histories: neither batches, kills, restarts nor the pace of deletion show in what is left.

import { expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import { EXPIRE_ROWS } from '../../src/sink/row-expiry.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

const KEEPS: [string, Partial<SinkDefinition>][] = [
  ['less than label_wait', { keepScoresForUs: 40_000_000 }],
  ['more than label_wait', { keepScoresForUs: 150_000_000 }],
  ['without label_wait', { keepScoresForUs: 90_000_000, labelWaitUs: undefined, labelDefault: undefined }],
  ['without a default', { keepScoresForUs: 60_000_000, labelWaitUs: 120_000_000, labelDefault: undefined }],
];

const recordsOf = (seed: number, change: Partial<SinkDefinition>): StreamRecord[] =>
  history({ random: seeded(seed), commits: 300, keys: 60, definition: { ...definition, ...change } });

async function run(records: readonly StreamRecord[], fetch: () => number, lives = 1): Promise<MemoryScoreStore> {
  const store = new MemoryScoreStore();
  for (let life = 1; life <= lives; life++) {
    const log = new ArrayLog(topic, 1, fetch);
    log.append(records.slice(0, Math.ceil((records.length * life) / lives)));
    await runToEnd(ports(log, store, seeded(1)));
  }
  return store;
}

/** Of the rows that a run left: those that should have gone. */
function overstayed(store: MemoryScoreStore, { keepScoresForUs, labelWaitUs }: SinkDefinition): number {
  const { clockUs } = store.generation(topic).partitions.get(0)!.state;
  return [...store.tables.get('public.fraud_scores')!.values()].filter(({ eventTimeUs, label }) => {
    const keptUs = label === null ? Math.max(keepScoresForUs!, labelWaitUs ?? 0) : keepScoresForUs!;
    return eventTimeUs! <= clockUs! - keptUs;
  }).length;
}

test.each(KEEPS)(
  'kept %s: batches of 1, 7, 5,000 and of random size, and restarts, give the same bits',
  async (_, change) => {
    for (const seed of [1, 2, 3]) {
      const records = recordsOf(seed, change);
      const first = await run(records, () => 1);
      const kept = await run(recordsOf(seed, { ...change, keepScoresForUs: undefined }), () => 7);
      const count = (store: MemoryScoreStore): number => store.tables.get('public.fraud_scores')!.size;
      expect(count(first)).toBeLessThan(count(kept));
      expect(overstayed(first, { ...definition, ...change })).toBe(0);
      const random = seeded(seed + 100);
      for (const fetch of [() => 7, () => 5_000, () => 1 + Math.floor(random() * 40)])
        for (const lives of [1, 25]) expect(contents(await run(records, fetch, lives))).toEqual(contents(first));
    }
  },
);

test.each(KEEPS)(
  'kept %s: killed before and after any store operation it ends as if undisturbed',
  async (_, change) => {
    const records = recordsOf(4, change);
    const expected = contents(await run(records, () => 13));
    const random = seeded(60);
    const killed = new Set<string>();
    let kills = 0;
    let killer = new AbortController();
    const store: MemoryScoreStore = new MemoryScoreStore({
      fault: async (operation, when) => {
        if (kills >= 80 || random() > 0.1) return;
        kills += 1;
        killed.add(`${operation} ${when}`);
        killer.abort();
        store.crash();
        throw new MillraceError('WAREHOUSE_UNREACHABLE', 'killed');
      },
    });
    for (let life = 0; life < 200; life++) {
      killer = new AbortController();
      const before = kills;
      const log = new ArrayLog(topic, 1, () => 1 + Math.floor(random() * 30));
      log.append(records);
      await runToEnd(ports(log, store, seeded(life)), { abort: killer.signal }).catch(() => {});
      if (kills === before) break;
    }
    expect(killed).toContain('expire before');
    expect(killed).toContain('expire after');
    expect(contents(store)).toEqual(expected);
  },
);

test('a long past goes a bounded number of rows at a time, between the batches; a drain does not wait for it', async () => {
  const rows = EXPIRE_ROWS * 2 + 100;
  const long = { ...definition, keepScoresForUs: 60_000_000, labelWaitUs: undefined, labelDefault: undefined };
  const body = (key: number): StreamRecord['body'] => ({
    kind: 'features',
    key: `["${key}"]`,
    eventTime: '2023-11-14 22:13:20+00',
    eventTimeUs: 1_700_000_000_000_000,
    features: '{"amount":1,"currency":"eur"}',
    late: false,
  });
  const clock = (minutes: number, n: bigint, given?: SinkDefinition): StreamRecord => ({
    position: { lsn: n, n: 0 },
    partition: 0,
    commitTimeUs: 1_700_000_000_000_000,
    body: { kind: 'progress', clockUs: 1_700_000_000_000_000 + minutes * 60_000_000, phase: 'live', definition: given },
  });
  const records: StreamRecord[] = [clock(0, 1n, long)];
  for (let key = 0; key < rows; key++)
    records.push({ position: { lsn: 2n, n: key }, partition: 0, commitTimeUs: 0, body: body(key) });
  const drain = new AbortController();
  const sizes: number[] = [];
  const store: MemoryScoreStore = new MemoryScoreStore({
    fault: async (operation, when) => {
      if (operation !== 'expire' || when !== 'after') return;
      sizes.push(store.tables.get('public.fraud_scores')!.size);
      if (sizes.at(-1)! < rows) drain.abort();
    },
  });
  const log = new ArrayLog(topic, 1, () => 100_000);
  log.append(records);
  await runToEnd(ports(log, store, seeded(1)));
  expect(sizes.splice(0)).toEqual([rows]);
  log.append([clock(2, 3n)]);
  await runToEnd(ports(log, store, seeded(1)), { drain: drain.signal });
  // First what the state says from before, which is nothing; then one turn.
  expect(sizes.splice(0)).toEqual([rows, rows - EXPIRE_ROWS]);
  await runToEnd(ports(log, store, seeded(1)));
  expect(sizes).toEqual([100, 0]);
});
