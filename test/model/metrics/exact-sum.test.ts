import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactSum } from '../../../src/model/metrics/exact-sum.ts';

/** As so many 2^-200 it is a whole number, and so is the product of three of those below. */
const UNITS = 200;

function wholeOf(value: number): bigint {
  let [rest, exponent] = [value, 0];
  while (!Number.isInteger(rest)) [rest, exponent] = [rest * 2, exponent + 1];
  return BigInt(rest) * 2n ** BigInt(UNITS - exponent);
}

const number = fc
  .tuple(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.integer({ min: -60, max: 60 }))
  .map(([digits, exponent]) => digits * 2 ** exponent);

test('a sum of numbers and products is that of whole numbers of any length, rounded once', () => {
  fc.assert(
    fc.property(fc.array(number), fc.array(fc.tuple(number, number)), number, (values, pairs, factor) => {
      const sum = new ExactSum();
      for (const value of values) sum.add(value);
      for (const [a, b] of pairs) sum.addProduct(a, b);
      let whole = values.reduce((all, value) => all + wholeOf(value), 0n);
      for (const [a, b] of pairs) whole += (wholeOf(a) * wholeOf(b)) / 2n ** BigInt(UNITS);
      // Dividing by a power of two afterwards is exact, and BigInt to number rounds once, ties to even.
      expect(sum.value).toBe(Number(whole) / 2 ** UNITS);
      const times = new ExactSum();
      times.addTimes(sum, factor);
      expect(times.value).toBe(Number((whole * wholeOf(factor)) / 2n ** BigInt(UNITS)) / 2 ** UNITS);
      for (const value of values) sum.add(-value);
      for (const [a, b] of pairs) sum.addProduct(-a, b);
      expect(sum.value).toBe(0);
    }),
    { numRuns: 300 },
  );
});
