import { afterAll, expect, test } from 'vitest';
import { connect } from '../../src/warehouse/connection.ts';
import { createDatabase } from '../support/database.ts';
import { compareBatch, edgeRows, expressions } from './scalars.ts';
import { OracleSession } from './session.ts';
import { howToRepeat, runs, SEED, timeLimitMs } from './settings.ts';
import { KEY_SHAPES } from './tables.ts';
import { Tally } from './tally.ts';
import { PRODUCTIONS } from './views.ts';

const ROWS = 40;
const tally = new Tally();
afterAll(() => console.log(`${tally.report('expressions alone over edge values')}\n  ${howToRepeat}`));

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'];

test(
  'every operator and function gives over edge values what Postgres gives, and raises where it raises',
  { timeout: timeLimitMs(300_000) },
  async () => {
    await using database = await createDatabase();
    await using session = await OracleSession.open(database);
    await session.reset({ key: KEY_SHAPES[0]!, replicaIdentity: 'default' });
    await session.query(edgeRows(ROWS, SEED));
    const client = await connect({ url: database.url, applicationName: 'millrace oracle compile' });
    const all = expressions(runs(3), runs(1000), SEED);
    const differences: string[] = [];
    for (let from = 0; from < all.length; from += 50) {
      const zone = ZONES[(from / 50) % ZONES.length]!;
      differences.push(...(await compareBatch(session, client, all.slice(from, from + 50), zone, tally)));
    }
    await client.end();
    expect(differences.slice(0, 40).join('\n')).toBe('');
  },
);

test('each was compared often enough to mean something', () => {
  const names = PRODUCTIONS.map((production) => production.name);
  expect(tally.below(names, 50)).toEqual([]);
  expect(tally.refused / tally.views).toBeLessThan(0.05);
});
