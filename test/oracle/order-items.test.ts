import { expect, test } from 'vitest';
import { connect } from '../../src/warehouse/connection.ts';
import { createDatabase } from '../support/database.ts';
import { OracleSession } from './session.ts';
import { compileSubject, type Subject } from './subject.ts';
import { KEY_SHAPES } from './tables.ts';

const VIEW = `select p.id, p.at as event_time, p.amount, x.items, x.total,
    count(*) over (partition by p.customer order by p.at range between '1 hour' preceding and current row) as recent
  from payments p
  left join lateral (select count(*) as items, sum(i.cost * i.qty) as total from items i where i.payment_id = p.id) x on true`;

async function withView(
  work: (session: OracleSession, subject: Subject) => Promise<void>,
  alsoOn: readonly { schema: string; name: string }[] = [],
): Promise<void> {
  await using database = await createDatabase();
  await using session = await OracleSession.open(database);
  await session.reset({ key: KEY_SHAPES[0]!, replicaIdentity: 'default' });
  await session.query(`create view shop.orders as ${VIEW}`);
  const client = await connect({ url: database.url, applicationName: 'millrace oracle compile' });
  const features = { schema: 'shop', name: 'orders' };
  const subject = await compileSubject(client, {
    features,
    key: ['id'],
    eventTime: 'event_time',
    timezone: 'UTC',
    alsoOn,
  });
  await client.end();
  await work(session, subject);
}

async function emitted(session: OracleSession, subject: Subject, ...statements: string[]): Promise<unknown[]> {
  const { decoded } = await session.apply(statements);
  return decoded
    .flatMap((transaction) => subject.run(transaction))
    .map((e) => (e.kind === 'features' ? e.features : e));
}

test('an order that is written before its items in one transaction has features that see the items', async () => {
  await withView(async (session, subject) => {
    const features = await emitted(
      session,
      subject,
      `insert into payments (id, customer, amount, at) values (1, 'ann', 10.50, '2026-01-31 12:00+00')`,
      `insert into items (item, payment_id, qty, cost) values (1, 1, 2, 3.00), (2, 1, 1, 4.50)`,
    );
    expect(features).toEqual(['{"amount":10.50,"items":2,"total":10.50,"recent":1}']);
  });
});

test('items that come later emit nothing by themselves, and are seen when their order changes', async () => {
  await withView(async (session, subject) => {
    await emitted(
      session,
      subject,
      `insert into payments (id, customer, amount, at) values (1, 'ann', 1, '2026-01-31 12:00+00')`,
    );
    expect(
      await emitted(session, subject, `insert into items (item, payment_id, qty, cost) values (1, 1, 2, 3.00)`),
    ).toEqual([]);
    expect(await emitted(session, subject, `update payments set amount = 2 where id = 1`)).toEqual([
      '{"amount":2.00,"items":1,"total":6.00,"recent":1}',
    ]);
  });
});

test('with also_on, items that come later compute their order at once, the old one and the new', async () => {
  await withView(
    async (session, subject) => {
      await emitted(
        session,
        subject,
        `insert into payments (id, customer, amount, at) values (1, 'ann', 1, '2026-01-31 12:00+00'), (2, 'bob', 2, '2026-01-31 12:00+00')`,
      );
      expect(
        await emitted(session, subject, `insert into items (item, payment_id, qty, cost) values (1, 1, 2, 3.00)`),
      ).toEqual(['{"amount":1.00,"items":1,"total":6.00,"recent":1}']);
      expect(await emitted(session, subject, `update items set payment_id = 2 where item = 1`)).toEqual([
        '{"amount":1.00,"items":0,"total":null,"recent":1}',
        '{"amount":2.00,"items":1,"total":6.00,"recent":1}',
      ]);
    },
    [{ schema: 'shop', name: 'items' }],
  );
});

test('updates of columns that the view does not read emit nothing, however many, and leave nothing to save', async () => {
  await withView(async (session, subject) => {
    await emitted(
      session,
      subject,
      `insert into payments (id, customer, amount, at, body) select n, 'ann', n, '2026-01-31 12:00+00', repeat('x', 3000) from generate_series(1, 20) n`,
    );
    subject.checkpoint();
    for (let n = 1; n <= 20; n++) {
      const all = await emitted(
        session,
        subject,
        `update payments set unread = 'changed ${n}', note = 'n', qty = ${n} where id <= ${n}`,
        `update payments set body = repeat('y', 2500 + ${n}) where id = ${n}`,
        `update payments set amount = amount`,
        `update items set unread = 'x'`,
      );
      expect(all).toEqual([]);
    }
    // The clock moves; no row does.
    expect(subject.checkpoint()).toBeLessThanOrEqual(1);
    expect(await emitted(session, subject, `update payments set amount = 0 where id = 20`)).toEqual([
      '{"amount":0.00,"items":0,"total":null,"recent":20}',
    ]);
  });
});
