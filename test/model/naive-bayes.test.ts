import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import type { Model } from '../../src/model/model.ts';
import { booleanLabel, requestFor, textLabel } from './phishing.ts';
import { seeded } from './seeded.ts';

const columns: ColumnType[] = [
  { name: 'size', typeOid: 701, type: 'double precision' },
  { name: 'colour', typeOid: 25, type: 'text' },
  { name: 'ripe', typeOid: 16, type: 'boolean' },
];

const FRUITS = ['apple', 'pear', 'plum'] as const;

function fruits(count: number) {
  const random = seeded(5);
  return Array.from({ length: count }, () => {
    const kind = Math.floor(random() * 3);
    const colour = ['red', 'green', 'blue'][random() < 0.7 ? kind : Math.floor(random() * 3)];
    const features = {
      size: random() < 0.1 ? null : 5 + kind * 2 + random() * 3,
      colour: random() < 0.1 ? null : colour,
      ripe: random() < 0.1 ? null : random() < 0.2 + kind * 0.3,
    };
    return { features, label: FRUITS[kind]!, target: 0, weight: 1 + Math.floor(random() * 3) };
  });
}

type Fruit = ReturnType<typeof fruits>[number];

/** The formula, from all examples at once. */
function posterior(examples: readonly Fruit[], row: Fruit['features'], alpha: number): Record<string, number> {
  const all = examples.reduce((sum, one) => sum + one.weight, 0);
  const joint = FRUITS.filter((name) => examples.some((one) => one.label === name)).map((name) => {
    const own = examples.filter((one) => one.label === name);
    const weightOf = (list: readonly Fruit[]) => list.reduce((sum, one) => sum + one.weight, 0);
    let p = weightOf(own) / all;
    if (row.size !== null) {
      const sized = own.filter((one) => one.features.size !== null);
      const mean = sized.reduce((sum, one) => sum + one.weight * one.features.size!, 0) / weightOf(sized);
      const variance =
        sized.reduce((sum, one) => sum + one.weight * (one.features.size! - mean) ** 2, 0) / weightOf(sized);
      const density =
        variance > 0 ? Math.exp(-((row.size - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance) : 0;
      p *= density + 1e-9;
    }
    for (const name of ['colour', 'ripe'] as const) {
      const value = row[name];
      if (value === null || !examples.some((one) => one.features[name] === value)) continue;
      const known = own.filter((one) => one.features[name] !== null);
      const values = new Set(examples.map((one) => one.features[name]).filter((one) => one !== null)).size;
      p *= (weightOf(known.filter((one) => one.features[name] === value)) + alpha) / (weightOf(known) + alpha * values);
    }
    return [name, p] as const;
  });
  const sum = joint.reduce((total, [, p]) => total + p, 0);
  return Object.fromEntries(joint.map(([name, p]) => [name, p / sum]));
}

async function modelOf(options: Record<string, unknown>, label: ColumnType): Promise<Model> {
  return await createModel({
    ...requestFor(columns, { kind: 'naive_bayes', ...options }),
    label,
  });
}

describe('naive Bayes over numbers, text and booleans', () => {
  test.each([1, 0.1])('with alpha %f is what the formula gives on every row, NULL left out', async (alpha) => {
    const model = await modelOf({ alpha }, textLabel);
    const examples = fruits(120);
    for (const [i, example] of examples.entries()) {
      const { outputs } = model.predictMany([example.features])[0]!;
      if (i > 0) {
        const expected = posterior(examples.slice(0, i), example.features, alpha);
        expect(Object.keys(outputs!).sort()).toEqual(Object.keys(expected).sort());
        for (const [name, p] of Object.entries(expected)) expect(outputs![name]).toBeCloseTo(p, 9);
      }
      model.learn(example);
    }
  });

  test('a boolean label is learned as its two classes are', async () => {
    const [binary, classes] = [await modelOf({}, booleanLabel), await modelOf({}, textLabel)];
    for (const example of fruits(200)) {
      const target = Number(example.label === 'plum');
      binary.learn({ ...example, target });
      classes.learn({ ...example, label: target === 1 ? 'plum' : 'other' });
    }
    for (const { features } of fruits(50)) {
      const { score, prediction } = binary.predictMany([features])[0]!;
      const { outputs } = classes.predictMany([features])[0]!;
      expect(score).toBeCloseTo(outputs!['plum']!, 12);
      expect(prediction).toBe(String(score! > 0.5));
    }
  });

  test('beyond max_values categories share one count', async () => {
    const model = await modelOf({ encode: { max_values: 2 } }, booleanLabel);
    const learn = (colour: string, target: number) => model.learn({ features: { colour }, target, weight: 1 });
    for (const colour of ['red', 'green', 'blue', 'grey', 'pink']) {
      learn(colour, Number(colour === 'red' || colour === 'pink'));
      learn(colour, Number(colour === 'red'));
    }
    learn('green', 0);
    const score = (colour: string) => model.predictMany([{ colour }])[0]!.score;
    expect(score('grey')).toBe(score('blue'));
    expect(score('never seen')).toBe(score('blue'));
    expect(score('red')).toBeGreaterThan(score('grey')!);
    expect(score('green')).toBeLessThan(score('grey')!);
  });
});
