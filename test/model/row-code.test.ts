// Generated code and the plain way must be the same to the last bit: the plain one is the oracle.

import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import { encodeOptions } from '../../src/model/encoder/encode-options.ts';
import { Encoder } from '../../src/model/encoder/encoder.ts';
import type { FeatureRow } from '../../src/model/model.ts';
import { StateWriter } from '../../src/model/saved-state.ts';
import { phishing, requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

afterEach(() => void vi.unstubAllGlobals());

/** As under --disallow-code-generation-from-strings. */
function withoutCodeGeneration<T>(make: () => T): T {
  vi.stubGlobal('Function', function () {
    throw new EvalError('Code generation from strings disallowed for this context');
  });
  try {
    return make();
  } finally {
    vi.unstubAllGlobals();
  }
}

/** Code that was generated once is kept by its text: other names, other text. */
let run = 0;

function stateOf(encoder: Encoder): Uint8Array {
  const writer = new StateWriter('encoder');
  encoder.save(writer);
  return writer.finish();
}

/** Every entry to the last bit, and which feature it is of. */
function said(encoder: Encoder, row: FeatureRow, learn: boolean): string {
  const { indexes, values, length } = encoder.encode(row, learn);
  const bits = Buffer.from(values.slice(0, length).buffer).toString('hex');
  return `${indexes.subarray(0, length)} ${bits} ${Array.from({ length }, (_, i) => encoder.owner(i))}`;
}

const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  fc.constantFrom(
    null,
    'NaN',
    '12.5',
    'eur',
    '',
    true,
    false,
    -0,
    1e101,
    1e99,
    -1e99,
    5e-324,
    Number.NaN,
    Infinity,
    [],
  ),
);

describe('a row through generated code', () => {
  test.each([
    ['vector', { clip: 3 }],
    ['vector', { clip: null }],
    ['vector', { standardise: false }],
    ['vector', { clip: 3, features: { n0: { scale: 'min_max' }, n1: { standardise: false } }, missing: 'ignore' }],
    ['columns', { clip: 3, standardise: false }],
    ['columns', { clip: null, standardise: false }],
    ['columns', { clip: 3 }],
  ] as const)('is what it is without, as %s with %j, states included', (inputs, encode) => {
    // More columns than one function takes.
    const count = 40;
    const row = fc.array(fc.tuple(fc.nat(count - 1), value), { maxLength: 2 * count });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), fc.nat(), (rows, seed) => {
        run += 1;
        const random = seeded(seed);
        const name = (i: number) => (i < 2 ? `n${i}` : `n${i} ${run}`);
        const columns = Array.from({ length: count }, (_, i): ColumnType =>
          i % 10 === 7
            ? { name: name(i), typeOid: 25, type: 'text' }
            : i % 10 === 8
              ? { name: name(i), typeOid: 16, type: 'boolean' }
              : { name: name(i), typeOid: 701, type: 'double precision' },
        );
        const options = encodeOptions.parse(encode);
        const plain = withoutCodeGeneration(() => new Encoder(columns, options, undefined, inputs));
        const fast = new Encoder(columns, options, undefined, inputs);
        // Enough for the limit to hold.
        const usual = Array.from({ length: 110 }, () =>
          Object.fromEntries(columns.map((column) => [column.name, Math.round(random() * 100) / 7])),
        );
        const odd = rows.map((cells) => Object.fromEntries(cells.map(([i, cell]) => [name(i), cell])));
        for (const one of [...usual, ...odd, ...usual.slice(0, 3)] as FeatureRow[])
          for (const learn of [false, true]) {
            const [given, expected] = [said(fast, one, learn), said(plain, one, learn)];
            // `expect` costs more than an encoding.
            if (given !== expected) expect(given).toBe(expected);
          }
        expect(Buffer.compare(stateOf(fast), stateOf(plain))).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    { kind: 'logistic' },
    { kind: 'passive_aggressive' },
    { kind: 'logistic', l1: 0.01 },
    { kind: 'logistic', encode: { clip: null } },
  ])('gives a batch the scores that rows have alone and without it, with %j', async (options) => {
    const { columns, rows } = phishing();
    const request = requestFor(columns, options);
    const model = await createModel(request);
    const holes = rows.slice(0, 200).map(({ features }, i) => {
      const odd: Record<string, unknown> = { ...features };
      if (i % 5 === 1) delete odd['https'];
      if (i % 5 === 2) odd['ip_in_url'] = null;
      if (i % 5 === 3) odd['long_url'] = i % 2 === 0 ? '0.5' : Number.NaN;
      return odd;
    });
    // Before, and while only some dimensions are known, rows are encoded one by one.
    for (const example of [...rows.slice(0, 3), ...holes.map((features) => ({ features, target: 1 })), ...rows]) {
      const [alone] = model.predictMany([example.features]);
      expect(model.predictMany([holes[1]!, example.features, holes[2]!])[1]).toEqual(alone);
      const { bias, contributions } = model.explain(example.features, Infinity);
      const raw = contributions.reduce((sum, part) => sum + part.contribution, bias);
      expect(1 / (1 + Math.exp(-raw))).toBeCloseTo(alone!.score!, 12);
      model.learn({ ...example, weight: 1 });
    }
  });
});
