// Whether the demo has something to learn: its views asked of Postgres, learned in the order and with the label timing that a
// pipeline has (docs/correctness.md, rule C), without any pipeline.

import { expect, test } from 'vitest';
import { DEMO, paymentEvents } from '../../../src/commands/demo/payments.ts';
import { FEATURES, LABELS, PIPELINE, TABLES } from '../../../src/commands/demo/schema.ts';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel } from '../../../src/model/create-model.ts';
import { PrequentialMetrics } from '../../../src/model/metrics/prequential-metrics.ts';
import type { FeatureRow } from '../../../src/model/model.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

const DAY_MS = 86_400_000;
const LABEL_WAIT_MS = Number(/label_wait => '(\d+) days'/.exec(PIPELINE)![1]) * DAY_MS;

interface ScoredPayment {
  readonly atMs: number;
  /** When it was charged back. */
  readonly reportedAtMs: number | undefined;
  readonly features: FeatureRow;
  score: number;
}

interface LabelMoment {
  readonly atMs: number;
  readonly payment: ScoredPayment;
  readonly target: number;
  readonly prior: number | undefined;
}

test('on the demo a logistic model ranks frauds well in the backfill and live, far above the baseline', async () => {
  await using database = await createDatabase();
  await load(database);
  const columns = await featureColumns(database);
  const payments = await scoredPayments(database);
  expect(payments.length).toBeGreaterThanOrEqual(50_000);
  const model = await createModel({
    options: { kind: 'auto' },
    features: columns,
    label: { name: 'label', typeOid: 16, type: 'boolean' },
    seed: 1,
  });
  expect(model.notices).toEqual([]);

  const liveFromMs = Date.parse(`${DEMO.firstDay}T00:00:00Z`) + DEMO.historyDays * DAY_MS;
  const backfill = new PrequentialMetrics('binary', 'backfill');
  const live = new PrequentialMetrics('binary', 'all');
  const endMs = payments.at(-1)!.atMs;
  const moments = labelMoments(payments).filter((moment) => moment.atMs <= endMs);
  let learned = 0;
  for (const payment of payments) {
    for (let next = moments[learned]; next && next.atMs <= payment.atMs; next = moments[++learned]) {
      const { score, features } = next.payment;
      (next.payment.atMs < liveFromMs ? backfill : live).fold({ score, target: next.target, prior: next.prior });
      model.learn({ features, target: next.target, weight: 1 });
    }
    payment.score = model.predictMany([payment.features])[0]!.score!;
  }
  const aucOf = (metrics: PrequentialMetrics) => metrics.values().find(({ metric }) => metric === 'roc_auc')!.value;
  expect(aucOf(backfill)).toBeGreaterThan(0.9);
  expect(aucOf(live)).toBeGreaterThan(0.9);
});

/** A payment is false when it has waited long enough, true when it is charged back: in whichever order these come. */
function labelMoments(payments: readonly ScoredPayment[]): LabelMoment[] {
  const moments = payments.flatMap((payment): LabelMoment[] => {
    const { reportedAtMs } = payment;
    const dueAtMs = payment.atMs + LABEL_WAIT_MS;
    const waited: LabelMoment = { atMs: dueAtMs, payment, target: 0, prior: undefined };
    if (reportedAtMs === undefined) return [waited];
    if (reportedAtMs <= dueAtMs) return [{ atMs: reportedAtMs, payment, target: 1, prior: undefined }];
    return [waited, { atMs: reportedAtMs, payment, target: 1, prior: 0 }];
  });
  return moments.sort((a, b) => a.atMs - b.atMs);
}

async function load(database: TestDatabase): Promise<void> {
  await database.query(TABLES);
  const events = [...paymentEvents({ ...DEMO, days: DEMO.historyDays + DEMO.liveDays })];
  const rows = events.flatMap(({ atMs, payment }) =>
    payment
      ? [{ ...payment, customer_id: payment.customerId, merchant_id: payment.merchantId, created_at: new Date(atMs) }]
      : [],
  );
  const back = events.flatMap(({ atMs, chargeback }) =>
    chargeback ? [{ id: chargeback.id, payment_id: chargeback.paymentId, created_at: new Date(atMs) }] : [],
  );
  for (const [table, list] of [
    ['payments', rows],
    ['chargebacks', back],
  ] as const)
    await database.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [
      JSON.stringify(list),
    ]);
  await database.query(`analyze; ${FEATURES} ${LABELS}`);
}

async function featureColumns(database: TestDatabase): Promise<ColumnType[]> {
  return await database.query<{ name: string; typeOid: number; type: string } & ColumnType>(
    `select attname as name, atttypid::int as "typeOid", format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = 'fraud_features'::regclass and attnum > 0 and attname not in ('id', 'created_at') order by attnum`,
  );
}

async function scoredPayments(database: TestDatabase): Promise<ScoredPayment[]> {
  const rows = await database.query<{ at: Date; label_at: Date | null; features: FeatureRow }>(
    `select f.created_at as at, l.label_at, to_json(f) as features from fraud_features f
     left join fraud_labels l using (id) order by f.created_at, f.id`,
  );
  return rows.map(({ at, label_at, features }) => ({
    atMs: at.getTime(),
    reportedAtMs: label_at?.getTime(),
    features,
    score: Number.NaN,
  }));
}
