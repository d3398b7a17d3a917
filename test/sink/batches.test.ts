import { expect, test } from 'vitest';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { history, ports, runToEnd, seeded } from './history.ts';
import type { StreamRecord } from '../../src/flow/record.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

/** All that a run leaves that must not depend on batches, fetches or kills. */
export function contents(store: MemoryScoreStore): unknown {
  const generation = store.generation(topic);
  const partition = generation.partitions.get(0)!;
  const byKey = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    rows: byKey(store.tables.get('public.fraud_scores') ?? new Map()).map(([, row]) => ({ ...row, parsed: undefined })),
    labels: byKey(generation.labels),
    alerts: byKey(generation.alerts).map(([, alert]) => ({ ...alert, id: 0 })),
    deadLetters: [...partition.deadLetters].sort(
      (a, b) => Number(a.position.lsn - b.position.lsn) || a.position.n - b.position.n,
    ),
    outcomes: partition.outcomes,
    versions: generation.versions.map((version) => ({ ...version, state: Buffer.from(version.state).toString('hex') })),
    checkpoint: { ...generation.checkpoint, serial: 0 },
    state: partition.state,
  };
}

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
