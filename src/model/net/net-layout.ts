// Where each part of a net stands in its store of floats: parameters, their gradients, Adam's two moments, and room to work in.

import type { AdamState, Matrix } from './arithmetic.ts';

export interface NetShape {
  /** Dimensions of an input that there are weights for. */
  readonly inputs: number;
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  /** Rows that are computed at once. */
  readonly rows: number;
}

/** One layer; sizes are padded to multiples of 4, with units whose weights are 0 and stay so. */
export interface Layer {
  readonly weights: Matrix;
  readonly weightSlopes: Matrix;
  readonly bias: number;
  readonly biasSlopes: number;
  /** What comes out of it. */
  readonly y: Matrix;
  /** Derivative of what comes out by what the activation was given, and of the loss by the latter. */
  readonly slope: number;
  readonly delta: Matrix;
}

export interface NetLayout {
  readonly shape: NetShape;
  readonly layers: readonly Layer[];
  readonly x: Matrix;
  /** All parameters: first every weight, from 0 on, then every bias. */
  readonly all: AdamState;
  readonly onlyWeights: AdamState;
  readonly onlyBiases: AdamState;
  /** As wide as the widest layer, always 0. */
  readonly zeros: number;
  /** Room for one transposed matrix of weights. */
  readonly transposed: number;
  readonly floats: number;
}

export function layNet(shape: NetShape): NetLayout {
  const widths = [shape.inputs, ...shape.hidden, shape.outputs].map(padded);
  const last = widths.length - 1;
  let weightCount = 0;
  let biasCount = 0;
  for (let l = 1; l <= last; l++) {
    weightCount += widths[l - 1]! * widths[l]!;
    biasCount += widths[l]!;
  }
  const count = weightCount + biasCount;
  let next = 4 * count;
  const take = (floats: number): number => (next += floats) - floats;
  const batch = (columns: number): Matrix => ({ at: take(shape.rows * columns), rows: shape.rows, columns });
  const x = batch(widths[0]!);
  const layers: Layer[] = [];
  let weight = 0;
  let bias = weightCount;
  for (let l = 1; l <= last; l++) {
    const [rows, columns] = [widths[l - 1]!, widths[l]!];
    layers.push({
      weights: { at: weight, rows, columns },
      weightSlopes: { at: count + weight, rows, columns },
      bias,
      biasSlopes: count + bias,
      y: batch(columns),
      slope: l < last ? take(shape.rows * columns) : 0,
      delta: batch(columns),
    });
    weight += rows * columns;
    bias += columns;
  }
  const from = (at: number, floats: number): AdamState => ({
    weights: at,
    gradients: count + at,
    means: 2 * count + at,
    squares: 3 * count + at,
    count: floats,
  });
  const zeros = take(Math.max(...widths));
  const transposed = take(Math.max(...layers.map(({ weights }) => weights.rows * weights.columns)));
  return {
    shape,
    layers,
    x,
    all: from(0, count),
    onlyWeights: from(0, weightCount),
    onlyBiases: from(weightCount, biasCount),
    zeros,
    transposed,
    floats: next,
  };
}

/** Up to the next multiple of 4. */
export function padded(size: number): number {
  return (size + 3) & ~3;
}
