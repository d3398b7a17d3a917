// Two classes have a shorter way; what is written out here, for any number of them, is the oracle.

import { describe, expect, test } from 'vitest';
import { asKey, named } from '../../src/model/class-prediction.ts';
import { softmax } from '../../src/model/kinds/softmax.ts';
import type { Input, Layout } from '../../src/model/learner.ts';
import { seeded } from './seeded.ts';

const LAYOUT: Layout = { nominal: () => false, dimensions: 3, mostDimensions: 3 };
const LEAST = 1e-15;
const RATE = 0.5;

function plainOutputs(weights: readonly number[][], biases: readonly number[], values: readonly number[]): number[] {
  const raws = weights.map((one, c) => values.reduce((sum, value, j) => sum + one[j]! * value, 0) + biases[c]!);
  const greatest = Math.max(...raws);
  const shares = raws.map((raw) => Math.exp(raw - greatest));
  const sum = shares.reduce((before, share) => before + share, 0);
  return shares.map((share) => share / sum);
}

describe.each([2, 3, 5])('softmax of %i classes', (classes) => {
  test.each([1, 1e4])('says what is written in textbooks, to the last bit, of values as large as %d', async (size) => {
    const learner = await softmax.create(
      { kind: 'softmax', optimizer: { name: 'sgd', lr: RATE }, intercept_lr: RATE },
      'multiclass',
      1,
      LAYOUT,
    );
    const random = seeded(classes);
    const weights: number[][] = [];
    const biases: number[] = [];
    for (let i = 0; i < 2000; i++) {
      // Also the same row again, and rows of nothing: all raw scores are the same then.
      const values = Array.from({ length: 3 }, () => (i % 50 === 0 ? 0 : (random() - 0.5) * size));
      const x: Input = { length: 3, indexes: Int32Array.of(0, 1, 2), values: Float64Array.from(values) };
      const said = plainOutputs(weights, biases, values);
      expect([...learner.outputs!(x).slice(0, weights.length)]).toEqual(said);
      const y = i < classes ? i : Math.floor(random() * classes);
      learner.learn(x, y, 1);
      if (y === weights.length) {
        weights.push([0, 0, 0]);
        biases.push(0);
      }
      weights.forEach((one, c) => {
        const p = Math.min(Math.max(said[c] ?? 0, LEAST), 1 - LEAST);
        const slope = (c < said.length ? p : LEAST) - (c === y ? 1 : 0);
        biases[c]! -= RATE * slope;
        values.forEach((value, j) => (one[j]! -= RATE * (value * slope)));
      });
    }
  });
});

describe('what is said by name', () => {
  test('is there for any number of names, and not where nothing is said', () => {
    for (let count = 0; count < 6; count++) {
      const names = Array.from({ length: count }, (_, k) => asKey(`class ${k}`));
      const values = Float64Array.from({ length: 8 }, (_, k) => (k === 1 || k === 4 ? Number.NaN : k / 10));
      const expected = names.flatMap((name, k) => (k === 1 || k === 4 ? [] : [[name, k / 10] as const]));
      expect(named(names, values)).toEqual(Object.fromEntries(expected));
    }
  });

  test.each([0, 2, 4])('may be of a class called __proto__, as class %i', (at) => {
    const names = ['a', 'b', 'c', 'd', 'e'].map(asKey).with(at, asKey('__proto__'));
    const outputs = named(names, Float64Array.of(1, 2, 3, 4, 5));
    expect(Object.getPrototypeOf(outputs)).toBe(Object.prototype);
    expect(Object.entries(outputs)).toEqual(names.map((name, k) => [name, k + 1]));
    expect(names[at]).toBe('__proto__');
  });
});
