import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { encodeOptions } from '../../src/model/encoder/encode-options.ts';
import { Encoder } from '../../src/model/encoder/encoder.ts';
import { hashText } from '../../src/model/encoder/feature-value.ts';
import { bucketOf, ngramsOf, type TextOptions } from '../../src/model/encoder/text-ngrams.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { requestFor } from './phishing.ts';
import { seeded } from './seeded.ts';

const columns: ColumnType[] = [
  { name: 'note', type: 'text', typeOid: 25 },
  { name: 'amount', type: 'numeric', typeOid: 1700 },
];

const usual: TextOptions = {
  unit: 'words',
  n: [1, 2],
  lowerCase: true,
  dimensions: 4096,
  seed: 0,
  maxLength: 2000,
  norm: 'l2',
};

function encoderOf(note: Record<string, unknown>, saved?: StateReader, more: Record<string, unknown> = {}): Encoder {
  const options = encodeOptions.parse({ features: { note: { as: 'text', ...note } }, ...more });
  return new Encoder(columns.slice(0, 1), options, saved);
}

function encoded(encoder: Encoder, note: unknown, learn = false): [number, number][] {
  const input = encoder.encode({ note }, learn);
  return Array.from({ length: input.length }, (_, i) => [input.indexes[i]!, input.values[i]!]);
}

function saved(encoder: Encoder): Uint8Array {
  const writer = new StateWriter('encoder');
  encoder.save(writer);
  return writer.finish();
}

test('the hash is FNV-1a over UTF-16 units, finished as murmur3, whatever the machine', () => {
  const vectors: [text: string, seed: number, hash: number][] = [
    ['', 0, 2872998923],
    ['a', 0, 444641715],
    ['a', 1, 3873127206],
    ['spam', 0, 3392988608],
    ['free money', 0, 919360624],
    ['é', 0, 3136788073],
    ['日本', 0, 236567117],
    ['😀', 0, 1787143206],
    ['spam', 0xffff_ffff, 1010601939],
  ];
  for (const [text, seed, hash] of vectors) expect(hashText(text, seed)).toBe(hash);
  expect(bucketOf('spam', usual)).toEqual({ bucket: (3392988608 - 2 ** 31) % 4096, sign: -1 });
  expect(bucketOf('a', usual)).toEqual({ bucket: 444641715 % 4096, sign: 1 });
});

describe('n-grams of a text', () => {
  const of = (text: string, options: Partial<TextOptions> = {}) => [...ngramsOf(text, { ...usual, ...options })];

  test('are words and pairs of words, of any script, without case', () => {
    expect(of('Free  MONEY, now!')).toEqual(['free', 'free money', 'money', 'money now', 'now']);
    expect(of('naïve_1 日本 мир', { n: [1, 1] })).toEqual(['naïve_1', '日本', 'мир']);
    expect(of('Free', { lowerCase: false })).toEqual(['Free']);
    expect(of(' .,! ')).toEqual([]);
    expect(of('')).toEqual([]);
  });

  test('are runs of characters, of which a surrogate pair is one', () => {
    expect(of('abcd', { unit: 'characters', n: [2, 3] })).toEqual(['ab', 'abc', 'bc', 'bcd', 'cd']);
    expect(of('a😀b', { unit: 'characters', n: [2, 2] })).toEqual(['a😀', '😀b']);
    expect(of('ab', { unit: 'characters', n: [3, 4] })).toEqual([]);
  });

  test('are of the first max_length characters alone', () => {
    expect(of('one two three', { maxLength: 7, n: [1, 1] })).toEqual(['one', 'two']);
  });

  test('are no more where lower case makes two letters of one', async () => {
    expect('İİ'.toLowerCase()).toHaveLength(4);
    expect(of('İİ', { unit: 'characters', maxLength: 2, n: [1, 1] })).toHaveLength(2);
    const note = { as: 'text', unit: 'characters', n: [1, 1], max_length: 1 };
    const model = await createModel(
      requestFor(columns.slice(0, 1), { kind: 'passive_aggressive', encode: { features: { note } } }),
    );
    for (let i = 0; i < 5; i++) model.learn({ features: { note: 'İ' }, target: 1, weight: 1 });
    expect(model.predictMany([{ note: 'İ' }])[0]!.score).toBeGreaterThan(0.7);
  });
});

describe('a column as text', () => {
  test('adds up what falls into one bucket, with its sign, to a length of 1', () => {
    const encoder = encoderOf({ dimensions: 8 });
    const counts = new Map<number, number>();
    const text = 'one two three one two four five six seven eight nine ten';
    for (const ngram of ngramsOf(text, usual)) {
      const { bucket, sign } = bucketOf(ngram, { ...usual, dimensions: 8 });
      counts.set(bucket, (counts.get(bucket) ?? 0) + sign);
    }
    const expected = [...counts.values()].filter((count) => count !== 0);
    const length = Math.hypot(...expected);
    const entries = encoded(encoder, text, true);
    expect(entries.map(([, value]) => value).sort()).toEqual(expected.map((count) => count / length).sort());
    expect(new Set(entries.map(([dimension]) => dimension)).size).toBe(entries.length);
    expect(Math.hypot(...entries.map(([, value]) => value))).toBeCloseTo(1, 12);
    const plain = encoded(encoderOf({ dimensions: 8, norm: 'none' }), text, true);
    expect(plain.map(([, value]) => value).sort()).toEqual(expected.sort());
  });

  test('leaves out n-grams that were never learned, though they count in the length', () => {
    const encoder = encoderOf({ n: [1, 1] });
    expect(encoded(encoder, 'alpha beta')).toEqual([]);
    expect(encoded(encoder, 'alpha', true)).toEqual([[0, bucketOf('alpha', usual).sign]]);
    const [[dimension, value]] = encoded(encoder, 'alpha beta') as [[number, number]];
    expect(dimension).toBe(0);
    expect(Math.abs(value)).toBeCloseTo(Math.SQRT1_2, 12);
  });

  test('is missing where it is NULL or no text, and nothing where it is empty', () => {
    const encoder = encoderOf({});
    expect(encoded(encoder, '', true)).toEqual([]);
    expect(encoded(encoder, null, true)).toEqual([[0, 1]]);
    expect(encoded(encoder, 7, true)).toEqual([[0, 1]]);
    expect(encoder.unusable).toBe(1);
  });

  test('has other buckets by another seed, and stays within its dimensions and characters', () => {
    const random = seeded(2);
    const words = Array.from({ length: 20_000 }, () => `w${Math.floor(random() * 1e9)}`);
    const encoder = encoderOf({ dimensions: 64, max_length: 400 });
    for (let i = 0; i < 200; i++) encoder.encode({ note: words.slice(i * 100, i * 100 + 100).join(' ') }, true);
    expect(encoder.dimensions).toBe(64);
    expect(encoder.mostDimensions).toBe(64 + 1);
    expect(encoded(encoder, words.join(' ')).length).toBeLessThanOrEqual(64);
    const bytes = encoder.bytes;
    for (let i = 0; i < 200; i++) encoder.encode({ note: `${words[i]} ${random()}` }, true);
    expect(encoder.bytes).toBe(bytes);
    const other = encoderOf({ dimensions: 64 }, undefined, { hash_seed: 9 });
    const text = 'the same text in other buckets';
    const signs = (subject: Encoder) => encoded(subject, text, true).map(([, value]) => Math.sign(value));
    expect(signs(other)).not.toEqual(signs(encoderOf({ dimensions: 64 })));
  });

  test('goes on after a load as if nothing had happened; with other dimensions it starts anew', () => {
    const random = seeded(4);
    const stream = Array.from({ length: 200 }, () =>
      Array.from({ length: 5 }, () => `w${Math.floor(random() * 300)}`).join(' '),
    );
    const whole = encoderOf({ dimensions: 128 });
    for (const note of stream) whole.encode({ note }, true);
    const half = encoderOf({ dimensions: 128 });
    for (const note of stream.slice(0, 100)) half.encode({ note }, true);
    const loaded = encoderOf({ dimensions: 128 }, new StateReader(saved(half), 'encoder'));
    for (const note of stream.slice(100)) loaded.encode({ note }, true);
    expect(Buffer.compare(saved(loaded), saved(whole))).toBe(0);
    const wider = encoderOf({ dimensions: 256 }, new StateReader(saved(whole), 'encoder'));
    expect(encoded(wider, stream[0])).toEqual([]);
  });
});

describe('a model of texts', () => {
  const encode = { features: { note: { as: 'text' } } };

  function mails(count: number, seed = 1) {
    const random = seeded(seed);
    const [bad, good] = [
      ['free money', 'click now', 'winner'],
      ['see you', 'the report', 'on monday'],
    ];
    return Array.from({ length: count }, () => {
      const spam = random() < 0.4;
      const filler = Array.from({ length: 6 }, () => `word${Math.floor(random() * 500)}`);
      filler.splice(Math.floor(random() * 6), 0, (spam ? bad : good)[Math.floor(random() * 3)]!);
      return { features: { note: filler.join(' '), amount: random() }, target: Number(spam), weight: 1 };
    });
  }

  test('learns what words foretell, and explains by n-grams under the name of the column', async () => {
    const model = await createModel(requestFor(columns, { encode, optimizer: { name: 'adagrad' } }));
    for (const example of mails(1500)) model.learn(example);
    const fresh = mails(300, 2);
    const right = fresh.filter(
      ({ features, target }) => model.predictMany([features])[0]!.score! > 0.5 === (target === 1),
    );
    expect(right.length / fresh.length).toBeGreaterThan(0.97);

    const row = { note: 'word1 Free Money word2', amount: 0.5 };
    const { bias, contributions } = model.explain(row, 99);
    expect(contributions.every(({ feature }) => ['note', 'amount'].includes(feature))).toBe(true);
    expect(contributions.slice(0, 3).map(({ value }) => value)).toContain('free money');
    const raw = contributions.reduce((sum, part) => sum + part.contribution, bias);
    const score = model.predictMany([row])[0]!.score!;
    expect(raw).toBeCloseTo(Math.log(score / (1 - score)), 9);
    expect(model.explain(row, 2).contributions).toEqual(contributions.slice(0, 2));

    const again = await loadModel(requestFor(columns, { encode, optimizer: { name: 'adagrad' } }), model.save());
    expect(again.predictMany(fresh.map(({ features }) => features))).toEqual(
      model.predictMany(fresh.map(({ features }) => features)),
    );
  });

  test('is refused of a column that is no text, of kinds that take columns as they are, and with options that say nothing', async () => {
    const refusal = async (options: Record<string, unknown>) =>
      createModel(requestFor(columns, options)).then(
        () => undefined,
        (error: { code: string; message: string }) => [error.code, error.message],
      );
    expect(await refusal({ encode: { features: { amount: { as: 'text' } } } })).toEqual([
      'MODEL_INVALID',
      'feature "amount" of type numeric cannot be taken as a text',
    ]);
    expect((await refusal({ kind: 'naive_bayes', encode }))?.[0]).toBe('MODEL_INVALID');
    expect((await refusal({ encode: { features: { note: { as: 'text', n: [3, 2] } } } }))?.[1]).toMatch(/shortest/);
    expect((await refusal({ encode: { features: { note: { unit: 'words' } } } }))?.[1]).toMatch(
      /only with "as": "text"/,
    );
  });
});
