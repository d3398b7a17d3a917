import { parseLsn } from '../../../src/flow/lsn.ts';
import { PostgresScoreStore } from '../../../src/scores/postgres-score-store.ts';
import type { Drift } from '../../../src/scores/score-store.ts';
import { installScores } from '../../scores/score-tables.ts';
import { MemoryScoreStore } from '../../simulation/memory-score-store.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { scoreStoreContract } from './score-store-contract.ts';

scoreStoreContract('memory', async () => {
  const store = new MemoryScoreStore();
  return {
    store,
    drift: async () => [...store.generation({ pipelineId: 1, generation: 1 }).drift.values()],
    [Symbol.asyncDispose]: async () => {},
  };
});

scoreStoreContract('Postgres', async () => {
  const database = await createDatabase();
  await installScores(database);
  const store = new PostgresScoreStore(database.url, 'contract');
  return {
    store,
    drift: () => storedDrift(database),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
});

type StoredDrift = Omit<Drift, 'at'> & { readonly lsn: string; readonly n: number; readonly i: number };

async function storedDrift(database: TestDatabase): Promise<Drift[]> {
  const rows = await database.query<StoredDrift>(
    `select partition, position_lsn as lsn, position_n::int as n, position_i as i, signal, nullif(feature, '') as feature, detector,
        from_value as "from", to_value as "to", action, examples::int as examples, model_version::int as "modelVersion",
        (extract(epoch from noticed_at) * 1000000)::float8 as "noticedAtUs"
      from millrace._drift where (pipeline_id, generation) = (1, 1)`,
  );
  return rows.map(({ lsn, n, i, ...rest }) => ({ ...rest, at: { lsn: parseLsn(lsn), n, i } }));
}
