import { expect, test } from 'vitest';
import { exp } from '../../src/model/exponential.ts';
import { seeded } from './seeded.ts';

test('e^x is what Math.exp says, to the last bit where V8 has fdlibm and to one unit of it anywhere', () => {
  const random = seeded(1);
  const wide = [0, -0, 1e-12, -1e-12, 4e-9, 60, -60, 700, -700, 710, -746, Infinity, -Infinity, 0.34657359027997264];
  const near = Array.from({ length: 20_000 }, (_, i) => 0.3465736 * (2 * (i % 9) + 1) * (1 + (random() - 0.5) * 1e-6));
  const usual = Array.from({ length: 200_000 }, () => (random() - 0.5) * 2 * 10 ** (random() * 4 - 2));
  let worst = 0;
  for (const x of [...wide, ...near, ...near.map((one) => -one), ...usual]) {
    const expected = Math.exp(x);
    if (exp(x) === expected) continue;
    worst = Math.max(worst, Math.abs(exp(x) - expected) / expected);
  }
  expect(worst).toBeLessThanOrEqual(2 ** -52);
  expect(exp(Number.NaN)).toBeNaN();
});
