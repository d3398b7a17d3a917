import { afterAll, expect, test } from 'vitest';
import { connect } from '../../src/warehouse/connection.ts';
import { createDatabase } from '../support/database.ts';
import type { Expression } from './expression.ts';
import { compareBatch, deepExpressions, edgeRows, expressions } from './scalars.ts';
import { OracleSession } from './session.ts';
import { howToRepeat, runs, SEED, timeLimitMs } from './settings.ts';
import { KEY_SHAPES } from './tables.ts';
import { Tally } from './tally.ts';
import { PRODUCTIONS } from './views.ts';

const ROWS = 40;
const tally = new Tally();
afterAll(() => console.log(`${tally.report('expressions alone over edge values')}\n  ${howToRepeat}`));

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'];
const NAMES = [...new Set(PRODUCTIONS.map((production) => production.name))];

test(
  'every operator and function gives over edge values what Postgres gives, and raises where it raises',
  { timeout: timeLimitMs(300_000) },
  async () => {
    await using database = await createDatabase();
    await using session = await OracleSession.open(database);
    await session.reset({ key: KEY_SHAPES[0]!, replicaIdentity: 'default' });
    await session.query(edgeRows(ROWS, SEED));
    const client = await connect({ url: database.url, applicationName: 'millrace oracle compile' });
    const differences: string[] = [];
    const compare = async (all: readonly Expression[]): Promise<void> => {
      for (let from = 0; from < all.length; from += 50) {
        const zone = ZONES[(from / 50) % ZONES.length]!;
        differences.push(...(await compareBatch(session, client, all.slice(from, from + 50), zone, tally)));
      }
    };
    await compare(expressions(PRODUCTIONS, runs(2), SEED));
    await compare(deepExpressions(runs(1000), SEED));
    // What raises or is NULL for most rows needs more of them.
    for (let round = 1; round <= 30; round++) {
      const lacking = PRODUCTIONS.filter((production) => tally.of(production.name) < 50);
      if (lacking.length === 0) break;
      await compare(expressions(lacking, 4, SEED + 1000 * round));
    }
    await client.end();
    expect(differences.slice(0, 40).join('\n')).toBe('');
  },
);

test('each was compared at least 50 times with a value, and hardly any was refused', () => {
  expect(tally.below(NAMES, 50)).toEqual([]);
  expect(tally.refused / tally.views).toBeLessThan(0.01);
});
