// What of the metrics is seen in SQL.

import { expect, test } from 'vitest';
import { PostgresScoreStore } from '../../src/scores/postgres-score-store.ts';
import { openMetrics } from '../../src/sink/quality.ts';
import { openShop } from '../catalog/shop.ts';

test('millrace.reliability has a row for each tenth that scores fell into, and millrace.metrics none of them', async () => {
  await using shop = await openShop();
  const [made] = await shop.query<{ id: number }>(`select millrace.create_pipeline('fraud', 'fraud_features',
    event_time => 'created_at', labels => 'fraud_labels')::int as id`);
  const metrics = openMetrics(
    { task: 'binary', label: { name: 'label', typeOid: 16, type: 'boolean' }, segmentBy: 'currency' },
    undefined,
  );
  const plain = { prior: undefined, label: null, priorLabel: null, prediction: null, outputs: undefined };
  for (let i = 0; i < 8; i++)
    metrics.fold({
      ...plain,
      score: i < 6 ? 0.25 : 0.95,
      target: i % 2,
      segment: 'eur',
      backfill: false,
      eventTimeUs: 0,
    });
  await using store = new PostgresScoreStore(shop.url, 'test metrics');
  const values = metrics.values().map((value) => ({ ...value, modelVersion: 3 }));
  await store.writeMetrics({ pipelineId: made!.id, generation: 1 }, values, 0);
  expect(
    await shop.query(
      `select score_from, score_to, mean_score, observed, examples::int from millrace.reliability where period = 'recent' order by 1`,
    ),
  ).toEqual([
    { score_from: 0.2, score_to: 0.3, mean_score: 0.25, observed: 0.5, examples: 6 },
    { score_from: 0.9, score_to: 1, mean_score: 0.95, observed: 0.5, examples: 2 },
  ]);
  const shown = await shop.query<{ period: string; segment: string; metric: string }>(
    'select period, segment, metric from millrace.metrics',
  );
  expect(new Set(shown.map(({ period, segment }) => `${period} ${segment}`.trim()))).toEqual(
    new Set(['all', 'recent', 'fading', 'all eur', 'recent eur']),
  );
  expect(shown.some(({ metric }) => metric.startsWith('reliability'))).toBe(false);
  expect(shown.filter(({ metric }) => metric === 'ece').length).toBe(5);
});
