import { afterAll, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { historyCase, judgeAll, runHistory } from './run-history.ts';
import { OracleSession } from './session.ts';
import { howToRepeat, runs, timeLimitMs } from './settings.ts';
import { Tally } from './tally.ts';

const tally = new Tally();
afterAll(() => console.log(`${tally.report('random views over random histories')}\n  ${howToRepeat}`));

async function property(cases: number, options: Parameters<typeof historyCase>[0]): Promise<void> {
  await using database = await createDatabase();
  await using session = await OracleSession.open(database);
  await judgeAll(historyCase(options), (given) => runHistory(session, given, tally), {
    runs: runs(cases),
    limitMs: timeLimitMs(100_000),
  });
}

test(
  'random views over random histories give what Postgres gives, after every commit',
  { timeout: timeLimitMs(300_000) },
  async () => {
    await property(40, { raising: false, views: 5, transactions: 24 });
  },
);

test(
  'a row for which Postgres raises is a dead letter, in no window, and the others are as if it were not there',
  { timeout: timeLimitMs(300_000) },
  async () => {
    await property(12, { raising: true, views: 5, transactions: 24 });
  },
);

test('few of the views are refused, and few comparisons set aside', () => {
  expect(tally.views).toBeGreaterThan(runs(20));
  expect(tally.refused / tally.views).toBeLessThan(0.05);
  expect(tally.asideTotal / Math.max(1, tally.commits)).toBeLessThan(0.02);
});
