// The tables that random views read, and the values that stand in them: a small space, so that ties and collisions happen, and
// a space of edges for expressions alone.

import type { ScalarType } from './expression.ts';

export interface TestColumn {
  readonly name: string;
  readonly type: ScalarType;
  /** As in CREATE TABLE. */
  readonly definition: string;
}

/** The driving table's columns beside its key. */
export const PAYMENT_COLUMNS: readonly TestColumn[] = [
  { name: 'customer', type: 'text', definition: 'text collate "C"' },
  { name: 'merchant', type: 'int4', definition: 'int4' },
  { name: 'amount', type: 'numeric', definition: 'numeric(12,2)' },
  { name: 'price', type: 'numeric', definition: 'numeric' },
  { name: 'ratio', type: 'float8', definition: 'float8' },
  { name: 'share', type: 'float4', definition: 'float4' },
  { name: 'small', type: 'int2', definition: 'int2' },
  { name: 'qty', type: 'int4', definition: 'int4' },
  { name: 'big', type: 'int8', definition: 'int8' },
  { name: 'note', type: 'text', definition: 'text' },
  { name: 'ok', type: 'bool', definition: 'boolean' },
  { name: 'at', type: 'timestamptz', definition: 'timestamptz' },
  { name: 'local_at', type: 'timestamp', definition: 'timestamp' },
  { name: 'day', type: 'date', definition: 'date' },
  { name: 'span', type: 'interval', definition: 'interval' },
];
/** Columns that no view reads as features: one that is never read, one large, and one that a label view may read. */
export const UNREAD_COLUMNS: readonly { name: string; definition: string }[] = [
  { name: 'unread', definition: 'text' },
  { name: 'body', definition: 'text' },
  { name: 'outcome', definition: 'boolean' },
];

export interface KeyShape {
  /** Column names with their types, in order. */
  readonly columns: readonly TestColumn[];
  /** Key values as SQL, from a small space. */
  readonly values: readonly (readonly string[])[];
}

const small = Array.from({ length: 10 }, (_, i) => i + 1);

export const KEY_SHAPES: readonly KeyShape[] = [
  {
    columns: [{ name: 'id', type: 'int8', definition: 'int8' }],
    values: [...small.map((n) => [`${n}`]), ['9007199254740993']],
  },
  {
    columns: [
      { name: 'region', type: 'text', definition: 'text collate "C"' },
      { name: 'id', type: 'int4', definition: 'int4' },
    ],
    values: [`'north'`, `'sü"d'`].flatMap((region) => small.slice(0, 5).map((n) => [region, `${n}`])),
  },
];

export interface TableOptions {
  readonly key: KeyShape;
  /** Of payments and items. */
  readonly replicaIdentity: 'default' | 'full';
}

/** Creates payments, items, chargebacks, and the log in which triggers note each change, in an empty schema. */
export function createTables({ key, replicaIdentity }: TableOptions): string {
  const columns = [...key.columns, ...PAYMENT_COLUMNS, ...UNREAD_COLUMNS].map((c) => `${c.name} ${c.definition}`);
  const names = key.columns.map((c) => c.name).join(', ');
  const reference = key.columns.map((c) => `payment_${c.name} ${c.definition}`).join(', ');
  return `
    drop schema if exists shop cascade;
    create schema shop;
    set search_path = shop, public;
    create table payments (${columns.join(', ')}, primary key (${names}));
    alter table payments alter column body set storage external;
    alter table payments alter column note set storage external;
    create table items (item int4 primary key, ${reference}, customer text collate "C", qty int4, cost numeric(10,2), weight float8,
      ok boolean, at timestamptz, unread text);
    create table chargebacks (id int4 primary key, ${reference}, fraud boolean, reason text, loss numeric(10,2), grade int4,
      at timestamptz, unread text);
    ${replicaIdentity === 'full' ? 'alter table payments replica identity full; alter table items replica identity full; alter table chargebacks replica identity full;' : ''}
    create unlogged table change_log (n bigserial, tbl text, op text, old jsonb, new jsonb);
    create function note_change() returns trigger language plpgsql as $$
    begin
      if tg_op = 'TRUNCATE' then
        insert into shop.change_log (tbl, op) values (tg_table_name, 'TRUNCATE');
      else
        insert into shop.change_log (tbl, op, old, new) values (tg_table_name, tg_op,
          case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
      end if;
      return null;
    end $$;
    create function raises(query text) returns boolean language plpgsql as $$
    declare ignored text;
    begin
      execute query into ignored;
      return false;
    exception when data_exception or raise_exception or feature_not_supported or program_limit_exceeded then
      return true;
    end $$;
    create function attempt(query text) returns text language plpgsql as $$
    declare result text;
    begin
      execute query into result;
      return result;
    exception when data_exception or raise_exception or feature_not_supported or program_limit_exceeded then
      return null;
    end $$;
    ${['payments', 'items', 'chargebacks']
      .map(
        (table) => `
    create trigger noted after insert or update or delete on ${table} for each row execute function note_change();
    create trigger noted_truncate after truncate on ${table} for each statement execute function note_change();`,
      )
      .join('')}
  `;
}

/** Values of a column in histories: few, with NULLs, ties, and dirt. SQL literals. */
export const HISTORY_VALUES: Readonly<Record<string, readonly string[]>> = {
  customer: [`'ann'`, `'bob'`, `'ann'`, `'Ann '`, `null`],
  merchant: ['1', '2', '2', 'null'],
  amount: ['0', '10.00', '10.5', '99.99', '-3.10', '0.01', '250', `'NaN'`, 'null'],
  price: ['1', '1.0', '2.50', '0.0000001', '123456789.123456789', '-7', 'null'],
  ratio: ['0', '1.5', '-2.25', '0.1', '1e6', '3.3333333333333335', `'NaN'`, `'Infinity'`, 'null'],
  share: ['0', '0.1', '2.5', '-1', 'null'],
  small: ['0', '1', '-2', '300', 'null'],
  qty: ['0', '1', '2', '3', '-5', '1000', 'null'],
  big: ['0', '1', '9007199254740993', '-42', '4611686018427387904', 'null'],
  note: [`'EUR'`, `' usd '`, `''`, `'a,b'`, `'Straße É'`, `repeat('longer than a page ', 150)`, 'null'],
  ok: ['true', 'false', 'true', 'null'],
  local_at: [
    `'2026-01-31 12:00:00'`,
    `'2026-02-28 23:30:00'`,
    `'2026-03-01 00:00:00'`,
    `'2026-03-29 02:30:00'`,
    `'2026-03-31 12:00:00.123456'`,
    'null',
  ],
  day: [`'2026-01-31'`, `'2026-02-28'`, `'2026-03-01'`, `'2026-03-31'`, `'2024-02-29'`, 'null'],
  span: [`'1 hour'`, `'1 day'`, `'24 hours'`, `'1 month'`, `'-00:30:00.5'`, `'1 mon -1 day'`, 'null'],
  unread: [`'x'`, `'y'`, 'null'],
  body: [`repeat('0123456789', 250)`, `'short'`, 'null'],
  outcome: ['true', 'false', 'null'],
};

/** Event times: half hours around month ends and a change of the clocks, with ties, late rows, and rare extremes. */
export const EVENT_TIMES: readonly string[] = [
  ...['2026-01-31', '2026-02-28', '2026-03-28', '2026-03-29', '2026-03-31'].flatMap((day) =>
    ['00:00', '00:30', '01:00', '02:30', '12:00', '12:00:00.000001'].map((time) => `'${day} ${time}+00'`),
  ),
  `'2026-03-29 01:00+00'`,
  `'2026-03-29 01:00+00'`,
  'null',
  'null',
  `'2999-12-31 00:00+00'`,
  `'0044-03-15 00:00+00 BC'`,
  `'infinity'`,
  `'-infinity'`,
];

/** Values for expressions alone: where types end, round, or are printed unlike in JavaScript. */
export const EDGE_VALUES: Readonly<Record<ScalarType, readonly string[]>> = {
  bool: ['true', 'false'],
  int2: ['0', '1', '-1', '2', '32767', '-32768', '7'],
  int4: ['0', '1', '-1', '2', '3', '2147483647', '-2147483648', '7', '100', '-13'],
  int8: ['0', '1', '-1', '9007199254740993', '9223372036854775807', '-9223372036854775808', '42', '-1000000007'],
  float4: ['0', '1', '-1.5', '0.1', '3.4028235e38', '1e-45', '16777217', `'-0'`, `'NaN'`, `'Infinity'`, `'-Infinity'`],
  float8: [
    '0',
    `'-0'`,
    '1',
    '-1.5',
    '2.5',
    '3.5',
    '-2.5',
    '0.1',
    '0.3',
    '1e15',
    '1e16',
    '123456789012345680',
    '1e-5',
    '0.0001',
    '1.5e308',
    '5e-324',
    '1e100',
    `'NaN'`,
    `'Infinity'`,
    `'-Infinity'`,
  ],
  ifloat8: [],
  numeric: [
    '0',
    '0.00',
    '1',
    '1.0',
    '-1',
    '2.5',
    '-2.5',
    '3.5',
    '0.005',
    '-0.005',
    '10.50',
    '99999.995',
    '12345678901234567890.123456789',
    '0.000000000000000000001',
    '1e20',
    `'NaN'`,
    `'Infinity'`,
    `'-Infinity'`,
  ],
  inumeric: [],
  text: [
    `''`,
    `' '`,
    `'a'`,
    `'A'`,
    `'abc'`,
    `'EUR'`,
    `' usd '`,
    `'100%'`,
    `'Straße'`,
    `'É'`,
    `'é'`,
    `'ΟΔΟΣ'`,
    `'İi'`,
    `'👍🏽'`,
    `e'a\\tb'`,
    `e'line\\nend'`,
    `'a,b,,c'`,
    `'12'`,
    `'12'`,
    `'0'`,
    `'-7'`,
    `' 12 '`,
    `'yes'`,
    `'12.50'`,
    `'1e3'`,
    `'true'`,
    `'nan'`,
    `'0x1F'`,
    `'a"b\\c'`,
    `'hello wORLD-foo'`,
    `e'\\u00a0x\\u00a0'`,
    `'me@example.com'`,
  ],
  timestamptz: [
    `'1970-01-01 00:00:00+00'`,
    `'2000-01-01 00:00:00+00'`,
    `'2026-03-29 00:59:59.999999+00'`,
    `'2026-03-29 01:00:00+00'`,
    `'2026-10-25 00:30:00+00'`,
    `'2026-10-25 01:30:00+00'`,
    `'2024-02-29 23:59:59.5+00'`,
    `'1969-12-31 23:59:59.999999+00'`,
    `'1900-01-01 00:00:00+00'`,
    `'9999-12-31 23:59:59.999999+00'`,
    `'0044-03-15 12:00:00+00 BC'`,
    `'9999-12-31 12:00:00+00'`,
    `'4713-01-01 00:00:00+00 BC'`,
    `'infinity'`,
    `'-infinity'`,
  ],
  timestamp: [
    `'1970-01-01 00:00:00'`,
    `'2026-03-29 02:30:00'`,
    `'2026-10-25 02:30:00'`,
    `'2024-02-29 12:00:00.000001'`,
    `'2023-12-31 23:59:59.999999'`,
    `'1969-12-31 23:59:59.5'`,
    `'0001-01-01 00:00:00'`,
    `'0044-03-15 12:00:00 BC'`,
    // Postgres 15 wraps differences of more than 292,000 years around, later ones raise: 9999 is far enough.
    `'9999-12-31 23:59:59'`,
    `'infinity'`,
    `'-infinity'`,
  ],
  date: [
    `'1970-01-01'`,
    `'2024-02-29'`,
    `'2026-01-01'`,
    `'2025-12-29'`,
    `'2021-01-03'`,
    `'1582-10-15'`,
    `'0044-03-15 BC'`,
    `'5874897-12-31'`,
    `'infinity'`,
    `'-infinity'`,
  ],
  interval: [
    `'0'`,
    `'1 hour'`,
    `'-1 hour'`,
    `'1 day'`,
    `'24 hours'`,
    `'1 month'`,
    `'30 days'`,
    `'1 year 2 mons -3 days 04:05:06.789'`,
    `'-1 mon +1 day -00:00:01'`,
    `'00:00:00.000001'`,
    `'100000 hours'`,
    `'12 mons 35 days 30:00:00'`,
  ],
};

/** Constants in expressions. */
export const LITERALS: Readonly<Partial<Record<ScalarType, readonly string[]>>> = {
  bool: ['true', 'false'],
  int2: [`'2'::int2`],
  int4: ['1', '7', '100', '-3', 'null::int4'],
  int8: ['10000000000', '3::int8'],
  float4: ['0.5::float4'],
  float8: ['0.5::float8', '1e3::float8', '-1::float8'],
  numeric: ['1.5', '100.00', '-0.25', '1000.0'],
  text: [`'a'::text`, `'EUR'::text`, `','::text`, `''::text`, 'null::text'],
  timestamptz: [`'2026-03-29 01:00:00+00'::timestamptz`],
  timestamp: [`'2026-03-29 02:30:00'::timestamp`],
  date: [`'2026-03-01'::date`],
  interval: [`'1 hour'::interval`, `'1 mon'::interval`, `'36 hours'::interval`],
};
