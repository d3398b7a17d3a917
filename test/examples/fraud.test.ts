// The example as a user runs it: alerts keep the precision that was asked for, by what the generator knows.

import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';

interface Figures {
  readonly payments: number;
  readonly frauds: number;
  readonly goal: number;
  readonly alerts: number;
  readonly right: number;
  readonly precision: number;
  readonly recall: number;
  /** From day 20 on. */
  readonly later: { readonly alerts: number; readonly right: number };
  readonly metrics: Readonly<Record<'threshold' | 'precision' | 'recall' | 'ece' | 'pr_auc', number>>;
}

test('alerts on payments keep the precision that was asked for, and catch a good part of the frauds', async () => {
  await using run = await runExample('fraud');
  const { goal, alerts, right, precision, recall, later, metrics, payments, frauds } = run.figures as Figures;
  expect(frauds / payments).toBeLessThan(0.03);
  expect(alerts).toBeGreaterThan(150);
  expect(right / alerts).toBe(precision);
  // Three standard errors of a share of so many alerts.
  const tolerance = (count: number): number => 3 * Math.sqrt((goal * (1 - goal)) / count);
  expect(precision).toBeGreaterThan(goal - tolerance(alerts));
  expect(later.right / later.alerts).toBeGreaterThan(goal - tolerance(later.alerts));
  expect(recall).toBeGreaterThan(0.3);
  expect(metrics.precision).toBeGreaterThan(goal - 0.08);
  expect(metrics.threshold).toBeGreaterThan(0);
  expect(metrics.ece).toBeLessThan(0.01);
  // Every alert is on a score that stands in the score table.
  const [row] = await run.database.query(
    `select count(*)::int as alerts, bool_and(s.score = a.score) as same from millrace.alerts a
       join fraud_scores s on s.id = (a.key::json ->> 0)::int where a.pipeline = 'fraud'`,
  );
  expect(row).toEqual({ alerts, same: true });
}, 300_000);
