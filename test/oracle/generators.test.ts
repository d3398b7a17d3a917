import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { column, ExpressionSource } from './expression.ts';
import { history } from './history.ts';
import { isDataError, OracleSession, topLevelJson } from './session.ts';
import { runs, SEED } from './settings.ts';
import { KEY_SHAPES, LITERALS, PAYMENT_COLUMNS } from './tables.ts';
import { PRODUCTIONS, randomView } from './views.ts';

test('Postgres accepts every operator and function of the generator, with the type that it claims', async () => {
  await using database = await createDatabase();
  await using session = await OracleSession.open(database);
  await session.reset({ key: KEY_SHAPES[0]!, replicaIdentity: 'default' });
  const leaves = PAYMENT_COLUMNS.map((c) => column(c.name, c.type));
  const source = new ExpressionSource({ productions: PRODUCTIONS, leaves, literals: {}, raising: true });
  const wrong: string[] = [];
  for (const production of PRODUCTIONS) {
    const arbitrary = source.root(
      production,
      production.args.some((arg) => arg === 'inumeric' || arg === 'ifloat8') ? 1 : 0,
    );
    const expression = fc.sample(arbitrary!, { numRuns: 1, seed: SEED })[0]!;
    const type =
      production.result === 'inumeric' ? 'numeric' : production.result === 'ifloat8' ? 'float8' : production.result;
    const judged = [expression.error, ...expression.guards]
      .filter((sql) => sql !== undefined)
      .map((sql) => `, (${sql})`);
    try {
      const rows = await session.query(
        `select pg_typeof(${expression.sql})::regtype = '${type}'::regtype ${judged.join('')} from (select (select null::shop.payments).*) p`,
      );
      if (rows[0]![0] !== 't') wrong.push(`${production.name} is no ${type}: ${expression.sql}`);
    } catch (error) {
      wrong.push(`${production.name}: ${String(error)}: ${expression.sql}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('Postgres accepts the random views and transactions', async () => {
  await using database = await createDatabase();
  await using session = await OracleSession.open(database);
  let committed = 0;
  let accepted = 0;
  for (const key of KEY_SHAPES) {
    await session.reset({ key, replicaIdentity: 'full' });
    for (const view of fc.sample(randomView({ key, raising: true }), { numRuns: runs(60), seed: SEED })) {
      try {
        await session.query(
          `drop view if exists shop.view_0; create view shop.view_0 as ${view.query}; select * from shop.view_0`,
        );
        accepted++;
      } catch (error) {
        if (!isDataError(error)) throw new Error(`${String(error)}: ${view.query}`, { cause: error });
      }
    }
    const [transactions] = fc.sample(history({ key, extremes: true, transactions: { minLength: 60, maxLength: 60 } }), {
      numRuns: 1,
      seed: SEED,
    });
    for (const { statements } of transactions!) {
      const { log, decoded } = await session.apply(statements);
      if (log.length > 0) committed++;
      expect(decoded.length > 0).toBe(log.length > 0);
    }
  }
  expect(accepted).toBeGreaterThan(runs(60));
  expect(committed).toBeGreaterThan(60);
});

test('the members of a JSON object are read with their text untouched', () => {
  expect(topLevelJson('{"a": 10.50, "b":"x,\\"}", "c": {"d": [1, 2]}, "e":null}')).toEqual([
    ['a', '10.50'],
    ['b', '"x,\\"}"'],
    ['c', '{"d": [1, 2]}'],
    ['e', 'null'],
  ]);
  expect(topLevelJson('{}')).toEqual([]);
  expect(Object.keys(LITERALS).length).toBeGreaterThan(0);
});
