import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { connect } from '../../src/warehouse/connection.ts';
import { createDatabase } from '../support/database.ts';
import { history } from './history.ts';
import { Difference } from './judge.ts';
import { LabelJudge, randomLabelView } from './labels.ts';
import { judgeAll } from './run-history.ts';
import { OracleSession } from './session.ts';
import { howToRepeat, runs, timeLimitMs } from './settings.ts';
import { compileSubject } from './subject.ts';
import { KEY_SHAPES } from './tables.ts';
import { Tally } from './tally.ts';

const tally = new Tally();
afterAll(() => console.log(`${tally.report('label views')}\n  ${howToRepeat}`));

const labelCase = fc.constantFrom(...KEY_SHAPES).chain((key) =>
  fc.record({
    key: fc.constant(key),
    replicaIdentity: fc.constantFrom<('default' | 'full')[]>('default', 'full'),
    views: fc.array(randomLabelView(key), { minLength: 1, maxLength: 4, size: 'max' }),
    transactions: history({ key, extremes: false, transactions: { minLength: 1, maxLength: 24 } }),
    reopenEvery: fc.integer({ min: 1, max: 10 }),
  }),
);

test('the labels a sink holds are the label view, after every commit', { timeout: timeLimitMs(240_000) }, async () => {
  await using database = await createDatabase();
  await using session = await OracleSession.open(database);
  await judgeAll(
    labelCase,
    async (given) => {
      await session.reset(given);
      const client = await connect({ url: session.url, applicationName: 'millrace oracle compile' });
      const keys = given.key.columns.map((c) => c.name);
      await session.query(
        `create view shop.plain as select ${keys.map((name) => `p.${name}`).join(', ')}, p.at as event_time, p.qty as f1 from payments p`,
      );
      const running = [];
      try {
        for (const [i, view] of given.views.entries()) {
          const name = `labels_${i}`;
          await session.query(`create view shop.${name} as ${view.query}`);
          tally.views++;
          const subject = await compileSubject(client, {
            features: { schema: 'shop', name: 'plain' },
            labels: { schema: 'shop', name },
            key: keys,
            eventTime: 'event_time',
            timezone: view.timezone,
          });
          running.push({ subject, judge: new LabelJudge(session, view, name, tally) });
        }
      } finally {
        await client.end();
      }
      for (const [n, { statements }] of given.transactions.entries()) {
        const { decoded } = await session.apply(statements);
        for (const { subject, judge } of running) {
          try {
            await judge.judge(decoded.flatMap((transaction) => subject.run(transaction)));
          } catch (error) {
            const done = given.transactions.slice(0, n + 1).map((t, at) => `  ${at + 1}: ${t.statements.join('; ')}`);
            throw new Difference(`${error instanceof Error ? error.message : String(error)}\n${done.join('\n')}`, {
              cause: error,
            });
          }
          if ((n + 1) % given.reopenEvery === 0) {
            subject.reopen();
            tally.reopened++;
          }
        }
      }
    },
    { runs: runs(20), limitMs: timeLimitMs(60_000) },
  );
  expect(tally.of('label')).toBeGreaterThan(50);
});
