import { expect, test } from 'vitest';
import { erf, normalCdf, surprise } from '../../../src/model/trees/normal-distribution.ts';

/** By deviation −(scipy.stats.norm.logsf(z) + ln 2), on every piece. */
const SURPRISES = [
  [1.5, 2.0127972202639444],
  [1.77, 2.5674997775851214],
  [3, 5.914579040950405],
  [4.04, 9.836741442935102],
  [5, 14.371851213428782],
  [20, 203.22400819053735],
  [39, 764.3900093838178],
  [39.7, 791.9527760185906],
  [100, 5004.831061513645],
  [1e6, 500000000014.0414],
] as const;

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

test('the surprise of a deviation is −ln of its two-sided tail, and keeps growing where the tail itself is 0', () => {
  for (const z of [0, 1e-9, 0.1, 1, 1.7, 1.8, 2.5, 4, 4.1]) {
    const tail = 2 * normalCdf(-z);
    expect(Math.abs(surprise(z) + Math.log(tail))).toBeLessThan(1e-10 / tail);
  }
  for (const [z, log] of SURPRISES) expect(Math.abs(surprise(z) / log - 1)).toBeLessThan(1e-13);
  for (let z = 0; z < 60; z += 0.01) expect(surprise(z + 0.01)).toBeGreaterThan(surprise(z));
});
