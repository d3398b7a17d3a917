import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import type { Input } from '../../src/model/learner.ts';
import type { FeatureRow } from '../../src/model/model.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { NO_SERIES, periodOf, SeriesKeys, type SeriesOptions } from '../../src/model/series-keys.ts';

const columns: readonly ColumnType[] = [
  { name: 'store', typeOid: 20, type: 'bigint' },
  { name: 'item', typeOid: 25, type: 'text' },
  { name: 'day', typeOid: 1082, type: 'date' },
  { name: 'tick', typeOid: 23, type: 'integer' },
];

const keysOf = (options: Partial<SeriesOptions>, saved?: StateReader): SeriesKeys =>
  new SeriesKeys(columns, { max_series: 10, ...options }, saved);

function said(keys: SeriesKeys, row: FeatureRow): { series: number | undefined; time: number | undefined } {
  const input: Input = { length: 0, indexes: new Int32Array(0), values: new Float64Array(0) };
  keys.read(row, input);
  return { series: input.series, time: input.time };
}

describe('the keys of series', () => {
  test('a series is known from its first label on, by the text of its column', () => {
    const keys = keysOf({ series: 'store' });
    expect(said(keys, { store: 7 }).series).toBe(NO_SERIES);
    expect(keys.intern({ store: 7 })).toBe(true);
    expect(keys.intern({ store: '8' })).toBe(true);
    expect(keys.intern({ store: 7 })).toBe(true);
    expect([7, 8, 9].map((store) => said(keys, { store }).series)).toEqual([0, 1, NO_SERIES]);
  });

  test('all rows are one series where none is named, and have no time where none is named', () => {
    const keys = keysOf({});
    expect(said(keys, {}).series).toBe(NO_SERIES);
    expect(keys.intern({})).toBe(true);
    expect(said(keys, { store: 7 })).toEqual({ series: 0, time: Number.NaN });
  });

  test('several columns together are one key, and parts are never confused', () => {
    const keys = keysOf({ series: ['store', 'item'] });
    for (const row of [
      { store: 1, item: '1,2' },
      { store: '1,1', item: '2' },
    ])
      keys.intern(row);
    expect(said(keys, { store: '1', item: '1,2' }).series).toBe(0);
    expect(said(keys, { store: '1,1', item: 2 }).series).toBe(1);
  });

  test('a row whose key is NULL, absent, no scalar or over 200 characters is of no series, nor is one without its time', () => {
    const keys = keysOf({ series: 'item', time: 'day' });
    const day = '2026-01-01';
    for (const item of [null, undefined, [], {}, 'x'.repeat(201)]) expect(keys.intern({ item, day })).toBe(false);
    for (const at of [null, undefined, 'infinity', 'soon']) expect(keys.intern({ item: 'x', day: at })).toBe(false);
    expect(keys.intern({ item: 'x'.repeat(200), day })).toBe(true);
    expect(keys.bytes).toBe(100);
  });

  test('series beyond max_series stay unknown', () => {
    const keys = keysOf({ series: 'store', max_series: 2 });
    expect([1, 2, 3, 1].map((store) => keys.intern({ store }))).toEqual([true, true, false, true]);
    expect(said(keys, { store: 3 }).series).toBe(NO_SERIES);
  });

  test('a time is in seconds since 1970, or as its column counts', () => {
    expect(said(keysOf({ time: 'day' }), { day: '1970-01-03' }).time).toBe(2 * 86_400);
    expect(said(keysOf({ time: 'tick' }), { tick: 5 }).time).toBe(5);
  });

  test('a saved list of keys keeps their numbers', () => {
    const keys = keysOf({ series: 'store' });
    for (const store of [5, 3, 9]) keys.intern({ store });
    const writer = new StateWriter('keys');
    keys.save(writer);
    const loaded = keysOf({ series: 'store' }, new StateReader(writer.finish(), 'keys'));
    loaded.intern({ store: 1 });
    expect([5, 3, 9, 1].map((store) => said(loaded, { store }).series)).toEqual([0, 1, 2, 3]);
  });

  test('a period is a duration or a number', () => {
    const cases: [SeriesOptions['period'], number | undefined][] = [
      ['1 day', 86_400],
      ['15 minutes', 900],
      ['1.5hours', 5_400],
      [7, 7],
      [undefined, undefined],
    ];
    for (const [period, seconds] of cases) expect(periodOf({ period, max_series: 1 })).toBe(seconds);
    // A year is twelve months, and either is right to the day over decades.
    expect(periodOf({ period: '12 months', max_series: 1 })).toBe(periodOf({ period: '1 year', max_series: 1 }));
  });

  test('columns that are none, a time that is none and a period that does not fit are refused with what to do', () => {
    const refused = (options: Partial<SeriesOptions>, message: RegExp, hint: RegExp): void => {
      let thrown: { code?: string; message?: string; hint?: string } = {};
      try {
        keysOf(options);
      } catch (error) {
        thrown = error as typeof thrown;
      }
      expect(thrown.code).toBe('MODEL_INVALID');
      expect(thrown.message).toMatch(message);
      expect(thrown.hint).toMatch(hint);
    };
    refused({ series: 'stor' }, /"series" names "stor"/, /Did you mean "store"\?.*Key and event time are none/);
    refused({ series: ['store', 'x'] }, /"series" names "x"/, /Features: store, item, day, tick/);
    refused({ time: 'item' }, /"time" names "item" of type text/, /A date, a timestamp or a number/);
    refused({ time: 'tick', period: '1 day' }, /"period" is a duration, "tick" is a number/, /"period": 1/);
    refused({ period: '1 day' }, /"period" needs "time"/, /"time": "day"/);
  });
});
