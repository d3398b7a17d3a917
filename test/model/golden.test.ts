import { describe, expect, test } from 'vitest';
import { createModel } from '../../src/model/create-model.ts';
import { goldenTrace, phishing, requestFor } from './phishing.ts';

const TRACES: [trace: string, options: Record<string, unknown>][] = [
  ['logreg_phishing', { optimizer: { name: 'sgd', lr: 0.01 }, intercept_lr: 0.01, l2: 0 }],
  ['logreg_phishing', {}],
  ['logreg_sgd01_phishing', { optimizer: { name: 'sgd', lr: 0.1 } }],
  ['logreg_adagrad_phishing', { optimizer: { name: 'adagrad', lr: 0.1 } }],
  ['logreg_adam_phishing', { optimizer: { name: 'adam', lr: 0.01 } }],
  ['ftrl_phishing', { optimizer: { name: 'ftrl' } }],
  ['ftrl_l1_phishing', { optimizer: { name: 'ftrl', alpha: 0.1, l1: 1 } }],
];

describe('on every row of phishing, predict then learn', () => {
  test.each(TRACES)('%s is what River predicts, with options %j', async (trace, options) => {
    const { columns, rows } = phishing();
    const expected = goldenTrace(trace);
    const model = await createModel(requestFor(columns, options));
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
});
