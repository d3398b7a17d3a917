import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNumeric, numericFromFloat } from '../../../src/flow/types/decimal.ts';
import { formatFloat4, formatFloat8 } from '../../../src/flow/types/float-text.ts';
import { createDatabase } from '../../support/database.ts';

const text = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));
const powers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => 2 ** (from + i));

test('floats are printed, and cast to numeric, digit for digit as Postgres does, also where two texts are equally near', async () => {
  await using database = await createDatabase();
  const doubles = [
    ...fc.sample(fc.double({ noNaN: true }), 5000),
    ...fc.sample(fc.bigInt(2n ** 53n, 2n ** 62n), 5000).map(Number),
    ...powers(-1074, 1024),
    5e-324,
    1.7976931348623157e308,
    18014398509482008,
  ];
  const theirs = await database.query<{ printed: string; number: string }>(
    `select x::text as printed, x::numeric::text as number from unnest($1::float8[]) with ordinality u(x, n) order by n`,
    [doubles.map(text)],
  );
  expect(doubles.map(formatFloat8)).toEqual(theirs.map((row) => row.printed));
  expect(doubles.map((value) => formatNumeric(numericFromFloat(value, 15)))).toEqual(theirs.map((row) => row.number));

  const singles = [
    ...fc.sample(fc.float({ noNaN: true }), 10_000),
    ...fc.sample(fc.integer({ min: 2 ** 20, max: 2 ** 31 - 1 }), 10_000).map((n) => Math.fround(n / 4)),
    ...powers(-149, 128),
  ];
  const printed = await database.query<{ printed: string }>(
    `select x::text as printed from unnest($1::float4[]) with ordinality u(x, n) order by n`,
    [singles.map(text)],
  );
  expect(singles.map(formatFloat4)).toEqual(printed.map((row) => row.printed));
});
