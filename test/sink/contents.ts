import type { MemoryScoreStore } from '../simulation/memory-score-store.ts';

const topic = { pipelineId: 1, generation: 1 };

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
    drift: [...generation.drift.values()],
    retrainings: [...generation.retrainings.all.values()].flatMap(({ end }) => end ?? []),
    checkpoint: { ...generation.checkpoint, serial: 0 },
    state: partition.state,
  };
}
