import { parseLsn } from '../../../src/flow/lsn.ts';
import { PostgresScoreStore } from '../../../src/scores/postgres-score-store.ts';
import type { RetrainingEnd } from '../../../src/scores/retraining.ts';
import type { Drift } from '../../../src/scores/score-store.ts';
import { installScores } from '../../scores/score-tables.ts';
import { MemoryScoreStore } from '../../simulation/memory-score-store.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { retrainingContract } from './retraining-contract.ts';
import { scoreStoreContract, type Opened } from './score-store-contract.ts';

const id = { pipelineId: 1, generation: 1 };

const openMemory = async (): Promise<Opened> => {
  const store = new MemoryScoreStore();
  return {
    store,
    drift: async () => [...store.generation(id).drift.values()],
    ends: async () => [...store.generation(id).retrainings.all.values()].flatMap(({ end }) => end ?? []),
    [Symbol.asyncDispose]: async () => {},
  };
};

const openPostgres = async (): Promise<Opened> => {
  const database = await createDatabase();
  await installScores(database);
  const store = new PostgresScoreStore(database.url, 'contract');
  return {
    store,
    drift: () => storedDrift(database),
    ends: () =>
      database.query<RetrainingEnd>(
        `select trained::int, judged::int, loss, serving_loss as "servingLoss", command::int, model::text, patience::int, ended as state, reason,
            version::int, (extract(epoch from ended_at) * 1000000)::float8 as "endedAtUs"
          from millrace._retrainings where (pipeline_id, generation) = (1, 1) and ended is not null order by command`,
      ),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
};

for (const [name, open] of [
  ['memory', openMemory],
  ['Postgres', openPostgres],
] as const) {
  scoreStoreContract(name, open);
  retrainingContract(name, open);
}

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
