// What of the metrics is seen in SQL.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { PostgresScoreStore } from '../../src/scores/postgres-score-store.ts';
import type { GenerationId, MetricValue } from '../../src/scores/score-store.ts';
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

test('segments and classes of any text are shown, the empty one and long ones, too', async () => {
  await using shop = await openShop();
  const id = await made(shop);
  const metrics = openMetrics(
    { task: 'multiclass', label: { name: 'label', typeOid: 25, type: 'text' }, segmentBy: 'currency' },
    undefined,
  );
  // Too much for an index, also once it is compressed.
  const long = Array.from({ length: 400 }, (_, i) => createHash('md5').update(String(i)).digest('base64')).join('');
  for (const segment of ['', '""', 'null', long, `${long}!`, `${'x'.repeat(159)}😀${'y'.repeat(100)}`])
    for (const label of ['', long, `${long}?`]) {
      const outputs = new Map([[label, 1]]);
      const outcome = { score: 1, target: 0, prior: undefined, label, priorLabel: null, prediction: label, outputs };
      metrics.fold({ ...outcome, segment, backfill: false, eventTimeUs: 0 });
    }
  // As a restart finds it.
  const loaded = openMetrics(
    { task: 'multiclass', label: { name: 'label', typeOid: 25, type: 'text' }, segmentBy: 'currency' },
    metrics.save(),
  );
  await using store = new PostgresScoreStore(shop.url, 'test metrics');
  await store.writeMetrics(id, named(loaded.values()), 0);
  const segments = await shop.query<{ segment: string; examples: number }>(
    `select segment, examples::int from millrace.metrics where period = 'all' and metric = 'accuracy' order by length(segment), 1`,
  );
  expect(segments.map(({ examples }) => examples)).toEqual([18, 6, 3, 3, 3, 3]);
  expect(segments.slice(0, 3).map(({ segment }) => segment)).toEqual(['', '""', 'null']);
  expect(segments.slice(3).every(({ segment }) => segment.length < 200 && /… [0-9a-f]{8}$/.test(segment))).toBe(true);
  const classes = await shop.query<{ metric: string }>(
    `select metric from millrace.metrics where period = 'all' and segment = '' and metric like 'f1:%'`,
  );
  expect(classes.length).toBe(3);
});

test('figures that are no more are no more shown, also those of a sink that did not take them back itself', async () => {
  await using shop = await openShop();
  const id = await made(shop);
  const figure = { value: 1, baseline: null, baselineKind: null, examples: 1, fromUs: null, toUs: null };
  const rowOf = (period: 'all' | 'recent', metric: string, segment = '') => ({ period, metric, segment, ...figure });
  const shown = (view: string) => shop.query(`select period, segment, metric from millrace.${view} order by 1, 2, 3`);
  await using store = new PostgresScoreStore(shop.url, 'test metrics');
  await store.writeMetrics(
    id,
    named([
      rowOf('all', 'brier'),
      rowOf('recent', 'brier'),
      rowOf('recent', 'threshold'),
      rowOf('recent', 'brier', 'x'),
    ]),
    0,
  );
  await store.writeMetrics(id, named([rowOf('recent', 'brier'), rowOf('recent', 'brier', 'y')]), 3_600_000_000);
  expect(await shown('metrics')).toEqual([
    { period: 'recent', segment: '', metric: 'brier' },
    { period: 'recent', segment: 'y', metric: 'brier' },
  ]);
  expect((await shown('metrics_hourly')).length).toBe(6);
  await store.writeMetrics(id, [], 3_600_000_000);
  expect(await shown('metrics')).toEqual([]);
});

async function made(shop: Awaited<ReturnType<typeof openShop>>): Promise<GenerationId> {
  const [row] = await shop.query<{ id: number }>(`select millrace.create_pipeline('fraud', 'fraud_features',
    event_time => 'created_at', labels => 'fraud_labels')::int as id`);
  return { pipelineId: row!.id, generation: 1 };
}

function named(values: readonly Omit<MetricValue, 'modelVersion'>[]): MetricValue[] {
  return values.map((value) => ({ ...value, modelVersion: 3 }));
}
