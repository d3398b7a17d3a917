import { afterAll, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { historyCase, judgeAll, runHistory, type CaseOptions } from './run-history.ts';
import { OracleSession } from './session.ts';
import { howToRepeat, runs, SEED, timeLimitMs } from './settings.ts';
import { Tally } from './tally.ts';
import { CALLS, LATERAL_OUTPUTS } from './views.ts';
import { FRAMES } from './windows.ts';

const tally = new Tally();
afterAll(() => console.log(`${tally.report('random views over random histories')}\n  ${howToRepeat}`));

async function property(cases: number, options: CaseOptions, seed = SEED): Promise<void> {
  tally.planned += cases;
  await using database = await createDatabase();
  await using session = await OracleSession.open(database);
  await judgeAll(historyCase(options), (given) => runHistory(session, given, tally), {
    runs: cases,
    limitMs: timeLimitMs(60_000),
    seed,
  });
}

const LONG = { timeout: timeLimitMs(240_000) };

test('random views over random histories give what Postgres gives, after every commit', LONG, async () => {
  await property(runs(30), { raising: false, views: 5, transactions: 24 });
});

test('a row for which Postgres raises is a dead letter, in no window, in random histories', LONG, async () => {
  await property(runs(10), { raising: true, views: 5, transactions: 24 });
});

test('every window call, frame and lateral output was compared at least 50 times with a value', LONG, async () => {
  const lacking = (names: readonly string[]): readonly string[] | undefined => {
    const few = names.filter((name) => tally.of(name) < 50);
    return few.length > 0 ? few : undefined;
  };
  for (let round = 1; round <= 40; round++) {
    const calls = lacking(CALLS);
    const outputs = lacking(LATERAL_OUTPUTS);
    if (!calls && !outputs && !lacking(FRAMES)) break;
    await property(2, { raising: false, views: 5, transactions: 24, calls, outputs }, SEED + round);
  }
  expect(tally.below([...CALLS, ...FRAMES, ...LATERAL_OUTPUTS], 50)).toEqual([]);
});

test('few of the views are refused, and few commits or comparisons set aside', () => {
  expect(tally.views).toBeGreaterThan(50);
  expect(tally.refused / tally.views).toBeLessThan(0.05);
  expect(tally.asideTotal / tally.commits).toBeLessThan(0.02);
});
