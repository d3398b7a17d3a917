// The net's arithmetic as plain loops: the truth that the WebAssembly kernel is tested against, and what computes where a processor
// has no 128-bit instructions. A sum or product of 32-bit numbers rounded once to 64 bits and then to 32 is what 32-bit arithmetic gives
// (Figueroa 1995), so both have the same bits.

import { adamFactors, type AdamState, type AdamStep, type Arithmetic, type Matrix } from './arithmetic.ts';

const { fround } = Math;

export class PlainArithmetic implements Arithmetic {
  floats = new Float32Array(0);

  reserve(count: number): void {
    this.floats = new Float32Array(count);
  }

  affine(x: number, w: Matrix, bias: number, y: Matrix): void {
    const { floats } = this;
    const { rows: inputs, columns: outputs } = w;
    for (let i = 0; i < y.rows; i++) {
      const to = y.at + i * outputs;
      for (let j = 0; j < outputs; j++) floats[to + j] = floats[bias + j]!;
      for (let k = 0; k < inputs; k++) {
        const value = floats[x + i * inputs + k]!;
        const from = w.at + k * outputs;
        for (let j = 0; j < outputs; j++) floats[to + j] = fround(floats[to + j]! + fround(value * floats[from + j]!));
      }
    }
  }

  gradient(x: number, dy: Matrix, dw: Matrix, db: number): void {
    const { floats } = this;
    const { rows: inputs, columns: outputs } = dw;
    floats.fill(0, dw.at, dw.at + inputs * outputs);
    floats.fill(0, db, db + outputs);
    for (let i = 0; i < dy.rows; i++) {
      const from = dy.at + i * outputs;
      for (let k = 0; k < inputs; k++) {
        const value = floats[x + i * inputs + k]!;
        const to = dw.at + k * outputs;
        for (let j = 0; j < outputs; j++) floats[to + j] = fround(floats[to + j]! + fround(value * floats[from + j]!));
      }
      for (let j = 0; j < outputs; j++) floats[db + j] = fround(floats[db + j]! + floats[from + j]!);
    }
  }

  transpose(w: Matrix, t: number): void {
    const { floats } = this;
    for (let k = 0; k < w.rows; k++)
      for (let j = 0; j < w.columns; j++) floats[t + j * w.rows + k] = floats[w.at + k * w.columns + j]!;
  }

  rectify(y: number, slope: number, count: number): void {
    const { floats } = this;
    for (let i = 0; i < count; i++) {
      const positive = floats[y + i]! > 0;
      floats[slope + i] = positive ? 1 : 0;
      if (!positive) floats[y + i] = 0;
    }
  }

  multiply(a: number, b: number, count: number): void {
    const { floats } = this;
    for (let i = 0; i < count; i++) floats[a + i] = fround(floats[a + i]! * floats[b + i]!);
  }

  sumOfSquares(a: number, count: number): number {
    const sums = new Float64Array(4);
    for (let i = 0; i < count; i++) sums[i & 3]! += this.floats[a + i]! ** 2;
    return sums[0]! + sums[2]! + (sums[1]! + sums[3]!);
  }

  adam({ weights, gradients, means, squares, count }: AdamState, step: AdamStep): void {
    const { floats } = this;
    const by = adamFactors(step);
    for (let i = 0; i < count; i++) {
      const weight = floats[weights + i]!;
      const slope = fround(fround(floats[gradients + i]! * by.scale) + fround(weight * by.l2));
      let mean = fround(fround(floats[means + i]! * by.keepMean) + fround(slope * by.addMean));
      let square = fround(fround(floats[squares + i]! * by.keepSquare) + fround(fround(slope * slope) * by.addSquare));
      if (!(Math.abs(mean) > by.least)) mean = 0;
      if (!(square > by.least)) square = 0;
      floats[means + i] = mean;
      floats[squares + i] = square;
      const width = fround(fround(Math.sqrt(fround(square * by.correction))) + by.eps);
      floats[weights + i] = fround(weight - fround(fround(mean * by.rate) / width));
    }
  }
}
