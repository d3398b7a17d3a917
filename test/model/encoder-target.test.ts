import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { encodeOptions } from '../../src/model/encoder/encode-options.ts';
import { Encoder } from '../../src/model/encoder/encoder.ts';
import type { FeatureRow, Model, ModelRequest } from '../../src/model/model.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { numberLabel, requestFor, textLabel } from './phishing.ts';
import { seeded } from './seeded.ts';

const columns: ColumnType[] = [
  { name: 'shop', type: 'text', typeOid: 25 },
  { name: 'amount', type: 'numeric', typeOid: 1700 },
];

function encoderOf(shop: Record<string, unknown>, saved?: StateReader): Encoder {
  const options = encodeOptions.parse({ features: { shop: { as: 'target', scale: 'none', ...shop } } });
  return new Encoder(columns.slice(0, 1), options, saved);
}

function valueOf(encoder: Encoder, shop: unknown, learn = false): number[] {
  const { values, length } = encoder.encode({ shop }, learn);
  return [...values.subarray(0, length)];
}

describe('a category encoded by its target', () => {
  test('is the mean that it came with, drawn to the mean of all by smoothing', () => {
    const encoder = encoderOf({ smoothing: 2 });
    expect(valueOf(encoder, 'a')).toEqual([0]);
    for (const [shop, y] of [
      ['a', 1],
      ['a', 1],
      ['b', 0],
      ['a', 0],
    ] as const)
      encoder.learnTarget({ shop }, y, 1);
    const all = 2 / 4;
    expect(valueOf(encoder, 'a')[0]).toBeCloseTo((2 + 2 * all) / (3 + 2), 12);
    expect(valueOf(encoder, 'b')[0]).toBeCloseTo((0 + 2 * all) / (1 + 2), 12);
    expect(valueOf(encoder, 'never seen')[0]).toBeCloseTo(all, 12);
  });

  test('is a plain mean without smoothing, weighted by the examples', () => {
    const encoder = encoderOf({ smoothing: 0 });
    encoder.learnTarget({ shop: 'a' }, 10, 3);
    encoder.learnTarget({ shop: 'a' }, 2, 1);
    encoder.learnTarget({ shop: 'a' }, 99, 0);
    expect(valueOf(encoder, 'a')[0]).toBeCloseTo(8, 12);
  });

  test('learns nothing of the target when a row is encoded, only when its label is given', () => {
    const encoder = encoderOf({});
    for (let i = 0; i < 5; i++) expect(valueOf(encoder, 'a', true)).toEqual([0]);
    encoder.learnTarget({ shop: 'a' }, 1, 1);
    expect(valueOf(encoder, 'a')[0]).toBe(1);
  });

  test('shares one mean beyond max_values, and where it is over 200 characters', () => {
    const encoder = encoderOf({ smoothing: 0, max_values: 2 });
    for (const [shop, y] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 5],
      ['x'.repeat(201), 10],
    ] as const)
      encoder.learnTarget({ shop }, y, 1);
    expect(['a', 'b', 'c', 'd', 'e', 'x'.repeat(300)].map((shop) => valueOf(encoder, shop)[0])).toEqual([
      1, 2, 6, 6, 6, 6,
    ]);
  });

  test('is missing where it is NULL, as other features are', () => {
    const encoder = encoderOf({});
    encoder.learnTarget({ shop: null }, 1, 1);
    expect(valueOf(encoder, null, true)).toEqual([1]);
    expect(valueOf(encoder, null)).toEqual([1]);
    expect(valueOf(encoder, 'a')).toEqual([0]);
    expect(encoder.encode({}, true).length).toBe(0);
  });

  test('goes on after a load as if nothing had happened', () => {
    const random = seeded(3);
    const stream = Array.from({ length: 500 }, () => [`s${Math.floor(random() * 60)}`, random()] as const);
    const learn = (encoder: Encoder, from: number, to: number) => {
      for (const [shop, y] of stream.slice(from, to)) {
        encoder.encode({ shop }, true);
        encoder.learnTarget({ shop }, y, 1);
      }
      const writer = new StateWriter('encoder');
      encoder.save(writer);
      return writer.finish();
    };
    const options = { max_values: 40, scale: 'standard' };
    const whole = learn(encoderOf(options), 0, 500);
    const half = learn(encoderOf(options), 0, 250);
    expect(Buffer.compare(learn(encoderOf(options, new StateReader(half, 'encoder')), 250, 500), whole)).toBe(0);
  });

  /** 300 shops, each with a share of frauds of its own: too many for dimensions, and the amount says nothing. */
  function shops(count: number): { features: FeatureRow; target: number; weight: number }[] {
    const random = seeded(11);
    const shares = Array.from({ length: 300 }, () => (random() < 0.3 ? 0.9 : 0.05));
    return Array.from({ length: count }, () => {
      const shop = Math.floor(random() * 300);
      return {
        features: { shop: `shop ${shop}`, amount: random() },
        target: Number(random() < shares[shop]!),
        weight: 1,
      };
    });
  }

  async function brier(model: Promise<Model>, examples: ReturnType<typeof shops>): Promise<number> {
    const subject = await model;
    let sum = 0;
    for (const example of examples) {
      sum += (subject.predictMany([example.features])[0]!.score! - example.target) ** 2;
      subject.learn(example);
    }
    return sum / examples.length;
  }

  const request = (encode: Record<string, unknown>, more: Record<string, unknown> = {}): ModelRequest =>
    requestFor(columns, { encode: { features: { shop: encode } }, drift: { signals: [] }, ...more });

  test('does not leak: a target that nothing foretells is not foretold', async () => {
    const random = seeded(5);
    // Every shop comes once or twice: with its own label in the mean the score would be nearly right.
    const examples = Array.from({ length: 4000 }, () => ({
      features: { shop: `shop ${Math.floor(random() * 3000)}`, amount: random() },
      target: Number(random() < 0.5),
      weight: 1,
    }));
    const options = { as: 'target', smoothing: 1, max_values: 10_000 };
    expect(await brier(createModel(request(options)), examples)).toBeGreaterThan(0.249);
    expect(await brier(createModel(request(options, { kind: 'hoeffding_tree' })), examples)).toBeGreaterThan(0.249);
  });

  test.each(['logistic', 'hoeffding_tree'])(
    'tells %s more than a hundred dimensions and one for the rest',
    async (kind) => {
      const examples = shops(8000);
      const target = await brier(createModel(request({ as: 'target', max_values: 1000 }, { kind })), examples);
      const oneHot = await brier(createModel(request({ as: 'category' }, { kind })), examples);
      expect(target).toBeLessThan(oneHot * 0.8);
    },
  );

  test('is learned with a number as the label, and explained by the name of its column', async () => {
    const model = await createModel({ ...request({ as: 'target' }, { kind: 'linear' }), label: numberLabel });
    for (const { features, target } of shops(500)) model.learn({ features, target: target * 100, weight: 1 });
    const { contributions } = model.explain({ shop: 'shop 1', amount: 0.5 }, 9);
    expect(contributions.map(({ feature, value }) => [feature, value]).sort()).toEqual([
      ['amount', 0.5],
      ['shop', 'shop 1'],
    ]);
    const again = await loadModel(
      { ...request({ as: 'target' }, { kind: 'linear' }), label: numberLabel },
      model.save(),
    );
    expect(Buffer.compare(again.save(), model.save())).toBe(0);
  });

  test('is refused where the label is a class, and its option where it means nothing', async () => {
    const classes = { ...request({ as: 'target' }, { kind: 'softmax' }), label: textLabel };
    await expect(createModel(classes)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: 'model option "encode.features.shop.as" is "target", which needs a boolean or a number as the label',
    });
    await expect(createModel(request({ as: 'category', smoothing: 3 }))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: 'model option "encode.features.shop" is not valid: "smoothing" can be given only with "as": "target"',
    });
  });
});
