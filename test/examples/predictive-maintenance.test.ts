import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';

interface Figures {
  readonly readings: number;
  readonly measured: number;
  readonly share_true: number;
  readonly roc_auc: { readonly model: number; readonly best: number };
  readonly breakdowns: number;
  readonly foreseen: number;
  readonly hours_ahead: number;
  readonly precision: number;
  readonly best_precision: number;
}

test('the predictive-maintenance example foresees breakdowns nearly as well as can be, hours ahead', async () => {
  await using example = await runExample('predictive-maintenance');
  const figures = example.figures as Figures;
  expect(figures.readings).toBe(20_855);
  // The generator is what it says: a tenth of the readings are of the day before a breakdown, and not all can be known.
  expect(figures.share_true).toBeGreaterThan(0.08);
  expect(figures.share_true).toBeLessThan(0.15);
  expect(figures.roc_auc.best).toBeGreaterThan(0.86);
  expect(figures.roc_auc.best).toBeLessThan(0.9);
  expect(figures.roc_auc.model).toBeGreaterThan(figures.roc_auc.best - 0.05);
  expect(figures.roc_auc.model).toBeLessThan(figures.roc_auc.best + 0.01);
  expect(figures.foreseen / figures.breakdowns).toBeGreaterThan(0.85);
  expect(figures.hours_ahead).toBeGreaterThanOrEqual(12);
  expect(figures.precision).toBeGreaterThan(figures.best_precision - 0.05);
  // Every reading of the day before a breakdown has that for a label, and no other.
  const [marked] = await example.database.query(
    `select count(*)::int as wrong from breakdown_scores s join readings r using (id)
      where s.label is not null and (s.label = 'true') is distinct from exists (
        select from breakdowns b where b.pump = r.pump and b.at >= r.at and b.at < r.at + interval '24 hours')`,
  );
  expect(marked).toEqual({ wrong: 0 });
}, 300_000);
