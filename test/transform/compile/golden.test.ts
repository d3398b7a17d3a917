// Every compiled function, operator and cast, on edge values, beside Postgres.

import { expect, test } from 'vitest';
import { jsonPrinterOf } from '../../../src/flow/types/sql-text.ts';
import { OID } from '../../../src/flow/types/type-oid.ts';
import { MillraceError } from '../../../src/runtime/errors.ts';
import { connect } from '../../../src/warehouse/connection.ts';
import { createDatabase } from '../../support/database.ts';
import { GOLDEN_GROUPS } from './golden-expressions.ts';
import { definitionOf, planOf, slotsOf } from './pipeline-fixture.ts';

const TIMEZONES = ['UTC', 'Europe/Berlin'];
/** Columns of one view: more make Postgres's planner slow, fewer make more views. */
const VIEW_WIDTH = 60;

const ROWS: readonly Readonly<Record<string, string | null>>[] = [
  {},
  {
    i2: '0',
    i4: '0',
    i8: '0',
    f4: '0',
    f8: '0',
    n: '0',
    m: '0.00',
    b: 'f',
    b2: 't',
    s: '',
    s2: '',
    v: '',
    c: '',
    ns: '0',
    d: '1970-01-01',
    d2: '1970-01-02',
    ts: '1970-01-01 00:00:00',
    ts2: '1969-12-31 23:59:59.999999',
    tz: '1970-01-01 00:00:00+00',
    tz2: '1970-01-01 00:00:00+00',
    iv: '00:00:00',
    iv2: '1 day',
  },
  {
    i2: '1',
    i4: '1',
    i8: '1',
    f4: '1',
    f8: '1',
    n: '1',
    m: '1.50',
    b: 't',
    b2: 't',
    s: 'abc',
    s2: 'abc',
    v: 'abc',
    v2: 'abc',
    c: 'abc',
    c2: 'abc',
    ns: ' 12 ',
    d: '2024-02-29',
    d2: '2024-02-29',
    ts: '2024-02-29 12:34:56.789',
    ts2: '2023-01-01 00:00:00',
    tz: '2024-03-31 00:59:59.5+00',
    tz2: '2024-03-30 01:30:00+00',
    iv: '1 mon',
    iv2: '30 days',
  },
  {
    i2: '-7',
    i4: '-7',
    i8: '-7',
    f4: '-2.5',
    f8: '-2.5',
    n: '-2.5',
    m: '-0.05',
    b: 't',
    b2: 'f',
    s: ' a b ',
    s2: 'a%',
    v: 'xyz',
    v2: 'abc',
    c: 'x',
    c2: 'abc',
    ns: '-12.50',
    d: '0044-03-15 BC',
    d2: '0044-03-16 BC',
    ts: '0044-03-15 12:00:00 BC',
    ts2: '2000-01-01 00:00:00',
    tz: '0044-03-15 12:00:00+00 BC',
    tz2: '2000-01-01 00:00:00+00',
    iv: '-1 years -2 mons +3 days -04:05:06.7',
    iv2: '-1 days',
  },
  {
    i2: '32767',
    i4: '2147483647',
    i8: '9223372036854775807',
    f4: '3.4e38',
    f8: '1.7e308',
    n: '99999999999999999999.99',
    m: '99999999.99',
    b: null,
    b2: 't',
    s: 'ΟΔΟΣ Straße İ Ärger',
    s2: 'ärger',
    v: 'ÄÖ',
    v2: 'ÄÖ',
    c: 'ab',
    c2: 'abc',
    ns: 'true',
    d: '2026-10-25',
    d2: '2026-01-01',
    ts: '2026-10-25 02:30:00',
    ts2: '2026-03-29 02:30:00',
    tz: '2026-10-25 00:30:00+00',
    tz2: '2026-03-29 01:00:00+00',
    iv: '25:00:00.000001',
    iv2: '1 day 01:00:00',
  },
  {
    i2: '-32768',
    i4: '-2147483648',
    i8: '-9223372036854775808',
    f4: '-3.4e38',
    f8: '-1.7e308',
    n: '-12345.678',
    m: '-99999999.99',
    b: 'f',
    b2: null,
    s: 'a😀b😀c',
    s2: '😀',
    v: '😀x',
    v2: null,
    c: '😀',
    c2: '😀',
    ns: '1e3',
    d: '2026-03-29',
    d2: '1999-12-31',
    ts: '2026-03-29 02:30:00',
    ts2: '2026-03-29 03:30:00',
    tz: '2026-03-29 01:30:00+00',
    tz2: '2026-10-25 01:30:00+00',
    iv: '1 year 11 mons 29 days 23:59:59.999999',
    iv2: '-23:59:59',
  },
  {
    i2: '3',
    i4: '1000000',
    i8: '4294967296',
    f4: 'NaN',
    f8: 'NaN',
    n: 'NaN',
    m: '0.05',
    b: 't',
    b2: 'f',
    s: 'x y',
    s2: 'ab',
    v: 'x',
    v2: 'y',
    c: 'a b',
    c2: 'a',
    ns: 'NaN',
    d: 'infinity',
    d2: 'infinity',
    ts: 'infinity',
    ts2: '2020-01-01 00:00:00',
    tz: 'infinity',
    tz2: 'infinity',
    iv: '3 days',
    iv2: '72:00:00',
  },
  {
    i2: '12',
    i4: '65536',
    i8: '123456789012',
    f4: 'Infinity',
    f8: 'Infinity',
    n: '2.675',
    m: '2.67',
    b: 'f',
    b2: 'f',
    s: 'Ab\\%b "q" \n\t\u0001',
    s2: null,
    v: null,
    v2: 'x',
    c: null,
    c2: 'x',
    ns: 'Infinity',
    d: '-infinity',
    d2: '2020-01-01',
    ts: '-infinity',
    ts2: 'infinity',
    tz: '-infinity',
    tz2: '2020-01-01 00:00:00+00',
    iv: '-1 mons',
    iv2: null,
  },
  {
    i2: '-1',
    i4: '-1',
    i8: '-1',
    f4: '-Infinity',
    f8: '-Infinity',
    n: '0.000001',
    m: '-1.00',
    b: 't',
    b2: 't',
    s: 'dz ǅ ß ſ K',
    s2: 'ß',
    v: 'ABC',
    v2: 'abc',
    c: 'ABC',
    c2: 'abc',
    ns: 'abc',
    d: '9999-12-31',
    d2: '0001-01-01',
    ts: '294276-12-31 23:59:59.999999',
    ts2: '4000-01-01 00:00:00',
    tz: '9999-12-31 23:59:59.999999+00',
    tz2: '0001-01-01 00:00:00+00',
    iv: '100 years',
    iv2: '1200 mons',
  },
  {
    i2: '100',
    i4: '100',
    i8: '100',
    f4: '0.1',
    f8: '1e15',
    n: '1e20',
    m: '10.50',
    b: 't',
    b2: 't',
    s: 'aab',
    s2: 'b',
    v: 'a',
    v2: 'a',
    c: 'a',
    c2: 'a',
    ns: 'on',
    d: '2025-12-29',
    d2: '2021-01-03',
    ts: '2025-12-29 23:59:59.9999995',
    ts2: '2021-01-03 00:00:00',
    tz: '2025-07-01 22:30:00+00',
    tz2: '2025-06-30 22:30:00+00',
    iv: '1.5 hours',
    iv2: '90 minutes',
  },
  {
    i2: '2',
    i4: '3',
    i8: '3',
    f4: '1e-5',
    f8: '-1e-7',
    n: '0.5',
    m: '-0.50',
    b: 'f',
    b2: 't',
    s: 'Zebra',
    s2: 'zebra',
    v: 'Z',
    v2: 'z',
    c: 'Z',
    c2: 'z',
    ns: '0x10',
    d: '1582-10-15',
    d2: '1582-10-04',
    ts: '1582-10-15 00:00:00',
    ts2: '1000-01-01 00:00:00.1',
    tz: '1890-01-01 00:00:00+00',
    tz2: '1600-06-15 12:00:00+00',
    iv: '2 mons 15 days',
    iv2: '75 days',
  },
  {
    i2: '5',
    i4: '42',
    i8: '42',
    f4: '16777216',
    f8: '0.5',
    n: '1.5',
    m: '2.50',
    b: 't',
    b2: null,
    s: 'a\uE000b',
    s2: '😀',
    v: '\uE000',
    v2: '😀',
    c: '\uE000',
    c2: '😀',
    ns: '9999999999',
    d: '1999-12-31',
    d2: '2000-01-01',
    ts: '1999-12-31 23:59:59.5',
    ts2: '1999-12-31 23:59:59.4995',
    tz: '2040-07-15 12:00:00+00',
    tz2: '2100-01-15 12:00:00+00',
    iv: '-00:00:00.5',
    iv2: '00:00:01',
  },
];

const COLUMNS: Readonly<Record<string, string>> = {
  i2: 'smallint',
  i4: 'integer',
  i42: 'integer',
  i8: 'bigint',
  f4: 'real',
  f8: 'double precision',
  f82: 'double precision',
  n: 'numeric',
  n2: 'numeric',
  m: 'numeric(10,2)',
  b: 'boolean',
  b2: 'boolean',
  s: 'text',
  s2: 'text',
  v: 'varchar(20)',
  v2: 'varchar(20)',
  c: 'char(8)',
  c2: 'char(8)',
  ns: 'text',
  d: 'date',
  d2: 'date',
  ts: 'timestamp',
  ts2: 'timestamp',
  tz: 'timestamptz',
  tz2: 'timestamptz',
  iv: 'interval',
  iv2: 'interval',
  u: 'uuid',
  u2: 'uuid',
};

const SETUP = `
create table t (id integer primary key, at timestamptz not null default '2026-01-01', ${Object.entries(COLUMNS)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')});
create function ask(column_name text, row_id integer) returns text language plpgsql as $$
declare result text;
begin
  execute format('select coalesce(to_json(%I)::text, ''NULL'') from public.v where id = $1', column_name) into result using row_id;
  return result;
exception when others then return 'ERROR ' || sqlerrm;
end $$;`;

test.each(Object.keys(GOLDEN_GROUPS))('%s give what Postgres gives on every row, value or error', async (group) => {
  await using database = await createDatabase();
  await database.query(SETUP);
  for (const [index, row] of ROWS.entries()) {
    const given: Record<string, string | null> = {
      i42: '1',
      f82: '0',
      n2: '1.500',
      u: '00000000-0000-0000-0000-00000000000a',
      u2: '00000000-0000-0000-0000-00000000000b',
      ...row,
    };
    const names = Object.keys(given);
    await database.query(
      `insert into t (id, ${names.join(', ')}) values (${index}, ${names.map((_, place) => `$${place + 1}`).join(', ')})`,
      Object.values(given),
    );
  }
  const differences: string[] = [];
  let comparisons = 0;
  let values = 0;
  for (const timezone of TIMEZONES) {
    const client = await connect({ url: database.url, applicationName: 'millrace test', timezone });
    const expressions = GOLDEN_GROUPS[group]!;
    for (let start = 0; start < expressions.length; start += VIEW_WIDTH) {
      const part = expressions.slice(start, start + VIEW_WIDTH);
      const list = part.map((expression, index) => `${expression} as x${index}`).join(', ');
      await database.query(
        `drop view if exists v; set timezone = '${timezone}'; create view v as select id, at, ${list} from t`,
      );
      const plan = await planOf(client, definitionOf({ timezone }));
      const asked = await client.query<{ name: string; id: number; result: string }>(
        `select 'x' || x as name, id, public.ask('x' || x, id) as result from public.t, generate_series(0, $1::int - 1) x order by id`,
        [part.length],
      );
      const expected = new Map(asked.rows.map((row) => [`${row.name}/${row.id}`, row.result]));
      const rows = await slotsOf(client, plan.features.driving, 'id');
      for (const [index, expression] of part.entries()) {
        const feature = plan.features.features.find(({ name }) => name === `x${index}`)!;
        const print = jsonPrinterOf(feature.expression.type.oid, timezone);
        for (const [id, slots] of rows.entries()) {
          let actual: string;
          try {
            const value = feature.expression.evaluate(slots);
            actual = value === null ? 'NULL' : print(value);
          } catch (error) {
            if (!(error instanceof MillraceError)) throw error;
            actual = `ERROR ${error.message}`;
          }
          const wanted = expected.get(`x${index}/${id}`)!;
          comparisons += 1;
          if (wanted !== 'NULL' && !wanted.startsWith('ERROR')) values += 1;
          if (!agrees(actual, wanted, feature.expression.type.oid)) {
            differences.push(`${timezone} row ${id}: ${expression} -> ${actual}, Postgres ${wanted}`);
          }
        }
      }
    }
    await client.end();
  }
  console.log(`${group}: ${comparisons} comparisons, ${values} of them with a value`);
  expect(differences).toEqual([]);
  expect(values).toBeGreaterThan(2000);
});

/** Errors: both raise. Numbers: floats to 1e-12, and numerics to 1e-9 where theirs came of a division. */
function agrees(actual: string, wanted: string, oid: number): boolean {
  if (actual === wanted) return true;
  if (wanted.startsWith('ERROR') || actual.startsWith('ERROR'))
    return wanted.startsWith('ERROR') && actual.startsWith('ERROR');
  if (oid !== OID.float4 && oid !== OID.float8 && oid !== OID.numeric) return false;
  const [a, b] = [Number(actual), Number(wanted)];
  return Math.abs(a - b) <= (oid === OID.numeric ? 1e-9 : 1e-12) * Math.max(Math.abs(a), Math.abs(b), 1e-300);
}
