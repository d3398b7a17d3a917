import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Confusion } from '../../../src/model/metrics/confusion.ts';
import { prAuc } from '../../../src/model/metrics/pr-auc.ts';
import { rankExactly } from '../../../src/model/metrics/ranked-counts.ts';

test('accuracy, recall, F1 and kappa are those of a table worked out by hand', () => {
  // Rows: truth; columns: said.  a: 3 a, 1 b;  b: 2 a, 4 b.
  const confusion = new Confusion();
  for (const [truth, said, times] of [
    ['a', 'a', 3],
    ['a', 'b', 1],
    ['b', 'a', 2],
    ['b', 'b', 4],
  ] as const)
    for (let n = 0; n < times; n++) confusion.add(truth, said);
  expect(confusion.accuracy).toBeCloseTo(0.7, 12);
  expect(confusion.balancedAccuracy).toBeCloseTo((3 / 4 + 4 / 6) / 2, 12);
  expect(confusion.f1('a')).toBeCloseTo(6 / 9, 12);
  expect(confusion.macroF1).toBeCloseTo((6 / 9 + 8 / 11) / 2, 12);
  const chance = 0.4 * 0.5 + 0.6 * 0.5;
  expect(confusion.kappa).toBeCloseTo((0.7 - chance) / (1 - chance), 12);
});

test('an answer that was not given is wrong, and is no class', () => {
  const confusion = new Confusion();
  confusion.add('a', null);
  confusion.add('a', 'a');
  expect(confusion.accuracy).toBe(0.5);
  expect(confusion.macroF1).toBeCloseTo(2 / 3, 12);
});

test('average precision is the mean, over the positives, of the precision at their score', () => {
  const outcome = fc.record({
    score: fc.integer({ min: 0, max: 9 }).map((n) => n / 10),
    target: fc.constantFrom(0, 1),
  });
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: 60 }), (outcomes) => {
      const positives = outcomes.filter(({ target }) => target === 1);
      const expected = positives.map(({ score }) => {
        const above = outcomes.filter((other) => other.score >= score);
        return above.filter(({ target }) => target === 1).length / above.length;
      });
      const found = prAuc(
        rankExactly(
          Float64Array.from(outcomes, ({ score }) => score),
          Float64Array.from(outcomes, ({ target }) => target),
        ),
      );
      if (positives.length === 0) expect(found).toBeNull();
      else expect(found).toBeCloseTo(expected.reduce((sum, value) => sum + value, 0) / positives.length, 12);
    }),
  );
});
