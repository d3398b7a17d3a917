// Forecasts of a generated monthly series 1 to 12 steps ahead, against River's (golden/forecast_traces.py).

import { expect, test } from 'vitest';
import { forecaster, forecastsOf, forecastTrace, learnValue } from './series.ts';

const HW = { kind: 'holt_winters', start: 'river', horizon: 12 };
const SEASON = { alpha: 0.3, beta: 0.1, gamma: 0.6, season: 12 };

const TRACES: [trace: string, options: { kind: string; [option: string]: unknown }, from: number][] = [
  ['ses_months', { ...HW, alpha: 0.4, beta: null }, 2],
  ['holt_months', { ...HW, alpha: 0.3, beta: 0.1 }, 2],
  ['hw_add_months', { ...HW, ...SEASON }, 12],
  ['hw_mult_months', { ...HW, ...SEASON, seasonal: 'multiplicative' }, 12],
];

test.each(TRACES)('%s is what River forecasts, with options %j', async (trace, options, from) => {
  const rows = forecastTrace(trace);
  const model = await forecaster(options);
  let worst = 0;
  let compared = 0;
  for (const { y, x, forecasts } of rows) {
    const row = { price: x };
    const said = forecastsOf(model, row, 12);
    expect(model.predictMany([row])[0]!.score).toBe(said[0]);
    for (const [h, forecast] of forecasts.entries()) worst = Math.max(worst, Math.abs(said[h]! - forecast));
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
