import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { encodeOptions } from '../../src/model/encoder/encode-options.ts';
import { Encoder } from '../../src/model/encoder/encoder.ts';
import { hashText, numberOf } from '../../src/model/encoder/feature-value.ts';
import type { FeatureRow } from '../../src/model/model.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { booleanLabel, phishing, requestFor } from './phishing.ts';

const OIDS: Record<string, number> = {
  numeric: 1700,
  bigint: 20,
  text: 25,
  boolean: 16,
  timestamptz: 1184,
  date: 1082,
};

function columnsOf(types: Record<string, string>): ColumnType[] {
  return Object.entries(types).map(([name, type]) => ({ name, type, typeOid: OIDS[type] ?? 114 }));
}

function encoderOf(types: Record<string, string>, options: Record<string, unknown> = {}): Encoder {
  return new Encoder(columnsOf(types), encodeOptions.parse(options));
}

/** [dimension, value] pairs. */
function encoded(encoder: Encoder, row: FeatureRow, learn = false): [number, number][] {
  const input = encoder.encode(row, learn);
  return Array.from({ length: input.length }, (_, i) => [input.indexes[i]!, input.values[i]!]);
}

describe('an encoder', () => {
  test('standardises a number by what it has learned: population variance, 0 while there is none', () => {
    const encoder = encoderOf({ amount: 'numeric' });
    expect(encoded(encoder, { amount: 5 })).toEqual([[0, 0]]);
    for (const amount of [2, 4, 4, 4, 5, 5, 7, 9]) encoder.encode({ amount }, true);
    expect(encoded(encoder, { amount: 9 })[0]![1]).toBeCloseTo(2, 12);
    expect(encoded(encoder, { amount: 5 })[0]![1]).toBeCloseTo(0, 12);
  });

  test('takes numbers as they are where asked to', () => {
    const encoder = encoderOf(
      { a: 'numeric', b: 'numeric' },
      { standardise: false, features: { b: { standardise: true } } },
    );
    expect(encoded(encoder, { a: 7, b: 7 })).toEqual([
      [0, 7],
      [1, 0],
    ]);
  });

  test('gives NULL a dimension of its own, made when the first is learned', () => {
    const encoder = encoderOf({ amount: 'numeric', currency: 'text', night: 'boolean' });
    const nulls = { amount: null, currency: null, night: null };
    expect(encoded(encoder, nulls)).toEqual([]);
    const learned = encoded(encoder, nulls, true);
    expect(learned.map(([, value]) => value)).toEqual([1, 1, 1]);
    expect(new Set(learned.map(([dimension]) => dimension)).size).toBe(3);
    expect(encoded(encoder, nulls)).toEqual(learned);
    expect(encoder.unusable).toBe(0);
  });

  test('counts NaN, infinity, what is beyond 1e100 and what is no number as missing', () => {
    const encoder = encoderOf({ amount: 'numeric' });
    const odd = ['NaN', 'Infinity', '-Infinity', 1e101, 'abc', '', [], {}];
    for (const amount of odd) expect(encoded(encoder, { amount }, true)).toEqual([[1, 1]]);
    expect(encoder.unusable).toBe(odd.length);
    expect(encoded(encoder, { amount: '1e3' }, true)).toEqual([[0, 0]]);
  });

  test('reads columns of any name', () => {
    const names = [
      'plain',
      'with space',
      '"quoted"',
      "it's",
      'back\\slash',
      'new\nline',
      '${x}',
      '\u2028',
      'constructor',
    ];
    const encoder = encoderOf(Object.fromEntries(names.map((name) => [name, 'numeric'])), { standardise: false });
    const row = Object.fromEntries(names.map((name, i) => [name, i + 1]));
    expect(encoded(encoder, row, true)).toEqual(names.map((_, i) => [i, i + 1]));
  });

  test('says nothing of a column that the row does not have', () => {
    const encoder = encoderOf({ amount: 'numeric', night: 'boolean' });
    expect(encoded(encoder, {}, true)).toEqual([]);
    expect(encoded(encoder, { unknown: 1 }, true)).toEqual([]);
  });

  test('gives the first max_values texts a dimension each and all later ones one together', () => {
    const encoder = encoderOf({ currency: 'text' }, { max_values: 2 });
    const [eur, usd, gbp, chf] = ['eur', 'usd', 'gbp', 'chf'].map(
      (currency) => encoded(encoder, { currency }, true)[0]![0],
    );
    expect(new Set([eur, usd, gbp]).size).toBe(3);
    expect(chf).toBe(gbp);
    expect(encoded(encoder, { currency: 'eur' })).toEqual([[eur, 1]]);
    expect(encoded(encoder, { currency: 'never learned' })).toEqual([[gbp, 1]]);
    expect(encoder.dimensions).toBe(3);
  });

  test('hashes into a space of its own for each feature, with a sign, the same for the same seed', () => {
    const options = { categories: 'hashing', dimensions: 16 };
    const encoder = encoderOf({ a: 'text', b: 'text' }, options);
    const signs = new Set<number>();
    const [used, usedB] = [new Set<number>(), new Set<number>()];
    for (let i = 0; i < 500; i++) {
      const [[a, sign], [b]] = encoded(encoder, { a: `v${i}`, b: `v${i}` }, true) as [
        [number, number],
        [number, number],
      ];
      signs.add(sign);
      used.add(a);
      usedB.add(b);
    }
    expect([...signs].sort()).toEqual([-1, 1]);
    expect([used.size, usedB.size]).toEqual([16, 16]);
    expect([...used].some((a) => usedB.has(a))).toBe(false);
    expect(encoder.dimensions).toBe(32);
    const other = encoderOf({ a: 'text', b: 'text' }, { ...options, hash_seed: 1 });
    const sequence = (subject: Encoder) => Array.from({ length: 50 }, (_, i) => encoded(subject, { a: `w${i}` }, true));
    const again = encoderOf({ a: 'text', b: 'text' }, options);
    const first = sequence(again);
    expect(sequence(encoderOf({ a: 'text', b: 'text' }, options))).toEqual(first);
    expect(sequence(other)).not.toEqual(first);
  });

  test('starts hashing anew with other buckets or another seed: no category gets what another has learned', () => {
    const options = { categories: 'hashing', dimensions: 4 };
    const encoder = encoderOf({ a: 'text' }, options);
    for (const a of ['u', 'v', 'w', 'x', 'y', 'z']) encoder.encode({ a }, true);
    const used = encoder.dimensions;
    const writer = new StateWriter('encoder');
    encoder.save(writer);
    const saved = writer.finish();
    const loaded = (other: object): Encoder =>
      new Encoder(
        columnsOf({ a: 'text' }),
        encodeOptions.parse({ ...options, ...other }),
        new StateReader(saved, 'encoder'),
      );
    expect(encoded(loaded({}), { a: 'u' })).toEqual(encoded(encoder, { a: 'u' }));
    for (const other of [{ dimensions: 8 }, { hash_seed: 1 }]) {
      const anew = loaded(other);
      expect(encoded(anew, { a: 'u' })).toEqual([]);
      expect(encoded(anew, { a: 'u' }, true)[0]![0]).toBe(used);
    }
  });

  test('goes on with buckets that were saved before it was said whose they are', () => {
    const writer = new StateWriter('encoder');
    writer.u32(4);
    writer.f64(0);
    writer.u32(1);
    writer.text('a');
    writer.text('hashing');
    for (const value of [-1, -1, 0, 0, 0]) writer.f64(value);
    writer.u32(4);
    for (const bucket of [3, 2, 1, 0]) {
      writer.text(String(bucket));
      writer.u32(bucket);
    }
    const options = encodeOptions.parse({ categories: 'hashing', dimensions: 4 });
    const encoder = new Encoder(columnsOf({ a: 'text' }), options, new StateReader(writer.finish(), 'encoder'));
    expect(encoded(encoder, { a: 'u' })[0]![0]).toBe((hashText('u', 0) & 0x7fffffff) % 4);
    const again = new StateWriter('encoder');
    encoder.save(again);
    const same = new Encoder(columnsOf({ a: 'text' }), options, new StateReader(again.finish(), 'encoder'));
    expect(encoded(same, { a: 'u' })).toEqual(encoded(encoder, { a: 'u' }));
    expect(same.dimensions).toBe(4);
  });

  test('decides by the type, not by the value: a number can be a category, a text a number', () => {
    const encoder = encoderOf(
      { code: 'bigint', size: 'text', day: 'timestamptz', plain: 'timestamptz', flag: 'boolean' },
      {
        standardise: false,
        features: { code: { as: 'category' }, size: { as: 'number' }, day: { as: 'number' }, flag: { as: 'number' } },
      },
    );
    const row = { code: 12, size: '7.5', day: '2026-01-31T10:00:00.5+02:00', plain: '2026-01-31', flag: true };
    expect(encoded(encoder, row, true)).toEqual([
      [3, 1],
      [0, 7.5],
      [1, Date.UTC(2026, 0, 31, 8) / 1000 + 0.5],
      [2, 1],
    ]);
    expect(encoder.features).toEqual(['code', 'size', 'day', 'flag']);
    expect(encoder.notices).toHaveLength(1);
    expect(encoder.notices[0]).toMatch(
      /column "plain" of type timestamptz is not used as a feature: .*seconds since 1970/,
    );
  });

  test('reads dates and timestamps as Postgres writes them, the same in every time zone', () => {
    const { UTC } = Date;
    const times: [text: string, ms: number][] = [
      ['2026-01-31', UTC(2026, 0, 31)],
      ['0001-02-03', new Date('0001-02-03T00:00:00Z').getTime()],
      ['2026-01-31T10:00:00', UTC(2026, 0, 31, 10)],
      ['2026-01-31 10:00:00', UTC(2026, 0, 31, 10)],
      ['2026-01-31T10:00:00.25', UTC(2026, 0, 31, 10, 0, 0, 250)],
      ['2026-01-31T10:00:00+00:00', UTC(2026, 0, 31, 10)],
      ['2026-01-31T10:00:00-03:30', UTC(2026, 0, 31, 13, 30)],
    ];
    for (const [text, ms] of times) expect(numberOf(text, 'time')).toBe(ms / 1000);
    const beyond = [
      '10000-01-01',
      '12345-06-07',
      '12345-06-07T00:00:00',
      '0044-03-15 BC',
      'infinity',
      '-infinity',
      '7',
      '',
    ];
    for (const text of beyond) expect(numberOf(text, 'time')).toBeNaN();
  });

  test('names the columns that it does not use, and says when none is left', () => {
    const { notices } = encoderOf({ doc: 'jsonb', at: 'date' });
    expect(notices[0]).toBe(
      'column "doc" of type jsonb is not used as a feature: give the view a number, text or boolean made from it',
    );
    expect(notices[2]).toBe('no column is used as a feature: the model learns only a constant');
  });

  test('limits a number 100 deviations out, and what of it enters mean and deviation; with clip null, neither', () => {
    const limited = encoderOf({ amount: 'numeric' });
    const free = encoderOf({ amount: 'numeric' }, { clip: null });
    for (const encoder of [limited, free]) {
      for (let i = 0; i < 1000; i++) encoder.encode({ amount: i % 10 }, true);
    }
    expect(encoded(limited, { amount: 1e12 })[0]![1]).toBe(100);
    expect(encoded(free, { amount: 1e6 })[0]![1]).toBeGreaterThan(1e5);
    for (const encoder of [limited, free]) encoder.encode({ amount: 1e12 }, true);
    const spread = (encoder: Encoder) =>
      encoded(encoder, { amount: 9 })[0]![1] - encoded(encoder, { amount: 0 })[0]![1];
    expect(spread(limited)).toBeGreaterThan(0.5);
    expect(spread(free)).toBeLessThan(1e-6);
  });
});

describe('"update": "on_arrival"', () => {
  test('learns means and deviations as rows arrive', async () => {
    const { columns, rows } = phishing();
    const request = requestFor(columns, { update: 'on_arrival' });
    const model = await createModel(request);
    expect(model.learnsArrivals).toBe(true);
    for (const row of rows.slice(0, 500)) model.observe(row.features);
    const before = Buffer.from(model.save());
    model.learn({ ...rows[0]!, weight: 1 });
    expect(Buffer.compare(before, model.save())).not.toBe(0);
    const [score] = model.predictMany([rows[0]!.features]);
    expect(score!.score).not.toBe(0.5);
  });

  test.each(['logistic', 'passive_aggressive', 'naive_bayes'])(
    'gives %s other scores than "on_label", the same ones each time, and bit for bit after a load',
    async (kind) => {
      const { columns, rows } = phishing();
      const encode = { scale: 'standard' };
      // Labels come 50 rows after their row, as they do in life.
      const run = async (update: string, reloadAt?: number): Promise<string> => {
        const request = requestFor(columns, { kind, update, encode });
        let model = await createModel(request);
        const scores: number[] = [];
        for (let i = 0; i < 400; i++) {
          if (i === reloadAt) model = await loadModel(request, model.save());
          const { features } = rows[i]!;
          scores.push(model.predictMany([features])[0]!.score!);
          model.observe(features);
          if (i >= 50) model.learn({ ...rows[i - 50]!, weight: 1 });
        }
        return JSON.stringify([scores, Buffer.from(model.save()).toString('base64')]);
      };
      const arrival = await run('on_arrival');
      expect(await run('on_arrival')).toBe(arrival);
      expect(await run('on_arrival', 137)).toBe(arrival);
      const [ours, theirs] = [arrival, await run('on_label')].map((one) => (JSON.parse(one) as [number[]])[0]);
      expect(ours!.slice(0, 51)).toEqual(theirs!.slice(0, 51));
      expect(ours!.slice(51)).not.toEqual(theirs!.slice(51));
    },
  );

  test('lets a target encoding learn nothing before the label is there', async () => {
    const columns = [{ name: 'shop', typeOid: 25, type: 'text' }];
    const encode = { features: { shop: { as: 'target', scale: 'none', smoothing: 0 } } };
    const model = await createModel(requestFor(columns, { update: 'on_arrival', encode }));
    for (let i = 0; i < 20; i++) model.observe({ shop: 'a' });
    model.learn({ features: { shop: 'a' }, target: 1, weight: 1 });
    // It was learned as 0, the mean before: only the bias moved, and the weight of a mean of 1 is still none.
    expect(model.explain({ shop: 'a' }, 9).contributions).toEqual([{ feature: 'shop', value: 'a', contribution: 0 }]);
    model.learn({ features: { shop: 'a' }, target: 1, weight: 1 });
    expect(model.explain({ shop: 'a' }, 9).contributions[0]!.contribution).toBeGreaterThan(0);
  });

  test('"on_label" does nothing when a row arrives', async () => {
    const { columns, rows } = phishing();
    const model = await createModel(requestFor(columns));
    const before = Buffer.from(model.save());
    model.observe(rows[0]!.features);
    expect(Buffer.compare(before, model.save())).toBe(0);
  });
});

test('on every phishing row contributions and bias sum to the raw score to 1e-9', async () => {
  const { columns, rows } = phishing();
  const model = await createModel({ ...requestFor(columns), label: booleanLabel });
  let worst = 0;
  for (const row of rows) {
    const { bias, contributions } = model.explain(row.features, Infinity);
    const raw = contributions.reduce((sum, part) => sum + part.contribution, bias);
    const score = model.predictMany([row.features])[0]!.score!;
    worst = Math.max(worst, Math.abs(raw - Math.log(score / (1 - score))));
    expect(contributions).toHaveLength(9);
    model.learn({ ...row, weight: 1 });
  }
  expect(worst).toBeLessThan(1e-9);
});
