// What an autoregression learns its weights with: least squares, or gradient descent as River's SNARIMAX does by default.

import type { Input } from '../learner.ts';
import { clipped, LinearScore, type GradientOptions } from '../kinds/linear-score.ts';
import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { finite } from './series-model.ts';

/** Linear in its input. */
export interface Regressor {
  bias: number;
  readonly bytes: number;
  raw(x: Input): number;
  weight(dimension: number): number;
  learn(x: Input, y: number, weight: number): void;
  /** The dimension's input was (v − m) / s and is now (v − m′) / s′: `factor` is s′ / s, `shift` (m′ − m) / s. */
  rescale?(dimension: number, factor: number, shift: number): void;
  save(writer: StateWriter): void;
}

export class GradientRegressor implements Regressor {
  readonly #clip: number;
  /** Weight times the sum of squared entries is no more. */
  readonly #far: number;
  readonly #linear: LinearScore;

  /** @param safe no step of plain gradient descent goes past the value that it steps towards: from there it would diverge. */
  constructor(options: GradientOptions, safe: boolean, saved?: StateReader) {
    this.#clip = options.clip_gradient;
    this.#far = safe && options.optimizer.name === 'sgd' ? 1 / (2 * options.optimizer.lr) : Infinity;
    this.#linear = saved ? LinearScore.load(options, saved) : new LinearScore(options);
  }

  get bias(): number {
    return this.#linear.bias;
  }

  set bias(value: number) {
    this.#linear.bias = value;
  }

  get bytes(): number {
    return this.#linear.bytes;
  }

  raw(x: Input): number {
    return this.#linear.raw(x);
  }

  weight(dimension: number): number {
    return this.#linear.weight(dimension);
  }

  learn(x: Input, y: number, weight: number): void {
    const counted = Math.min(weight, this.#far / (1 + squaresOf(x)));
    this.#linear.step(x, clipped(2 * (this.#linear.raw(x) - y) * counted, this.#clip), counted);
  }

  save(writer: StateWriter): void {
    this.#linear.save(writer);
  }
}

/** An example of more weight counts as this much. */
const MAX_WEIGHT = 100;
/** Entries are of size 1 on average. One whose squares are beyond so many times that would outweigh thousands: it counts as less. */
const FAR = 20;
/** Pseudo-examples that hold each weight near 0 at the start; the bias has next to none. */
const RIDGE = 1;
const BIAS_RIDGE = 0.01;

/**
 * Recursive least squares, for inputs of about unit size. It forgets only in the directions that an input speaks of (Kulhavý and
 * Kárný 1984; as in Bittanti, Bolzern and Campi 1990, "Convergence and exponential convergence of identification algorithms with
 * directional forgetting factor"): forgetting all, the inverse would grow without end where inputs say nothing new.
 */
export class LeastSquares implements Regressor {
  readonly #forgetting: number;
  readonly #most: number;
  /** The bias first, then by dimension. */
  #weights: Float64Array;
  /** Inverse of the weighted sum of products, symmetric, by rows. */
  #inverse: Float64Array;
  #size: number;
  #gain: Float64Array;

  /** @param most dimensions that have a weight; entries of further ones count as not there. */
  constructor(forgetting: number, most: number, saved?: StateReader) {
    this.#forgetting = forgetting;
    this.#most = most;
    this.#size = 1;
    this.#weights = saved ? saved.floats() : new Float64Array(1);
    this.#inverse = saved ? saved.floats() : Float64Array.of(1 / BIAS_RIDGE);
    this.#size = this.#weights.length;
    this.#gain = new Float64Array(this.#size);
  }

  get bias(): number {
    return this.#weights[0]!;
  }

  set bias(value: number) {
    this.#weights[0] = value;
  }

  get bytes(): number {
    return 72 + arrayBytes(this.#weights, this.#inverse, this.#gain);
  }

  raw(x: Input): number {
    let sum = this.#weights[0]!;
    for (let i = 0; i < x.length; i++) sum += this.weight(x.indexes[i]!) * x.values[i]!;
    return sum;
  }

  weight(dimension: number): number {
    return dimension + 1 < this.#size ? this.#weights[dimension + 1]! : 0;
  }

  learn(x: Input, y: number, weight: number): void {
    this.#grow(x);
    const n = this.#size;
    const inverse = this.#inverse;
    const gain = this.#gain;
    for (let row = 0; row < n; row++) {
      let sum = inverse[row * n]!;
      for (let i = 0; i < x.length; i++)
        if (x.indexes[i]! < this.#most) sum += inverse[row * n + x.indexes[i]! + 1]! * x.values[i]!;
      gain[row] = sum;
    }
    let spread = gain[0]!;
    for (let i = 0; i < x.length; i++)
      if (x.indexes[i]! < this.#most) spread += gain[x.indexes[i]! + 1]! * x.values[i]!;
    const counted = Math.min(weight, MAX_WEIGHT) * Math.min(1, (FAR * (1 + x.length)) / (1 + squaresOf(x)));
    const surprise = counted * spread;
    // No information: nothing is learned, and nothing forgotten.
    if (!(surprise > 1e-12)) return;
    const step = (counted / (1 + surprise)) * (y - this.raw(x));
    for (let row = 0; row < n; row++) this.#weights[row] = finite(this.#weights[row]! + gain[row]! * step);
    const kept = this.#forgetting - (1 - this.#forgetting) / surprise;
    const factor = (counted * kept) / (1 + kept * surprise);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column <= row; column++) {
        const next = inverse[row * n + column]! - factor * gain[row]! * gain[column]!;
        inverse[row * n + column] = inverse[column * n + row] = next;
      }
      // Rounding has spoiled it.
      if (!(inverse[row * n + row]! > 0)) return this.#restart();
    }
  }

  /** What it says of the values behind its inputs stays the same, and how sure it is of that. */
  rescale(dimension: number, factor: number, shift: number): void {
    const n = this.#size;
    const own = dimension + 1;
    if (own >= n) return;
    this.#weights[0] = finite(this.#weights[0]! + shift * this.#weights[own]!);
    this.#weights[own] = finite(this.#weights[own]! * factor);
    const inverse = this.#inverse;
    for (let i = 0; i < n; i++) {
      inverse[i]! += shift * inverse[own * n + i]!;
      inverse[own * n + i]! *= factor;
    }
    for (let i = 0; i < n; i++) {
      inverse[i * n]! += shift * inverse[i * n + own]!;
      inverse[i * n + own]! *= factor;
    }
  }

  save(writer: StateWriter): void {
    writer.floats(this.#weights);
    writer.floats(this.#inverse);
  }

  /** What was learned stays, how sure it is starts anew. */
  #restart(): void {
    this.#inverse.fill(0);
    for (let row = 0; row < this.#size; row++)
      this.#inverse[row * this.#size + row] = row === 0 ? 1 / BIAS_RIDGE : 1 / RIDGE;
  }

  #grow(x: Input): void {
    let size = this.#size;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! < this.#most) size = Math.max(size, x.indexes[i]! + 2);
    if (size === this.#size) return;
    const inverse = new Float64Array(size * size);
    for (let row = 0; row < size; row++) {
      if (row < this.#size) inverse.set(this.#inverse.subarray(row * this.#size, (row + 1) * this.#size), row * size);
      else inverse[row * size + row] = 1 / RIDGE;
    }
    const weights = new Float64Array(size);
    weights.set(this.#weights);
    this.#weights = weights;
    this.#inverse = inverse;
    this.#gain = new Float64Array(size);
    this.#size = size;
  }
}

function squaresOf(x: Input): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x.values[i]! * x.values[i]!;
  return sum;
}
