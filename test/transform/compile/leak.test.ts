// What the label is made of does not get into the features unnoticed.

import { expect, test } from 'vitest';
import type { PipelineDefinition } from '../../../src/flow/pipeline.ts';
import { compilePipeline } from '../../../src/transform/compile.ts';
import { describePipeline } from '../../../src/transform/describe.ts';
import { connect } from '../../../src/warehouse/connection.ts';
import { createDatabase } from '../../support/database.ts';

const TABLES = `create table orders (id int primary key, customer int, total int, returned boolean, returned_at timestamptz, placed_at timestamptz not null);
  create table refunds (id int primary key, order_id int, amount int);
  create view own_labels as select id, returned as label, returned_at as label_at from orders where returned is not null;
  create view other_labels as select order_id as id, true as label from refunds;`;

async function compile(features: string, labels: string, model: Record<string, unknown> = {}): Promise<void> {
  await using database = await createDatabase();
  await database.query(`${TABLES} create view features as ${features}`);
  const client = await connect({ url: database.url, applicationName: 'millrace test' });
  const definition = {
    key: ['id'],
    eventTime: 'placed_at',
    features: { schema: 'public', name: 'features' },
    labels: { schema: 'public', name: labels },
    timezone: 'UTC',
    model: { kind: 'auto', ...model },
  } as unknown as PipelineDefinition;
  try {
    compilePipeline(await describePipeline(client, definition), definition);
  } finally {
    await client.end();
  }
}

const WINDOW = 'over (partition by customer order by placed_at, id rows between unbounded preceding and';
const leaks: [string, string, RegExp][] = [
  ['select id, placed_at, returned is null as open from orders', 'own_labels', /column returned/],
  ['select id, placed_at, returned_at from orders', 'own_labels', /column returned_at/],
  ['select id, placed_at, total from orders where returned', 'own_labels', /column returned/],
  [
    `select id, placed_at, count(*) filter (where returned) ${WINDOW} current row) as n from orders`,
    'own_labels',
    /column returned/,
  ],
  [
    'select o.id, o.placed_at, r.n from orders o left join lateral (select count(*) as n from refunds f where f.order_id = o.id) r on true',
    'other_labels',
    /refunds/,
  ],
  [
    'select id, placed_at, (select count(*) from refunds f where f.order_id = o.id) as n from orders o',
    'other_labels',
    /refunds/,
  ],
];
test.each(leaks)('%s beside %s is refused, with the place', async (features, labels, what) => {
  const attempt = compile(features, labels);
  await expect(attempt).rejects.toMatchObject({ code: 'LEAK', hint: expect.stringContaining('allow_leak') as string });
  await expect(attempt).rejects.toThrow(what);
  await expect(attempt).rejects.toMatchObject({ place: { line: expect.any(Number) as number } });
  await compile(features, labels, { allow_leak: true });
});

test.each([
  `select id, placed_at, total, count(*) filter (where returned) ${WINDOW} 1 preceding) as n from orders`,
  `select id, placed_at, count(*) filter (where returned) ${WINDOW} current row exclude current row) as n from orders`,
  'select id, placed_at, lag(returned) over (partition by customer order by placed_at, id) as last_returned from orders',
])('%s tells of earlier rows only, and compiles', async (features) => {
  await compile(features, 'own_labels');
});
