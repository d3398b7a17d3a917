// The metrics that are shown, over what the sink stores: nothing but the outcomes decides them.

import { expect, test } from 'vitest';
import { targetOf } from '../../src/model/target.ts';
import { openMetrics } from '../../src/sink/quality.ts';
import { measuredOutcome } from '../../src/sink/measured-outcome.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { history, ports, runToEnd, seeded } from './history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };
const label = { name: 'label', typeOid: 16, type: 'boolean' };

test('metrics after any label history equal those folded again from the stored outcomes, periods apart', async () => {
  for (const seed of [8, 9]) {
    const records = history({ random: seeded(seed), commits: 300, keys: 12 });
    const store = new MemoryScoreStore();
    for (let end = 0; end < records.length;) {
      end = Math.min(records.length, end + 100);
      const log = new ArrayLog(topic, 1, () => 7);
      log.append(records.slice(0, end));
      const given = ports(log, store, seeded(1));
      await runToEnd({ ...given, openMetrics });
    }
    const { checkpoint, partitions } = store.generation(topic);
    const { outcomes } = partitions.get(0)!;
    expect(outcomes.length).toBeGreaterThan(50);
    const again = openMetrics({ task: 'binary', label }, undefined);
    for (const outcome of outcomes) again.fold(measuredOutcome(outcome, (text) => targetOf('binary', text)));
    expect(again.values()).toEqual(openMetrics({ task: 'binary', label }, checkpoint!.metrics).values());
    expect(new Set(again.values().map((value) => value.period))).toContain('all');
  }
});

test('a version keeps the figures over all rows: neither fading ones nor those of segments or bins', () => {
  const metrics = openMetrics({ task: 'binary', label, segmentBy: 'country' }, undefined);
  const outcome = { prior: undefined, priorLabel: null, prediction: null, outputs: undefined, eventTimeUs: null };
  for (let i = 0; i < 50; i++)
    metrics.fold({
      ...outcome,
      score: (i % 10) / 10,
      target: i % 2,
      label: null,
      segment: `${i % 3}`,
      backfill: i < 20,
    });
  const overall = metrics.values().filter(({ segment, metric, period }) => {
    return segment === '' && period !== 'fading' && !metric.startsWith('reliability ');
  });
  expect(overall.length).toBe(30);
  expect(metrics.summary()).toEqual(Object.fromEntries(overall.map((v) => [`${v.period} ${v.metric}`, v.value])));
});
