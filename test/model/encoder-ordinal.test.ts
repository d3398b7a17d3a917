import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import { encodeOptions } from '../../src/model/encoder/encode-options.ts';
import { Encoder } from '../../src/model/encoder/encoder.ts';
import type { FeatureRow } from '../../src/model/model.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

const columns: ColumnType[] = [
  { name: 'size', type: 'text', typeOid: 25 },
  { name: 'amount', type: 'numeric', typeOid: 1700 },
  { name: 'night', type: 'boolean', typeOid: 16 },
  { name: 'at', type: 'timestamptz', typeOid: 1184 },
];
const ordinal = { features: { size: { as: 'ordinal', scale: 'none' } } };

function encoded(encoder: Encoder, row: FeatureRow, learn = false): [number, number][] {
  const input = encoder.encode(row, learn);
  return Array.from({ length: input.length }, (_, i) => [input.indexes[i]!, input.values[i]!]);
}

function saved(encoder: Encoder): Uint8Array {
  const writer = new StateWriter('encoder');
  encoder.save(writer);
  return writer.finish();
}

async function refusal(encode: Record<string, unknown>, kind = 'logistic'): Promise<string> {
  const error = await createModel(requestFor(columns, { kind, encode })).then(
    () => undefined,
    (reason: unknown) => reason as { code: string; message: string; hint: string },
  );
  expect(error?.code).toBe('MODEL_INVALID');
  return `${error!.message}. ${error!.hint}`;
}

describe('an ordinal', () => {
  test('is a code in the order of first appearance, 0 for what comes after max_values', () => {
    const options = { max_values: 2, ...ordinal };
    for (const inputs of ['vector', 'columns'] as const) {
      const encoder = new Encoder(columns.slice(0, 1), encodeOptions.parse(options), undefined, inputs);
      const codes = ['m', 's', 'm', 'xl', 's'.repeat(300)].map((size) => encoded(encoder, { size }, true));
      expect(codes).toEqual([[[0, 1]], [[0, 2]], [[0, 1]], [[0, 0]], [[0, 0]]]);
      expect(encoder.dimensions).toBe(1);
      expect(encoder.nominal(0)).toBe(false);
    }
  });

  test('that was never learned adds nothing, NULL is missing, an array is unusable', () => {
    const encoder = new Encoder(columns, encodeOptions.parse(ordinal));
    expect(encoded(encoder, { size: 'm' })).toEqual([]);
    const [[missing]] = encoded(encoder, { size: null }, true) as [[number, number]];
    expect(encoded(encoder, { size: null })).toEqual([[missing, 1]]);
    expect(encoded(encoder, { size: ['m'] }, true)).toEqual([[missing, 1]]);
    expect(encoder.unusable).toBe(1);
    const asColumn = new Encoder(columns.slice(0, 1), encodeOptions.parse(ordinal), undefined, 'columns');
    for (const size of ['m', null]) expect(encoded(asColumn, { size })).toEqual([[0, Number.NaN]]);
  });

  test('is scaled as numbers are', () => {
    const scaled = (scale: string) => {
      const encoder = new Encoder(columns, encodeOptions.parse({ features: { size: { as: 'ordinal', scale } } }));
      for (const size of ['a', 'b', 'c', 'd', 'e']) encoder.encode({ size }, true);
      return encoded(encoder, { size: 'e' })[0]![1];
    };
    expect(scaled('standard')).toBeCloseTo(Math.SQRT2, 12);
    expect([scaled('min_max'), scaled('robust'), scaled('none')]).toEqual([1, 1, 5]);
  });

  test('goes on bit for bit after it was saved and loaded in mid-stream', () => {
    const random = seeded(3);
    const stream = Array.from({ length: 600 }, () => ({ size: `v${Math.floor(random() ** 3 * 40)}` }));
    for (const scale of ['standard', 'min_max', 'robust', 'none']) {
      const options = encodeOptions.parse({ scale, features: { size: { as: 'ordinal', max_values: 20 } } });
      const encoder = new Encoder(columns, options);
      for (const row of stream.slice(0, 250)) encoder.encode(row, true);
      const loaded = new Encoder(columns, options, new StateReader(saved(encoder), 'encoder'));
      for (const row of stream.slice(250)) expect(encoded(loaded, row, true)).toEqual(encoded(encoder, row, true));
      expect(Buffer.compare(saved(encoder), saved(loaded))).toBe(0);
    }
  });

  test('is refused of a timestamp', async () => {
    expect(await refusal({ features: { at: { as: 'ordinal' } } })).toContain(
      'feature "at" of type timestamptz cannot be taken as an ordinal. Give the view a number',
    );
  });
});

describe('"missing"', () => {
  const nulls = { size: null, amount: null, night: null };

  test('"ignore" leaves NULL out, for all or for one feature, and still counts what is unusable', () => {
    const encoder = new Encoder(columns, encodeOptions.parse({ missing: 'ignore' }));
    expect(encoded(encoder, nulls, true)).toEqual([]);
    expect(encoded(encoder, { amount: 'NaN' }, true)).toEqual([]);
    expect([encoder.dimensions, encoder.unusable]).toEqual([2, 1]);
    const one = new Encoder(columns, encodeOptions.parse({ features: { amount: { missing: 'ignore' } } }));
    expect(encoded(one, nulls, true)).toHaveLength(2);
    const other = { missing: 'ignore', features: { amount: { missing: 'indicator' } } };
    expect(encoded(new Encoder(columns, encodeOptions.parse(other)), nulls, true)).toEqual([[2, 1]]);
  });

  test('"indicator" is the default', () => {
    const encoders = [{}, { missing: 'indicator' }].map(
      (options) => new Encoder(columns, encodeOptions.parse(options)),
    );
    const [first, second] = encoders.map((encoder) => [encoded(encoder, nulls, true), saved(encoder)]);
    expect(first![0]).toHaveLength(3);
    expect(second).toEqual(first);
  });

  test('that was changed to "ignore" leaves the dimension that is there unused', () => {
    const encoder = new Encoder(columns, encodeOptions.parse({}));
    encoder.encode(nulls, true);
    const reader = new StateReader(saved(encoder), 'encoder');
    expect(encoded(new Encoder(columns, encodeOptions.parse({ missing: 'ignore' }), reader), nulls, true)).toEqual([]);
  });

  test('is refused where it is unknown or columns are taken as they are', async () => {
    expect(await refusal({ missing: 'drop' })).toMatch(/"encode.missing" is not valid: .*"indicator"\|"ignore"/);
    expect(await refusal({ missing: 'indicator' }, 'naive_bayes')).toContain(
      'unknown model option "missing" in "encode"',
    );
    expect(await refusal({ features: { size: { missing: 'ignore' } } }, 'hoeffding_tree')).toContain(
      'Valid options in "encode.features.size": as, scale, standardise, categories, max_values, dimensions, smoothing.',
    );
  });
});
