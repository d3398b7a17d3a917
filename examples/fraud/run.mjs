// Raises alerts on card payments of which four in five are to be fraud; the threshold that keeps it is chosen while it runs, from
// chargebacks that come days later. Run it by
//
//   npm run build && node examples/fraud/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]

import { runExample, until } from '../harness.mjs';
import { payments as made } from './cards.mjs';

const GOAL = 0.8;

const tables = `
create table payments (
  id int primary key, card int not null, created_at timestamptz not null, amount numeric(10,2) not null, country text not null
);
create table chargebacks (payment_id int primary key, known_at timestamptz not null);`;

const views = `
create view fraud_features as
  select id, created_at,
         ln(amount / avg(amount) over month)                                            as amount_vs_usual,
         count(*) over last_hour                                                        as payments_1h,
         ln(sum(amount) over last_hour / avg(amount) over month)                        as spent_1h_vs_usual,
         (country <> 'de')::int                                                         as abroad,
         avg((country <> 'de')::int) over last_ten                                      as abroad_lately,
         ln(60 + extract(epoch from created_at - lag(created_at) over in_order))::float8 as since_last
    from payments
  window in_order  as (partition by card order by created_at, id),
         last_ten  as (partition by card order by created_at, id rows between 10 preceding and 1 preceding),
         last_hour as (partition by card order by created_at range between interval '1 hour' preceding and current row),
         month     as (partition by card order by created_at range between interval '30 days' preceding and current row);

create view fraud_labels as
  select payment_id as id, true as label, known_at as label_at from chargebacks;`;

const pipelines = `
select millrace.create_pipeline('fraud', features => 'fraud_features', event_time => 'created_at',
  labels => 'fraud_labels', label_wait => '4 days', label_default => 'false', clock => 'event_time',
  model => '{"kind": "logistic", "optimizer": {"name": "adam", "lr": 0.02}, "class_weights": {"true": 10}, "calibrate": "platt"}',
  alert_when => 'precision >= ${GOAL}');`;

const { payments, chargebacks } = made(1);
const STEP_MS = 2 * 3_600_000;

await runExample({ tables, views, pipelines, names: ['fraud'], play, report });

/** Two hours are a transaction: the payments made in them, and the chargebacks that become known. */
async function play(warehouse) {
  let [paid, known] = [0, 0];
  const through = (list, from, untilMs) => {
    let to = from;
    while (to < list.length && list[to].at < untilMs) to++;
    return to;
  };
  for (let untilMs = payments[0].at; paid < payments.length || known < chargebacks.length; untilMs += STEP_MS) {
    const toPaid = through(payments, paid, untilMs);
    const toKnown = through(chargebacks, known, untilMs);
    if (toPaid === paid && toKnown === known) continue;
    await warehouse.query('begin');
    await insert(warehouse, 'payments', payments.slice(paid, toPaid), ({ id, card, at, amount, country }) => ({
      id,
      card,
      created_at: new Date(at),
      amount,
      country,
    }));
    await insert(warehouse, 'chargebacks', chargebacks.slice(known, toKnown), ({ payment_id, at }) => ({
      payment_id,
      known_at: new Date(at),
    }));
    await warehouse.query('commit');
    [paid, known] = [toPaid, toKnown];
  }
  await until(
    warehouse,
    `select 1 from (select count(score) as n, count(label) filter (where label = 'true') as frauds from fraud_scores) s
      where n = ${payments.length} and frauds = ${chargebacks.length}`,
  );
}

async function insert(warehouse, table, rows, columns) {
  if (rows.length === 0) return;
  await warehouse.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [
    JSON.stringify(rows.map(columns)),
  ]);
}

async function report(warehouse) {
  const { rows } = await warehouse.query(
    `select (a.key::json ->> 0)::int as id, a.score from millrace.alerts a where a.pipeline = 'fraud' order by a.id`,
  );
  const alerts = rows.map(({ id, score }) => ({ ...payments[id - 1], score }));
  const firstMs = alerts[0]?.at ?? Number.NaN;
  const since = payments.filter(({ at }) => at >= firstMs);
  const frauds = since.filter(({ fraud }) => fraud).length;
  const right = alerts.filter(({ fraud }) => fraud).length;
  const { rows: metrics } = await warehouse.query(
    `select metric, value, baseline, examples::int from millrace.metrics where pipeline = 'fraud' and period = 'recent'
      and segment = '' and metric in ('threshold', 'precision', 'recall', 'ece', 'pr_auc') order by metric`,
  );
  const startMs = payments[0].at;
  const later = alerts.filter(({ at }) => at >= startMs + 20 * 86_400_000);
  const rightLater = later.filter(({ fraud }) => fraud).length;
  const figures = {
    payments: payments.length,
    frauds: chargebacks.length,
    goal: GOAL,
    alerts: alerts.length,
    right,
    precision: right / alerts.length,
    recall: right / frauds,
    later: { alerts: later.length, right: rightLater },
    firstAlertDay: Math.floor((firstMs - startMs) / 86_400_000),
    metrics: Object.fromEntries(metrics.map(({ metric, value }) => [metric, value])),
  };
  console.log(`${figures.payments} payments, ${figures.frauds} of them frauds; goal: precision >= ${GOAL}\n`);
  console.log(`first alert on day ${figures.firstAlertDay}; since then ${frauds} frauds`);
  console.log(
    `${figures.alerts} alerts, ${right} of them frauds: precision ${figures.precision.toFixed(3)}, recall ${figures.recall.toFixed(3)}`,
  );
  console.log(
    `from day 20 on ${later.length} alerts, ${rightLater} of them frauds: precision ${(rightLater / later.length).toFixed(3)}\n`,
  );
  for (const { metric, value, baseline, examples } of metrics)
    console.log(
      `${metric.padEnd(10)}${(value?.toFixed(4) ?? '').padStart(9)}   beside ${(baseline?.toFixed(4) ?? 'nothing').padStart(7)}   ${examples} examples`,
    );
  console.log(`\n${JSON.stringify(figures)}`);
}
