// The shop of the simulation and its pipelines. What Postgres says of the views is in fixtures/, recorded once, so that a schedule
// needs no server; fixtures.test.ts asks again and compares.

import { readFileSync } from 'node:fs';
import type { PipelineDefinition, TableName } from '../../src/flow/pipeline.ts';
import type { PredicateFacts } from '../../src/transform/predicate.ts';
import type { TableFacts, ViewFacts } from '../../src/transform/view-facts.ts';

export const PAYMENTS: TableName = { schema: 'public', name: 'payments' };
export const CHARGEBACKS: TableName = { schema: 'public', name: 'chargebacks' };

export const SHOP = `
create table payments (id bigint primary key, customer_id integer, amount numeric(10,2), quantity integer, currency text,
  created_at timestamptz, fraud boolean);
create table chargebacks (id bigint primary key, payment_id bigint, created_at timestamptz);

create view fraud_features as
  select id, created_at, coalesce(quantity, 0) as quantity, currency,
         count(*) over last_10s as payments_10s,
         amount / nullif(avg(amount) over last_10s, 0) as amount_vs_usual,
         extract(epoch from created_at - lag(created_at) over in_order) as seconds_since_last
  from payments where amount is not null
  window in_order as (partition by customer_id order by created_at, id),
         last_10s as (partition by customer_id order by created_at range between '10 seconds' preceding and current row);
create view fraud_labels as select payment_id as id, true as label, created_at as label_at from chargebacks;

create view amount_features as
  select id, created_at, customer_id, 60 / quantity as share, currency,
         stddev(quantity) over (partition by currency order by created_at, id rows 3 preceding) as spread
  from payments;
create view amount_labels as select id, amount as label from payments where amount > 40;

create view returns_features as
  select p.id, p.created_at, p.quantity, p.currency, c.returned,
         row_number() over (partition by p.customer_id order by p.created_at, p.id) as nth
  from payments p left join lateral (select count(*) as returned from chargebacks where payment_id = p.id) c on true
  where p.quantity > 0;
create view returns_labels as select id, case when fraud then 'stolen' else 'sent back' end as label from payments where fraud is not null;
`;

const view = (name: string): TableName => ({ schema: 'public', name });

const common = {
  generation: 1,
  revision: 1,
  desired: 'running',
  key: ['id'],
  eventTime: 'created_at',
  labelWaitUs: undefined,
  labelDefault: undefined,
  alertWhen: undefined,
  backfill: 'learn',
  alsoOn: [],
  clock: 'commit',
  lateByUs: 5_000_000,
  appendOnly: false,
  keepScoresForUs: undefined,
  timezone: 'UTC',
  owner: 'postgres',
} as const;

/** By id, from 1. */
export const PIPELINES: readonly PipelineDefinition[] = [
  {
    ...common,
    id: 1,
    name: 'fraud',
    features: view('fraud_features'),
    labels: view('fraud_labels'),
    labelWaitUs: 20_000_000,
    labelDefault: 'false',
    model: { kind: 'logistic', save_every: 7 },
    alertWhen: 'score > 0.5',
    scoreTable: view('fraud_scores'),
  },
  {
    ...common,
    id: 2,
    name: 'amount',
    features: view('amount_features'),
    labels: view('amount_labels'),
    model: { kind: 'linear', save_every: 5, update: 'on_arrival', metrics_by: 'currency' },
    keepScoresForUs: 30_000_000,
    scoreTable: view('amount_scores'),
  },
  {
    ...common,
    id: 3,
    name: 'returns',
    features: view('returns_features'),
    labels: view('returns_labels'),
    model: { kind: 'softmax', save_every: 3 },
    scoreTable: view('returns_scores'),
    clock: 'event_time',
  },
];

/** Conditions that pipelines have or are given. */
export const ALERTS = ['score > 0.5', 'score > 0.6 and quantity > 2'];

export interface Fixtures {
  /** By pipeline's name, as `describe` gives it. */
  readonly views: Readonly<Record<string, ViewFacts>>;
  /** By condition, over the columns of `fraud`. */
  readonly alerts: Readonly<Record<string, PredicateFacts>>;
}

export const FIXTURES = new URL('./fixtures/facts.json', import.meta.url);

export function readFixtures(): Fixtures {
  return JSON.parse(readFileSync(FIXTURES, 'utf8')) as Fixtures;
}

/** Every table that the pipelines read. */
export function tablesOf(fixtures: Fixtures): TableFacts[] {
  const tables = new Map<string, TableFacts>();
  for (const { tables: found } of Object.values(fixtures.views))
    for (const one of found) tables.set(one.table.name, one);
  return [...tables.values()];
}
