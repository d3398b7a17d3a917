// A multi-layer perceptron: dense layers, rectified or tanh, and a linear one that gives the raw outputs; trained by back-propagation
// and Adam. It knows nothing of losses: who uses it says how the loss changes with each raw output.

import type { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import type { AdamStep, Arithmetic, Matrix } from './arithmetic.ts';
import { layNet, padded, type Layer, type NetLayout, type NetShape } from './net-layout.ts';

/** Inputs that the first layer has weights for; dimensions from here on are not seen. */
export const MAX_INPUTS = 16_384;
/** Inputs end here, so that 32-bit sums of them stay finite. */
const MAX_INPUT = 1e6;

/** An example's entries, as of `Input`. */
export interface SparseRow {
  readonly length: number;
  readonly indexes: Int32Array;
  readonly values: Float32Array | Float64Array;
}

export interface StepOptions extends Omit<AdamStep, 'step' | 'scale'> {
  /** Longest that the gradient of the loss may be, as a vector; a longer one is shortened. */
  readonly clip: number;
}

export type Activation = 'relu' | 'tanh';

export class Net {
  readonly #arithmetic: Arithmetic;
  readonly #activation: Activation;
  #layout: NetLayout;
  /** Steps of Adam. */
  #steps = 0;
  /** First weights of the first layer are within ± this. */
  #firstLimit: number;

  private constructor(arithmetic: Arithmetic, activation: Activation, layout: NetLayout, firstLimit: number) {
    this.#arithmetic = arithmetic;
    this.#activation = activation;
    this.#layout = layout;
    this.#firstLimit = firstLimit;
    arithmetic.reserve(layout.floats);
  }

  /**
   * Weights as in He et al. 2015, uniform within ± √(6 / fan-in); biases and the weights of the last layer 0, so that the raw outputs
   * of a new net are 0.
   * @param fanIn entries that a row has: of the dimensions of a one-hot feature only one counts
   */
  static create(shape: NetShape, activation: Activation, fanIn: number, random: Random, arithmetic: Arithmetic): Net {
    const firstLimit = Math.sqrt(6 / Math.max(1, fanIn));
    const net = new Net(arithmetic, activation, layNet(capacities(shape)), firstLimit);
    const { hidden } = shape;
    for (const [l, { weights }] of net.#layout.layers.slice(0, -1).entries()) {
      const rows = l === 0 ? weights.rows : hidden[l - 1]!;
      net.#draw(weights, 0, rows, hidden[l]!, l === 0 ? firstLimit : Math.sqrt(6 / rows), random);
    }
    return net;
  }

  /** @param shape of the options; inputs and outputs are what was saved */
  static load(
    shape: Pick<NetShape, 'hidden' | 'rows'>,
    activation: Activation,
    reader: StateReader,
    arithmetic: Arithmetic,
  ): Net {
    const [inputs, outputs] = [reader.u32(), reader.u32()];
    const net = new Net(arithmetic, activation, layNet({ ...shape, inputs, outputs }), reader.f64());
    net.#steps = reader.f64();
    const { all } = net.#layout;
    for (const at of [all.weights, all.means, all.squares]) arithmetic.floats.set(reader.floats32(), at);
    return net;
  }

  get steps(): number {
    return this.#steps;
  }

  get bytes(): number {
    return this.#layout.floats * 4;
  }

  /** Makes room for more inputs and outputs; those that there are keep their weights. */
  grow(inputs: number, outputs: number, random: Random): void {
    const before = this.#layout;
    const shape = capacities({ ...before.shape, inputs, outputs }, before.shape);
    if (shape.inputs === before.shape.inputs && shape.outputs === before.shape.outputs) return;
    const { floats } = this.#arithmetic;
    this.#layout = layNet(shape);
    this.#arithmetic.reserve(this.#layout.floats);
    const parts = (layout: NetLayout) => [layout.all.weights, layout.all.means, layout.all.squares];
    for (const [part, from] of parts(before).entries()) {
      const to = parts(this.#layout)[part]!;
      for (const [l, layer] of before.layers.entries()) {
        const grown = this.#layout.layers[l]!;
        copyRows(floats, from, layer.weights, this.#arithmetic.floats, to, grown.weights);
        this.#arithmetic.floats.set(
          floats.subarray(from + layer.bias, from + layer.bias + layer.weights.columns),
          to + grown.bias,
        );
      }
    }
    const [first, width] = [this.#layout.layers[0]!, shape.hidden[0]];
    if (width !== undefined)
      this.#draw(first.weights, before.x.columns, first.weights.rows, width, this.#firstLimit, random);
  }

  /** Copies a row to place `i` of what is computed next. */
  setRow(i: number, row: SparseRow): void {
    const { floats } = this.#arithmetic;
    const { columns, at } = this.#layout.x;
    const from = at + i * columns;
    floats.fill(0, from, from + columns);
    for (let e = 0; e < row.length; e++) {
      const index = row.indexes[e]!;
      if (index < columns) floats[from + index] = Math.min(MAX_INPUT, Math.max(-MAX_INPUT, row.values[e]!));
    }
  }

  /** Computes the raw outputs of the first `rows` rows; with `dropout`, each hidden unit of each row is 0 with that probability. */
  forward(rows: number, dropout = 0, random?: Random): void {
    const { layers } = this.#layout;
    let x = this.#layout.x.at;
    for (const [l, layer] of layers.entries()) {
      this.#arithmetic.affine(x, layer.weights, layer.bias, upTo(layer.y, rows));
      x = layer.y.at;
      if (l === layers.length - 1) return;
      this.#activate(layer, rows);
      if (dropout > 0) this.#drop(layer, rows, dropout, random!);
    }
  }

  /** A raw output, as the last `forward` left it. */
  output(row: number, output: number): number {
    const { at, columns } = this.#layout.layers.at(-1)!.y;
    return this.#arithmetic.floats[at + row * columns + output]!;
  }

  /** How the loss changes with that raw output; 0 for all others after `clearSlopes`. */
  setSlope(row: number, output: number, slope: number): void {
    const { at, columns } = this.#layout.layers.at(-1)!.delta;
    this.#arithmetic.floats[at + row * columns + output] = slope;
  }

  clearSlopes(): void {
    const { at, rows, columns } = this.#layout.layers.at(-1)!.delta;
    this.#arithmetic.floats.fill(0, at, at + rows * columns);
  }

  /** After `forward` and `setSlope` of the same rows: works out the gradient of the loss by every parameter. */
  backward(rows: number): void {
    const { layers, x, transposed, zeros } = this.#layout;
    for (let l = layers.length - 1; l >= 0; l--) {
      const layer = layers[l]!;
      const below = layers[l - 1];
      const delta = upTo(layer.delta, rows);
      this.#arithmetic.gradient(below?.y.at ?? x.at, delta, layer.weightSlopes, layer.biasSlopes);
      if (!below) return;
      const { weights } = layer;
      this.#arithmetic.transpose(weights, transposed);
      const turned = { at: transposed, rows: weights.columns, columns: weights.rows };
      this.#arithmetic.affine(delta.at, turned, zeros, upTo(below.delta, rows));
      this.#arithmetic.multiply(below.delta.at, below.slope, rows * below.delta.columns);
    }
  }

  /** After `backward`: one step of Adam. A gradient that is not finite moves nothing. */
  step(options: StepOptions): void {
    const { all, onlyWeights, onlyBiases } = this.#layout;
    const length = Math.sqrt(this.#arithmetic.sumOfSquares(all.gradients, all.count));
    if (!Number.isFinite(length)) return;
    this.#steps += 1;
    const scale = length > options.clip ? options.clip / length : 1;
    const step = { ...options, step: this.#steps, scale };
    if (options.l2 === 0) return this.#arithmetic.adam(all, step);
    this.#arithmetic.adam(onlyWeights, step);
    this.#arithmetic.adam(onlyBiases, { ...step, l2: 0 });
  }

  /** After `forward(1)`: how Σ `factors[o]` · (raw output o) changes with each of the row's entries. */
  entrySlopes(row: SparseRow, factors: readonly number[]): Float64Array {
    const { floats } = this.#arithmetic;
    const { layers } = this.#layout;
    let delta = Float64Array.from(factors);
    for (let l = layers.length - 1; l > 0; l--) {
      const { weights } = layers[l]!;
      const below = new Float64Array(weights.rows);
      for (let k = 0; k < weights.rows; k++)
        below[k] = floats[layers[l - 1]!.slope + k]! * dot(floats, weights.at + k * weights.columns, delta);
      delta = below;
    }
    const { weights } = layers[0]!;
    return Float64Array.from({ length: row.length }, (_, e) => {
      const index = row.indexes[e]!;
      return index < weights.rows ? dot(floats, weights.at + index * weights.columns, delta) : 0;
    });
  }

  /** The bias of a raw output. */
  setOutputBias(output: number, bias: number): void {
    this.#arithmetic.floats[this.#layout.layers.at(-1)!.bias + output] = bias;
  }

  /** Weights, then biases; a view, for tests and for saving. */
  get parameters(): Float32Array {
    return this.#part(this.#layout.all.weights);
  }

  /** As `backward` left it, in the order of `parameters`. */
  get gradient(): Float32Array {
    return this.#part(this.#layout.all.gradients);
  }

  save(writer: StateWriter): void {
    const { shape, all } = this.#layout;
    writer.u32(shape.inputs);
    writer.u32(shape.outputs);
    writer.f64(this.#firstLimit);
    writer.f64(this.#steps);
    for (const at of [all.weights, all.means, all.squares]) writer.floats32(this.#part(at));
  }

  #part(at: number): Float32Array {
    return this.#arithmetic.floats.subarray(at, at + this.#layout.all.count);
  }

  #draw(weights: Matrix, from: number, to: number, columns: number, limit: number, random: Random): void {
    const { floats } = this.#arithmetic;
    for (let k = from; k < to; k++)
      for (let j = 0; j < columns; j++)
        floats[weights.at + k * weights.columns + j] = (random.uniform() * 2 - 1) * limit;
  }

  #activate({ y, slope }: Layer, rows: number): void {
    const count = rows * y.columns;
    if (this.#activation === 'relu') return this.#arithmetic.rectify(y.at, slope, count);
    const { floats } = this.#arithmetic;
    for (let i = 0; i < count; i++) {
      const value = Math.tanh(floats[y.at + i]!);
      floats[y.at + i] = value;
      floats[slope + i] = 1 - value * value;
    }
  }

  /** What is kept counts for more, so that sums keep their size (Srivastava et al. 2014). */
  #drop({ y, slope }: Layer, rows: number, dropout: number, random: Random): void {
    const { floats } = this.#arithmetic;
    const count = rows * y.columns;
    const kept = 1 / (1 - dropout);
    for (let i = 0; i < count; i++) {
      const factor = random.uniform() < dropout ? 0 : kept;
      floats[y.at + i]! *= factor;
      floats[slope + i]! *= factor;
    }
  }
}

/** Inputs and outputs doubled from what there is room for until they suffice. */
function capacities(
  wanted: NetShape,
  there: { inputs: number; outputs: number } = { inputs: 4, outputs: 4 },
): NetShape {
  let { inputs, outputs } = there;
  while (inputs < Math.min(wanted.inputs, MAX_INPUTS)) inputs *= 2;
  while (outputs < wanted.outputs) outputs *= 2;
  return { ...wanted, inputs, outputs: padded(outputs) };
}

function upTo(matrix: Matrix, rows: number): Matrix {
  return { at: matrix.at, rows, columns: matrix.columns };
}

function copyRows(from: Float32Array, fromPart: number, a: Matrix, to: Float32Array, toPart: number, b: Matrix): void {
  for (let k = 0; k < a.rows; k++) {
    const start = fromPart + a.at + k * a.columns;
    to.set(from.subarray(start, start + a.columns), toPart + b.at + k * b.columns);
  }
}

/** Over as many as there are factors. */
function dot(floats: Float32Array, at: number, factors: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < factors.length; j++) sum += floats[at + j]! * factors[j]!;
  return sum;
}
