import { describe, expect, test } from 'vitest';
import { createModel } from '../../src/model/create-model.ts';
import {
  booleanLabel,
  goldenOutputs,
  goldenTrace,
  numberLabel,
  phishing,
  phishingClasses,
  requestFor,
  textLabel,
} from './phishing.ts';

const TRACES: [trace: string, options: Record<string, unknown>][] = [
  ['logreg_phishing', { optimizer: { name: 'sgd', lr: 0.01 }, intercept_lr: 0.01, l2: 0 }],
  ['logreg_phishing', {}],
  ['logreg_sgd01_phishing', { optimizer: { name: 'sgd', lr: 0.1 } }],
  ['logreg_adagrad_phishing', { optimizer: { name: 'adagrad', lr: 0.1 } }],
  ['logreg_adam_phishing', { optimizer: { name: 'adam', lr: 0.01 } }],
  ['ftrl_phishing', { optimizer: { name: 'ftrl' } }],
  ['ftrl_l1_phishing', { optimizer: { name: 'ftrl', alpha: 0.1, l1: 1 } }],
  ['pa_phishing', { kind: 'passive_aggressive' }],
  ['ht_phishing', { kind: 'hoeffding_tree' }],
  ['gnb_phishing', { kind: 'naive_bayes' }],
  ['linreg_phishing', { kind: 'linear' }],
  ['linreg_l2_phishing', { kind: 'linear', optimizer: { name: 'adagrad' }, l2: 0.001, intercept_lr: 0.1 }],
];

const CLASS_TRACES: [trace: string, options: Record<string, unknown>][] = [
  ['softmax_phishing', { kind: 'softmax', intercept_lr: 0 }],
  ['softmax_adam_phishing', { kind: 'softmax', intercept_lr: 0, optimizer: { name: 'adam', lr: 0.01 } }],
  ['gnb_classes_phishing', { kind: 'naive_bayes' }],
  ['ht_classes_phishing', { kind: 'hoeffding_tree', grace_period: 50, delta: 1e-3 }],
];

describe('on every row of phishing, predict then learn', () => {
  test.each(TRACES)('%s is what River predicts, with options %j', async (trace, options) => {
    const { columns, rows } = phishing();
    const expected = goldenTrace(trace);
    const label = options['kind'] === 'linear' ? numberLabel : booleanLabel;
    const model = await createModel({ ...requestFor(columns, options), label });
    let worst = 0;
    rows.forEach((row, i) => {
      const score = model.predictMany([row.features])[0]!.score!;
      worst = Math.max(worst, Math.abs(score - expected[i]!));
      model.learn({ ...row, weight: 1 });
    });
    expect(rows.length).toBe(1250);
    expect(expected.length).toBe(1250);
    expect(worst).toBeLessThan(1e-9);
    expect(model.examples).toBe(1250);
    expect(model.skipped).toBe(0);
  });

  test.each(CLASS_TRACES)('%s is what River says of every class, with options %j', async (trace, options) => {
    const { columns, rows } = phishingClasses();
    const expected = goldenOutputs(trace);
    const model = await createModel({ ...requestFor(columns, options), label: textLabel });
    let worst = 0;
    for (const [i, { features, label }] of rows.entries()) {
      const { score, prediction, outputs } = model.predictMany([features])[0]!;
      expect(Object.keys(outputs!).sort()).toEqual(Object.keys(expected[i]!).sort());
      for (const [name, value] of Object.entries(outputs!))
        worst = Math.max(worst, Math.abs(value - expected[i]![name]!));
      expect(score).toBe(prediction === null ? 0 : outputs![prediction]);
      expect(score).toBe(Math.max(0, ...Object.values(outputs!)));
      model.learn({ features, target: 0, weight: 1, label });
    }
    expect(rows.length).toBe(700);
    expect(worst).toBeLessThan(1e-9);
  });
});
