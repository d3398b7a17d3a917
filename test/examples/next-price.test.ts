// The example as a user runs it, against the least error that its market leaves.

import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';

interface Figures {
  readonly rows: number;
  readonly metrics: { readonly mae: number; readonly coverage: number };
  readonly errors: { readonly model: number; readonly best: number; readonly no_change: number };
  readonly coverage: { readonly next: number; readonly fifth: number };
}

test('the next-price example forecasts nearly as well as can be, and its bounds hold what they promise', async () => {
  await using example = await runExample('next-price');
  const { rows, metrics, errors, coverage } = example.figures as Figures;
  expect(rows).toBe(1500);
  // The noise that nobody knows: 1 %, the mean of whose magnitude is 0.798 %.
  expect(Math.abs(errors.best - 0.00798)).toBeLessThan(0.0004);
  expect(errors.model).toBeGreaterThan(errors.best);
  expect(errors.model).toBeLessThan(1.05 * errors.best);
  expect(errors.no_change).toBeGreaterThan(1.3 * errors.model);
  expect(Math.abs(coverage.next - 0.9)).toBeLessThan(0.025);
  expect(Math.abs(coverage.fifth - 0.9)).toBeLessThan(0.05);
  expect(Math.abs(metrics.coverage - 0.9)).toBeLessThan(0.03);
  expect(metrics.mae).toBeGreaterThan(0);
}, 300_000);
