import { expect, test } from 'vitest';
import { erf, normalCdf } from '../../../src/model/trees/normal-distribution.ts';

/** Trapezoids over the density: an integral of its own. */
function integrated(x: number): number {
  const steps = 200_000;
  const step = x / steps;
  let sum = 0.5 * (1 + Math.exp(-x * x));
  for (let i = 1; i < steps; i++) sum += Math.exp(-((i * step) ** 2));
  return (2 / Math.sqrt(Math.PI)) * sum * step;
}

test('the error function is its integral, on every one of its pieces', () => {
  for (const x of [1e-9, 0.01, 0.5, 0.8437, 0.8438, 1, 1.2499, 1.2501, 2, 2.857, 2.858, 4, 5.9])
    expect(Math.abs(erf(x) - integrated(x))).toBeLessThan(1e-10);
  expect([erf(0), erf(6), erf(Infinity), erf(-Infinity)]).toEqual([0, 1, 1, -1]);
  expect(erf(0.5)).toBe(0.5204998778130465);
  for (const x of [0.3, 1, 2, 3, 5]) expect(erf(-x)).toBe(-erf(x));
});

test('the normal distribution function has its known values', () => {
  expect(normalCdf(0)).toBe(0.5);
  expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 14);
  expect(normalCdf(-1.959963984540054)).toBeCloseTo(0.025, 14);
});
