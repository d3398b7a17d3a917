import { expect, test } from 'vitest';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { history, ports, runToEnd, seeded } from './history.ts';
import type { StreamRecord } from '../../src/flow/record.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

async function run(records: readonly StreamRecord[], fetch: () => number): Promise<MemoryScoreStore> {
  const log = new ArrayLog(topic, 1, fetch);
  log.append(records);
  const store = new MemoryScoreStore();
  await runToEnd(ports(log, store, seeded(1)));
  return store;
}

test.each([1, 2, 3, 4, 5, 6])(
  'batches of 1, 7, 5,000 and of random size give the same bits (seed %i)',
  async (seed) => {
    const records = history({ random: seeded(seed), commits: 300, keys: 25 });
    const one = contents(await run(records, () => 1));
    const random = seeded(seed + 100);
    for (const fetch of [() => 7, () => 5_000, () => 1 + Math.floor(random() * 40)])
      expect(contents(await run(records, fetch))).toEqual(one);
    expect((one as { versions: unknown[] }).versions.length).toBeGreaterThan(5);
  },
);

test.each([11, 12, 13])(
  'features, label, delete and dead letter of one key in any order give what batches of one give (seed %i)',
  async (seed) => {
    const records = history({ random: seeded(seed), commits: 150, keys: 1 });
    const one = contents(await run(records, () => 1));
    expect(contents(await run(records, () => 5_000))).toEqual(one);
    expect(contents(await run(records, () => 2))).toEqual(one);
  },
);
