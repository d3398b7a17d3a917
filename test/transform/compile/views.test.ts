import { expect, test } from 'vitest';
import { Decimal } from '../../../src/flow/types/decimal.ts';
import { jsonPrinterOf } from '../../../src/flow/types/sql-text.ts';
import { connect } from '../../../src/warehouse/connection.ts';
import { compilePipeline } from '../../../src/transform/compile.ts';
import { describePipeline } from '../../../src/transform/describe.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { definitionOf, planOf, slotsOf } from './pipeline-fixture.ts';

const PAYMENTS = `
create table payments (id bigint primary key, customer_id integer, created_at timestamptz not null, amount numeric(10,2), currency text, note text);
create table chargebacks (payment_id bigint primary key, created_at timestamptz not null);
create view fraud_features as
  select id, created_at,
         coalesce(amount, 0)                                            as amount,
         lower(trim(currency))                                          as currency,
         count(*)    over last_hour                                     as payments_1h,
         amount / nullif(avg(amount) over last_hour, 0)                 as amount_vs_usual,
         extract(epoch from created_at - lag(created_at) over in_order) as seconds_since_last
  from payments
  window in_order  as (partition by customer_id order by created_at, id),
         last_hour as (partition by customer_id order by created_at
                       range between '1 hour' preceding and current row);
create view fraud_labels as select payment_id as id, true as label, created_at as label_at from chargebacks;`;

const FRAUD = definitionOf({
  features: { schema: 'public', name: 'fraud_features' },
  labels: { schema: 'public', name: 'fraud_labels' },
  eventTime: 'created_at',
});

/** Servers below 16 qualify the columns of a single table too. */
const plain = (text: string): string => text.replace(/^"\w+"\./, '');

async function open(database: TestDatabase) {
  return connect({ url: database.url, applicationName: 'millrace test' });
}

test('the fraud view becomes two window groups over the columns it reads, and its features', async () => {
  await using database = await createDatabase();
  await database.query(PAYMENTS);
  const client = await open(database);
  const plan = await planOf(client, FRAUD);
  await client.end();
  const view = plan.features;
  expect(view.driving.columns.map((column) => [column.name, column.identity])).toEqual([
    ['id', true],
    ['customer_id', false],
    ['created_at', false],
    ['amount', false],
    ['currency', false],
  ]);
  expect(view.windowGroups.map((group) => group.orderBy.map((key) => plain(key.expression.text)))).toEqual([
    ['"created_at"'],
    ['"created_at"', '"id"'],
  ]);
  expect(
    view.windowCalls.map((call) => [call.name, call.group, call.frame.mode, call.frame.start.kind, call.type.oid]),
  ).toEqual([
    ['count', 0, 'range', 'range', 20],
    ['avg', 0, 'range', 'range', 1700],
    ['lag', 1, 'range', 'unbounded', 1184],
  ]);
  expect(view.windowCalls[0]!.frame.start).toMatchObject({ preceding: { months: 0, days: 0, us: 3_600_000_000n } });
  expect(view.features.map((feature) => [feature.name, feature.typeName])).toEqual([
    ['amount', 'numeric'],
    ['currency', 'text'],
    ['payments_1h', 'bigint'],
    ['amount_vs_usual', 'numeric'],
    ['seconds_since_last', 'numeric'],
  ]);
  expect(view.key.map((key) => key.name)).toEqual(['id']);
  expect(view.eventTime?.name).toBe('created_at');
  expect(view.scan.from).toBe('"public"."payments"');
  expect(view.scan.orderBy.map(plain)).toEqual(['"created_at"', '"id"']);
  expect(plain(plan.labels!.key[0]!.expression.text)).toBe('"payment_id"');
  expect(plan.labels?.label.expression.evaluate([1n, 2n])).toBe(true);
  expect(plan.labels?.labelAt?.name).toBe('label_at');
  expect(plan.warnings).toEqual([]);

  // Slots: id, customer_id, created_at, amount, currency, then count, avg, lag.
  const slots = [7n, 1, 5_000_000n, new Decimal(1050, 2), ' EUR ', 3n, 2.5, 1_500_000n];
  const shown = view.features.map(({ expression }) => {
    const value = expression.evaluate(slots);
    return value === null ? 'null' : jsonPrinterOf(expression.type.oid, 'UTC')(value);
  });
  expect(shown).toEqual(['10.50', '"eur"', '3', '4.2', '3.500000']);
});

test('the same facts give the same hash after a round trip through JSON, and another definition of the view another one', async () => {
  await using database = await createDatabase();
  await database.query(PAYMENTS);
  const client = await open(database);
  const facts = await describePipeline(client, FRAUD);
  const first = compilePipeline(facts, FRAUD).hash;
  const again = compilePipeline(JSON.parse(JSON.stringify(facts)) as typeof facts, FRAUD).hash;
  await database.query(
    'create or replace view fraud_labels as select payment_id as id, false as label, created_at as label_at from chargebacks',
  );
  const other = (await planOf(client, FRAUD)).hash;
  const elsewhere = compilePipeline(facts, { ...FRAUD, timezone: 'Asia/Tokyo' }).hash;
  await client.end();
  expect(again).toBe(first);
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set([first, other, elsewhere]).size).toBe(3);
});

test('a lateral aggregate is matched by its equality, filtered by its own columns, and gives its outputs as slots', async () => {
  await using database = await createDatabase();
  await database.query(`
    create table orders (id integer primary key, placed_at timestamptz not null, customer text);
    create table order_items (order_id bigint, line integer, quantity integer, price numeric(8,2), sku text, primary key (order_id, line));
    create view v as select o.id, o.placed_at, x.items, coalesce(x.total, 0) as total,
        (select count(*) from order_items j where j.order_id = o.id and j.sku = 'gift') as gifts,
        exists (select 1 from order_items k where k.order_id = o.id and k.quantity > 10) as bulk
      from orders o
      left join lateral (select count(*) as items, sum(i.quantity * i.price) as total
                           from order_items i where i.order_id = o.id and i.quantity > 0) x on true`);
  const client = await open(database);
  const { features: view } = await planOf(client, definitionOf({ eventTime: 'placed_at' }));
  expect(view.driving.columns.map((column) => column.name)).toEqual(['id', 'placed_at']);
  expect(view.laterals.map((lateral) => lateral.aggregates.map((aggregate) => aggregate.name))).toEqual([
    ['count', 'sum'],
    ['count'],
    ['count'],
  ]);
  const [first] = view.laterals;
  expect(first!.table.columns.map((column) => column.name)).toEqual(['order_id', 'line', 'quantity', 'price']);
  expect(first!.match.map(({ inner, outer }) => [inner.type.oid, outer.type.oid])).toEqual([[20, 20]]);
  expect(first!.match[0]!.outer.evaluate([7, 0n])).toBe(7n);
  expect(first!.where!.evaluate([1n, 1, 0, null])).toBe(false);
  await database.query(`insert into order_items values (1, 1, 3, 2.50, 'a')`);
  const rows = await slotsOf(client, first!.table, 'line');
  const sum = first!.aggregates[1]!.args[0]!.evaluate(rows[0]!);
  expect(jsonPrinterOf(1700, 'UTC')(sum!)).toBe('7.50');
  // Slots: id, placed_at, then items, total, gifts, bulk.
  const outputs = [1, 0n, 2n, null, 5n, true];
  expect(view.features.map(({ expression }) => expression.evaluate(outputs))).toMatchObject([
    2n,
    { unscaled: 0 },
    5n,
    true,
  ]);
  await client.end();
});

test('a warning names what is computed in float8 and what has no order of its own', async () => {
  await using database = await createDatabase();
  await database.query(`
    create table t (id integer primary key, at timestamptz not null, g integer, n numeric);
    create view v as select id, at,
      round(avg(n) over (partition by g order by at), 2) as rounded,
      (n / 3) > 1 as compared,
      lag(n) over (partition by g order by at) as before
    from t`);
  const client = await open(database);
  const plan = await planOf(client, definitionOf());
  await client.end();
  expect(plan.warnings.map((warning) => [warning.line, warning.message.slice(0, 40)])).toEqual([
    [5, 'rows of the same time have no order amon'],
    [3, 'rounding of a value that came of a numer'],
    [4, 'a comparison of a value that came of a n'],
  ]);
  expect(plan.warnings[0]!.hint).toContain('order by the event time, id');
});
