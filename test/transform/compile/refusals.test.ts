import { expect, test } from 'vitest';
import { MillraceError } from '../../../src/runtime/errors.ts';
import { connect } from '../../../src/warehouse/connection.ts';
import { renderRefusal } from '../../../src/transform/refusal.ts';
import { createDatabase } from '../../support/database.ts';
import { definitionOf, planOf } from './pipeline-fixture.ts';

const TABLES = `
create table t (id integer primary key, at timestamptz not null, g integer, n numeric, s text collate "en_US.utf8x", j jsonb, p point);
create table other (id integer primary key, t_id integer, x integer, at timestamptz);
create view inner_view as select * from t;
create function public.own(integer) returns integer language sql immutable as 'select $1';`;

/** What stands after `select id, at, ` or, from a FROM on, the whole query; what the text has at the place where it is refused, and with which words. */
const REFUSALS: readonly (readonly [sql: string, at: string, message: RegExp, hint: RegExp, code?: string])[] = [
  ['select id, at, now() - at as age from t', 'now() - at', /now\(\) gives another value/, /row's own time/],
  ['select id, at, current_timestamp - at as age from t', 'CURRENT_TIMESTAMP', /present moment/, /row's own time/],
  ['select id, at, random() as r from t', 'random()', /random\(\) gives another value/, /column of the table/],
  ['select g as id, max(at) as at from t group by g', 'g;', /GROUP BY/, /over \(partition by/],
  ['select distinct id, at from t', 'id', /DISTINCT/, /key makes rows distinct/],
  ['select id, at from t order by at', 'at;', /ORDER BY/, /read the scores/],
  ['select id, at from t limit 5', '5;', /LIMIT/, /read the scores/],
  ['select id, at from t union all select id, at from t', 'id', /UNION/, /one pipeline for each part/],
  ['with c as (select * from t) select id, at from c', 'WITH', /WITH/, /one level/],
  ['select id, at from (select * from t) q', 'id', /subquery in FROM/, /one level/],
  ['select id, at from inner_view', 'public.inner_view', /inner_view is not a table/, /one level/],
  [
    'select id, at, x from (select id, at, row_number() over (partition by g order by at, id) as x from t) q where x = 1',
    'id',
    /subquery in FROM/,
    /one level/,
  ],
  [
    'select t.id, t.at, o.x from t join other o on o.t_id = t.id',
    'public.other',
    /join to another table/,
    /lateral \(select max/,
  ],
  ['select id, at, lead(n) over (order by at, id) as x from t', 'lead(', /lead\(\) sees rows after/, /lag/, 'FUTURE'],
  ['select id, at, sum(n) over (partition by g) as x from t', 'sum(', /without ORDER BY/, /current row/, 'FUTURE'],
  [
    'select id, at, sum(n) over (order by at rows between 1 preceding and 1 following) as x from t',
    '(ORDER BY',
    /behind the current row/,
    /current row/,
    'FUTURE',
  ],
  ['select id, at, lag(n, -1) over (order by at, id) as x from t', 'lag(', /negative offset/, /positive/, 'FUTURE'],
  ['select id, at, sum(n) over (order by id) as x from t', 'id)', /event time first/, /event time, then the key/],
  [
    'select id, at, sum(n) over (order by at desc) as x from t',
    'at DESC',
    /event time first/,
    /event time, then the key/,
  ],
  ['select id, at, max(s) over (order by at) as x from t', 'max(s)', /order of text/, /collate "C"/],
  [`select id, at, s < 'x' as x from t`, "< 'x'", /order of text/, /collate "C"/],
  ['select id, at, public.own(g) as x from t', 'public.own', /public.own is a function of its own/, /in the view/],
  [`select id, at, j ->> 'a' as x from t`, '->>', /->>\(type 3802, text\) is not compiled/, /column of the table/],
  ['select id, at, p <-> p as x from t', '<->', /<->/, /column of the table/],
  ['select id, at, age(at) as x from t', 'age(at)', /age\(\) is not compiled/, /Subtract/],
  [`select id, at, s ~* 'a' as x from t`, '~*', /case-insensitive/, /lower\(x\)/],
  [`select id, at, s ~ '\\ma' as x from t`, '~ ', /may mean something else/, /LIKE/],
  ['select id, at, array[1, 2] as x from t', 'ARRAY', /array is compiled only/, /elements/],
  [
    'select id, at, (select x from other where t_id = t.id) as y from t',
    'other.x',
    /one row of aggregates/,
    /Aggregate/,
  ],
  [
    'select id, at, (select count(*) from other o where o.at < t.at) as y from t',
    '< at',
    /by equality alone/,
    /t.key = row.key/,
  ],
  [
    'select id, at, (select count(*) from other) as y from t',
    'public.other',
    /not tied to the row/,
    /where t.key = row.key/,
  ],
  ['select id, at, s::date as x from t', 's)::date', /cast from text to date/, /column of that type/],
  ['select id + 0 as id, at from t', '+ 0', /not a plain column/, /as it is/, 'KEY_INVALID'],
  ['select g as id, at from t', 'g AS id', /can be NULL/, /set not null/, 'KEY_INVALID'],
  ['select g, at from t', '', /no column id/, /Its columns are g, at/, 'KEY_INVALID'],
];

test.each(
  REFUSALS.map(([sql, at, message, hint, code]) => ({ sql, at, message, hint, code: code ?? 'SQL_UNSUPPORTED' })),
)('$sql is refused where it stands', async ({ sql, at, message, hint, code }) => {
  await using database = await createDatabase();
  await database.query(
    TABLES.replace(' collate "en_US.utf8x"', ' collate "unordered"').replace(
      'create table t',
      `create collation unordered (provider = icu, locale = 'en'); create table t`,
    ),
  );
  await database.query(`create view v as ${sql}`);
  const client = await connect({ url: database.url, applicationName: 'millrace test' });
  const refusal = await planOf(client, definitionOf()).then(
    () => undefined,
    (error: unknown) => error,
  );
  await client.end();
  expect(refusal).toBeInstanceOf(MillraceError);
  const error = refusal as MillraceError;
  expect(error.message).toMatch(message);
  expect(error.hint).toMatch(hint);
  expect(error.code).toBe(code);
  const [view] = await database.query<{ text: string }>(
    `set search_path = pg_catalog; select pg_get_viewdef('public.v'::regclass) as text`,
  );
  const { line, column } = error.place;
  if (line === undefined) expect(at).toBe('');
  else {
    // Servers below 16 qualify the columns of a single table too.
    const rest = view!.text.split('\n')[line - 1]!.slice(column! - 1);
    expect(rest.replace(/\bt\./g, '').slice(0, at.length)).toBe(at);
  }
});

test('a refusal is drawn with its line and a caret under its column', () => {
  const error = new MillraceError('SQL_UNSUPPORTED', 'now() is not part of the data', {
    line: 2,
    column: 5,
    hint: 'Use created_at.',
  });
  expect(renderRefusal(' SELECT id,\n    now() AS n\n   FROM t;', error)).toBe(
    ['SQL_UNSUPPORTED: now() is not part of the data', '2 |     now() AS n', '        ^', 'hint: Use created_at.'].join(
      '\n',
    ),
  );
});

const DEFINITIONS: readonly (readonly [string, string, RegExp, RegExp, string])[] = [
  ['a view that does not exist', '', /view public\.v does not exist/, /Create it/, 'VIEW_MISSING'],
  [
    'a table in the place of a view',
    'create table v (id integer primary key)',
    /is not a view/,
    /create view/,
    'VIEW_MISSING',
  ],
  [
    'a key that is not unique',
    'create table t (id integer not null, at timestamptz); alter table t replica identity full; create view v as select id, at from t',
    /not unique/,
    /create unique index/,
    'KEY_INVALID',
  ],
  [
    'a key outside the replica identity',
    'create table t (pk integer primary key, id integer not null unique, at timestamptz); create view v as select id, at from t',
    /outside the replica identity/,
    /replica identity using index/,
    'KEY_INVALID',
  ],
  [
    'a table without a replica identity',
    'create table t (id integer not null unique, at timestamptz); create view v as select id, at from t',
    /no replica identity/,
    /alter table public\.t replica identity full/,
    'TABLE_IDENTITY',
  ],
];

test.each(DEFINITIONS)('%s stops with the way out', async (_, sql, message, hint, code) => {
  await using database = await createDatabase();
  if (sql) await database.query(sql);
  const client = await connect({ url: database.url, applicationName: 'millrace test' });
  const refusal: unknown = await planOf(client, definitionOf()).catch((error: unknown) => error);
  await client.end();
  expect(refusal).toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
    hint: expect.stringMatching(hint) as string,
  });
});
