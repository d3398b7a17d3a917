// What every kind of model must do, whatever it learns: run once for each kind and its options.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import type { FeatureRow, Model, ModelRequest, Prediction, TrainingExample } from '../../../src/model/model.ts';
import { seeded } from '../../model/seeded.ts';

export interface Subject {
  readonly name: string;
  readonly options: ModelRequest['options'];
  /** Undefined: it learns without, from every row that arrives. */
  readonly label: ColumnType | undefined;
  /** The score before anything was learned. */
  readonly prior: number;
  /** What contributions and bias sum to. */
  readonly raw: 'value' | 'log_odds' | 'probability' | 'output' | 'of_its_kind';
  /** What the score exceeds where there was never another class. */
  readonly certain: number;
  /** Most bytes that `save` gives for the contract's five columns. */
  readonly stateBytes: number;
  /** Columns that are encoded as text. */
  readonly texts?: readonly string[];
  /** Grows with what it learns, below `stateBytes`; else it keeps its size once it has seen every value. */
  readonly grows: boolean;
  /** Looks at no column: what may spoil it is a label. */
  readonly featureless?: boolean;
}

/** Kinds whose explanations of classes are of a probability. */
const TREES = /tree|forest/;

const isText = (subject: Subject) => subject.label?.typeOid === 25;

export const columns: readonly ColumnType[] = [
  { name: 'amount', typeOid: 1700, type: 'numeric(12,2)' },
  { name: 'count', typeOid: 20, type: 'bigint' },
  { name: 'ratio', typeOid: 701, type: 'double precision' },
  { name: 'currency', typeOid: 25, type: 'text' },
  { name: 'night', typeOid: 16, type: 'boolean' },
];

export function requestOf(subject: Subject, features: readonly ColumnType[] = columns): ModelRequest {
  return {
    options: optionsFor(subject, features),
    features,
    label: subject.label,
    seed: 42,
  };
}

/** Encodings of the columns that are there: naming another is refused. */
function optionsFor({ options }: Subject, features: readonly ColumnType[]): ModelRequest['options'] {
  const encode = options['encode'] as { features?: Record<string, unknown> } | undefined;
  if (encode?.features === undefined) return options;
  const there = Object.entries(encode.features).filter(([name]) => features.some((column) => column.name === name));
  return { ...options, encode: { ...encode, features: Object.fromEntries(there) } };
}

/** Rows with everything that views give: NULL, absent columns, texts for NaN, new categories. */
export function examplesOf(subject: Subject, count: number, seed = 1): TrainingExample[] {
  const random = seeded(seed);
  const binary = subject.label?.typeOid === 16;
  return Array.from({ length: count }, () => {
    const row: Record<string, unknown> = {
      amount: Math.round(random() * 10_000) / 100,
      count: Math.floor(random() * 8),
      ratio: random() < 0.1 ? null : random() < 0.05 ? 'NaN' : random() * 3,
      currency:
        random() < 0.1 ? null : ['eur', 'usd', 'gbp', `x${Math.floor(random() * 40)}`][Math.floor(random() * 4)],
      night: random() < 0.2 ? null : random() < 0.5,
    };
    if (random() < 0.05) delete row['count'];
    const signal =
      (row['amount'] as number) / 50 + (row['night'] === true ? 1 : 0) + (row['currency'] === 'usd' ? 1 : 0);
    const level = signal + random();
    if (isText(subject))
      return { features: row, target: 0, weight: 1, label: level > 2.5 ? 'high' : level > 1.5 ? 'middle' : 'low' };
    return { features: row, target: binary ? Number(level > 2) : signal * 10, weight: 1 };
  });
}

/** As a pipeline does it: the row arrives, later its label. Models that learn no arrivals take no heed of the first. */
function teach(model: Model, example: TrainingExample): void {
  model.observe(example.features);
  model.learn(example);
}

function scores(model: Model, rows: readonly FeatureRow[]): number[] {
  return model.predictMany(rows).map((prediction) => prediction.score!);
}

/** From what a model shows, the sum that an explanation must have. */
function rawOf(subject: Subject, { score, outputs }: Prediction, kind: string): number {
  if (subject.raw === 'output') return outputs!['raw']!;
  if (subject.raw === 'of_its_kind' ? TREES.test(kind) : subject.raw !== 'log_odds') return score!;
  if (!isText(subject)) return Math.log(score! / (1 - score!));
  const [first, second] = Object.values(outputs!).sort((a, b) => b - a);
  return Math.log(first! / second!);
}

async function trained(subject: Subject, examples: readonly TrainingExample[]): Promise<Model> {
  const model = await createModel(requestOf(subject));
  for (const example of examples) teach(model, example);
  return model;
}

/** States are large: a digest tells them apart as well. */
function digest(state: Uint8Array): string {
  return createHash('sha256').update(state).digest('hex');
}

/** All that can be seen of a model. */
function seen(model: Model, rows: readonly FeatureRow[]): unknown {
  return [scores(model, rows), rows.map((row) => model.explain(row, 99)), model.examples, digest(model.save())];
}

export function modelContract(subject: Subject): void {
  describe(`a model of ${subject.name}`, () => {
    const probe = examplesOf(subject, 50, 99).map((example) => example.features);

    test('scores its prior before it has learned anything', async () => {
      const model = await createModel(requestOf(subject));
      expect(scores(model, [...probe, {}])).toEqual([...probe, {}].map(() => subject.prior));
      if (isText(subject)) expect(model.predictMany([{}])).toEqual([{ score: 0, prediction: null, outputs: {} }]);
      if (model.task === 'anomaly')
        expect(model.predictMany([{}])).toEqual([{ score: 0, prediction: 'normal', outputs: { raw: 0 } }]);
      expect(model.examples).toBe(0);
    });

    test('gives no predictions for no rows', async () => {
      expect((await createModel(requestOf(subject))).predictMany([])).toEqual([]);
    });

    test('leaves rows and examples as they were given', async () => {
      const model = await trained(subject, []);
      for (const example of examplesOf(subject, 200)) {
        const before = JSON.stringify(example);
        Object.freeze(example.features);
        Object.freeze(example);
        model.predictMany([example.features]);
        model.explain(example.features, 3);
        teach(model, example);
        expect(JSON.stringify(example)).toBe(before);
      }
    });

    test('is not changed by predicting and explaining, whatever the rows hold', async () => {
      const model = await trained(subject, examplesOf(subject, 100));
      const before = Buffer.from(model.save());
      const odd = [{ amount: 1e300 }, { currency: 'never seen' }, { night: 'x' }, { other: 1 }, { amount: [] }, {}];
      for (const row of [...probe, ...odd] as FeatureRow[]) {
        model.predictMany([row]);
        model.explain(row, 5);
      }
      expect(Buffer.compare(before, model.save())).toBe(0);
    });

    test('gives each row of a batch what it gives to it alone', async () => {
      const model = await trained(subject, examplesOf(subject, 300));
      expect(scores(model, probe)).toEqual(probe.map((row) => scores(model, [row])[0]));
    });

    test('does not see in which order a row names its features', async () => {
      const turn = (row: FeatureRow) => Object.fromEntries(Object.entries(row).reverse());
      const examples = examplesOf(subject, 200);
      const model = await trained(subject, examples);
      const turned = await trained(
        subject,
        examples.map((example) => ({ ...example, features: turn(example.features) })),
      );
      expect(seen(turned, probe)).toEqual(seen(model, probe));
      expect(scores(model, probe.map(turn))).toEqual(scores(model, probe));
    });

    test('has the same bits with the same seed and examples', async () => {
      const examples = examplesOf(subject, 300);
      expect(seen(await trained(subject, examples), probe)).toEqual(seen(await trained(subject, examples), probe));
    });

    test('saved and loaded at random points goes on bit for bit', async () => {
      const examples = examplesOf(subject, 400);
      const whole = seen(await trained(subject, examples), probe);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(399), { maxLength: 5 }), async (points) => {
          let model = await createModel(requestOf(subject));
          for (const [i, example] of examples.entries()) {
            if (points.includes(i)) model = await loadModel(requestOf(subject), model.save());
            teach(model, example);
          }
          expect(seen(model, probe)).toEqual(whole);
        }),
        { numRuns: 15, examples: [[[0, 1, 399]]] },
      );
    });

    test('goes on when columns come and go between saves, and remembers one that comes back', async () => {
      const fewer = columns.slice(0, 2);
      const model = await trained(subject, examplesOf(subject, 200));
      const narrow = await loadModel(requestOf(subject, fewer), model.save());
      expect(scores(narrow, probe).every(Number.isFinite)).toBe(true);
      const wide = await loadModel(requestOf(subject, [...columns].reverse()), narrow.save());
      // Columns in another order add up in another order.
      scores(wide, probe).forEach((score, i) => expect(score).toBeCloseTo(scores(model, probe)[i]!, 12));
    });

    test('stays finite under any values, weights and targets, and learns afterwards', async () => {
      const wild = fc.oneof(
        fc.double(),
        fc.constantFrom(
          null,
          'NaN',
          'Infinity',
          '-Infinity',
          1e308,
          -1e308,
          5e-324,
          Number.NaN,
          Infinity,
          [],
          {},
          '',
          'é',
        ),
        fc.integer(),
        fc.string(),
        fc.boolean(),
      );
      const example = fc.record({
        features: fc.dictionary(fc.constantFrom('amount', 'count', 'ratio', 'currency', 'night'), wild),
        target: fc.oneof(fc.constantFrom(0, 1), fc.double()),
        weight: fc.oneof(fc.constant(1), fc.double()),
        label: fc.oneof(fc.constantFrom('low', 'middle', '__proto__'), fc.string()),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(example, { maxLength: 60 }), async (examples) => {
          const model = await trained(subject, examples);
          for (const { features } of examples) {
            expect(Number.isFinite(scores(model, [features])[0])).toBe(true);
            const { bias, contributions } = model.explain(features, 99);
            expect([bias, ...contributions.map((part) => part.contribution)].every(Number.isFinite)).toBe(true);
          }
          expect(model.examples).toBe(examples.length);
          for (const next of examplesOf(subject, 20)) teach(model, next);
          expect(scores(model, probe).every(Number.isFinite)).toBe(true);
        }),
        { numRuns: 100 },
      );
    });

    test('counts an example that it cannot learn, and is otherwise as without it', async () => {
      const model = await trained(subject, examplesOf(subject, 50));
      // A row of no series, of models that forecast some.
      const already = model.skipped;
      const before = scores(model, probe);
      const [example] = examplesOf(subject, 1, 7);
      if (model.task === 'anomaly') {
        // Labels only measure: there is nothing to be learned from any of them.
        for (const target of [0, 1, Number.NaN]) model.learn({ ...example!, target });
        expect([model.skipped, model.examples]).toEqual([0, 50]);
        expect(scores(model, probe)).toEqual(before);
        return;
      }
      if (isText(subject)) {
        const { label, ...unlabelled } = example!;
        teach(model, unlabelled);
        teach(model, { ...example!, label: label!.repeat(100) });
        for (let i = 0; i < 97; i++) teach(model, { ...example!, label: `class ${i}`, weight: 0 });
        expect(model.skipped).toBe(2);
        const filled = scores(model, probe);
        teach(model, { ...example!, label: 'the 101st' });
        for (const bad of [Number.NaN, -1, Infinity]) teach(model, { ...example!, weight: bad });
        expect(model.skipped).toBe(6);
        expect(model.examples).toBe(50 + 2 + 97 + 4);
        expect(scores(model, probe)).toEqual(filled);
        return;
      }
      // Not as it arrives: that may teach a scaler.
      for (const bad of [Number.NaN, Infinity, 1e200]) model.learn({ ...example!, target: bad });
      for (const bad of [Number.NaN, -1, Infinity]) model.learn({ ...example!, weight: bad });
      expect(model.skipped - already).toBe(6);
      expect(model.examples).toBe(56);
      expect(scores(model, probe)).toEqual(before);
    });

    test('recovers from one absurd value: thousands of rows later the feature counts again', async () => {
      const examples = examplesOf(subject, 6000);
      const spoiled = examples.map((example, i) =>
        i === 1000 ? { ...example, features: { ...example.features, amount: 1e12 } } : example,
      );
      if (subject.featureless) {
        const label = (i: number) => (i === 1000 ? { ...examples[i]!, target: 1e12 } : examples[i]!);
        const once = await trained(
          subject,
          examples.map((_, i) => label(i)),
        );
        const never = await trained(subject, examples);
        expect(scores(await trained(subject, spoiled), probe)).toEqual(scores(never, probe));
        const [score, unspoiled] = [scores(once, probe)[0]!, scores(never, probe)[0]!];
        expect(Math.abs(score - unspoiled)).toBeLessThan(1);
        return;
      }
      const difference = async (list: TrainingExample[]) => {
        const model = await trained(subject, list);
        const [low, high] = model.predictMany([{ amount: 1 }, { amount: 99 }]);
        if (model.task === 'anomaly') {
          const [usual, strange] = model.predictMany([{ amount: 50 }, { amount: 150 }]);
          return strange!.outputs!['raw']! - usual!.outputs!['raw']!;
        }
        return isText(subject) ? high!.outputs!['high']! - low!.outputs!['high']! : high!.score! - low!.score!;
      };
      const ratio = (await difference(spoiled)) / (await difference(examples));
      expect(ratio).toBeGreaterThan(0.25);
      expect(ratio).toBeLessThan(4);
    });

    test('learns from one class or one constant value alone', async () => {
      const same = { features: { amount: 5, count: 1, currency: 'eur' }, target: 1, weight: 1, label: 'only' };
      const model = await trained(
        subject,
        Array.from({ length: 2000 }, () => same),
      );
      const [score] = scores(model, [same.features]);
      expect(score).toBeGreaterThan(subject.certain);
      expect(score).toBeLessThanOrEqual(1.01);
      if (model.task === 'anomaly') expect(model.predictMany([same.features])[0]!.prediction).toBe('normal');
    });

    test('has contributions that with the bias sum to the raw score, greatest first', async () => {
      const model = await trained(subject, examplesOf(subject, 500));
      for (const row of probe) {
        const { bias, contributions } = model.explain(row, Infinity);
        const raw = contributions.reduce((sum, part) => sum + part.contribution, bias);
        const shown = rawOf(subject, model.predictMany([row])[0]!, model.kind);
        // The log of odds loses digits as the odds grow: then the score itself is compared.
        if (model.task === 'binary' && Math.abs(raw) > 10)
          expect(Math.abs(1 / (1 + Math.exp(-raw)) - scores(model, [row])[0]!)).toBeLessThan(1e-14);
        else expect(Math.abs(raw - shown)).toBeLessThan(1e-9 * Math.max(1, Math.abs(shown)));
        const sizes = contributions.map((part) => Math.abs(part.contribution));
        expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
        expect(model.explain(row, 2).contributions).toEqual(contributions.slice(0, 2));
        for (const part of contributions) {
          const value = row[part.feature] ?? null;
          // Of a text that is there, an n-gram.
          if (subject.texts?.includes(part.feature) && typeof value === 'string') expect(value).toContain(part.value);
          else expect(part.value).toEqual(value);
        }
      }
    });

    test('keeps its size when categories never end', async () => {
      const model = await createModel(requestOf(subject));
      const learnFrom = (start: number, count: number) => {
        for (let i = start; i < start + count; i++)
          teach(model, {
            features: { currency: `category ${i}`, amount: i % 10 },
            target: i % 2,
            weight: 1,
            label: `class ${i % 2}`,
          });
      };
      learnFrom(0, 5000);
      const [bytes, saved] = [model.bytes, model.save().length];
      learnFrom(5000, 20_000);
      if (!subject.grows) {
        expect(model.bytes).toBe(bytes);
        expect(model.save().length).toBe(saved);
      }
      expect(model.bytes).toBeLessThan(subject.stateBytes);
      expect(model.save().length).toBeLessThan(subject.stateBytes);
    });

    test('refuses a saved state that is cut, changed, newer, or of another kind', async () => {
      const saved = (await trained(subject, examplesOf(subject, 100))).save();
      const refused = async (bytes: Uint8Array) =>
        await expect(loadModel(requestOf(subject), bytes)).rejects.toMatchObject({ code: 'MODEL_STATE' });
      for (const length of [0, 3, 10, saved.length - 1]) await refused(saved.slice(0, length));
      for (let i = 0; i < saved.length; i += Math.ceil(saved.length / 60)) {
        const changed = saved.slice();
        changed[i]! ^= 1;
        await refused(changed);
      }
      const newer = saved.slice();
      newer[4]! += 1;
      await expect(loadModel(requestOf(subject), newer)).rejects.toThrow(/has format 2, this Millrace knows 1/);
      const none = await createModel({ ...requestOf(subject), options: { kind: 'none' } });
      await refused(none.save());
    });
  });
}
