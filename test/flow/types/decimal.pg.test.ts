import { expect, test } from 'vitest';
import {
  compareNumeric,
  formatNumeric,
  isNormal,
  numericToNumber,
  parseNumeric,
  type NumericValue,
} from '../../../src/flow/types/decimal.ts';
import { OID } from '../../../src/flow/types/type-oid.ts';
import { MillraceError } from '../../../src/runtime/errors.ts';
import { findFunction } from '../../../src/transform/scalars/function-table.ts';
import { createDatabase } from '../../support/database.ts';

// numeric reaches from 1e-16383 to 1e131072, float8 from 5e-324 to 1.8e308.
const VALUES = [
  ...['0', '1', '-3', '0.7', '12345678901234567890.5', '1e300', '-1.7e308', '2e-300', '-5e-324'],
  ...['1e309', '-7e400', '3e-330', '-2e-400', 'NaN', 'Infinity', '-Infinity'],
];

const UTC = { timezone: 'UTC', lower: undefined, upper: undefined };

/** The value as the result of a division would be, a float8, where float8 holds it. */
function inexact(value: NumericValue): NumericValue {
  const asNumber = numericToNumber(value);
  return isNormal(asNumber) || compareNumeric(value, 0) === 0 ? asNumber : value;
}

function attempt(compute: () => unknown): string {
  try {
    const result = compute();
    return typeof result === 'boolean' ? String(result) : formatNumeric(result as NumericValue);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'DATA') return 'raises';
    throw error;
  }
}

test('numerics that float8 has no room for are added, multiplied, divided and compared as Postgres does', async () => {
  await using database = await createDatabase();
  await database.query(`
    create function attempt(sql text) returns text language plpgsql as $$
    declare result text;
    begin execute sql into result; return result; exception when data_exception then return 'raises'; end $$`);
  const cases: { sql: string; ours: string }[] = [];
  const add = (sql: string, name: string, args: readonly NumericValue[]): void => {
    const types = args.map(() => OID.numeric);
    const compute = findFunction(name, types)!.make(UTC);
    cases.push({ sql, ours: attempt(() => compute(...args)) });
  };
  const literal = (text: string): string => `'${text}'::numeric`;
  for (const a of VALUES) {
    const left = parseNumeric(a)!;
    for (const name of ['sqrt', 'ln', 'log']) add(`select (${name}(${literal(a)}))::text`, name, [left]);
    for (const b of VALUES) {
      const right = parseNumeric(b)!;
      for (const operator of ['+', '-', '*', '/', '%', '<', '=']) {
        const sql = `select (${literal(a)} ${operator} ${literal(b)})::text`;
        add(sql, operator, [left, right]);
        // The remainder of an inexact number is another number.
        if (operator === '%') continue;
        add(sql, operator, [inexact(left), right]);
        add(sql, operator, [inexact(left), inexact(right)]);
      }
      add(`select div(${literal(a)}, ${literal(b)})::text`, 'div', [left, right]);
    }
  }
  const [server] = await database.query<{ version: string }>(`select current_setting('server_version_num') as version`);
  // From 16 on Postgres says 7 there.
  if (Number(server!.version) < 160_000)
    for (const [low, high] of [
      [0, 100],
      [100, 0],
    ] as const)
      for (const digits of ['99.999999999999999999999', '99.9999999999999999', '0.000000000000000000001', '1e-400']) {
        const bounds = [low, high].map((bound) => literal(String(bound))).join(', ');
        const compute = findFunction('width_bucket', [OID.numeric, OID.numeric, OID.numeric, OID.int4])!.make(UTC);
        const args = [digits, String(low), String(high)].map((text) => parseNumeric(text));
        cases.push({
          sql: `select width_bucket(${literal(digits)}, ${bounds}, 7)::text`,
          ours: attempt(() => compute(...args, 7)),
        });
      }
  const judged = await database.query<{ sql: string; ours: string; theirs: string; same: boolean }>(
    `with asked as (select sql, ours, attempt(sql) as theirs from unnest($1::text[], $2::text[]) u(sql, ours))
     select sql, ours, theirs, case
       when ours = theirs then true
       when ours ~ '^-?[0-9]' and theirs ~ '^-?[0-9]'
         -- Postgres rounds a quotient to at most 1000 digits behind the point.
         then abs(ours::numeric - theirs::numeric) <= 1e-9 * abs(theirs::numeric) + 1e-900
       else false end as same
     from asked`,
    [cases.map((c) => c.sql), cases.map((c) => c.ours)],
  );
  const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 40)}… (${text.length})` : text);
  const different = judged.filter((c) => !c.same).map((c) => `${c.sql}: ${short(c.theirs)}, ours ${short(c.ours)}`);
  expect(different).toEqual([]);
  expect(judged.length).toBe(cases.length);
});
