// The kernel against plain loops, and the committed kernel against what its source compiles to.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Arithmetic } from '../../../src/model/net/arithmetic.ts';
import { PlainArithmetic } from '../../../src/model/net/plain-arithmetic.ts';
import { openArithmetic } from '../../../src/model/net/wasm-arithmetic.ts';
import { seeded } from '../seeded.ts';

const ROOT = path.join(import.meta.dirname, '../../..');

test('the kernel that is committed is what its source compiles to', () => {
  const printed = execFileSync(process.execPath, [path.join(ROOT, 'scripts/build-net-kernel.mjs'), '--print'], {
    encoding: 'utf8',
  });
  expect(printed).toBe(readFileSync(path.join(ROOT, 'src/model/net/net-kernel.ts'), 'utf8'));
});

test('this processor runs the kernel, so that the tests below compare two arithmetics', () => {
  expect(openArithmetic()).not.toBeInstanceOf(PlainArithmetic);
});

/** Both with the same numbers, between −2 and 2 with some zeros, in the first `filled` places. */
function both(seed: number, floats: number): readonly [Arithmetic, Arithmetic] {
  const pair = [openArithmetic(), new PlainArithmetic()] as const;
  for (const one of pair) {
    const random = seeded(seed);
    one.reserve(floats);
    for (let i = 0; i < floats; i++) one.floats[i] = random() < 0.2 ? 0 : random() * 4 - 2;
  }
  return pair;
}

const sizes = fc.record({
  seed: fc.nat(),
  rows: fc.integer({ min: 1, max: 11 }),
  inputs: fc.integer({ min: 1, max: 6 }).map((n) => n * 4),
  outputs: fc.integer({ min: 1, max: 6 }).map((n) => n * 4),
});

test('layers, their gradients and their transposes have the same bits from the kernel and from plain loops', () => {
  fc.assert(
    fc.property(sizes, ({ seed, rows, inputs, outputs }) => {
      const [x, w] = [0, { at: rows * inputs, rows: inputs, columns: outputs }];
      const y = { at: w.at + inputs * outputs, rows, columns: outputs };
      const bias = y.at + rows * outputs;
      const dw = { at: bias + outputs, rows: inputs, columns: outputs };
      const db = dw.at + inputs * outputs;
      const t = db + outputs;
      const [kernel, plain] = both(seed, t + inputs * outputs);
      for (const one of [kernel, plain]) {
        one.affine(x, w, bias, y);
        one.gradient(x, y, dw, db);
        one.transpose(dw, t);
      }
      expect(kernel.floats).toEqual(plain.floats);
    }),
  );
});

test('rectifying, products and sums of squares have the same bits from the kernel and from plain loops', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), (seed, quarters) => {
      const count = quarters * 4;
      const [kernel, plain] = both(seed, 3 * count);
      const sums = [kernel, plain].map((one) => {
        one.multiply(0, count, count);
        one.rectify(count, 2 * count, count);
        return one.sumOfSquares(0, 3 * count);
      });
      expect(sums[0]).toBe(sums[1]);
      expect(kernel.floats).toEqual(plain.floats);
    }),
  );
});

test('steps of Adam have the same bits from the kernel and from plain loops', () => {
  const rate = fc.double({ min: 1e-6, max: 1, noNaN: true });
  const options = fc.record({
    lr: rate,
    beta_1: fc.double({ min: 0, max: 0.99, noNaN: true }),
    beta_2: fc.double({ min: 0, max: 0.9999, noNaN: true }),
    eps: fc.constantFrom(1e-8, 1e-3),
    scale: rate,
    l2: fc.constantFrom(0, 0.01),
  });
  fc.assert(
    fc.property(fc.nat(), options, (seed, step) => {
      const count = 12;
      const [kernel, plain] = both(seed, 4 * count);
      for (const one of [kernel, plain]) {
        one.floats.fill(0, 2 * count);
        const state = { weights: 0, gradients: count, means: 2 * count, squares: 3 * count, count };
        for (let n = 1; n <= 5; n++) one.adam(state, { ...step, step: n });
      }
      expect(kernel.floats).toEqual(plain.floats);
    }),
  );
});

test('moments that fade become 0, and not ever smaller', () => {
  for (const one of both(1, 16)) {
    one.floats.fill(0, 4);
    one.floats.fill(1e-3, 4, 8);
    const state = { weights: 0, gradients: 4, means: 8, squares: 12, count: 4 };
    const step = { lr: 0.001, beta_1: 0.9, beta_2: 0.9, eps: 1e-8, scale: 1, l2: 0 };
    one.adam(state, { ...step, step: 1 });
    one.floats.fill(0, 4, 8);
    for (let n = 2; n <= 400; n++) one.adam(state, { ...step, step: n });
    expect(one.floats[8]).not.toBe(0);
    for (let n = 401; n <= 800; n++) one.adam(state, { ...step, step: n });
    expect([...one.floats.subarray(8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  }
});

test('memory that is reserved again is empty again', () => {
  for (const one of both(2, 40_000)) {
    one.reserve(60_000);
    expect(one.floats.length).toBe(60_000);
    expect(one.floats.every((float) => float === 0)).toBe(true);
  }
});
