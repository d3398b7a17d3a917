import { PostgresScoreStore } from '../../../src/scores/postgres-score-store.ts';
import { installScores } from '../../scores/score-tables.ts';
import { MemoryScoreStore } from '../../simulation/memory-score-store.ts';
import { createDatabase } from '../../support/database.ts';
import { scoreStoreContract } from './score-store-contract.ts';

scoreStoreContract('memory', async () => ({ store: new MemoryScoreStore(), [Symbol.asyncDispose]: async () => {} }));

scoreStoreContract('Postgres', async () => {
  const database = await createDatabase();
  await installScores(database);
  const store = new PostgresScoreStore(database.url, 'contract');
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
});
