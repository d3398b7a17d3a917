import { expect, test } from 'vitest';
import type { ColumnType, SinkDefinition } from '../../../src/flow/pipeline.ts';
import { loadParser } from '../../../src/transform/compile.ts';
import { alertColumns, compileAlert, compilePredicate, describePredicate } from '../../../src/transform/predicate.ts';
import { connect } from '../../../src/warehouse/connection.ts';
import { createDatabase } from '../../support/database.ts';

const FEATURES: readonly ColumnType[] = [
  { name: 'amount', typeOid: 1700, type: 'numeric(10,2)' },
  { name: 'currency', typeOid: 25, type: 'text' },
  { name: 'payments', typeOid: 20, type: 'bigint' },
  { name: 'at', typeOid: 1184, type: 'timestamp with time zone' },
  { name: 'known', typeOid: 16, type: 'boolean' },
];

const definitionWith = (alertWhen: string): SinkDefinition => ({
  pipelineId: 1,
  generation: 1,
  revision: 1,
  name: 'test',
  scoreTable: { schema: 'public', name: 's' },
  key: [],
  eventTime: undefined,
  features: FEATURES,
  label: undefined,
  labelWaitUs: undefined,
  labelDefault: undefined,
  model: { kind: 'none' },
  alertWhen,
  keepScoresForUs: undefined,
  timezone: 'UTC',
});

const ROWS = [
  {
    score: 0.95,
    prediction: 'true',
    amount: 10.5,
    currency: 'EUR',
    payments: 3,
    at: '2026-01-01T00:00:00+00:00',
    known: true,
  },
  {
    score: 0.9,
    prediction: 'false',
    amount: 0,
    currency: 'eur',
    payments: 0,
    at: '2026-01-01T02:30:00.5+00:00',
    known: false,
  },
  { score: null, prediction: null, amount: null, currency: null, payments: null, at: null, known: null },
];

const CONDITIONS = [
  'score > 0.9',
  'score >= 0.9 and amount > 10',
  "prediction = 'true' or currency in ('eur', 'usd')",
  "lower(currency) = 'eur' and score > 0.5",
  'payments between 1 and 5',
  'not known',
  "at >= '2026-01-01 01:00:00+00'",
  'score * amount > 9.9',
  'coalesce(amount, 0) = 0',
  'extract(hour from at) = 2',
  'score is null',
];

test('a condition means what it means in Postgres, with types asked of it and without', async () => {
  await using database = await createDatabase();
  const client = await connect({ url: database.url, applicationName: 'millrace test' });
  let compared = 0;
  for (const condition of CONDITIONS) {
    const definition = definitionWith(condition);
    const facts = await describePredicate(client, condition, alertColumns(definition), 'UTC');
    const asked = compileAlert(definition, JSON.parse(JSON.stringify(facts)) as typeof facts)!;
    const alone = condition.includes('lower') ? asked : compileAlert(definition, undefined)!;
    for (const row of ROWS) {
      const found = await client.query<{ met: string | null }>(
        `select (${condition})::text as met from json_to_record($1) as r(score float8, prediction text, amount numeric, currency text, payments bigint, at timestamptz, known boolean)`,
        [JSON.stringify(row)],
      );
      const met = found.rows[0]!.met;
      const expected = met === null ? null : met === 'true';
      const { score, prediction, ...features } = row;
      expect({ condition, row, met: asked(score, prediction, features) }).toEqual({ condition, row, met: expected });
      expect(alone(score, prediction, features)).toBe(expected);
      compared += 1;
    }
  }
  await client.end();
  expect(compared).toBe(CONDITIONS.length * ROWS.length);
});

test('a row for which the condition raises does not meet it', async () => {
  await loadParser();
  expect(compileAlert(definitionWith('1 / payments > 0'), undefined)!(0.5, null, { payments: 0 })).toBe(null);
});

const WRONG: readonly (readonly [sql: string, column: number | undefined, message: RegExp, code: string])[] = [
  ['score > thershold', 9, /no column thershold/, 'SQL_INVALID'],
  ['score >', 8, /syntax error/, 'SQL_INVALID'],
  ['score', 1, /expected bool, got float8/, 'SQL_UNSUPPORTED'],
  ["now() > '2026-01-01'", 1, /another value each time/, 'SQL_UNSUPPORTED'],
  ['score > (select 1)', 9, /subquery/, 'SQL_UNSUPPORTED'],
  ['avg(score) > 0', 1, /one row/, 'SQL_UNSUPPORTED'],
  ['score > 0.9 from t', undefined, /one expression/, 'SQL_INVALID'],
];

test.each(WRONG)('the condition %s is refused with its column', async (sql, column, message, code) => {
  await loadParser();
  let thrown: unknown;
  try {
    compilePredicate(sql, alertColumns(definitionWith(sql)), undefined, 'UTC');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) as string });
  expect((thrown as { place: { column?: number } }).place.column).toBe(column);
});
