// The example as a user runs it: the margins that its README states.

import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';

interface Figures {
  readonly impressions: number;
  readonly roc_auc: { readonly clicks: number; readonly linear_clicks: number; readonly best: number };
  readonly clicks: {
    readonly clicks: number;
    readonly linear_clicks: number;
    readonly any: number;
    readonly best: number;
  };
}

test('a factorization machine finds the tastes that a linear model cannot see', async () => {
  await using example = await runExample('recommendations');
  const { impressions, roc_auc, clicks } = example.figures as Figures;
  expect(impressions).toBe(20_000);
  // The shop is the same every time: so well does the truth itself do.
  expect(roc_auc.best).toBeCloseTo(0.8887, 4);
  expect(roc_auc.clicks).toBeGreaterThan(0.76);
  expect(roc_auc.clicks).toBeGreaterThan(roc_auc.linear_clicks + 0.1);
  expect(roc_auc.linear_clicks).toBeGreaterThan(0.6);
  expect(clicks.clicks).toBeGreaterThan(clicks.linear_clicks + 0.1);
  expect(clicks.linear_clicks).toBeGreaterThan(clicks.any);
  expect(clicks.clicks).toBeLessThan(clicks.best);
  const [scored] = await example.database.query(
    'select count(*)::int as rows, count(label)::int as labels from clicks_scores',
  );
  expect(scored).toEqual({ rows: 22_000, labels: 20_000 });
}, 300_000);
