// The raw score of a factorization machine (Rendle 2010, "Factorization machines", equation 1): b + Σ wᵢxᵢ + Σ_{i<j} ⟨vᵢ, vⱼ⟩ xᵢxⱼ, in
// time linear in entries and factors (his lemma 3.1), and gradient steps on it. A vector starts as small random numbers that seed and
// dimension alone decide, so a dimension has the same one whenever it comes.

import type { Input } from '../learner.ts';
import { createOptimizer } from '../optimizers/create-optimizer.ts';
import { grown, type Optimizer, type OptimizerOptions } from '../optimizers/optimizer.ts';
import { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export interface FactorScoreOptions {
  /** Length of each dimension's vector. */
  readonly factors: number;
  /** Standard deviation of what a vector starts with. */
  readonly init: number;
  readonly optimizer: OptimizerOptions;
  readonly intercept_lr: number;
  readonly l2: number;
  readonly l2_factors: number;
  /** Of weights, vectors and what the optimizer keeps of them. Dimensions beyond have none. */
  readonly max_bytes: number;
}

/** A step that would carry a number beyond this is not taken: its square times that of any input stays far within a float's range. */
const MAX_PARAMETER = 1e50;

export class FactorScore {
  readonly #options: FactorScoreOptions;
  readonly #seed: number;
  readonly #factors: number;
  /** Most dimensions that may have parameters. */
  readonly #room: number;
  #weights: Float64Array = new Float64Array(0);
  /** By dimension, then by factor. */
  #vectors: Float64Array = new Float64Array(0);
  #weightSteps: Optimizer;
  #vectorSteps: Optimizer;
  /** Dimensions learned so far; arrays have room for more. */
  #count = 0;
  #bias = 0;
  /** By factor Σ vᵢxᵢ of the example in hand. */
  readonly #sums: Float64Array;

  constructor(options: FactorScoreOptions, seed: number) {
    this.#options = options;
    this.#seed = seed;
    this.#factors = options.factors;
    this.#sums = new Float64Array(options.factors);
    this.#room = Math.floor(options.max_bytes / bytesOfDimension(options));
    this.#weightSteps = createOptimizer(options.optimizer);
    this.#vectorSteps = createOptimizer(options.optimizer);
  }

  /** Another optimizer, number of factors or memory goes on from the parameters that are there, but forgets how they came to be. */
  static load(options: FactorScoreOptions, reader: StateReader): FactorScore {
    const score = new FactorScore(options, reader.u32());
    const factors = reader.u32();
    score.#bias = reader.f64();
    score.#weights = reader.floats();
    const vectors = reader.floats();
    const name = reader.text();
    const steps = [reader, reader].map((from) => {
      const optimizer = createOptimizer({ ...options.optimizer, name } as OptimizerOptions);
      optimizer.load(from);
      return optimizer;
    });
    const whole = score.#weights.length <= score.#room;
    score.#count = Math.min(score.#room, score.#weights.length);
    score.#weights = score.#weights.slice(0, score.#count);
    if (factors === options.factors) score.#vectors = vectors.slice(0, score.#count * factors);
    else score.#refactor(vectors, factors);
    if (whole && name === options.optimizer.name) {
      score.#weightSteps = steps[0]!;
      if (factors === options.factors) score.#vectorSteps = steps[1]!;
    }
    score.#weightSteps.grow(score.#count);
    score.#vectorSteps.grow(score.#count * options.factors);
    return score;
  }

  get bias(): number {
    return this.#bias;
  }

  get bytes(): number {
    return (
      this.#weights.byteLength +
      this.#vectors.byteLength +
      this.#weightSteps.bytes +
      this.#vectorSteps.bytes +
      this.#sums.byteLength
    );
  }

  /** Dimensions that were never learned add nothing. */
  raw(x: Input): number {
    const [factors, vectors, sums] = [this.#factors, this.#vectors, this.#sums];
    sums.fill(0);
    let linear = 0;
    let squares = 0;
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= this.#count) continue;
      const value = x.values[i]!;
      linear += this.#weights[j]! * value;
      for (let f = 0, at = j * factors; f < factors; f++, at++) {
        const part = vectors[at]! * value;
        sums[f]! += part;
        squares += part * part;
      }
    }
    let pairs = -squares;
    for (let f = 0; f < factors; f++) pairs += sums[f]! * sums[f]!;
    return this.#bias + linear + pairs / 2;
  }

  /** Each entry's part of the raw score: its weight's, and half of each pair that it is in. */
  contributions(x: Input): Float64Array {
    this.raw(x);
    const factors = this.#factors;
    const contributions = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= this.#count) continue;
      const value = x.values[i]!;
      let pairs = 0;
      for (let f = 0, at = j * factors; f < factors; f++, at++) {
        const part = this.#vectors[at]! * value;
        pairs += part * (this.#sums[f]! - part);
      }
      contributions[i] = this.#weights[j]! * value + pairs / 2;
    }
    return contributions;
  }

  /** How far a step down a slope of 1 moves the raw score of this example, by plain gradient descent; right after `raw` of it. */
  rate(x: Input): number {
    const { optimizer, intercept_lr } = this.#options;
    let squares = 0;
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= this.#count) continue;
      const value = x.values[i]!;
      squares += value * value;
      for (let f = 0, at = j * this.#factors; f < this.#factors; f++, at++) {
        const gradient = value * this.#sums[f]! - this.#vectors[at]! * value * value;
        squares += gradient * gradient;
      }
    }
    return (optimizer.name === 'ftrl' ? 0 : optimizer.lr) * squares + intercept_lr;
  }

  /**
   * One step down `slope`, the loss's derivative by the raw score, right after `reserve` and `raw` of the same example. Only what the
   * example touches moves, all of it by the gradient at where it stood before.
   */
  step(x: Input, slope: number): void {
    const { intercept_lr: rate, l2, l2_factors } = this.#options;
    const [factors, weights, vectors, sums] = [this.#factors, this.#weights, this.#vectors, this.#sums];
    this.#bias = bounded(this.#bias - rate * slope, this.#bias);
    this.#weightSteps.begin();
    this.#vectorSteps.begin();
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= this.#count) continue;
      const value = x.values[i]!;
      const weight = weights[j]!;
      weights[j] = bounded(this.#weightSteps.step(j, weight, slope * value + l2 * weight), weight);
      for (let f = 0, at = j * factors; f < factors; f++, at++) {
        const v = vectors[at]!;
        const gradient = slope * (value * sums[f]! - v * value * value) + l2_factors * v;
        vectors[at] = bounded(this.#vectorSteps.step(at, v, gradient), v);
      }
    }
  }

  save(writer: StateWriter): void {
    writer.u32(this.#seed);
    writer.u32(this.#factors);
    writer.f64(this.#bias);
    writer.floats(this.#weights, this.#count);
    writer.floats(this.#vectors, this.#count * this.#factors);
    writer.text(this.#options.optimizer.name);
    this.#weightSteps.save(writer, this.#count);
    this.#vectorSteps.save(writer, this.#count * this.#factors);
  }

  /** Gives the example's dimensions their parameters, before it is learned. */
  reserve(x: Input): void {
    let needed = this.#count;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! >= needed) needed = x.indexes[i]! + 1;
    needed = Math.min(needed, this.#room);
    if (needed > this.#weights.length) {
      const capacity = Math.min(this.#room, Math.max(16, needed, this.#weights.length * 2));
      this.#weights = grown(this.#weights, capacity);
      this.#vectors = grown(this.#vectors, capacity * this.#factors);
      this.#weightSteps.grow(capacity);
      this.#vectorSteps.grow(capacity * this.#factors);
    }
    for (; this.#count < needed; this.#count++)
      startVector(this.#vectors, this.#count * this.#factors, this.#factors, this.#vectorStart(this.#count));
  }

  #vectorStart(dimension: number): { random: Random; init: number } {
    return { random: new Random(scrambled(this.#seed, dimension)), init: this.#options.init };
  }

  /** Vectors cut off, or with new numbers behind those that are there. */
  #refactor(vectors: Float64Array, before: number): void {
    const factors = this.#factors;
    this.#vectors = new Float64Array(this.#count * factors);
    for (let j = 0; j < this.#count; j++) {
      startVector(this.#vectors, j * factors, factors, this.#vectorStart(j));
      const kept = Math.min(before, factors);
      this.#vectors.set(vectors.subarray(j * before, j * before + kept), j * factors);
    }
  }
}

/** Normal deviates (Box and Muller 1958). */
function startVector(
  vectors: Float64Array,
  from: number,
  factors: number,
  { random, init }: { readonly random: Random; readonly init: number },
): void {
  for (let f = 0; f < factors; f++) {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    vectors[from + f] = init * radius * Math.cos(2 * Math.PI * random.uniform());
  }
}

/** murmur3's finaliser: neighbouring dimensions get unrelated numbers. */
function scrambled(seed: number, dimension: number): number {
  let hash = Math.imul(dimension + 1, 0x9e3779b1) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Of one dimension's weight and vector, with what the optimizer keeps of each number. */
export function bytesOfDimension({ factors, optimizer }: Pick<FactorScoreOptions, 'factors' | 'optimizer'>): number {
  const kept = { sgd: 0, adagrad: 1, adam: 2, ftrl: 2 }[optimizer.name];
  return 8 * (1 + factors) * (1 + kept);
}

function bounded(next: number, present: number): number {
  return Math.abs(next) <= MAX_PARAMETER ? next : present;
}
