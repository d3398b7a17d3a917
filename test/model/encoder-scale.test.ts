import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { encodeOptions } from '../../src/model/encoder/encode-options.ts';
import { Encoder } from '../../src/model/encoder/encoder.ts';
import { QuantileSketch } from '../../src/model/encoder/quantile-sketch.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { floatColumns, phishing, requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

const columns = floatColumns(['x']);

function encoderOf(options: Record<string, unknown>, saved?: StateReader): Encoder {
  return new Encoder(columns, encodeOptions.parse(options), saved);
}

function scaled(encoder: Encoder, x: unknown, learn = false): number {
  const input = encoder.encode({ x }, learn);
  expect([input.length, input.indexes[0]]).toEqual([1, 0]);
  return input.values[0]!;
}

function reloaded(encoder: Encoder, options: Record<string, unknown>): Encoder {
  const writer = new StateWriter('encoder');
  encoder.save(writer);
  const reader = new StateReader(writer.finish(), 'encoder');
  const loaded = encoderOf(options, reader);
  reader.finish();
  return loaded;
}

/** Streams of several shapes, each with its own order of magnitude. */
function streams(length: number): [string, number[]][] {
  const random = seeded(7);
  const draw = (of: (i: number) => number) => Array.from({ length }, (_, i) => of(i));
  return [
    ['uniform', draw(() => random() * 1e6 - 3e5)],
    ['heavy tails', draw(() => Math.tan(Math.PI * (random() - 0.5)))],
    ['small integers', draw(() => Math.floor(random() * 5))],
    ['rising', draw((i) => i * 0.25)],
    ['falling', draw((i) => -i)],
    ['around a date', draw(() => 1.7e9 + random())],
    ['to and fro', draw((i) => (i % 2 === 0 ? i : -i))],
  ];
}

/** How many ranks `value` is away from rank ceil(share · n) in `seen`; ties span several. */
function ranksOff(seen: readonly number[], value: number, share: number): number {
  const rank = Math.max(1, Math.ceil(share * seen.length));
  const below = seen.filter((other) => other < value).length;
  const upTo = seen.filter((other) => other <= value).length;
  expect(upTo).toBeGreaterThan(below);
  return rank <= below ? below + 1 - rank : rank > upTo ? rank - upTo : 0;
}

describe('the scale', () => {
  test('min_max is the place between least and greatest so far, as computed plainly', () => {
    for (const [, stream] of streams(400)) {
      const encoder = encoderOf({ scale: 'min_max', clip: null });
      const seen: number[] = [];
      for (const x of stream) {
        seen.push(x);
        const [least, greatest] = [Math.min(...seen), Math.max(...seen)];
        expect(scaled(encoder, x, true)).toBe(greatest > least ? (x - least) / (greatest - least) : 0);
      }
      const [least, greatest] = [Math.min(...seen), Math.max(...seen)];
      expect([least - 1, least, greatest, greatest + 1].map((x) => scaled(encoder, x))).toEqual([0, 0, 1, 1]);
    }
  });

  test('min_max follows a trend in spite of `clip`', () => {
    const encoder = encoderOf({ scale: 'min_max' });
    for (let x = 0; x < 5000; x++) encoder.encode({ x }, true);
    expect(scaled(encoder, 4999)).toBe(1);
    expect(scaled(encoder, 2499.5)).toBe(0.5);
  });

  test('robust is exactly (x − median) / interquartile range of nearest ranks over the first 49 values', () => {
    for (const [, stream] of streams(49)) {
      const encoder = encoderOf({ scale: 'robust', clip: null });
      const seen: number[] = [];
      for (const x of stream) {
        seen.push(x);
        const sorted = seen.toSorted((a, b) => a - b);
        const [low, median, high] = [0.25, 0.5, 0.75].map((share) => sorted[Math.ceil(share * sorted.length) - 1]!);
        expect(scaled(encoder, x, true)).toBe(high! > low! ? (x - median!) / (high! - low!) : 0);
      }
    }
  });

  test('robust goes by quartiles within 1 % of rank, on streams in any order', () => {
    for (const [name, stream] of streams(6000)) {
      const sketch = new QuantileSketch();
      for (const [i, x] of stream.entries()) {
        sketch.add(x);
        if (i % 1499 !== 1498) continue;
        const seen = stream.slice(0, i + 1);
        for (const share of [0, 0.25, 0.5, 0.75, 1])
          expect(ranksOff(seen, sketch.quantile(share), share), `${name}, ${share}`).toBeLessThanOrEqual(
            0.01 * seen.length,
          );
      }
      const encoder = encoderOf({ scale: 'robust', clip: null });
      for (const x of stream) encoder.encode({ x }, true);
      const [low, median, high] = [0.25, 0.5, 0.75].map((share) => sketch.quantile(share));
      expect(scaled(encoder, stream[5]!)).toBe((stream[5]! - median!) / (high! - low!));
    }
  });

  test('robust keeps some hundred values of a long stream, not all', () => {
    for (const [name, stream] of streams(100_000)) {
      const sketch = new QuantileSketch();
      for (const x of stream) sketch.add(x);
      expect(sketch.count).toBe(stream.length);
      expect(sketch.bytes / 24, name).toBeLessThanOrEqual(512 + 50);
    }
  });

  test('none is what "standardise": false is, and standard what true is', () => {
    const save = (options: Record<string, unknown>) => {
      const encoder = encoderOf(options);
      const values = streams(200)[0]![1].map((x) => scaled(encoder, x, true));
      const writer = new StateWriter('encoder');
      encoder.save(writer);
      return [values, writer.finish()];
    };
    expect(save({ scale: 'none' })).toEqual(save({ standardise: false }));
    expect(save({ scale: 'standard' })).toEqual(save({}));
    expect(save({ features: { x: { standardise: false } } })).toEqual(save({ features: { x: { scale: 'none' } } }));
    expect(save({ scale: 'robust', features: { x: { standardise: true } } })).toEqual(save({}));
    expect(save({ scale: 'none' })).not.toEqual(save({}));
  });

  test('is a feature’s own where it is given', () => {
    const encoder = new Encoder(
      floatColumns(['a', 'b', 'c']),
      encodeOptions.parse({ scale: 'min_max', features: { b: { scale: 'none' }, c: { scale: 'robust' } } }),
    );
    for (let i = 0; i <= 4; i++) encoder.encode({ a: i, b: i, c: i }, true);
    expect([...encoder.encode({ a: 3, b: 3, c: 3 }, false).values]).toEqual([0.75, 3, 0.5]);
  });

  test('is taken by kinds that take columns as they are', () => {
    for (const [scale, expected] of [
      ['min_max', 0.75],
      ['robust', 0.5],
    ] as const) {
      const encoder = new Encoder(columns, encodeOptions.parse({ scale }), undefined, 'columns');
      for (let x = 0; x <= 4; x++) encoder.encode({ x }, true);
      expect(scaled(encoder, 3)).toBe(expected);
      expect(scaled(encoder, null)).toBeNaN();
    }
  });
});

describe('min_max and robust', () => {
  const scales = ['min_max', 'robust'] as const;

  test('give 0 for a constant and before anything was learned', () => {
    for (const scale of scales) {
      const encoder = encoderOf({ scale });
      expect(scaled(encoder, 5)).toBe(0);
      for (let i = 0; i < 200; i++) expect(scaled(encoder, 5, true)).toBe(0);
      expect(scaled(encoder, 6)).toBe(0);
    }
  });

  test('stay finite and are not flattened by numbers that are no use or absurd', () => {
    for (const scale of scales) {
      const encoder = encoderOf({ scale });
      for (let i = 0; i < 1000; i++) encoder.encode({ x: i % 10 }, true);
      for (const x of [Number.NaN, Infinity, -Infinity, 1e101, 'NaN', null]) encoder.encode({ x }, true);
      expect(encoder.unusable).toBe(5);
      for (const x of [1e100, -1e100]) expect(Number.isFinite(scaled(encoder, x, true))).toBe(true);
      const spread = scaled(encoder, 9) - scaled(encoder, 0);
      // Of 1, and of 9 / 5 interquartile ranges.
      expect(spread).toBeGreaterThan(scale === 'robust' ? 1.5 : 0.8);
      expect(Math.abs(scaled(encoder, 1e100))).toBeLessThanOrEqual(100);
    }
  });

  test('robust is not spoiled by absurd values that come first', () => {
    const encoder = encoderOf({ scale: 'robust' });
    for (const x of [1e100, -1e100, 1e100]) scaled(encoder, x, true);
    for (let i = 0; i < 500; i++) encoder.encode({ x: i % 10 }, true);
    expect(scaled(encoder, 9) - scaled(encoder, 0)).toBeGreaterThan(1.5);
  });

  test('go on bit for bit after they were saved and loaded in mid-stream', () => {
    for (const scale of scales) {
      for (const [, stream] of streams(700)) {
        const encoder = encoderOf({ scale });
        for (const x of stream.slice(0, 333)) encoder.encode({ x }, true);
        const loaded = reloaded(encoder, { scale });
        for (const x of stream.slice(333)) expect(scaled(loaded, x, true)).toBe(scaled(encoder, x, true));
        const [a, b] = [new StateWriter('encoder'), new StateWriter('encoder')];
        encoder.save(a);
        loaded.save(b);
        expect(Buffer.compare(a.finish(), b.finish())).toBe(0);
      }
    }
  });

  test('another scale in the options starts anew, in the same dimension', () => {
    const encoder = encoderOf({ scale: 'robust' });
    for (let x = 0; x <= 4; x++) encoder.encode({ x }, true);
    for (const scale of ['min_max', 'standard'] as const) {
      const changed = reloaded(encoder, { scale });
      expect(scaled(changed, 4)).toBe(0);
      for (let x = 0; x <= 4; x++) changed.encode({ x }, true);
      expect(scaled(changed, 4)).toBeCloseTo(scale === 'min_max' ? 1 : Math.SQRT2, 12);
      expect(changed.dimensions).toBe(1);
    }
    expect(scaled(reloaded(encoder, { scale: 'robust' }), 4)).toBe(1);
  });

  test('a loaded model says the same, and a logistic one learns with each of them', async () => {
    const { columns: names, rows } = phishing();
    const kinds = [
      { kind: 'logistic', optimizer: { name: 'sgd', lr: 0.1 } },
      { kind: 'naive_bayes' },
      { kind: 'hoeffding_tree' },
    ];
    for (const kind of kinds) {
      for (const scale of scales) {
        const request = requestFor(names, { ...kind, encode: { scale } });
        const model = await createModel(request);
        let loaded = model;
        let right = 0;
        for (const [i, row] of rows.entries()) {
          const [said] = model.predictMany([row.features]);
          right += Number(said!.prediction === String(row.target === 1));
          expect(loaded.predictMany([row.features])[0]).toEqual(said);
          model.learn({ ...row, weight: 1 });
          if (loaded !== model) loaded.learn({ ...row, weight: 1 });
          if (i === 600) loaded = await loadModel(request, model.save());
        }
        if (kind.kind === 'logistic') expect(right / rows.length, scale).toBeGreaterThan(0.75);
      }
    }
  });
});

describe('a scale that is not valid is refused with what would be', () => {
  const refusal = async (encode: Record<string, unknown>, kind = 'logistic') => {
    const error = await createModel(requestFor(columns, { kind, encode })).then(
      () => undefined,
      (reason: unknown) => reason as { code: string; message: string },
    );
    expect(error?.code).toBe('MODEL_INVALID');
    return error!.message;
  };

  test('an unknown one', async () => {
    for (const encode of [{ scale: 'minmax' }, { features: { x: { scale: 'minmax' } } }])
      expect(await refusal(encode)).toMatch(
        /"encode\..*scale" is not valid: .*"standard"\|"min_max"\|"robust"\|"none"/,
      );
  });

  test('one that "standardise" contradicts', async () => {
    const contradictory = /scale" is not valid: "standardise" says another: .*Give "scale" alone/;
    expect(await refusal({ scale: 'robust', standardise: false })).toMatch(contradictory);
    expect(await refusal({ scale: 'robust', standardise: true }, 'naive_bayes')).toMatch(contradictory);
    expect(await refusal({ features: { x: { scale: 'min_max', standardise: true } } })).toMatch(contradictory);
    const request = requestFor(columns, { encode: { scale: 'none', standardise: false } });
    await expect(createModel(request)).resolves.toBeDefined();
  });
});
