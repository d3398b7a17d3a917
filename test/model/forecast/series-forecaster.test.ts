// What every kind that forecasts series does, whatever its model: steps by time, gaps, late values, priors, caps, explanations.

import { describe, expect, test } from 'vitest';
import { loadModel } from '../../../src/model/create-model.ts';
import type { Model, ModelRequest } from '../../../src/model/model.ts';
import { seeded } from '../seeded.ts';
import { columns, dayOf, forecaster, forecastsOf, gaussian, learnValue, requestOf } from './series.ts';

type Options = ModelRequest['options'];

const KINDS: readonly Options[] = [{ kind: 'holt_winters' }, { kind: 'autoregression' }];

const score = (model: Model, row = {}): number => model.predictMany([row])[0]!.score!;

describe.each(KINDS)('$kind', (kind) => {
  const daily: Options = { ...kind, series: 'store', time: 'day', period: '1 day' };

  test('forecasts each series by its own values, and one that it does not know by the mean of all', async () => {
    const model = await forecaster({ ...kind, series: 'store' });
    for (let n = 0; n < 40; n++) {
      learnValue(model, 10, { store: 'a' });
      learnValue(model, 30, { store: 'b' });
    }
    expect(score(model, { store: 'a' })).toBeCloseTo(10, 3);
    expect(score(model, { store: 'b' })).toBeCloseTo(30, 3);
    expect(score(model, { store: 'c' })).toBeCloseTo(20, 9);
    expect(score(model, { store: null })).toBeCloseTo(20, 9);
  });

  test('a row is forecast as many steps ahead as its time says, at least one, and 1,000 at most', async () => {
    const model = await forecaster({ ...daily, horizon: 6 });
    const random = seeded(3);
    for (let n = 0; n < 60; n++) learnValue(model, 50 + 2 * n + random(), { store: 'a', day: dayOf(n) });
    const next = forecastsOf(model, { store: 'a', day: dayOf(60) }, 6);
    for (let h = 0; h < 6; h++) expect(score(model, { store: 'a', day: dayOf(60 + h) })).toBe(next[h]);
    for (const late of [59, 30, -5]) expect(score(model, { store: 'a', day: dayOf(late) })).toBe(next[0]);
    expect(score(model, { store: 'a', day: null })).toBe(next[0]);
    const farthest = score(model, { store: 'a', day: dayOf(59 + 1000) });
    expect(score(model, { store: 'a', day: dayOf(59 + 5000) })).toBe(farthest);
    expect(farthest).not.toBe(score(model, { store: 'a', day: dayOf(59 + 999) }));
  });

  test('a trend is continued over days whose values never came', async () => {
    const line = (n: number) => 100 + 5 * n;
    const model = await forecaster(daily);
    for (let n = 0; n < 400; n++) if (n % 7 < 5 || n < 14) learnValue(model, line(n), { store: 'a', day: dayOf(n) });
    expect(score(model, { store: 'a', day: dayOf(403) }) / line(403)).toBeCloseTo(1, 2);
  });

  test('a season stays in its place over a gap of any length', async () => {
    const shape = kind.kind === 'holt_winters' ? { beta: null } : { p: 1, d: 0, sp: 1, sd: 1 };
    const wave = (n: number) => 100 + 20 * Math.sin((2 * Math.PI * n) / 24);
    for (const gap of [999, 1000, 1001, 1213, 40_007]) {
      const model = await forecaster({ ...daily, ...shape, season: 24 });
      for (let n = 0; n < 240; n++) learnValue(model, wave(n), { store: 'a', day: dayOf(n) });
      const after = 239 + gap;
      expect(score(model, { store: 'a', day: dayOf(after) })).toBeCloseTo(wave(after), 3);
      // The first alone could have a time that is wrong.
      for (const n of [0, 1]) learnValue(model, wave(after + n), { store: 'a', day: dayOf(after + n) });
      for (const n of [2, 6, 17])
        expect(score(model, { store: 'a', day: dayOf(after + n) })).toBeCloseTo(wave(after + n), 3);
    }
  });

  test('one value with a time far ahead is skipped, two of them are where the series has gone on', async () => {
    const features = [
      { name: 'store', typeOid: 25, type: 'text' },
      { name: 'day', typeOid: 701, type: 'double precision' },
    ];
    for (const period of [{ period: 1 }, {}]) {
      const options = { ...kind, series: 'store', time: 'day', ...period };
      const model = await forecaster(options, features);
      const learn = (one: Model, day: number) => learnValue(one, 50 + day, { store: 'a', day });
      for (let day = 0; day < 60; day++) learn(model, day);
      learn(model, 1e6);
      // The same row, changed, is no second one.
      learn(model, 1e6);
      for (let day = 60; day < 90; day++) learn(model, day);
      expect(model.skipped).toBe(2);
      expect(score(model, { store: 'a', day: 90 })).toBeCloseTo(140, 0);
      learn(model, 5000);
      const loaded = await loadModel(requestOf(options, features), model.save());
      for (const one of [model, loaded]) for (const day of [5001, 5002, 4000, 5003]) learn(one, day);
      expect([model.skipped, loaded.skipped]).toEqual([4, 4]);
      expect(loaded.save()).toEqual(model.save());
      // A gap is no longer far once one as long was there.
      learn(loaded, 90_000);
      expect(loaded.skipped).toBe(4);
    }
  });

  test('a value that is not after the last of its series is counted as skipped, and changes nothing', async () => {
    const model = await forecaster(daily);
    const values: [number, number][] = [
      [0, 5],
      [1, 6],
      [3, 7],
      [4, 9],
    ];
    for (const [n, value] of values) learnValue(model, value, { store: 'a', day: dayOf(n) });
    const before = score(model, { store: 'a', day: dayOf(5) });
    for (const n of [4, 2, -3]) learnValue(model, 1000, { store: 'a', day: dayOf(n) });
    expect(score(model, { store: 'a', day: dayOf(5) })).toBe(before);
    expect([model.examples, model.skipped]).toEqual([7, 3]);
    const loaded = await loadModel(requestOf(daily), model.save());
    expect(loaded.skipped).toBe(3);
    // Another series has a time of its own.
    learnValue(loaded, 1, { store: 'b', day: dayOf(0) });
    expect(loaded.skipped).toBe(3);
  });

  test('without a time values are learned in the order in which they come, and each row is one step ahead', async () => {
    const [timed, untimed] = [await forecaster(daily), await forecaster({ ...kind, series: 'store' })];
    const random = seeded(5);
    for (let n = 0; n < 50; n++) {
      const y = 10 * random();
      learnValue(timed, y, { store: 'a', day: dayOf(n) });
      learnValue(untimed, y, { store: 'a', day: dayOf(50 - n) });
    }
    expect(score(untimed, { store: 'a', day: dayOf(9) })).toBe(score(timed, { store: 'a', day: dayOf(50) }));
  });

  test('series beyond max_series are counted as skipped, and memory stays as it is', async () => {
    // Without the detectors of drift, whose buckets grow for a while.
    const model = await forecaster({ ...kind, series: 'store', max_series: 50, drift: { signals: [] } });
    const feed = (from: number, to: number) => {
      for (let n = from; n < to; n++) for (let i = 0; i < 30; i++) learnValue(model, i % 7, { store: `store ${n}` });
    };
    feed(0, 50);
    const { bytes } = model;
    expect(model.skipped).toBe(0);
    const saved = model.save().length;
    feed(50, 400);
    expect(model.skipped).toBe(350 * 30);
    expect(model.bytes).toBe(bytes);
    expect(model.save().length).toBe(saved);
  });

  test('explains a forecast by parts that sum to it', async () => {
    const model = await forecaster({ ...daily, horizon: 3 });
    const random = gaussian(8);
    for (let n = 0; n < 90; n++) learnValue(model, 20 + n / 3 + random(), { store: 'a', day: dayOf(n), price: n % 5 });
    for (const ahead of [0, 3]) {
      const row = { store: 'a', day: dayOf(90 + ahead), price: 2 };
      const { bias, contributions } = model.explain(row, Infinity);
      expect(contributions.length).toBeGreaterThan(1);
      expect(contributions.reduce((sum, part) => sum + part.contribution, bias)).toBeCloseTo(score(model, row), 9);
      expect(contributions.filter((part) => Math.abs(part.contribution) > 0.01).length).toBeGreaterThan(0);
    }
    const unknown = { store: 'z', day: dayOf(90) };
    expect(model.explain(unknown, 9).bias).toBe(score(model, unknown));
  });

  test('as many values as promised fall between the bounds, at every horizon, whatever the errors are like', async () => {
    const horizon = 4;
    // Normal errors about a level that wanders; errors with heavy tails about one that does not.
    const normal = gaussian(11);
    const walk = (at: { level: number }) => (at.level += 0.3 * normal()) + normal();
    const heavy = () => 100 + normal() / Math.sqrt(0.05 + Math.abs(normal()));
    for (const [draw, interval] of [
      [walk, 0.9],
      [heavy, 0.8],
    ] as const) {
      const model = await forecaster({ ...daily, horizon, interval });
      const at = { level: 100 };
      const waiting: Record<string, number>[] = [];
      const inside = new Float64Array(horizon);
      const ROUNDS = 8000;
      for (let n = 0; n < ROUNDS; n++) {
        const y = draw(at);
        const row = { store: 'a', day: dayOf(n), price: 0 };
        waiting.unshift({ ...model.predictMany([row])[0]!.outputs! });
        for (let h = 0; h < Math.min(horizon, waiting.length); h++) {
          const said = waiting[h]!;
          if (n >= 500 && said[`${h + 1}_low`]! <= y && y <= said[`${h + 1}_high`]!) inside[h]! += 1 / (ROUNDS - 500);
        }
        waiting.length = Math.min(waiting.length, horizon);
        learnValue(model, y, row);
      }
      for (let h = 0; h < horizon; h++)
        expect(Math.abs(inside[h]! - interval), `${interval} ${h + 1}`).toBeLessThan(0.025);
    }
  });

  test('says beside a forecast what the series was last and a season before, and what it forecast of this row further ahead', async () => {
    const horizon = 5;
    const random = seeded(6);
    for (const [gaps, delay] of [
      [false, 1],
      [true, 1],
      [false, 3],
    ] as const) {
      let model = await forecaster({ ...daily, horizon, season: 4 });
      const days = Array.from({ length: 120 }, (_, n) => n).filter((n) => !gaps || n % 11 < 9);
      const value = (n: number) => 10 * (n % 4) + Math.round(50 * Math.sin(n)) / 10;
      /** What was said before the value of that day was learned, by the day and name. */
      const made = new Map<number, Readonly<Record<string, number>>>();
      let measured = 0;
      for (const [i, n] of days.entries()) {
        const at = { store: 'a', day: dayOf(n), price: 0 };
        const outputs = model.predictMany([at])[0]!.outputs!;
        const known = days.slice(0, Math.max(0, i - delay + 1));
        const last = known.at(-1);
        expect(outputs['no_change']).toBe(last === undefined ? undefined : value(last));
        const before = last === undefined ? n : n - 4 * Math.ceil((n - last) / 4);
        const standing = known.findLast((day) => day <= before);
        expect(outputs['season_before'], `${n}`).toBe(standing === undefined ? undefined : value(standing));
        for (let h = 2; h <= horizon; h++) {
          const told = outputs[`ahead_${h}`];
          if (told === undefined) continue;
          measured += 1;
          const first = n - h + 1;
          expect(told).toBe(made.get(first)![`${h}`]);
          // Other rows have told it since how wide, where labels are late.
          if (delay === 1 && !gaps) {
            expect(outputs[`ahead_${h}_low`]).toBe(made.get(first)![`${h}_low`]);
            expect(outputs[`ahead_${h}_high`]).toBe(made.get(first)![`${h}_high`]);
          }
          expect(outputs[`ahead_${h}_no_change`]).toBe(value(days.findLast((day) => day <= n - h)!));
        }
        // As told when all before it was known: labels may be late, the model learns them in order.
        const learned = days[i - delay + 1];
        if (learned === undefined) continue;
        const row = { store: 'a', day: dayOf(learned), price: 0 };
        made.set(learned, { ...model.predictMany([row])[0]!.outputs! });
        learnValue(model, value(learned), row);
        if (random() < 0.1) model = await loadModel(requestOf({ ...daily, horizon, season: 4 }), model.save());
      }
      expect(measured).toBeGreaterThan(50);
    }
    const other = (await forecaster({ ...daily, season: 4 })).predictMany([{ store: 'a', day: dayOf(0) }])[0]!;
    expect(other.outputs).not.toHaveProperty('no_change');
  });

  test('bounds of the first rows are wide, not wrong: all values so far say how wide', async () => {
    const model = await forecaster({ ...kind, series: 'store' });
    const bounds = (store: string) => model.predictMany([{ store }])[0]!.outputs!;
    expect(bounds('a')).toEqual({ '1': 0, '1_low': 0, '1_high': 0, '0.05': 0, '0.95': 0 });
    for (let n = 0; n < 40; n++) for (const store of ['a', 'b', 'c']) learnValue(model, n % 4, { store });
    expect(bounds('new')['1']).toBeCloseTo(1.5, 1);
    expect(bounds('new')['1_low']).toBeLessThan(0);
    expect(bounds('new')['1_high']).toBeGreaterThan(3);
    // As quantiles once more, which metrics measure.
    expect(bounds('new')['0.05']).toBe(bounds('new')['1_low']);
    expect(bounds('new')['0.95']).toBe(bounds('new')['1_high']);
  });

  test('stays finite for constant, huge and tiny values, with bounds in order', async () => {
    for (const draw of [() => 0, () => 5, () => 1e100, () => -1e100, () => 5e-324]) {
      const model = await forecaster({ ...kind, horizon: 3 });
      const random = seeded(9);
      for (let n = 0; n < 300; n++) {
        learnValue(model, random() < 0.5 ? draw() : random(), {});
        const values = Object.values(model.predictMany([{}])[0]!.outputs!);
        expect(values.every(Number.isFinite)).toBe(true);
      }
      const said = model.predictMany([{}])[0]!.outputs!;
      for (const h of ['1', '2', '3']) {
        expect(said[`${h}_low`]).toBeLessThanOrEqual(said[h]!);
        expect(said[`${h}_high`]).toBeGreaterThanOrEqual(said[h]!);
      }
    }
  });

  test('one absurd value is as if it were clip deviations off', async () => {
    const scores: number[] = [];
    for (const absurd of [1e6, 1e30]) {
      const model = await forecaster({ ...kind });
      const random = gaussian(2);
      for (let n = 0; n < 300; n++) learnValue(model, n === 200 ? absurd : 50 + random(), {});
      scores.push(score(model));
    }
    expect(scores[0]).toBe(scores[1]);
    expect(Math.abs(scores[0]! - 50)).toBeLessThan(5);
  });

  test('another horizon, interval or rate goes on from what was learned', async () => {
    const model = await forecaster({ ...daily, horizon: 3 });
    const random = gaussian(4);
    for (let n = 0; n < 80; n++) learnValue(model, 50 + random(), { store: 'a', day: dayOf(n) });
    const row = { store: 'a', day: dayOf(80) };
    for (const change of [{ horizon: 1 }, { horizon: 8 }, { interval: 0.5 }]) {
      const changed = await loadModel(requestOf({ ...daily, horizon: 3, ...change }), model.save());
      expect(score(changed, row)).toBe(score(model, row));
      const said = changed.predictMany([row])[0]!.outputs!;
      expect(Object.values(said).every(Number.isFinite)).toBe(true);
    }
  });

  test('a series that is named wrongly is refused, with the features that there are', async () => {
    await expect(forecaster({ ...kind, series: 'stor' }, columns)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      hint: expect.stringContaining('Did you mean "store"?') as string,
    });
    await expect(forecaster({ ...kind, seson: 4 })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      hint: expect.stringContaining('horizon') as string,
    });
  });
});

/** Of Holt-Winters, season 2 and horizon 3, after the values 10, 21, 12, 23, 14, 25, 16 of days 0 to 6. */
const SAVED_EARLIER =
  'TUxSUwEAEgAAAGhvbHRfd2ludGVycyBtb2RlbAAAAAAAABxAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAEAAABhVAEAAE1MUlMBABQAAABob2x0X3dpbnRlcnMgbGVhcm5lcs3MzMzMzOw/AwAAACK7d4l0Iq6/1eROTZuHxD8L16NwPQrHPwMAAAAAAAAAAAAIQAAAAAAAAABAAAAAAAAA8D8wG/qIrjRvQAAAAAAAABhAAAAAAAAAAAAAAAAAkiRJkiRJMUAfGutDY308QAAAAAAAABxAAAAAAAAAAAAKAAAAYWRkaXRpdmUgMgEAAAAAAACAaFfaQQAAAAAAABxAkAAAAE1MUlMBAAYAAABzZXJpZXMwG/qIrjRvQAAAAAAAABhAAgAAAAAAAAAAACBAAAAAAAAAIkACAAAACqiREpKCSUBIwGwrCxRKQAIAAAALmZH2uyYwQEtzrqW5DzNAAQAAAIZvbgc7/kRAp02N+mElIUABAAAAAgAAAFi9Awn4zzLAoPnmSHjUFcAAAAAAGIx4PgxfOT1BmnvJ';

test('a state that was saved before values were kept forecasts as it did, and says what it was last from the next value on', async () => {
  const options = { kind: 'holt_winters', series: 'store', time: 'day', period: '1 day', season: 2, horizon: 3 };
  const request = requestOf({ ...options, drift: { signals: [] } }, columns.slice(0, 2));
  const loaded = await loadModel(request, Buffer.from(SAVED_EARLIER, 'base64'));
  const anew = await forecaster(request.options, request.features);
  for (let n = 0; n < 7; n++) learnValue(anew, [10, 20][n % 2]! + n, { store: 'a', day: dayOf(n) });
  const said = (model: Model, n: number) => model.predictMany([{ store: 'a', day: dayOf(n) }])[0]!.outputs!;
  expect(said(loaded, 7)).not.toHaveProperty('no_change');
  expect(forecastsOf(loaded, { store: 'a', day: dayOf(7) }, 3)).toEqual(
    forecastsOf(anew, { store: 'a', day: dayOf(7) }, 3),
  );
  for (const model of [loaded, anew]) for (let n = 7; n < 12; n++) learnValue(model, n, { store: 'a', day: dayOf(n) });
  expect(said(loaded, 12)).toEqual(said(anew, 12));
  expect(said(loaded, 12)).toMatchObject({ no_change: 11, season_before: 10 });
});
