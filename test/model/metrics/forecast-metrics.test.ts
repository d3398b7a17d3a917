// Forecasts further ahead, and what a forecast is compared with: by what stands, whatever labels came, changed and went.

import { describe, expect, test } from 'vitest';
import type { MetricValue, Outcome } from '../../../src/model/metrics/outcome.ts';
import { PrequentialMetrics, type Period } from '../../../src/model/metrics/prequential-metrics.ts';
import { RECENT_OUTCOMES } from '../../../src/model/metrics/recent-outcomes.ts';
import { seeded } from '../seeded.ts';

const PERIODS: Period[] = ['all', 'recent', 'backfill'];
const LEVELS = [0.05, 0.95];

interface Standing {
  score: number;
  target: number | undefined;
  readonly outputs: ReadonlyMap<string, number>;
}

/** Values near those before and near those a season before; of each a random part of what can be said. */
function said(random: () => number): { score: number; target: number; outputs: ReadonlyMap<string, number> } {
  const target = Math.round(1000 * random()) / 8;
  const near = (by: number): number => target + by * (random() - 0.5);
  const outputs = new Map([
    ['1', near(4)],
    ['0.05', near(4) - 1],
    ['0.95', near(4) + 1],
    ['no_change', near(20)],
  ]);
  if (random() < 0.8) outputs.set('season_before', near(10));
  for (const h of [2, 3, 12]) {
    if (random() < 0.4) continue;
    outputs.set(`ahead_${h}`, near(3 * h)).set(`ahead_${h}_low`, near(2 * h) - 1);
    outputs.set(`ahead_${h}_high`, near(2 * h) + 1).set(`ahead_${h}_no_change`, near(8 * h));
    if (random() < 0.5) outputs.set(`ahead_${h}_season_before`, near(6 * h));
  }
  return { score: outputs.get('1')!, target, outputs };
}

function history(count: number, seed: number): { outcomes: Outcome[]; standing: Standing[] } {
  const random = seeded(seed);
  const outcomes: Outcome[] = [];
  const standing: Standing[] = [];
  for (let i = 0; i < count; i++) {
    const slot = standing[Math.floor(random() * standing.length)];
    const chance = random();
    if (chance < 0.8 || slot?.target === undefined) {
      const entry = said(random);
      standing.push(entry);
      outcomes.push({ ...entry, prior: undefined });
    } else {
      const target = chance < 0.92 ? slot.target + Math.round(100 * random()) / 16 : undefined;
      outcomes.push({ ...slot, target, prior: slot.target });
      slot.target = target;
    }
  }
  return { outcomes, standing };
}

const fold = (metrics: PrequentialMetrics, outcomes: readonly Outcome[]): PrequentialMetrics => {
  for (const one of outcomes) metrics.fold(one);
  return metrics;
};
const of = (values: readonly MetricValue[], metric: string): MetricValue =>
  values.find((value) => value.metric === metric)!;

type Known = Standing & { target: number };
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
/** Mean of what `loss` makes of the output of that name, over the rows that have it. */
const meanOf = (rows: readonly Known[], name: string, loss: (said: number, target: number) => number): number =>
  mean(rows.flatMap(({ outputs, target }) => (outputs.has(name) ? [loss(outputs.get(name)!, target)] : [])));
const distance = (a: number, b: number): number => Math.abs(a - b);
const pinball = (value: number, target: number, levels = LEVELS): number =>
  mean(levels.map((level) => (target - value) * (target < value ? level - 1 : level)));

describe('forecasts', () => {
  test.each(PERIODS)(
    'of period %s are measured at every horizon by what stands, beside the value before and a season before',
    (period) => {
      for (let seed = 1; seed <= 4; seed++) {
        const { outcomes, standing } = history(400, seed);
        const values = fold(new PrequentialMetrics('regression', period), outcomes).values();
        const left = standing.filter(({ target }) => target !== undefined) as Known[];
        for (const h of [2, 3, 12]) {
          const name = `ahead_${h}`;
          const inside = left.filter(({ outputs }) => outputs.has(name));
          const found = of(values, `mae:${h}`);
          expect(found.value).toBeCloseTo(meanOf(left, name, distance), 9);
          expect(found.examples).toBe(inside.length);
          const before = meanOf(left, `${name}_no_change`, distance);
          const season = meanOf(left, `${name}_season_before`, distance);
          expect(found.baseline).toBeCloseTo(Math.min(before, season), 9);
          expect(found.baselineKind).toBe(season < before ? 'seasonal' : 'no_change');
          const covered = inside.filter(({ outputs, target }) => {
            return target >= outputs.get(`${name}_low`)! && target <= outputs.get(`${name}_high`)!;
          });
          expect(of(values, `coverage:${h}`)).toMatchObject({ baselineKind: 'nominal', examples: inside.length });
          expect(of(values, `coverage:${h}`).value).toBeCloseTo(covered.length / inside.length, 12);
          expect(of(values, `coverage:${h}`).baseline).toBeCloseTo(0.9, 12);
        }
        expect(of(values, 'mae')).toMatchObject({ baselineKind: 'seasonal' });
        expect(of(values, 'mae').baseline).toBeCloseTo(meanOf(left, 'season_before', distance), 9);
        expect(of(values, 'rmse').baseline).toBeCloseTo(
          Math.sqrt(meanOf(left, 'season_before', (a, b) => (a - b) ** 2)),
          9,
        );
        expect(of(values, 'pinball')).toMatchObject({ baselineKind: 'seasonal' });
        expect(of(values, 'pinball').baseline).toBeCloseTo(meanOf(left, 'season_before', pinball), 9);
      }
    },
  );

  test.each(PERIODS)('of period %s, saved and loaded in between, go on bit for bit', (period) => {
    const { outcomes } = history(3_000, 4);
    const whole = fold(new PrequentialMetrics('regression', period), outcomes);
    for (const at of [0, 1, 777, 2_999]) {
      const half = fold(new PrequentialMetrics('regression', period), outcomes.slice(0, at));
      const resumed = fold(PrequentialMetrics.load('regression', period, half.save()), outcomes.slice(at));
      expect(resumed.values()).toEqual(whole.values());
      expect(Buffer.compare(resumed.save(), whole.save())).toBe(0);
    }
  });

  test('recent are the last 10,000, and equal windows have equal bytes wherever they began', () => {
    const { outcomes, standing } = history(14_500, 3);
    expect(standing.length).toBeGreaterThan(RECENT_OUTCOMES + 500);
    const metrics = fold(new PrequentialMetrics('regression', 'recent'), outcomes);
    const last = standing.slice(-RECENT_OUTCOMES);
    const again = new PrequentialMetrics('regression', 'recent');
    for (const { target, ...row } of last) again.fold({ ...row, target: target ?? 1, prior: undefined });
    for (const { target, ...row } of last) if (target === undefined) again.fold({ ...row, target, prior: 1 });
    expect(metrics.values()).toEqual(again.values());
    expect(metrics.fading()).toEqual(again.fading());
    expect(of(metrics.fading(), 'mae:2').value).not.toBe(of(metrics.values(), 'mae:2').value);
  });
});

describe('quantiles', () => {
  /** Targets that lie anywhere from 0 to 100, and quantiles of three levels. */
  function quantiles(count: number, seed: number): Known[] {
    const random = seeded(seed);
    return Array.from({ length: count }, () => {
      const target = 100 * random();
      const outputs = new Map([0.1, 0.5, 0.8].map((level) => [String(level), target + 10 * (random() - 0.5)]));
      return { score: outputs.get('0.5')!, target, outputs };
    });
  }
  const levels = [0.1, 0.5, 0.8];
  const asOutcomes = (rows: readonly Known[]): Outcome[] => rows.map((row) => ({ ...row, prior: undefined }));

  test('recent stand beside the best constant ones, which no other constants beat', () => {
    const rows = quantiles(500, 1);
    const values = fold(new PrequentialMetrics('regression', 'recent'), asOutcomes(rows)).values();
    const lossOf = (value: number, level: number): number => mean(rows.map((r) => pinball(value, r.target, [level])));
    const best = levels.map((level) => Math.min(...rows.map(({ target }) => lossOf(target, level))));
    expect(of(values, 'pinball')).toMatchObject({ baselineKind: 'quantile', examples: 500 });
    expect(of(values, 'pinball').baseline).toBeCloseTo(mean(best), 9);
  });

  test('fading stand beside the best constant ones of labels that count less the older they are', () => {
    // First from 0 to 1, then from 1 to 2: the latter are fewer, and count more by far.
    const random = seeded(7);
    const rows = Array.from({ length: 8_000 }, (_, i): Known => {
      const target = (i < 5_000 ? 0 : 1) + random();
      return { score: target, target, outputs: new Map([['0.5', target]]) };
    });
    const metrics = fold(new PrequentialMetrics('regression', 'recent'), asOutcomes(rows));
    const weights = rows.map((_, i) => 0.999 ** (rows.length - 1 - i));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const lossOf = (value: number): number =>
      rows.reduce((sum, { target }, i) => sum + weights[i]! * Math.abs(target - value), 0) / (2 * total);
    const near = rows.slice(5_000, 5_400).map(({ target }) => lossOf(target));
    const fading = of(metrics.fading(), 'pinball');
    expect(fading.baselineKind).toBe('quantile');
    expect(fading.baseline).toBeLessThanOrEqual(Math.min(...near) + 1e-12);
    expect(fading.baseline).toBeGreaterThan(0.99 * Math.min(...near));
  });

  test('of all outcomes stand beside the running ones, and of labels that come in runs beside the one before', () => {
    const rows = quantiles(2_000, 2);
    const values = fold(new PrequentialMetrics('regression', 'all'), asOutcomes(rows)).values();
    let loss = 0;
    for (const [i, { target }] of rows.entries()) {
      const seen = rows.slice(0, i).map((row) => row.target);
      seen.sort((a, b) => a - b);
      for (const level of levels)
        loss += pinball(seen[Math.max(0, Math.ceil(level * i) - 1)] ?? 0, target, [level]) / levels.length;
    }
    expect(of(values, 'pinball').baselineKind).toBe('running_quantile');
    expect(of(values, 'pinball').baseline! / (loss / rows.length)).toBeCloseTo(1, 2);
    for (const period of PERIODS) {
      const runs = quantiles(50, 3).map((row, i) => ({ ...row, target: i }));
      const found = of(fold(new PrequentialMetrics('regression', period), asOutcomes(runs)).values(), 'pinball');
      expect(found.baselineKind).toBe('no_change');
      expect(found.baseline).toBeCloseTo(mean(levels), 12);
    }
  });
});

/** Saved after (5, 7), (5, 11), (5, 3) with quantiles 0, 5, 10; the recent ones in the segments 0, 1, 0. */
const SAVED_EARLIER = {
  all: 'TUxSUwEAFgAAAHJlZ3Jlc3Npb24gbWV0cmljcyBhbGwAAAAAAAAAAAAAAAAAAAhAAAAAAAAACEABAAAAAAAAAAAAJEABAAAAAAAAAAAARkABAAAAAAAAAAAANUABAAAAAAAAAABgZkACAAAAAAAAAAAAkDxVVVVVVVX5PwEAAAAAAAAAAAAxQAIAAAAAAAAAAACwvOQ4juM4jgtAAAAAAAAACEAAAAAAAAAAQAEAAAAAAAAAAAAoQAEAAAAAAAAAAABUQAEAAABZlmVZlmX5PwAAAAAAAAhAAAAAAAAACEAAAAAAAAAAQAEAAAAAAAAAAAAIQAIAAAAAAAAAAACwvDQzMzMzMwNAuJNCsw==',
  recent:
    'TUxSUwEAGQAAAHJlZ3Jlc3Npb24gbWV0cmljcyByZWNlbnQAAAAAAAAAAAMAAAAAAAAAAAAUQAAAAAAAABRAAAAAAAAAFEADAAAAAAAAAAAAHEAAAAAAAAAmQAAAAAAAAAhAAwAAAFVVVVVVVeU/q6qqqqqq+j9VVVVVVVXlPwMAAAAAAAAAAADwPwAAAAAAAAAAAAAAAAAA8D8DAAAAmpmZmZmZ6T+amZmZmZnpP5qZmZmZmek/AwAAAAAAAAAAAAAAAAAAAAAA8D8AAAAAAAAAAOPaOiw=',
};

test('states that were saved before forecasts were compared by series go on, segments too', () => {
  const outputs = new Map([
    ['0.1', 0],
    ['0.5', 5],
    ['0.9', 10],
  ]);
  const outcome = (target: number, prior?: number): Outcome => ({ score: 5, target, prior, outputs });
  for (const period of ['all', 'recent'] as const) {
    const segments = period === 'recent';
    const options = { segments, stay: true };
    const loaded = PrequentialMetrics.load('regression', period, Buffer.from(SAVED_EARLIER[period], 'base64'), options);
    const anew = new PrequentialMetrics('regression', period, segments);
    for (const [target, segment] of [
      [7, 0],
      [11, 1],
      [3, 0],
    ] as const)
      anew.fold(outcome(target), segment);
    const plain = (values: readonly MetricValue[]) =>
      values.map(({ metric, value, examples }) => ({ metric, value, examples }));
    for (const metrics of [loaded, anew]) {
      metrics.fold(outcome(8, 11), 1);
      metrics.fold(outcome(4), 1);
    }
    expect(plain(loaded.values())).toEqual(plain(anew.values()));
    if (segments) expect(plain(loaded.ofSegment(1))).toEqual(plain(anew.ofSegment(1)));
    const again = PrequentialMetrics.load('regression', period, loaded.save(), options);
    expect(again.values()).toEqual(loaded.values());
  }
});
