import { describe, expect, test } from 'vitest';
import { MAX_MEASURED_CLASSES, OTHER_CLASS } from '../../../src/model/metrics/class-names.ts';
import type { MetricValue, Outcome } from '../../../src/model/metrics/outcome.ts';
import { PrequentialMetrics, type Period } from '../../../src/model/metrics/prequential-metrics.ts';
import { RANKED_CLASSES } from '../../../src/model/metrics/recent-outcomes.ts';
import { seeded } from '../seeded.ts';

const PERIODS: Period[] = ['all', 'recent', 'backfill'];
const CLASSES = ['a', 'b', 'c'];

type Answer = { prediction: string | null; outputs: Map<string, number> };
type Standing = Answer & { label: string | null };

const outcome = (answer: Answer, label: string | null, priorLabel: string | null): Outcome => ({
  ...answer,
  score: answer.outputs.get(answer.prediction ?? '') ?? 0,
  target: label === null ? undefined : 0,
  prior: priorLabel === null ? undefined : 0,
  label,
  priorLabel,
});

function answer(random: () => number): Answer {
  const odds = CLASSES.map(() => random() ** 2);
  const sum = odds.reduce((a, b) => a + b);
  const outputs = new Map(CLASSES.map((name, k) => [name, odds[k]! / sum]));
  // "d" is a class that the model does not know.
  const best = [...outputs].sort(([, a], [, b]) => b - a)[0]![0];
  return { prediction: random() < 0.05 ? null : best, outputs };
}

function history(count: number, seed: number): { outcomes: Outcome[]; standing: Standing[] } {
  const random = seeded(seed);
  const labelOf = (): string => ['a', 'a', 'b', 'b', 'c', 'd'][Math.floor(random() * 6)]!;
  const outcomes: Outcome[] = [];
  const standing: Standing[] = [];
  for (let i = 0; i < count; i++) {
    const slot = standing[Math.floor(random() * standing.length)];
    const chance = random();
    if (chance < 0.8 || !slot || slot.label === null) {
      const entry = { ...answer(random), label: labelOf() };
      standing.push(entry);
      outcomes.push(outcome(entry, entry.label, null));
    } else {
      const label = chance < 0.92 ? labelOf() : null;
      outcomes.push(outcome(slot, label, slot.label));
      slot.label = label;
    }
  }
  return { outcomes, standing };
}

/** By definition, over what stands. */
function recomputed(rows: { label: string; prediction: string | null; outputs: Map<string, number> }[]) {
  const n = rows.length;
  const truths = [...new Set(rows.map((r) => r.label))].sort();
  const said = rows.flatMap((r) => (r.prediction === null ? [] : [r.prediction]));
  const of = (name: string) => rows.filter((r) => r.label === name);
  const right = (name: string) => of(name).filter((r) => r.prediction === name).length;
  const f1 = (name: string) => (2 * right(name)) / (of(name).length + said.filter((s) => s === name).length);
  const accuracy = rows.filter((r) => r.prediction === r.label).length / n;
  const chance = truths.reduce((sum, t) => sum + (of(t).length / n) * (said.filter((s) => s === t).length / n), 0);
  const named = [...new Set([...truths, ...said])];
  const unchanged = rows.slice(1).filter((r, i) => r.label === rows[i]!.label).length / (n - 1);
  const areas = truths.map((t) => {
    const p = (r: (typeof rows)[number]) => r.outputs.get(t) ?? 0;
    const others = rows.filter((r) => r.label !== t);
    const won = of(t).map((r) => others.reduce((sum, o) => sum + (p(r) > p(o) ? 1 : p(r) === p(o) ? 0.5 : 0), 0));
    return won.reduce((sum, pairs) => sum + pairs, 0) / (of(t).length * others.length);
  });
  return {
    accuracy,
    roc_auc: areas.reduce((sum, area) => sum + area, 0) / areas.length,
    balanced_accuracy: truths.reduce((sum, t) => sum + right(t) / of(t).length, 0) / truths.length,
    f1: named.reduce((sum, t) => sum + f1(t), 0) / named.length,
    f1_weighted: truths.reduce((sum, t) => sum + (f1(t) * of(t).length) / n, 0),
    kappa: (accuracy - chance) / (1 - chance),
    kappa_temporal: (accuracy - unchanged) / (1 - unchanged),
    log_loss: rows.reduce((sum, r) => sum - Math.log(Math.max(1e-15, r.outputs.get(r.label) ?? 0)), 0) / n,
    brier:
      rows.reduce((sum, r) => {
        const names = new Set([...r.outputs.keys(), r.label]);
        return sum + [...names].reduce((s, k) => s + ((r.outputs.get(k) ?? 0) - Number(k === r.label)) ** 2, 0);
      }, 0) / n,
    ...Object.fromEntries(truths.map((t) => [`f1:${t}`, f1(t)])),
  };
}

const fold = (metrics: PrequentialMetrics, outcomes: readonly Outcome[]): PrequentialMetrics => {
  for (const one of outcomes) metrics.fold(one);
  return metrics;
};
const of = (values: readonly MetricValue[], metric: string): MetricValue =>
  values.find((value) => value.metric === metric)!;

describe('metrics of classes', () => {
  test.each(PERIODS)('of period %s are those of the outcomes that stand, whatever labels came before', (period) => {
    for (let seed = 1; seed <= 10; seed++) {
      const { outcomes, standing } = history(300, seed);
      const left = standing.filter((r) => r.label !== null) as (Answer & { label: string })[];
      const values = fold(new PrequentialMetrics('multiclass', period), outcomes).values();
      const { roc_auc: area, ...others } = recomputed(left);
      // Of any number of outcomes their order is not kept.
      const expected = period === 'recent' ? { ...others, roc_auc: area } : others;
      for (const [metric, value] of Object.entries(expected))
        if (metric !== 'kappa_temporal' || period === 'recent')
          expect(of(values, metric).value, metric).toBeCloseTo(value, 9);
      expect(values.map(({ metric }) => metric).toSorted()).toEqual(Object.keys(expected).toSorted());
      const shares = ['a', 'b', 'c', 'd'].map((name) => left.filter((r) => r.label === name).length / left.length);
      expect(of(values, 'accuracy')).toMatchObject({ baseline: Math.max(...shares), baselineKind: 'majority_class' });
      expect(of(values, 'f1:a').baseline).toBeCloseTo((2 * shares[0]!) / (1 + shares[0]!), 12);
      expect(of(values, 'brier').baseline).toBeCloseTo(1 - shares.reduce((sum, s) => sum + s * s, 0), 12);
    }
  });

  test.each(PERIODS)('of period %s, saved and loaded in between, go on bit for bit', (period) => {
    const { outcomes } = history(2_000, 4);
    const whole = fold(new PrequentialMetrics('multiclass', period), outcomes);
    for (const at of [0, 1, 777, 1_999]) {
      const half = fold(new PrequentialMetrics('multiclass', period), outcomes.slice(0, at));
      const resumed = fold(PrequentialMetrics.load('multiclass', period, half.save()), outcomes.slice(at));
      expect(resumed.values()).toEqual(whole.values());
      expect(Buffer.compare(resumed.save(), whole.save())).toBe(0);
    }
  });

  test('ROC AUC is the mean over the classes of each against all others, as in scikit-learn', () => {
    const metrics = new PrequentialMetrics('multiclass', 'recent');
    const rows: [string, number[]][] = [
      ['a', [0.7, 0.2, 0.1]],
      ['a', [0.3, 0.4, 0.3]],
      ['b', [0.4, 0.5, 0.1]],
      ['b', [0.5, 0.25, 0.25]],
      ['c', [0.1, 0.3, 0.6]],
    ];
    for (const [label, [a, b, c]] of rows)
      metrics.fold(
        outcome({ prediction: 'a', outputs: new Map(Object.entries({ a: a!, b: b!, c: c! })) }, label, null),
      );
    // a: 4 of 6 pairs; b: 0.5 before all, 0.25 before one of three; c before all.
    const area = of(metrics.values(), 'roc_auc');
    expect(area.value).toBeCloseTo((4 / 6 + 4 / 6 + 1) / 3, 12);
    expect(area).toMatchObject({ baseline: 0.5, baselineKind: 'random', examples: 5 });
    expect(metrics.fading().some(({ metric }) => metric === 'roc_auc')).toBe(false);
  });

  test('ROC AUC is NULL while there is one class, and with more classes than probabilities are kept of', () => {
    const metrics = new PrequentialMetrics('multiclass', 'recent');
    const say = (label: string): void => {
      metrics.fold(outcome({ prediction: label, outputs: new Map([[label, 1]]) }, label, null));
    };
    say('c0');
    expect(of(metrics.values(), 'roc_auc')).toMatchObject({ value: null, baseline: null });
    for (let k = 1; k < RANKED_CLASSES; k++) say(`c${k}`);
    expect(of(metrics.values(), 'roc_auc').value).toBe(1);
    say('one more');
    expect(of(metrics.values(), 'roc_auc').value).toBeNull();
    expect(of(metrics.values(), 'accuracy').value).toBe(1);
  });

  test('classes that come in runs have no change as the baseline of accuracy', () => {
    for (const period of PERIODS) {
      const metrics = new PrequentialMetrics('multiclass', period);
      for (let i = 0; i < 30; i++) {
        const label = CLASSES[Math.floor(i / 10)]!;
        metrics.fold(outcome({ prediction: 'a', outputs: new Map([['a', 1]]) }, label, null));
      }
      expect(of(metrics.values(), 'accuracy')).toMatchObject({ baseline: 27 / 29, baselineKind: 'no_change' });
      expect(of(metrics.values(), 'kappa_temporal').value).toBeCloseTo((1 / 3 - 27 / 29) / (2 / 29), 9);
    }
  });

  test('classes beyond the cap count as one, are right where the answer is, and can be taken away', () => {
    for (const period of ['all', 'recent'] as const) {
      const metrics = new PrequentialMetrics('multiclass', period);
      const say = (prediction: string): Answer => ({ prediction, outputs: new Map([[prediction, 1]]) });
      for (let i = 0; i < MAX_MEASURED_CLASSES; i++) metrics.fold(outcome(say(`c${i}`), `c${i}`, null));
      metrics.fold(outcome(say('x'), 'x', null));
      metrics.fold(outcome(say('y'), 'z', null));
      expect(of(metrics.values(), 'accuracy')).toMatchObject({ value: 1001 / 1002, examples: 1002 });
      expect(of(metrics.values(), `f1:${OTHER_CLASS}`)).toMatchObject({ value: 2 / 3, examples: 2 });
      metrics.fold(outcome(say('y'), null, 'z'));
      expect(of(metrics.values(), 'accuracy')).toMatchObject({ value: 1, examples: 1001 });
    }
  });
});

describe('quantiles', () => {
  const said = (low: number, middle: number, high: number): ReadonlyMap<string, number> =>
    new Map([
      ['0.1', low],
      ['0.5', middle],
      ['0.9', high],
    ]);

  test.each(PERIODS)('have pinball loss and coverage, in period %s, also after a label changed', (period) => {
    const metrics = new PrequentialMetrics('regression', period);
    metrics.fold({ score: 5, target: 7, prior: undefined, outputs: said(0, 5, 10) });
    metrics.fold({ score: 6, target: 11, prior: undefined, outputs: said(1, 6, 10) });
    const first = (0.1 * 7 + 0.5 * 2 + 0.1 * 3) / 3;
    const second = (0.1 * 10 + 0.5 * 5 + 0.9 * 1) / 3;
    expect(of(metrics.values(), 'pinball').value).toBeCloseTo((first + second) / 2, 12);
    expect(of(metrics.values(), 'coverage')).toMatchObject({ value: 0.5, baselineKind: 'nominal', examples: 2 });
    expect(of(metrics.values(), 'coverage').baseline).toBeCloseTo(0.8, 12);
    metrics.fold({ score: 6, target: 9, prior: 11, outputs: said(1, 6, 10) });
    expect(of(metrics.values(), 'coverage').value).toBe(1);
    const changed = (0.1 * 8 + 0.5 * 3 + 0.1 * 1) / 3;
    expect(of(metrics.values(), 'pinball').value).toBeCloseTo((first + changed) / 2, 12);
    metrics.fold({ score: 6, target: undefined, prior: 9, outputs: said(1, 6, 10) });
    expect(of(metrics.values(), 'pinball')).toMatchObject({ examples: 1 });
    const saved = PrequentialMetrics.load('regression', period, metrics.save());
    expect(saved.values()).toEqual(metrics.values());
  });

  test('of a model that says none are not there', () => {
    const metrics = new PrequentialMetrics('regression', 'all');
    metrics.fold({
      score: 5,
      target: 7,
      prior: undefined,
      outputs: new Map([
        ['1', 5],
        ['2', 6],
      ]),
    });
    expect(metrics.values().map(({ metric }) => metric)).toEqual(['mae', 'rmse', 'r2', 'smape']);
  });
});

/** Saved after (0.25, 0), (0.75, 1), (0.5, 1), before no change and intervals were counted. */
const SAVED_EARLIER = {
  'binary all':
    'TUxSUwEAEgAAAGJpbmFyeSBtZXRyaWNzIGFsbAAAAAAAAAAAAAAAAAAA8D8AAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8CAAAAAAAAAAAAoDzAiheI0kv0PwEAAAAAAAAAAADYPwkAAAAAAAAAAICnQAAAAAAAAAAAAAAAAAAA8D8AAAAAAACoQAAAAAAAAPA/AAAAAAAAAAAAAAAAAH6oQAAAAAAAAPA/AAAAAAAAAAAncD8G',
  'binary recent':
    'TUxSUwEAFQAAAGJpbmFyeSBtZXRyaWNzIHJlY2VudAAAAAAAAAAAAwAAAAAAAAAAANA/AAAAAAAA6D8AAAAAAADgPwMAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D+W5CvT',
  'regression all':
    'TUxSUwEAFgAAAHJlZ3Jlc3Npb24gbWV0cmljcyBhbGwAAAAAAAAAAAAAAAAAAAhAAAAAAAAACEABAAAAAAAAAAAA8D8BAAAAAAAAAAAA2D8BAAAAAAAAAAAAAEABAAAAAAAAAAAAAEACAAAAAAAAAAAAsLzoeZ7neZ4HQAEAAAAAAAAAAAD4PwIAAAAAAAAAAACgPFVVVVVVVQVA8pYRIw==',
  'regression recent':
    'TUxSUwEAGQAAAHJlZ3Jlc3Npb24gbWV0cmljcyByZWNlbnQAAAAAAAAAAAMAAAAAAAAAAADQPwAAAAAAAOg/AAAAAAAA4D8DAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAPA/F4Ej/g==',
};

test.each(Object.entries(SAVED_EARLIER))('a state of %s that an earlier Millrace saved goes on', (name, saved) => {
  const [task, period] = name.split(' ') as ['binary' | 'regression', 'all' | 'recent'];
  const loaded = PrequentialMetrics.load(task, period, Buffer.from(saved, 'base64'));
  const anew = new PrequentialMetrics(task, period);
  for (const [score, target] of [
    [0.25, 0],
    [0.75, 1],
    [0.5, 1],
  ] as const)
    anew.fold({ score, target, prior: undefined });
  for (const metrics of [loaded, anew]) {
    metrics.fold({ score: 0.5, target: 0, prior: 1 });
    metrics.fold({ score: 0.125, target: 1, prior: undefined });
  }
  const plain = (list: MetricValue[]) => list.map(({ metric, value, examples }) => ({ metric, value, examples }));
  const remembers = ({ metric }: MetricValue) => period === 'recent' || metric !== 'kappa_temporal';
  expect(plain(loaded.values().filter(remembers))).toEqual(plain(anew.values().filter(remembers)));
});

/** Saved after a said of a, a of b, nothing of c, with 0.7 for a and 0.3 for b. */
const CLASSES_EARLIER = {
  all: 'TUxSUwEAFgAAAG11bHRpY2xhc3MgbWV0cmljcyBhbGwAAAAAAAAAAAMAAAABAAAAYQEAAABiAQAAAGMDAAAAAQAAAGEBAAAAAQAAAGEAAAAAAADwPwEAAABiAQAAAAEAAABhAAAAAAAA8D8BAAAAYwAAAAAAAAAAAAAAAAAA8D8CAAAAAAAAAAAA5rx8rynuuQxCQAMAAAAAAAAAAACAvAAAAAAAALC87FG4HoXrBUABAAAAAQAAAGMAAAAAAAAAAAAAAAAAAABA9O4DqQ==',
  recent:
    'TUxSUwEAGQAAAG11bHRpY2xhc3MgbWV0cmljcyByZWNlbnQAAAAAAAAAAAMAAAABAAAAYQEAAABiAQAAAGMDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPC/AwAAAAAAAAAAAAAAAAAAAAAA8D8AAAAAAAAAQAMAAABmZmZmZmbmPzMzMzMzM9M/AAAAAAAAAAADAAAAC9ejcD0Kxz9bj8L1KFzvP0jhehSuR/k/nSSlQQ==',
};

test.each(['all', 'recent'] as const)(
  'a state of %s that was saved before probabilities were kept goes on',
  (period) => {
    const said = { outputs: new Map(Object.entries({ a: 0.7, b: 0.3 })) };
    const loaded = PrequentialMetrics.load('multiclass', period, Buffer.from(CLASSES_EARLIER[period], 'base64'));
    const anew = new PrequentialMetrics('multiclass', period);
    for (const [prediction, label] of [
      ['a', 'a'],
      ['a', 'b'],
      [null, 'c'],
    ] as const)
      anew.fold(outcome({ prediction, ...said }, label, null));
    for (const metrics of [loaded, anew]) {
      metrics.fold(outcome({ prediction: 'a', ...said }, 'b', null));
      metrics.fold(outcome({ prediction: 'b', outputs: new Map(Object.entries({ a: 0.2, b: 0.8 })) }, 'a', null));
    }
    const others = (values: readonly MetricValue[]) => values.filter(({ metric }) => metric !== 'roc_auc');
    expect(others(loaded.values())).toEqual(others(anew.values()));
    // Of those whose probabilities are known.
    if (period === 'recent') expect(of(loaded.values(), 'roc_auc').value).toBe(0);
  },
);
