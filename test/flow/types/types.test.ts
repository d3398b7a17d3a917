import fc from 'fast-check';
import { expect, test } from 'vitest';
import { comparatorOf, equalityKeyOf, equalityOf } from '../../../src/flow/types/comparison.ts';
import {
  addNumeric,
  compareNumeric,
  decimalOf,
  formatNumeric,
  multiplyNumeric,
  parseNumeric,
  roundNumeric,
  type NumericValue,
} from '../../../src/flow/types/decimal.ts';
import { addIntervals, multiplyInterval, negateInterval, type Interval } from '../../../src/flow/types/interval.ts';
import { jsonPrinterOf, jsonReaderOf, parserOf, printerOf, textCastOf } from '../../../src/flow/types/sql-text.ts';
import type { SqlValue } from '../../../src/flow/types/sql-value.ts';
import {
  addToTimestamp,
  INFINITY_US,
  MINUS_INFINITY_US,
  parseDate,
  parseTimestamp,
  usFromDateUnchecked,
  zonedFromLocalUnchecked,
} from '../../../src/flow/types/timestamp.ts';
import { OID } from '../../../src/flow/types/type-oid.ts';
import { createDatabase } from '../../support/database.ts';

/** Around and far beyond what a safe integer holds. */
const decimal = fc
  .tuple(
    fc.oneof(
      fc.bigInt(-(10n ** 6n), 10n ** 6n),
      fc.bigInt(-(2n ** 54n), 2n ** 54n),
      fc.bigInt(-(10n ** 40n), 10n ** 40n),
    ),
    fc.integer({ min: 0, max: 20 }),
  )
  .map(([unscaled, scale]) => decimalOf(unscaled, scale));

test('numeric text, sums, products, order and rounding are those of Postgres at any size', async () => {
  await using database = await createDatabase();
  const sample = fc.sample(fc.tuple(decimal, decimal, fc.integer({ min: -5, max: 22 })), { numRuns: 2000, seed: 7 });
  const texts = sample.map(([a, b]) => [formatNumeric(a), formatNumeric(b)]);
  const asked = await database.query<Record<string, string>>(
    `select a::text as a, (a + b)::text as sum, (a - b)::text as difference, (a * b)::text as product, sign(a - b)::text as sign, round(a, n)::text as rounded, trunc(a, n)::text as cut
       from unnest($1::numeric[], $2::numeric[], $3::int[]) with ordinality as t(a, b, n, place) order by place`,
    [texts.map(([a]) => a), texts.map(([, b]) => b), sample.map(([, , n]) => n)],
  );
  const ours = sample.map(([a, b, n]) => {
    const minus = addNumeric(a, multiplyNumeric(b, decimalOf(-1n, 0)));
    return {
      a: formatNumeric(parseNumeric(formatNumeric(a))!),
      sum: formatNumeric(addNumeric(a, b)),
      difference: formatNumeric(minus),
      product: formatNumeric(multiplyNumeric(a, b)),
      sign: String(Math.sign(compareNumeric(a, b))),
      rounded: formatNumeric(roundNumeric(a, n)),
      cut: formatNumeric(roundNumeric(a, n, 'trunc')),
    };
  });
  expect(asked.length).toBe(2000);
  expect(ours).toEqual(asked);
});

const VALUES: readonly (readonly [type: string, oid: number, texts: readonly string[]])[] = [
  ['boolean', OID.bool, ['t', 'f']],
  ['int2', OID.int2, ['-32768', '0']],
  ['int8', OID.int8, ['9223372036854775807', '-9223372036854775808']],
  [
    'float4',
    OID.float4,
    ['0.1', '1e+06', '999999', '1e-05', '0.0001', 'NaN', '-Infinity', '3.4028235e+38', '1e-45', '-0', '1.1754944e-38'],
  ],
  [
    'float8',
    OID.float8,
    [
      '0.1',
      '1e+15',
      '999999999999999',
      '1e+20',
      '1e-05',
      '5e-324',
      '1.7976931348623157e+308',
      'NaN',
      'Infinity',
      '-0',
      '0.30000000000000004',
    ],
  ],
  [
    'numeric',
    OID.numeric,
    [
      '10.50',
      '0',
      '-0.00',
      '0.000',
      'NaN',
      'Infinity',
      '-Infinity',
      '1e131071',
      '0.1234567890123456789012345678901234567890',
    ],
  ],
  [
    'date',
    OID.date,
    [
      '2026-02-28',
      '0001-01-01',
      '0044-03-15 BC',
      '4713-01-01 BC',
      '5874897-12-31',
      'infinity',
      '-infinity',
      '2000-02-29',
    ],
  ],
  [
    'timestamp',
    OID.timestamp,
    [
      '2026-02-28 23:59:59.999999',
      '2026-01-01 00:00:00',
      '0001-01-01 00:00:00 BC',
      '4713-01-01 00:00:00 BC',
      '294276-12-31 23:59:59.999999',
      'infinity',
      '-infinity',
      '1969-12-31 23:59:59.5',
    ],
  ],
  [
    'timestamptz',
    OID.timestamptz,
    [
      '2026-02-28 23:59:59.999999+00',
      '1890-01-01 00:00:00+00',
      '0044-03-15 12:00:00+00 BC',
      '2026-07-01 12:00:00+05:30',
      'infinity',
    ],
  ],
  [
    'interval',
    OID.interval,
    [
      '00:00:00',
      '1 year 2 mons -3 days +04:05:06.7',
      '-1 mons +1 day',
      '-00:00:00.000001',
      '2562047788:00:54.775807',
      '1 day',
      '-178000000 years',
    ],
  ],
  ['text', OID.text, ['', 'a"\\/\b\f\n\r\t\u0001\u001f\u007f', '😀\u2028é', ' x ']],
];

test.each(['UTC', 'America/St_Johns', 'Asia/Kathmandu'])(
  'values in %s are read and printed as Postgres does, as text and as JSON',
  async (timezone) => {
    await using database = await createDatabase();
    let compared = 0;
    for (const [type, oid, texts] of VALUES) {
      const asked = await database.query<{ wire: string; cast: string; json: string }>(
        `set timezone = '${timezone}'; set extra_float_digits = 1;
       select format('%s', v) as wire, v::text as cast, to_json(v)::text as json
         from unnest(array[${texts.map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\b', '\\b')}'`).join(', ')}]::${type}[]) v`,
      );
      expect(asked.length).toBe(texts.length);
      for (const { wire, cast, json } of asked) {
        const value = parserOf(oid)(wire);
        expect({
          type,
          wire: printerOf(oid, timezone)(value),
          cast: textCastOf(oid, timezone)(value),
          json: jsonPrinterOf(oid, timezone)(value),
        }).toEqual({ type, wire, cast, json });
        const exact = oid !== OID.numeric && oid !== OID.int8 && cast !== '-0';
        if (exact) expect(textCastOf(oid, timezone)(jsonReaderOf(oid)(JSON.parse(json) as unknown)!)).toBe(cast);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(60);
  },
);

test('order and equality keys of each type agree with Postgres: NaN is the greatest, intervals compare by 30-day months', async () => {
  await using database = await createDatabase();
  const sets: readonly (readonly [string, number, number, readonly string[]])[] = [
    ['float8', OID.float8, 0, ['NaN', 'Infinity', '1', '0', '-0', '-Infinity']],
    [
      'numeric',
      OID.numeric,
      0,
      ['NaN', 'Infinity', '1.50', '1.5', '0', '-1e30', '-Infinity', '1e30', '12345678901234567890.1'],
    ],
    [
      'interval',
      OID.interval,
      0,
      ['1 mon', '30 days', '720:00:00', '1 day', '24:00:00', '-1 days', '1 year', '360 days'],
    ],
    ['text collate "C"', OID.text, 950, ['a', 'B', '', 'ab', '\uE000', '😀', 'é']],
    ['char(4)', OID.bpchar, 950, ['a', 'a ', 'b', '']],
    ['timestamptz', OID.timestamptz, 0, ['infinity', '2026-01-01 00:00:00+00', '2026-01-01 01:00:00+01', '-infinity']],
  ];
  let compared = 0;
  for (const [type, oid, collation, texts] of sets) {
    const pairs = texts.flatMap((a) => texts.map((b) => [a, b] as const));
    const plain = type.replace(' collate "C"', '');
    const collate = type.includes('collate') || oid === OID.bpchar ? ' collate "C"' : '';
    const asked = await database.query<{ a: string; b: string; sign: number }>(
      `set timezone = 'UTC'; select format('%s', a) as a, format('%s', b) as b, case when a${collate} < b then -1 when a${collate} > b then 1 else 0 end as sign
         from unnest(array[${pairs.map(([a]) => `'${a}'`).join(', ')}]::${plain}[], array[${pairs.map(([, b]) => `'${b}'`).join(', ')}]::${plain}[]) t(a, b)`,
    );
    const compare = comparatorOf(oid, collation);
    const equal = equalityOf(oid);
    const key = equalityKeyOf(oid);
    for (const { a, b, sign } of asked) {
      const [x, y] = [parserOf(oid)(a), parserOf(oid)(b)] as [Exclude<SqlValue, null>, Exclude<SqlValue, null>];
      expect({ type, a, b, sign: Math.sign(compare(x, y)), equal: equal(x, y), key: key(x) === key(y) }).toEqual({
        type,
        a,
        b,
        sign,
        equal: sign === 0,
        key: sign === 0,
      });
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(200);
  expect(() => comparatorOf(OID.text, 100)).toThrow('known to Postgres alone');
});

test('infinite intervals, which Postgres has from 17 on, are carried and compared, and nothing is computed from them', async () => {
  const texts = ['-infinity', '-178000000 years', '00:00:00', '178000000 years', 'infinity'];
  const [parse, compare] = [parserOf(OID.interval), comparatorOf(OID.interval, 0)];
  const values = texts.map((text) => parse(text)) as Exclude<SqlValue, null>[];
  for (const [i, one] of values.entries()) {
    expect(textCastOf(OID.interval, 'UTC')(one)).toBe(texts[i]);
    for (const [j, other] of values.entries()) {
      expect(Math.sign(compare(one, other))).toBe(Math.sign(i - j));
      expect(equalityKeyOf(OID.interval)(one) === equalityKeyOf(OID.interval)(other)).toBe(i === j);
    }
  }
  const infinity = values[4] as Interval;
  for (const compute of [
    () => addIntervals(infinity, values[2] as Interval),
    () => negateInterval(infinity),
    () => multiplyInterval(infinity, 0),
    () => addToTimestamp(0n, infinity),
  ])
    expect(compute).toThrow(expect.objectContaining({ code: 'DATA' }));

  await using database = await createDatabase();
  const [server] = await database.query<{ version: string }>(`select current_setting('server_version_num') as version`);
  if (Number(server!.version) < 170_000) return;
  const asked = await database.query<{ text: string; json: string }>(
    `select v::text as text, to_json(v)::text as json from unnest('{infinity,-infinity}'::interval[]) v`,
  );
  for (const { text, json } of asked) expect(jsonPrinterOf(OID.interval, 'UTC')(parse(text))).toBe(json);
});

test('text that a type never prints is refused', () => {
  for (const [oid, text] of [
    [OID.numeric, '1x'],
    [OID.date, '1.2.2026'],
    [OID.timestamp, 'noon'],
    [OID.interval, 'P1D'],
  ] as const) {
    expect(() => parserOf(oid)(text)).toThrow(TypeError);
  }
  const value: NumericValue | undefined = parseNumeric('');
  expect(value).toBe(undefined);
});

test('no timestamp is beyond infinity, and a date that is too late for one stands just before it', () => {
  const compare = comparatorOf(OID.timestamp, 0);
  const last = parseTimestamp('294276-12-31 23:59:59.999999');
  const late = zonedFromLocalUnchecked(usFromDateUnchecked(parseDate('5874897-12-31')), 'America/New_York');
  const ordered = [MINUS_INFINITY_US, 0n, last, late, INFINITY_US];
  for (const [i, one] of ordered.entries())
    for (const [j, other] of ordered.entries()) expect(Math.sign(compare(one, other))).toBe(Math.sign(i - j));
});
