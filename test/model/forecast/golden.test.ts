// Forecasts of a generated monthly series 1 to 12 steps ahead, against River's (golden/forecast_traces.py).

import { expect, test } from 'vitest';
import { forecaster, forecastsOf, forecastTrace, learnValue } from './series.ts';

const HW = { kind: 'holt_winters', start: 'river', horizon: 12 };
const SEASON = { alpha: 0.3, beta: 0.1, gamma: 0.6, season: 12 };

const AR = {
  kind: 'autoregression',
  start: 'river',
  method: 'gradient',
  horizon: 12,
  series: 'store',
  encode: { clip: null },
};
const ADAM = { optimizer: { name: 'adam', lr: 0.1 }, intercept_lr: 0.1 };

const TRACES: [trace: string, options: { kind: string; [option: string]: unknown }, from: number][] = [
  ['ses_months', { ...HW, alpha: 0.4, beta: null }, 2],
  ['holt_months', { ...HW, alpha: 0.3, beta: 0.1 }, 2],
  ['hw_add_months', { ...HW, ...SEASON }, 12],
  ['hw_mult_months', { ...HW, ...SEASON, seasonal: 'multiplicative' }, 12],
  ['ar_months', { ...AR, p: 3, d: 0 }, 1],
  ['arima_months', { ...AR, p: 2, d: 1, q: 2 }, 2],
  ['sarima_months', { ...AR, p: 2, d: 1, q: 1, season: 12, sp: 1, sd: 1, sq: 1 }, 14],
  ['sarima_adam_months', { ...AR, ...ADAM, p: 12, d: 1, q: 12, season: 12, sd: 1 }, 14],
  ['arx_months', { ...AR, p: 2, d: 0, columns_ahead: 'row' }, 1],
];

test.each(TRACES)('%s is what River forecasts, with options %j', async (trace, options, from) => {
  const rows = forecastTrace(trace);
  const model = await forecaster(options);
  expect(model.predictMany([{}])[0]!.score).toBe(0);
  let worst = 0;
  let compared = 0;
  for (const { y, x, forecasts } of rows) {
    const row = { price: trace === 'arx_months' ? x : 0, store: 'a' };
    const said = forecastsOf(model, row, 12);
    expect(model.predictMany([row])[0]!.score).toBe(said[0]);
    // Twelve digits stand there, and some forecasts are far out.
    for (const [h, forecast] of forecasts.entries())
      worst = Math.max(worst, Math.abs(said[h]! - forecast) / Math.max(1, Math.abs(forecast)));
    if (forecasts.length > 0) compared += 1;
    learnValue(model, y, row);
  }
  expect(compared).toBe(144 - from);
  expect(worst).toBeLessThan(1e-9);
});

test('where seasons add, the start that is not River’s takes them as differences, and errs less', async () => {
  const errors = async (start: string): Promise<number> => {
    const model = await forecaster({ ...HW, ...SEASON, start });
    let sum = 0;
    for (const [i, { y }] of forecastTrace('hw_add_months').entries()) {
      if (i >= 24) sum += Math.abs(model.predictMany([{}])[0]!.score! - y);
      learnValue(model, y);
    }
    return sum / 120;
  };
  expect(await errors('series')).toBeLessThan(0.95 * (await errors('river')));
});
