// From the commit of a payment to its score in the score table, while a thousand payments a second come in. One clock, the
// server's, for both ends: the commit time is Postgres's own (track_commit_timestamp), and that a score can be seen is found by
// asking for new ones all the time, so the time of the sink's commit counts too.

import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO, paymentEvents, type PaymentEvent } from '../src/commands/demo/payments.ts';
import { openPaymentsWarehouse, succeeded, type PaymentsWarehouse } from './payments-warehouse.ts';
import type { Figure } from './figure.ts';

const RATE = 1_000;
/** A payment a transaction would be 1,000 commits a second; ten at a time are 100. */
const TRANSACTION = 10;
const SECONDS = 30;
/** Compiling and connecting are not what is measured. */
const WARM_UP_SECONDS = 10;
const SETTLE_MS = 60_000;

export async function measure(): Promise<readonly Figure[]> {
  await using warehouse = await openPaymentsWarehouse({ track_commit_timestamp: 'on' });
  const up = warehouse.millrace('up');
  try {
    await running(warehouse.client);
    const latencies = await play(warehouse);
    const sorted = latencies.sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
    return [
      { name: `commit to score at ${RATE} rows/s, p50`, value: at(0.5), unit: 'ms' },
      { name: `commit to score at ${RATE} rows/s, p99`, value: at(0.99), unit: 'ms' },
      { name: `commit to score at ${RATE} rows/s, greatest`, value: at(1), unit: 'ms' },
      { name: 'commit to score, payments measured', value: sorted.length, unit: 'rows' },
    ];
  } finally {
    up.kill('SIGTERM');
    await succeeded(up);
  }
}

async function running(client: pg.Client): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query(
      `select from millrace.status where pipeline = 'fraud' and state = 'running'`,
    );
    if (rowCount === 1) return;
    await sleep(100);
  }
}

/** Milliseconds of every payment after the warm-up. */
async function play(warehouse: PaymentsWarehouse): Promise<number[]> {
  const { client } = warehouse;
  const seconds = WARM_UP_SECONDS + SECONDS;
  const events = paymentEvents({ ...DEMO, days: 100, paymentsPerDay: Math.ceil((seconds * RATE) / 100) });
  const watcher = await warehouse.connect();
  const stop = new AbortController();
  const seen = watch(watcher, stop.signal);
  const started = performance.now();
  let payments = 0;
  let first = 0;
  for (let batch = take(events); batch.length > 0; batch = take(events)) {
    await insert(client, batch);
    payments += batch.filter(({ payment }) => payment).length;
    if (performance.now() - started < WARM_UP_SECONDS * 1_000) first = payments;
    // Late by a transaction that took long, it catches up.
    await sleep(Math.max(0, (payments / RATE) * 1_000 - (performance.now() - started)));
  }
  const ended = performance.now();
  while (performance.now() - ended < SETTLE_MS && (await scored(client)) < payments) await sleep(50);
  stop.abort();
  const seenAt = await seen;
  const rate = (payments * 1_000) / (ended - started);
  console.error(`${payments} payments at ${rate.toFixed(0)} a second`);
  const { rows } = await client.query<{ id: string; at: number }>(
    `select id, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 * 1000 as at from payments where id > $1`,
    [first],
  );
  return rows.map(({ id, at }) => {
    const found = seenAt.get(id);
    if (found === undefined) throw new Error(`payment ${id} has no score`);
    return found - at;
  });
}

/** When each payment's score was first seen, milliseconds since 1970, by the server's clock as it looked. */
async function watch(client: pg.Client, signal: AbortSignal): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  let greatest = '0';
  for (let last = false; !last;) {
    // One look more after the end.
    last = signal.aborted;
    const { rows } = await client.query<{ id: string; now: number }>(
      `select id, extract(epoch from clock_timestamp())::float8 * 1000 as now from fraud_scores where id > $1 order by id`,
      [greatest],
    );
    for (const { id, now } of rows) seen.set(id, now);
    greatest = rows.at(-1)?.id ?? greatest;
    await sleep(2);
  }
  return seen;
}

function take(events: Iterator<PaymentEvent>): PaymentEvent[] {
  const batch: PaymentEvent[] = [];
  while (batch.length < TRANSACTION) {
    const next = events.next();
    if (next.done) break;
    batch.push(next.value);
  }
  return batch;
}

/** One transaction. */
async function insert(client: pg.Client, events: readonly PaymentEvent[]): Promise<void> {
  const at = (atMs: number): { created_at: string } => ({ created_at: new Date(atMs).toISOString() });
  const payments = events.flatMap(({ atMs, payment }) => {
    if (!payment) return [];
    const { customerId: customer_id, merchantId: merchant_id, ...rest } = payment;
    return [{ ...rest, customer_id, merchant_id, ...at(atMs) }];
  });
  const chargebacks = events.flatMap(({ atMs, chargeback }) =>
    chargeback ? [{ id: chargeback.id, payment_id: chargeback.paymentId, ...at(atMs) }] : [],
  );
  await client.query(
    `with c as (insert into chargebacks select * from json_populate_recordset(null::chargebacks, $2))
     insert into payments select * from json_populate_recordset(null::payments, $1)`,
    [JSON.stringify(payments), JSON.stringify(chargebacks)],
  );
}

async function scored(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: string }>('select count(*) from fraud_scores');
  return Number(rows[0]!.count);
}
