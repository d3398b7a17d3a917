import { expect, test } from 'vitest';
import type { MeasuredOutcome } from '../../src/sink/ports.ts';
import { openMetrics } from '../../src/sink/quality.ts';
import { MAX_SEGMENTS } from '../../src/sink/segments.ts';
import { ShownRows } from '../../src/sink/shown-rows.ts';
import { seeded } from './history.ts';

const label = { name: 'label', typeOid: 16, type: 'boolean' };
const request = { task: 'binary', label, segmentBy: 'country' } as const;
const START_US = 1_700_000_000_000_000;

function outcomes(count: number, countries: readonly string[], seed: number): MeasuredOutcome[] {
  const random = seeded(seed);
  const made: MeasuredOutcome[] = [];
  for (let i = 0; i < count; i++) {
    const target = Number(random() < 0.4);
    const first: MeasuredOutcome = {
      score: (target + random()) / 2,
      target,
      prior: undefined,
      label: null,
      priorLabel: null,
      prediction: null,
      outputs: undefined,
      segment: countries[Math.floor(random() * countries.length)]!,
      backfill: random() < 0.1,
      eventTimeUs: START_US + i,
    };
    made.push(first);
    if (random() < 0.1) made.push({ ...first, target: random() < 0.5 ? undefined : 1 - target, prior: target });
  }
  return made;
}

test('a segment has the figures that its outcomes alone would have, and all together those of before', () => {
  const folded = outcomes(500, ['de', 'fr', 'us'], 1);
  const by = openMetrics(request, undefined);
  const plain = openMetrics({ ...request, segmentBy: undefined }, undefined);
  for (const one of folded) {
    by.fold(one);
    plain.fold(one);
  }
  expect(by.values().filter(({ segment }) => segment === '')).toEqual(plain.values());
  for (const country of ['de', 'fr', 'us']) {
    const alone = openMetrics({ ...request, segmentBy: undefined }, undefined);
    for (const one of folded) if (one.segment === country && !one.backfill) alone.fold(one);
    const figures = (values: readonly (typeof shown)[number][]) =>
      values
        .filter(({ period, metric }) => (period === 'all' || period === 'recent') && !metric.startsWith('reliability'))
        .map(({ period, metric, value, baseline, examples }) => ({ period, metric, value, baseline, examples }));
    const shown = by.values().filter(({ segment }) => segment === country);
    expect(shown.length).toBeGreaterThan(15);
    expect(figures(shown)).toEqual(figures(alone.values()));
  }
});

test('saved and loaded in between, segments go on as they were', () => {
  const folded = outcomes(300, ['de', 'fr', 'us'], 2);
  const whole = openMetrics(request, undefined);
  for (const one of folded) whole.fold(one);
  const half = openMetrics(request, undefined);
  for (const one of folded.slice(0, 120)) half.fold(one);
  const resumed = openMetrics(request, half.save());
  for (const one of folded.slice(120)) resumed.fold(one);
  expect(resumed.values()).toEqual(whole.values());
  expect(Buffer.from(resumed.save()).equals(Buffer.from(whole.save()))).toBe(true);
});

test('values beyond the hundredth share the segment other', () => {
  const metrics = openMetrics(request, undefined);
  const countries = Array.from({ length: MAX_SEGMENTS + 30 }, (_, i) => `c${i}`);
  const [one] = outcomes(1, ['de'], 3);
  for (const segment of countries) metrics.fold({ ...one!, segment, backfill: false });
  const all = metrics.values().filter(({ metric, period }) => metric === 'brier' && period === 'all');
  expect(all.length).toBe(1 + MAX_SEGMENTS + 1);
  expect(all.find(({ segment }) => segment === 'other')).toMatchObject({ examples: 30 });
});

test('another feature to measure by starts anew, and takes no outcome for one of its own', () => {
  const folded = outcomes(100, ['de', 'fr'], 4);
  const by = openMetrics(request, undefined);
  for (const one of folded) by.fold(one);
  const other = openMetrics({ ...request, segmentBy: 'channel' }, by.save());
  const live = folded.find(({ backfill }) => !backfill)!;
  other.fold({ ...live, segment: 'web' });
  const web = other.values().filter(({ segment, metric }) => segment === 'web' && metric === 'brier');
  expect(web.map(({ period, examples }) => [period, examples])).toEqual([
    ['all', 1],
    ['recent', 1],
  ]);
  expect(other.values().some(({ segment }) => segment === 'de')).toBe(false);
  expect(openMetrics({ ...request, segmentBy: undefined }, by.save()).values()).toEqual(
    by.values().filter(({ segment }) => segment === ''),
  );
});

test('a figure that was shown and is nothing any more is shown as nothing', () => {
  const metrics = openMetrics(request, undefined);
  const [one] = outcomes(1, ['de'], 5);
  metrics.fold({ ...one!, backfill: false });
  const rows = new ShownRows();
  const named = () => rows.with(metrics.values().map((value) => ({ ...value, modelVersion: 1 })));
  const shown = named();
  expect(shown.length).toBeGreaterThan(20);
  metrics.fold({ ...one!, backfill: false, prior: one!.target, target: undefined });
  const left = named();
  expect(left.map(({ period, segment, metric }) => [period, segment, metric])).toEqual(
    shown.map(({ period, segment, metric }) => [period, segment, metric]),
  );
  for (const { value, examples } of left) expect([value, examples]).toEqual([null, 0]);
  // The figures themselves are as if it had never come: what a version keeps of them does not depend on what was shown.
  expect(metrics.values()).toEqual(openMetrics(request, metrics.save()).values());
});
