// A TensorFlow.js model as a function of rows and of its weights, both as plain floats; every tensor that is made on the way is given
// back.

import type * as TensorFlowCore from '@tensorflow/tfjs-core';
import type { LayerVariable } from '@tensorflow/tfjs-layers';
import type { SparseRow } from '../net/net.ts';
import type { Random } from '../random.ts';
import { drawing, type TensorFlow } from './runtime.ts';
import type { BuiltModel } from './topology.ts';

/** Values end here, as those of `neural`. */
const MAX_INPUT = 1e6;

/** Weights are not freed with what refers to them. */
const forgotten = new FinalizationRegistry<BuiltModel>(({ model }) => model.dispose());

export class TensorModel {
  readonly #tensorflow: TensorFlow;
  readonly #built: BuiltModel;
  /** Learned by gradients, and, like the means of a batch normalisation, by the layers themselves. */
  readonly #trained: readonly LayerVariable[];
  readonly #others: readonly LayerVariable[];
  /** Of the first, all together. */
  readonly count: number;
  /** Raw outputs that a row has. */
  readonly outputs: number;

  constructor(tensorflow: TensorFlow, built: BuiltModel) {
    this.#tensorflow = tensorflow;
    this.#built = built;
    this.#trained = built.model.trainableWeights;
    this.#others = built.model.weights.filter((weight) => !this.#trained.includes(weight));
    this.count = sizeOf(this.#trained);
    this.outputs = built.outputs;
    forgotten.register(this, built);
  }

  get bytes(): number {
    return 4 * (this.count + sizeOf(this.#others));
  }

  get weights(): Float32Array {
    return readAll(this.#trained);
  }

  set weights(values: Float32Array) {
    this.#writeAll(this.#trained, values);
  }

  get otherWeights(): Float32Array {
    return readAll(this.#others);
  }

  set otherWeights(values: Float32Array) {
    this.#writeAll(this.#others, values);
  }

  /** The raw outputs of a row. */
  raw(row: SparseRow): Float32Array {
    const { core } = this.#tensorflow;
    return core.tidy(() => this.#apply(this.#inputs([row]), false).dataSync() as Float32Array);
  }

  /**
   * The gradient by every weight of a loss that `slopes` knows: given the raw outputs, row by row, its derivative by each. Dropout draws
   * from `random`.
   */
  gradient(rows: readonly SparseRow[], slopes: (raw: Float32Array) => Float32Array, random: Random): Float32Array {
    const { core } = this.#tensorflow;
    return core.tidy(() => {
      const inputs = this.#inputs(rows);
      const variables = this.#trained.map(variableOf);
      // Σ raw · constant has by each weight the derivative that the loss has.
      const loss = (): TensorFlowCore.Scalar => {
        const raw = this.#apply(inputs, true);
        const factors = core.tensor2d(slopes(raw.dataSync() as Float32Array), [rows.length, this.outputs]);
        return core.sum(core.mul(raw, factors));
      };
      const { grads } = drawing(random, () => core.variableGrads(loss, variables));
      const gradient = new Float32Array(this.count);
      let at = 0;
      for (const variable of variables) {
        gradient.set(grads[variable.name]!.dataSync() as Float32Array, at);
        at += variable.size;
      }
      return gradient;
    });
  }

  /** How Σ `factors[o]` · (raw output o) changes with each entry of the row; 0 for codes, which have no between. */
  entrySlopes(row: SparseRow, factors: readonly number[]): Float64Array {
    const { core } = this.#tensorflow;
    const given = this.#built.inputs;
    const numbers = given.filter(({ codes }) => codes === undefined);
    if (numbers.length === 0) return new Float64Array(row.length);
    const slopes = core.tidy(() => {
      const all = this.#inputs([row]);
      const by = all.filter((_, i) => given[i]!.codes === undefined);
      const weights = core.tensor2d(
        Float32Array.from({ length: this.outputs }, (_, o) => factors[o] ?? 0),
        [1, this.outputs],
      );
      const total = (...moved: TensorFlowCore.Tensor[]) => {
        let next = 0;
        const inputs = all.map((input, i) => (given[i]!.codes === undefined ? moved[next++]! : input));
        return core.sum(core.mul(this.#apply(inputs, false), weights));
      };
      return core
        .grads(total)(by)
        .map((tensor) => tensor.dataSync() as Float32Array);
    });
    return Float64Array.from({ length: row.length }, (_, e) => {
      const index = row.indexes[e]!;
      const input = numbers.findIndex(({ from, width }) => index >= from && index < from + width);
      return input < 0 ? 0 : slopes[input]![index - numbers[input]!.from]!;
    });
  }

  #apply(inputs: TensorFlowCore.Tensor[], training: boolean): TensorFlowCore.Tensor {
    return this.#built.model.apply(inputs.length === 1 ? inputs[0]! : inputs, { training }) as TensorFlowCore.Tensor;
  }

  #inputs(rows: readonly SparseRow[]): TensorFlowCore.Tensor[] {
    return this.#built.inputs.map(({ from, width, codes }) => {
      const values = new Float32Array(rows.length * width);
      for (const [i, row] of rows.entries())
        for (let e = 0; e < row.length; e++) {
          const place = row.indexes[e]! - from;
          if (place < 0 || place >= width) continue;
          const value = Math.min(MAX_INPUT, Math.max(-MAX_INPUT, row.values[e]!));
          values[i * width + place] = codes === undefined ? value : Math.min(codes - 1, Math.max(0, Math.round(value)));
        }
      return this.#tensorflow.core.tensor2d(values, [rows.length, width]);
    });
  }

  #writeAll(variables: readonly LayerVariable[], values: Float32Array): void {
    const { core } = this.#tensorflow;
    core.tidy(() => {
      let at = 0;
      for (const variable of variables) {
        const { size, shape } = variableOf(variable);
        variable.write(core.tensor(values.slice(at, at + size), shape));
        at += size;
      }
    });
  }
}

/** What a LayerVariable keeps; `read()` gives the same, without saying that it is a variable. */
function variableOf(variable: LayerVariable): TensorFlowCore.Variable {
  return variable.read() as TensorFlowCore.Variable;
}

function sizeOf(variables: readonly LayerVariable[]): number {
  return variables.reduce((sum, variable) => sum + variableOf(variable).size, 0);
}

function readAll(variables: readonly LayerVariable[]): Float32Array {
  const all = new Float32Array(sizeOf(variables));
  let at = 0;
  for (const variable of variables) {
    const values = variableOf(variable).dataSync() as Float32Array;
    all.set(values, at);
    at += values.length;
  }
  return all;
}
