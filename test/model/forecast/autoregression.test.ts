// What an autoregression learns of series whose process is known.

import { expect, test } from 'vitest';
import { dayOf, forecaster, forecastsOf, gaussian, learnValue } from './series.ts';

const DAILY = { kind: 'autoregression', series: 'store', time: 'day', period: '1 day' };

test('finds the weights of an autoregression, in few values', async () => {
  const model = await forecaster({ ...DAILY, p: 2, d: 0, encode: { features: { price: { as: 'ignore' } } } });
  const random = gaussian(1);
  let [last, before] = [0, 0];
  let [sum, least] = [0, 0];
  for (let n = 0; n < 600; n++) {
    const noise = random();
    const y = 1.2 * last - 0.5 * before + noise;
    const row = { store: 'a', day: dayOf(n) };
    if (n >= 100) {
      sum += Math.abs(model.predictMany([row])[0]!.score! - y);
      least += Math.abs(noise);
    }
    learnValue(model, y, row);
    [last, before] = [y, last];
  }
  expect(sum).toBeGreaterThan(least);
  expect(sum / least).toBeLessThan(1.03);
});

test('other columns count at the row’s own step: what comes after it is as if they were at their mean', async () => {
  const model = await forecaster({ ...DAILY, p: 1, d: 0, horizon: 3 });
  const random = gaussian(2);
  for (let n = 0; n < 400; n++) {
    const price = random();
    learnValue(model, 50 + 10 * price + random(), { store: 'a', day: dayOf(n), price });
  }
  const said = (ahead: number, price: number) =>
    forecastsOf(model, { store: 'a', day: dayOf(400 + ahead), price }, 3) as [number, number, number];
  for (const ahead of [0, 4]) {
    const [low, high] = [said(ahead, -2), said(ahead, 2)];
    expect(Math.abs(low[0] - 30)).toBeLessThan(2);
    expect(Math.abs(high[0] - 70)).toBeLessThan(2);
    for (const after of [1, 2]) {
      expect(Math.abs(low[after]! - 50)).toBeLessThan(4);
      expect(Math.abs(high[after]! - 50)).toBeLessThan(4);
    }
  }
});

test('a season of differences carries a yearly pattern on, over gaps too', async () => {
  const model = await forecaster({ ...DAILY, p: 0, d: 0, season: 7, sd: 1, horizon: 10 });
  const week = [5, 1, 2, 3, 4, 9, 8];
  for (let n = 0; n < 200; n++)
    if (n < 50 || n % 11 !== 0) learnValue(model, week[n % 7]! * 10, { store: 'a', day: dayOf(n), price: 0 });
  const expected = Array.from({ length: 10 }, (_, h) => week[(230 + h) % 7]! * 10);
  forecastsOf(model, { store: 'a', day: dayOf(230), price: 0 }, 10).forEach((value, h) =>
    expect(value).toBeCloseTo(expected[h]!, 6),
  );
});

test('inputs that say nothing for long do not unlearn what was learned, nor make the state grow without end', async () => {
  const model = await forecaster({ ...DAILY, p: 2, d: 0, forgetting: 0.9 });
  const random = gaussian(3);
  for (let n = 0; n < 300; n++) {
    const price = random();
    learnValue(model, 10 + 5 * price + 0.1 * random(), { store: 'a', day: dayOf(n), price });
  }
  const effect = () => {
    const [low, high] = [-1, 1].map(
      (price) => model.predictMany([{ store: 'a', day: dayOf(99_999), price }])[0]!.score!,
    );
    return high! - low!;
  };
  const before = effect();
  expect(Math.abs(before - 10)).toBeLessThan(0.5);
  for (let n = 300; n < 5000; n++) learnValue(model, 10 + 0.1 * random(), { store: 'a', day: dayOf(n), price: 0 });
  // The scale of the column shrinks as it stays what it was; the step it makes does not vanish or explode.
  expect(effect()).toBeGreaterThan(2);
  expect(effect()).toBeLessThan(50);
  expect(Object.values(model.predictMany([{ store: 'a', day: dayOf(5000) }])[0]!.outputs!).every(Number.isFinite)).toBe(
    true,
  );
});

test('orders that need a season are refused without one', async () => {
  for (const order of [{ sp: 1 }, { sd: 1 }, { sq: 1, season: 1 }])
    await expect(forecaster({ ...DAILY, ...order })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('need a season') as string,
    });
});

test.each([{}, { q: 1 }, { method: 'gradient' }, { horizon: 4 }])(
  'values that come seldom and at odd times leave forecasts near what was seen: %j',
  async (options) => {
    const model = await forecaster({
      kind: 'autoregression',
      series: 'store',
      time: 'day',
      period: '1 hour',
      ...options,
    });
    const random = gaussian(5);
    const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000).toISOString();
    let [hours, level, off, least] = [0, 20, 0, 0];
    for (let n = 0; n < 1000; n++) {
      const gap = 1 + Math.floor(Math.abs(random()) * 8) ** 2;
      hours += gap;
      const before = level;
      for (let i = 0; i < gap; i++) level += 0.05 * (20 - level) + 0.3 * random();
      const row = { store: 'a', day: at(hours) };
      const score = model.predictMany([row])[0]!.score!;
      const { bias, contributions } = model.explain(row, 10);
      const sum = contributions.reduce((total, { contribution }) => total + contribution, bias);
      expect(sum).toBeCloseTo(score, 6);
      if (n > 0) {
        off += Math.abs(score - level);
        least += Math.abs(before - level);
        expect(Math.abs(score - 20), `row ${n}`).toBeLessThan(100);
      }
      learnValue(model, level, row);
    }
    // No change is a good forecast of it.
    expect(off / least).toBeLessThan(3);
  },
);
