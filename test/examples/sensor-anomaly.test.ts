// The example as a user runs it, against the faults that were put in.

import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';

interface Found {
  readonly alerts: number;
  readonly precision: number;
  readonly recall: number;
  readonly found: Readonly<Record<string, number>>;
  readonly named: Readonly<Record<string, string>>;
}

test('without being told of any, faults of pumps are found, and explanations name the sensor', async () => {
  await using run = await runExample('sensor-anomaly');
  const figures = run.figures as Readonly<Record<'half_space_trees' | 'gaussian_scorer', Found>>;
  // Alerts at random would be right in 201 of 8,640 cases.
  expect(figures.half_space_trees.precision).toBeGreaterThan(0.75);
  expect(figures.half_space_trees.recall).toBeGreaterThanOrEqual(9 / 12);
  expect(figures.gaussian_scorer.precision).toBeGreaterThan(0.5);
  expect(figures.gaussian_scorer.recall).toBeGreaterThanOrEqual(11 / 12);
  for (const { alerts, found, named } of Object.values(figures)) {
    expect(alerts).toBeLessThan(260);
    expect(found).toMatchObject({ knock: 3, leak: 3, wear: 3 });
    expect(named).toMatchObject({ knock: 'vibration_rise', leak: 'pressure_for_current', wear: 'vibration_rise' });
  }
  expect(figures.gaussian_scorer.named['stuck']).toBe('temperature_unrest');
  const [row] = await run.database.query(
    `select count(*)::int as rows, bool_and(label is null) as unlabelled, bool_and((score > 0.99) = (prediction = 'anomaly')) as agrees,
            bool_and((outputs ->> 'raw')::float8 is not null) as raw from half_space_trees_scores`,
  );
  expect(row).toEqual({ rows: 8640, unlabelled: true, agrees: true, raw: true });
}, 300_000);
