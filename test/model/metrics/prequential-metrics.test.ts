import { describe, expect, test } from 'vitest';
import { createModel } from '../../../src/model/create-model.ts';
import type { MetricValue, Outcome } from '../../../src/model/metrics/outcome.ts';
import { PrequentialMetrics, type Period } from '../../../src/model/metrics/prequential-metrics.ts';
import { RECENT_OUTCOMES } from '../../../src/model/metrics/recent-outcomes.ts';
import { prAuc, prAucErrorBound } from '../../../src/model/metrics/pr-auc.ts';
import { BinnedCounts } from '../../../src/model/metrics/ranked-counts.ts';
import { rocAuc, rocAucErrorBound } from '../../../src/model/metrics/roc-auc.ts';
import { goldenTrace, phishing, requestFor } from '../phishing.ts';
import { seeded } from '../seeded.ts';

type Task = 'binary' | 'regression';
type Known = { score: number; target: number };
type Standing = { score: number; target: number | undefined };

const PERIODS: Period[] = ['all', 'recent', 'backfill'];

/** A random history of labels that come, change and go, and the outcomes that stand at its end, in the order they first came. */
function history(task: Task, count: number, seed: number): { outcomes: Outcome[]; standing: Standing[] } {
  const random = seeded(seed);
  const targetOf = () => (task === 'binary' ? Number(random() < 0.2) : Math.round(random() * 1000) / 7);
  const outcomes: Outcome[] = [];
  const standing: Standing[] = [];
  for (let i = 0; i < count; i++) {
    const chance = random();
    const slot = standing[Math.floor(random() * standing.length)];
    if (chance < 0.8 || !slot || slot.target === undefined) {
      const entry = { score: task === 'binary' ? random() ** 3 : random() * 150, target: targetOf() };
      standing.push(entry);
      outcomes.push({ ...entry, prior: undefined });
    } else {
      const target = chance < 0.92 ? targetOf() : undefined;
      outcomes.push({ score: slot.score, target, prior: slot.target });
      slot.target = target;
    }
  }
  return { outcomes, standing };
}

/** Every metric from scores and targets alone, by its definition, over all pairs. */
function recomputed(task: Task, rows: Known[]): Record<string, number> {
  const n = rows.length;
  const mean = (f: (row: Known) => number) => rows.reduce((sum, row) => sum + f(row), 0) / n;
  if (task === 'regression') {
    const center = mean((r) => r.target);
    const variance = mean((r) => (r.target - center) ** 2);
    return {
      mae: mean((r) => Math.abs(r.score - r.target)),
      rmse: Math.sqrt(mean((r) => (r.score - r.target) ** 2)),
      r2: 1 - mean((r) => (r.score - r.target) ** 2) / variance,
      smape: mean((r) => (2 * Math.abs(r.score - r.target)) / (Math.abs(r.score) + Math.abs(r.target))),
    };
  }
  const positives = rows.filter((r) => r.target === 1);
  const negatives = rows.filter((r) => r.target === 0);
  let pairs = 0;
  for (const p of positives) for (const q of negatives) pairs += p.score > q.score ? 1 : p.score === q.score ? 0.5 : 0;
  const tp = positives.filter((r) => r.score > 0.5).length;
  const fp = negatives.filter((r) => r.score > 0.5).length;
  const accuracy = mean((r) => Number(r.score > 0.5 === (r.target === 1)));
  const chance = (positives.length * (tp + fp) + negatives.length * (n - tp - fp)) / n ** 2;
  const noChange = rows.slice(1).filter((r, i) => r.target === rows[i]!.target).length / (n - 1);
  const gap = Array.from({ length: 10 }, (_, bin) => {
    const inside = rows.filter((r) => Math.min(9, Math.floor(r.score * 10)) === bin);
    return Math.abs(inside.reduce((sum, r) => sum + r.score - r.target, 0)) / n;
  });
  const precisionAt = (score: number) => {
    const above = rows.filter((r) => r.score >= score);
    return above.filter((r) => r.target === 1).length / above.length;
  };
  return {
    log_loss: mean((r) => -Math.log(Math.max(1e-15, r.target === 1 ? r.score : 1 - r.score))),
    roc_auc: pairs / (positives.length * negatives.length),
    accuracy,
    f1: (2 * tp) / (2 * tp + fp + positives.length - tp),
    pr_auc: positives.reduce((sum, r) => sum + precisionAt(r.score), 0) / positives.length,
    balanced_accuracy: (tp / positives.length + 1 - fp / negatives.length) / 2,
    kappa: (accuracy - chance) / (1 - chance),
    kappa_temporal: (accuracy - noChange) / (1 - noChange),
    ece: gap.reduce((sum, value) => sum + value, 0),
    brier: mean((r) => (r.score - r.target) ** 2),
  };
}

/** What the label before would have had as an answer. */
function recomputedNoChange(task: Task, rows: Known[]): Record<string, number> {
  const after = rows.slice(1).map((row, i) => ({ score: rows[i]!.target, target: row.target }));
  const found = recomputed(task, after);
  if (task === 'binary') {
    const { accuracy, f1, balanced_accuracy, kappa } = found;
    return { accuracy: accuracy!, f1: f1!, balanced_accuracy: balanced_accuracy!, kappa: kappa! };
  }
  const center = rows.reduce((sum, r) => sum + r.target, 0) / rows.length;
  const variance = rows.reduce((sum, r) => sum + (r.target - center) ** 2, 0) / rows.length;
  return { mae: found['mae']!, rmse: found['rmse']!, smape: found['smape']!, r2: 1 - found['rmse']! ** 2 / variance };
}

const LOWER_IS_BETTER = new Set(['mae', 'rmse', 'smape', 'log_loss', 'brier', 'ece']);

/** What the best constant answer would have had, where it is not the running mean's. */
function recomputedBaselines(task: Task, period: Period, rows: Known[]): Record<string, number> {
  const rate = rows.reduce((sum, r) => sum + r.target, 0) / rows.length;
  if (task === 'binary') {
    const constant = recomputed(
      task,
      rows.map((r) => ({ ...r, score: rate })),
    );
    // Always true has the best F1, and no share of true labels says so; against no change it is 0 by definition.
    const always = (2 * rate) / (rate + 1);
    return { ...constant, f1: always, kappa_temporal: 0 };
  }
  const { mae, rmse, smape } = recomputed(
    task,
    rows.map((r) => ({ ...r, score: rate })),
  );
  return period === 'recent' ? { mae: mae!, rmse: rmse!, smape: smape!, r2: 0 } : { rmse: rmse!, r2: 0 };
}

function fold(metrics: PrequentialMetrics, outcomes: readonly Outcome[]): PrequentialMetrics {
  for (const outcome of outcomes) metrics.fold(outcome);
  return metrics;
}

function valueOf(values: readonly MetricValue[], metric: string): MetricValue {
  return values.find((value) => value.metric === metric)!;
}

/** What is left of a history, as if only that had ever come. */
function only(rows: readonly Standing[]): Outcome[] {
  return rows.filter((row) => row.target !== undefined).map((row) => ({ ...row, prior: undefined }));
}

describe.each(['binary', 'regression'] as const)('%s metrics', (task) => {
  test.each(PERIODS)('of period %s are those of the outcomes that stand, whatever labels came before', (period) => {
    for (let seed = 1; seed <= 20; seed++) {
      const { outcomes, standing } = history(task, 400, seed);
      const values = fold(new PrequentialMetrics(task, period), outcomes).values();
      const left = only(standing);
      const again = fold(new PrequentialMetrics(task, period), left).values();
      // The running mean's errors and those of no change are the figures that remember.
      const comparable = (list: MetricValue[]) =>
        period === 'recent'
          ? list
          : list
              .filter(({ metric }) => metric !== 'kappa_temporal')
              .map(({ metric, value, examples }) => ({ metric, value, examples }));
      expect(comparable(values)).toEqual(comparable(again));
      for (const [metric, expected] of Object.entries(recomputed(task, left as Known[]))) {
        if (period !== 'recent' && metric === 'kappa_temporal') continue;
        const binned = period !== 'recent' && ['roc_auc', 'pr_auc', 'ece'].includes(metric);
        const tolerance = binned ? 0.01 : 1e-9 * Math.max(1, Math.abs(expected));
        expect(Math.abs(valueOf(values, metric).value! - expected), metric).toBeLessThan(tolerance);
        expect(valueOf(values, metric).examples).toBe(left.length);
      }
      const noChange = recomputedNoChange(task, left as Known[]);
      for (const [metric, constant] of Object.entries(recomputedBaselines(task, period, left as Known[]))) {
        const { baseline, baselineKind } = valueOf(values, metric);
        const better = LOWER_IS_BETTER.has(metric) ? Math.min : Math.max;
        if (period === 'recent')
          expect(baseline, metric).toBeCloseTo(better(constant, noChange[metric] ?? constant), 9);
        else if (baselineKind !== 'no_change' || metric === 'kappa_temporal')
          expect(baseline, metric).toBeCloseTo(constant, 9);
        else expect(better(baseline!, constant), metric).toBe(baseline);
      }
      expect(values.map(({ metric }) => metric).toSorted()).toEqual(
        Object.keys(recomputed(task, left as Known[])).toSorted(),
      );
    }
  });

  test('recent counts the last 10,000 outcomes and leaves the withdrawn ones among them out', () => {
    const { outcomes, standing } = history(task, 15_000, 3);
    expect(standing.length).toBeGreaterThan(RECENT_OUTCOMES + 1000);
    // A change of an outcome that has left the window must not touch a twin: scores here are all different.
    const values = fold(new PrequentialMetrics(task, 'recent'), outcomes).values();
    const left = only(standing.slice(-RECENT_OUTCOMES));
    expect(left.length).toBeLessThan(RECENT_OUTCOMES);
    expect(values).toEqual(fold(new PrequentialMetrics(task, 'recent'), left).values());
  });

  test.each(PERIODS)('of period %s, saved and loaded at a random outcome, go on bit for bit', (period) => {
    const { outcomes } = history(task, 12_000, 11);
    const whole = fold(new PrequentialMetrics(task, period), outcomes);
    for (const at of [0, 1, 4_321, 11_999]) {
      const half = fold(new PrequentialMetrics(task, period), outcomes.slice(0, at));
      const resumed = fold(PrequentialMetrics.load(task, period, half.save()), outcomes.slice(at));
      expect(resumed.values()).toEqual(whole.values());
      expect(Buffer.compare(resumed.save(), whole.save())).toBe(0);
    }
  });

  test.each(PERIODS)(
    'of period %s are an empty list before the first outcome and after all were withdrawn',
    (period) => {
      const metrics = new PrequentialMetrics(task, period);
      expect(metrics.values()).toEqual([]);
      metrics.fold({ score: 0.25, target: 1, prior: undefined });
      expect(metrics.values().length).toBeGreaterThan(0);
      metrics.fold({ score: 0.25, target: undefined, prior: 1 });
      expect(metrics.values()).toEqual([]);
    },
  );

  test('leave out and count what is not finite', () => {
    const metrics = new PrequentialMetrics(task, 'all');
    metrics.fold({ score: Number.NaN, target: 1, prior: undefined });
    metrics.fold({ score: 0.5, target: Number.POSITIVE_INFINITY, prior: undefined });
    expect(metrics.values()).toEqual([]);
    expect(metrics.ignored).toBe(2);
  });

  test('refuse the saved state of another period or task, or one with a changed bit', () => {
    const saved = fold(new PrequentialMetrics(task, 'all'), history(task, 50, 1).outcomes).save();
    expect(() => PrequentialMetrics.load(task, 'backfill', saved)).toThrow(/expected a saved/);
    expect(() => PrequentialMetrics.load(task === 'binary' ? 'regression' : 'binary', 'all', saved)).toThrow(
      /expected/,
    );
    saved[saved.length >> 1]! ^= 4;
    expect(() => PrequentialMetrics.load(task, 'all', saved)).toThrow(/checksum/);
  });
});

describe('binary quality', () => {
  test('on phishing, predict then learn, is what River measures', async () => {
    const { columns, rows } = phishing();
    const model = await createModel(requestFor(columns));
    const all = new PrequentialMetrics('binary', 'all');
    const recent = new PrequentialMetrics('binary', 'recent');
    for (const row of rows) {
      const score = model.predictMany([row.features])[0]!.score!;
      for (const metrics of [all, recent]) metrics.fold({ score, target: row.target, prior: undefined });
      model.learn({ ...row, weight: 1 });
    }
    for (const values of [all.values(), recent.values()]) {
      expect(valueOf(values, 'accuracy').value).toBe(0.8928);
      expect(valueOf(values, 'log_loss').value).toBeCloseTo(0.330112, 6);
      expect(valueOf(values, 'f1').value).toBeCloseTo(0.879713, 6);
      expect(valueOf(values, 'accuracy').baseline).toBe(702 / 1250);
      expect(valueOf(values, 'balanced_accuracy').value).toBeCloseTo(0.892949, 6);
      expect(valueOf(values, 'kappa').value).toBeCloseTo(0.783077, 6);
      expect(valueOf(values, 'brier').value).toBeCloseTo(0.0973368, 7);
    }
    expect(valueOf(recent.values(), 'roc_auc').value).toBeCloseTo(0.95335, 6);
    expect(valueOf(all.values(), 'roc_auc').value).toBeCloseTo(0.95335, 3);
    expect(valueOf(recent.values(), 'pr_auc').value).toBeCloseTo(0.936605, 6);
  });

  test('with one class has no ROC AUC, PR AUC or balanced accuracy, and its other figures', () => {
    const metrics = new PrequentialMetrics('binary', 'recent');
    metrics.fold({ score: 0.2, target: 0, prior: undefined });
    for (const metric of ['roc_auc', 'pr_auc', 'balanced_accuracy', 'kappa', 'f1'])
      expect(valueOf(metrics.values(), metric), metric).toMatchObject({ value: null, baseline: null });
    expect(valueOf(metrics.values(), 'brier')).toMatchObject({ value: 0.2 * 0.2, baseline: 0 });
    expect(valueOf(metrics.values(), 'accuracy').value).toBe(1);
  });

  test('against no change: labels that come in runs make it the baseline, and kappa-temporal is what is beyond it', () => {
    for (const period of PERIODS) {
      const metrics = new PrequentialMetrics('binary', period);
      // Runs of five: the label before is right 16 times of 19. The scores are right 16 times of 20.
      for (let i = 0; i < 20; i++) {
        const target = Math.floor(i / 5) % 2;
        metrics.fold({ score: i % 5 === 2 ? 1 - target : target, target, prior: undefined });
      }
      expect(valueOf(metrics.values(), 'accuracy')).toMatchObject({
        value: 0.8,
        baseline: 16 / 19,
        baselineKind: 'no_change',
      });
      expect(valueOf(metrics.values(), 'kappa_temporal').value).toBeCloseTo((0.8 - 16 / 19) / (1 - 16 / 19), 12);
    }
  });

  test('the expected calibration error is the mean gap between score and share of true labels in ten bins', () => {
    const metrics = new PrequentialMetrics('binary', 'recent');
    // 0.25 said 8 times, 4 true; 0.9 said twice, both true.
    for (let i = 0; i < 8; i++) metrics.fold({ score: 0.25, target: i % 2, prior: undefined });
    for (let i = 0; i < 2; i++) metrics.fold({ score: 0.9, target: 1, prior: undefined });
    const { values, reliability } = metrics.quality();
    expect(valueOf(values, 'ece').value).toBeCloseTo((8 * 0.25 + 2 * 0.1) / 10, 12);
    expect(reliability[2]).toEqual({ from: 0.2, to: 0.3, meanScore: 0.25, observed: 0.5, examples: 8 });
    expect(reliability[3]).toMatchObject({ meanScore: null, observed: null, examples: 0 });
    expect(reliability.reduce((sum, { examples }) => sum + examples, 0)).toBe(10);
  });

  test('fading, an outcome counts 0.999 of the one after it, and old ones next to nothing', () => {
    const metrics = new PrequentialMetrics('binary', 'recent');
    for (let i = 0; i < 9_000; i++) metrics.fold({ score: 0.9, target: i < 4_000 ? 0 : 1, prior: undefined });
    const weight = (from: number, to: number) => {
      let sum = 0;
      for (let age = from; age < to; age++) sum += 0.999 ** age;
      return sum;
    };
    const accuracy = valueOf(metrics.fading(), 'accuracy');
    expect(accuracy.value).toBeCloseTo(weight(0, 5_000) / weight(0, 9_000), 9);
    expect(accuracy.examples).toBe(1_000);
    expect(valueOf(metrics.values(), 'accuracy').value).toBeCloseTo(5 / 9, 12);
    expect(metrics.fading().map(({ metric }) => metric)).toEqual(metrics.values().map(({ metric }) => metric));
  });

  test('a score of exactly 0 or 1 that is wrong costs the log of 1e-15, not infinity', () => {
    const metrics = new PrequentialMetrics('binary', 'all');
    metrics.fold({ score: 0, target: 1, prior: undefined });
    metrics.fold({ score: 1, target: 0, prior: undefined });
    expect(valueOf(metrics.values(), 'log_loss').value).toBeCloseTo(-Math.log(1e-15), 9);
  });

  test('binned ROC AUC and PR AUC differ from the exact ones by no more than their bounds, near 0 and near 1', () => {
    const random = seeded(5);
    for (const shape of [
      (u: number) => u,
      (u: number) => u ** 12,
      (u: number) => 1 - u ** 12,
      (u: number) => u * 1e-13,
    ]) {
      const binned = new BinnedCounts();
      const recent = new PrequentialMetrics('binary', 'recent');
      for (let i = 0; i < 5000; i++) {
        const target = Number(random() < 0.1);
        const score = shape(Math.min(1, random() * (target ? 1 : 0.8)));
        binned.add(score, target, 1);
        recent.fold({ score, target, prior: undefined });
      }
      const exact = recent.values();
      const difference = (found: number | null, metric: string) => Math.abs(found! - valueOf(exact, metric).value!);
      expect(difference(rocAuc(binned), 'roc_auc')).toBeLessThanOrEqual(rocAucErrorBound(binned) + 1e-12);
      expect(rocAucErrorBound(binned)).toBeLessThan(0.02);
      expect(difference(prAuc(binned), 'pr_auc')).toBeLessThanOrEqual(prAucErrorBound(binned) + 1e-12);
      expect(prAucErrorBound(binned)).toBeLessThan(0.06);
    }
  });
});

describe('regression quality', () => {
  test.each(PERIODS)('of linear regression on phishing is what River measures, in period %s', (period) => {
    const metrics = new PrequentialMetrics('regression', period);
    const scores = goldenTrace('linreg_phishing');
    for (const [i, { target }] of phishing().rows.entries())
      metrics.fold({ score: scores[i]!, target, prior: undefined });
    expect(valueOf(metrics.values(), 'smape').value).toBeCloseTo(1.284121, 6);
    expect(valueOf(metrics.values(), 'mae').value).toBeCloseTo(0.238874, 6);
    expect(valueOf(metrics.values(), 'r2').value).toBeCloseTo(0.58477, 6);
  });

  test('is beside the mean, R² 0 and RMSE the standard deviation, unless the number before was nearer', () => {
    const metrics = new PrequentialMetrics('regression', 'all');
    for (const target of [2, 9, 4, 5, 4, 7, 4, 5]) metrics.fold({ score: target + 1, target, prior: undefined });
    expect(valueOf(metrics.values(), 'rmse')).toMatchObject({ value: 1, baseline: 2 });
    expect(valueOf(metrics.values(), 'r2')).toMatchObject({ value: 0.75, baseline: 0 });
  });

  test('knows the variance of numbers that are far from zero, and that equal ones have none', () => {
    const random = seeded(31);
    for (const period of PERIODS) {
      const far = new PrequentialMetrics('regression', period);
      // Seconds since 1970, some ms apart: their squares agree in all the digits that a float8 has.
      const steps = Array.from({ length: 2_000 }, () => Math.floor(random() * 5));
      const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
      const variance = steps.reduce((sum, step) => sum + (step - mean) ** 2, 0) / steps.length;
      for (const step of steps)
        far.fold({ score: 1.7e9 + step / 1024 + 1 / 2048, target: 1.7e9 + step / 1024, prior: undefined });
      const rmse = valueOf(far.values(), 'rmse');
      expect(rmse.value).toBe(1 / 2048);
      expect(rmse.baseline! * 1024).toBeCloseTo(Math.sqrt(variance), 3);
      expect(valueOf(far.values(), 'r2').value).toBeCloseTo(1 - 0.25 / variance, 3);
      for (const target of [0.1, 1 / 3, 1e-9, 123_456.789, 1.7e9 + 0.123]) {
        const same = new PrequentialMetrics('regression', period);
        for (let i = 0; i < 777; i++) same.fold({ score: 0, target, prior: undefined });
        expect(valueOf(same.values(), 'r2').value).toBeNull();
        expect(valueOf(same.values(), 'rmse')).toMatchObject({ baseline: 0 });
      }
    }
  });

  test('is beside the number before, where numbers come in runs', () => {
    for (const period of PERIODS) {
      const metrics = new PrequentialMetrics('regression', period);
      for (const target of [2, 4, 4, 4, 5, 5, 7, 9]) metrics.fold({ score: target + 1, target, prior: undefined });
      const rmse = Math.sqrt((4 + 1 + 4 + 4) / 7);
      expect(valueOf(metrics.values(), 'rmse')).toMatchObject({ baselineKind: 'no_change', baseline: rmse });
      expect(valueOf(metrics.values(), 'r2').baseline).toBeCloseTo(1 - 13 / 7 / 4, 12);
      expect(valueOf(metrics.values(), 'mae')).toMatchObject({ baselineKind: 'no_change', baseline: 1 });
    }
  });

  test('forgets an outlier that was withdrawn to the last bit', () => {
    const { outcomes } = history('regression', 300, 8);
    const metrics = new PrequentialMetrics('regression', 'all');
    metrics.fold({ score: 1, target: 1e60, prior: undefined });
    fold(metrics, outcomes);
    metrics.fold({ score: 1, target: undefined, prior: 1e60 });
    const without = fold(new PrequentialMetrics('regression', 'all'), outcomes).values();
    expect(metrics.values().map((v) => v.value)).toEqual(without.map((v) => v.value));
  });
});
