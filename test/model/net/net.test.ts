import { describe, expect, test } from 'vitest';
import { PlainArithmetic } from '../../../src/model/net/plain-arithmetic.ts';
import { Head } from '../../../src/model/net/head.ts';
import { Net, type Activation, type SparseRow } from '../../../src/model/net/net.ts';
import { openArithmetic } from '../../../src/model/net/wasm-arithmetic.ts';
import { Random } from '../../../src/model/random.ts';
import { seeded } from '../seeded.ts';

const STEP = { lr: 0.01, beta_1: 0.9, beta_2: 0.999, eps: 1e-8, l2: 0, clip: 1000 };

function rowsOf(count: number, inputs: number, seed = 3): SparseRow[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => ({
    length: inputs,
    indexes: Int32Array.from({ length: inputs }, (_, i) => i),
    values: Float32Array.from({ length: inputs }, () => random() * 2 - 1),
  }));
}

function rawOutputs(net: Net, rows: readonly SparseRow[], outputs: number): number[] {
  rows.forEach((row, i) => net.setRow(i, row));
  net.forward(rows.length);
  return rows.flatMap((_, i) => Array.from({ length: outputs }, (_, o) => net.output(i, o)));
}

/** A layer by layer forward pass in 64 bits, over the net's parameters. */
function reference(parameters: Float64Array, widths: readonly number[], activation: Activation, x: readonly number[]) {
  const padded = widths.map((width) => Math.ceil(width / 4) * 4);
  let at = 0;
  let bias = padded.slice(1).reduce((sum, width, l) => sum + padded[l]! * width, 0);
  let values = [...x];
  for (let l = 1; l < widths.length; l++) {
    const sums = Array.from({ length: widths[l]! }, (_, j) =>
      values.reduce((sum, value, k) => sum + value * parameters[at + k * padded[l]! + j]!, parameters[bias + j]!),
    );
    at += padded[l - 1]! * padded[l]!;
    bias += padded[l]!;
    const last = l === widths.length - 1;
    values = last ? sums : sums.map((sum) => (activation === 'relu' ? Math.max(0, sum) : Math.tanh(sum)));
  }
  return values;
}

describe.each(['relu', 'tanh'] as const)('a net with %s', (activation) => {
  test.each(['binary', 'regression', 'multiclass'] as const)(
    'has for the task %s the gradient that finite differences in 64 bits have',
    (task) => {
      const outputs = task === 'multiclass' ? 3 : 1;
      const widths = [5, 8, 4, outputs];
      const net = Net.create(
        { inputs: 5, hidden: [8, 4], outputs, rows: 8 },
        activation,
        5,
        new Random(1),
        openArithmetic(),
      );
      const rows = rowsOf(8, 5);
      const head = new Head(task);
      const targets = rows.map((_, i) => (task === 'binary' ? i % 2 : task === 'multiclass' ? i % 3 : i - 3.3));
      for (const y of targets) head.observe(y);
      // A last layer of zeros would leave the others without a gradient.
      const random = seeded(9);
      for (let i = 0; i < net.parameters.length; i++) if (random() < 0.9) net.parameters[i]! += random() - 0.5;

      rows.forEach((row, i) => net.setRow(i, row));
      net.forward(8);
      net.clearSlopes();
      for (const [i, y] of targets.entries())
        head.slopes(
          (o) => net.output(i, o),
          y,
          0.5 + i,
          (o, slope) => net.setSlope(i, o, slope),
        );
      net.backward(8);
      const gradient = net.gradient.slice();

      const mean = targets.reduce((sum, y) => sum + y, 0) / 8;
      const deviation = Math.sqrt(targets.reduce((sum, y) => sum + (y - mean) ** 2, 0) / 8);
      const parameters = Float64Array.from(net.parameters);
      const loss = () =>
        rows.reduce((sum, row, i) => {
          const raw = reference(parameters, [8, ...widths.slice(1)], activation, [...row.values]);
          const y = targets[i]!;
          const one =
            task === 'regression'
              ? 0.5 * (raw[0]! - (y - mean) / deviation) ** 2
              : task === 'binary'
                ? Math.log1p(Math.exp(y === 1 ? -raw[0]! : raw[0]!))
                : Math.log(raw.reduce((all, r) => all + Math.exp(r), 0)) - raw[y]!;
          return sum + one * (0.5 + i);
        }, 0);
      let compared = 0;
      for (let p = 0; p < parameters.length; p++) {
        const value = parameters[p]!;
        const h = 1e-5;
        parameters[p] = value + h;
        const above = loss();
        parameters[p] = value - h;
        const slope = (above - loss()) / (2 * h);
        parameters[p] = value;
        // 32 bits have about seven digits, and sums lose some.
        expect(Math.abs(gradient[p]! - slope), `parameter ${p}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
        if (Math.abs(slope) > 1e-3) compared += 1;
      }
      expect(compared).toBeGreaterThan(70);
    },
  );

  test('says of each entry how the raw output changes with it', () => {
    const shape = { inputs: 5, hidden: [8, 4], outputs: 2, rows: 1 };
    const net = Net.create(shape, activation, 5, new Random(2), openArithmetic());
    const random = seeded(4);
    for (let i = 0; i < net.parameters.length; i++) net.parameters[i] = random() - 0.5;
    const [row] = rowsOf(1, 5);
    rawOutputs(net, [row!], 2);
    const slopes = net.entrySlopes(row!, [1, -2]);
    const parameters = Float64Array.from(net.parameters);
    const raw = (x: readonly number[]) => {
      const [a, b] = reference(parameters, [8, 8, 4, 2], activation, x);
      return a! - 2 * b!;
    };
    slopes.forEach((slope, e) => {
      const moved = (by: number) => raw([...row!.values].map((value, i) => (i === e ? value + by : value)));
      expect(slope).toBeCloseTo((moved(1e-6) - moved(-1e-6)) / 2e-6, 5);
    });
  });
});

test('a net on the kernel and one on plain loops have the same bits after many steps', () => {
  const trained = [openArithmetic(), new PlainArithmetic()].map((arithmetic) => {
    const random = new Random(5);
    const shape = { inputs: 6, hidden: [10, 12], outputs: 1, rows: 6 };
    const net = Net.create(shape, 'relu', 6, random, arithmetic);
    const rows = rowsOf(6, 6);
    for (let step = 0; step < 50; step++) {
      rows.forEach((row, i) => net.setRow(i, row));
      net.forward(6, 0.2, random);
      net.clearSlopes();
      rows.forEach((_, i) => net.setSlope(i, 0, net.output(i, 0) - i / 3));
      net.backward(6);
      net.step({ ...STEP, l2: 0.001, clip: 0.5 });
    }
    return net.parameters.slice();
  });
  expect(trained[0]).toEqual(trained[1]);
  expect(trained[0]!.some((weight) => weight !== 0)).toBe(true);
});

test('one that grows says the same of rows that need none of it', () => {
  const random = new Random(7);
  const shape = { inputs: 3, hidden: [5], outputs: 2, rows: 4 };
  const net = Net.create(shape, 'tanh', 3, random, openArithmetic());
  const uniform = seeded(8);
  for (let i = 0; i < net.parameters.length; i++) net.parameters[i] = uniform() - 0.5;
  const rows = rowsOf(4, 3);
  const before = rawOutputs(net, rows, 2);
  net.grow(40, 9, random);
  expect(rawOutputs(net, rows, 2)).toEqual(before);
  expect(net.output(0, 8)).toBe(0);
  const wide = rowsOf(1, 40);
  expect(rawOutputs(net, wide, 1)[0]).not.toBe(before[0]);
});

test('a gradient that is not finite moves nothing', () => {
  const shape = { inputs: 4, hidden: [4], outputs: 1, rows: 1 };
  const net = Net.create(shape, 'relu', 4, new Random(1), openArithmetic());
  const [row] = rowsOf(1, 4);
  rawOutputs(net, [row!], 1);
  const before = net.parameters.slice();
  for (const slope of [Infinity, Number.NaN]) {
    net.setSlope(0, 0, slope);
    net.backward(1);
    net.step(STEP);
  }
  expect(net.parameters).toEqual(before);
  expect(net.steps).toBe(0);
});
