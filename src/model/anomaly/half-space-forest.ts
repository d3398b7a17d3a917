// Half-space trees as arrays: where each splits, and how many rows of the last window and of this one went where.

import { Random } from '../random.ts';

/** Splits keep this share of a range away from its ends, as River's do. */
const PADDING = 0.15;
/** A node with less than this share of a window is not split in scoring: Tan, Ting and Liu's. */
const SIZE_LIMIT = 0.1;

/** No range reaches so far down. */
const CODES = -1000;

export interface ForestShape {
  readonly trees: number;
  readonly height: number;
  /** Dimensions to split on, each scaled to 0 to 1 or with codes. */
  readonly dimensions: Int32Array;
  /** observed: splits between 0 and 1, as River's. wide: in random ranges around that too, as in the paper. */
  readonly ranges: 'observed' | 'wide';
  readonly nominal: (dimension: number) => boolean;
}

/**
 * Full binary trees in heap order, one after another in the same arrays. All follows from shape and seed but for the masses. Three
 * arrays read in order of the path, no objects: a row passes `trees` · `height` nodes twice.
 */
export class HalfSpaceForest {
  readonly seed: number;
  readonly shape: ForestShape;
  /** Rows of the window in hand at each node: `trees` times 2^(height + 1) − 1 of them. */
  readonly latest: Int32Array;
  /** Of the last full window. */
  readonly reference: Int32Array;
  /** Rows of the last full window; 0 before. */
  window = 0;
  readonly #inner: number;
  readonly #nodes: number;
  readonly #dimension: Int32Array;
  /** Where a number is less it goes left. Of codes: a number that says which go left, below {@link CODES}. */
  readonly #threshold: Float64Array;

  constructor(shape: ForestShape, seed: number) {
    this.shape = shape;
    this.seed = seed;
    this.#inner = 2 ** shape.height - 1;
    this.#nodes = 2 * this.#inner + 1;
    this.latest = new Int32Array(shape.trees * this.#nodes);
    this.reference = new Int32Array(shape.trees * this.#nodes);
    this.#dimension = new Int32Array(shape.trees * this.#inner);
    this.#threshold = new Float64Array(shape.trees * this.#inner);
    const random = new Random(seed);
    const low = new Float64Array(shape.dimensions.length);
    const high = new Float64Array(shape.dimensions.length).fill(1);
    for (let t = 0; t < shape.trees && low.length > 0; t++) {
      for (let i = 0; i < low.length && shape.ranges === 'wide'; i++) {
        const middle = random.uniform();
        const reach = 2 * Math.max(middle, 1 - middle);
        low[i] = middle - reach;
        high[i] = middle + reach;
      }
      this.#grow(t * this.#inner, 0, low, high, random);
    }
  }

  get bytes(): number {
    return 2 * this.latest.byteLength + this.#dimension.byteLength + this.#threshold.byteLength + 128;
  }

  /** Counts a row; NaN goes where most rows went. */
  learn(row: Float64Array): void {
    const { height, trees } = this.shape;
    const { latest } = this;
    const [nodes, inner, dimensions, thresholds] = [this.#nodes, this.#inner, this.#dimension, this.#threshold];
    for (let t = 0; t < trees; t++) {
      const base = t * nodes;
      let node = 0;
      latest[base]! += 1;
      for (let depth = 0; depth < height; depth++) {
        // As #child has it, without a call for each node: that takes up to a fifth more time.
        const threshold = thresholds[t * inner + node]!;
        const value = row[dimensions[t * inner + node]!]!;
        if (threshold > CODES && value === value) node = 2 * node + (value < threshold ? 1 : 2);
        else node = this.#child(t, node, row);
        latest[base + node]! += 1;
      }
    }
  }

  /** The window in hand becomes the reference, and another begins. */
  turn(rows: number): void {
    this.reference.set(this.latest);
    this.latest.fill(0);
    this.window = rows;
  }

  /** 1 less the share of the greatest possible mass: River's `score_one`. 0 before the first window is full. */
  score(row: Float64Array): number {
    if (this.window === 0) return 0;
    const { height, trees } = this.shape;
    const { reference } = this;
    const [nodes, inner, dimensions, thresholds] = [this.#nodes, this.#inner, this.#dimension, this.#threshold];
    const limit = SIZE_LIMIT * this.window;
    let score = 0;
    for (let t = 0; t < trees; t++) {
      const base = t * nodes;
      let node = 0;
      let power = 1;
      for (let depth = 0; ; depth++) {
        const mass = reference[base + node]!;
        score += mass * power;
        if (depth === height || mass < limit) break;
        const threshold = thresholds[t * inner + node]!;
        const value = row[dimensions[t * inner + node]!]!;
        if (threshold > CODES && value === value) node = 2 * node + (value < threshold ? 1 : 2);
        else node = this.#child(t, node, row);
        power *= 2;
      }
    }
    return 1 - score / this.#greatest;
  }

  /**
   * What splits on each dimension add to the score, into `parts`; gives the bias, the mean score of the last window's rows. A split
   * adds what the mean of the rows behind it is above that of the rows before it (Saabas 2014, "Interpreting random forests").
   */
  explain(row: Float64Array, parts: Float64Array): number {
    if (this.window === 0) return 0;
    const limit = SIZE_LIMIT * this.window;
    let mean = 0;
    for (let t = 0; t < this.shape.trees; t++) {
      let here = this.#meanMass(t, 0, 0, 0);
      mean += here;
      let sum = 0;
      for (let depth = 0, node = 0; ; depth++) {
        const mass = this.reference[t * this.#nodes + node]!;
        if (depth === this.shape.height || mass < limit) break;
        sum += mass * 2 ** depth;
        const dimension = this.#dimension[t * this.#inner + node]!;
        node = this.#child(t, node, row);
        const behind = this.#meanMass(t, node, depth + 1, sum);
        parts[dimension]! += (here - behind) / this.#greatest;
        here = behind;
      }
    }
    return 1 - mean / this.#greatest;
  }

  /** What {@link score} sums up for the last window's rows at a node, in the mean; `sum` up to there. */
  #meanMass(t: number, node: number, depth: number, sum: number): number {
    const mass = this.reference[t * this.#nodes + node]!;
    const here = sum + mass * 2 ** depth;
    if (depth === this.shape.height || mass < SIZE_LIMIT * this.window) return here;
    const left = 2 * node + 1;
    const lefts = this.reference[t * this.#nodes + left]!;
    const mean = (child: number, rows: number): number =>
      rows > 0 ? rows * this.#meanMass(t, child, depth + 1, here) : 0;
    return (mean(left, lefts) + mean(left + 1, mass - lefts)) / mass;
  }

  get #greatest(): number {
    return this.shape.trees * this.window * this.#nodes;
  }

  #child(t: number, node: number, row: Float64Array): number {
    const at = t * this.#inner + node;
    const value = row[this.#dimension[at]!]!;
    const threshold = this.#threshold[at]!;
    const left = 2 * node + 1;
    if (threshold > CODES) {
      if (value < threshold) return left;
      if (value >= threshold) return left + 1;
    } else if (value === value) return left + side(threshold, value);
    const base = t * this.#nodes + left;
    const most = this.reference[base]! + this.latest[base]! - this.reference[base + 1]! - this.latest[base + 1]!;
    return most < 0 ? left + 1 : left;
  }

  /** A dimension by the width of its range that is left, a place in it at random; then either side. */
  #grow(base: number, node: number, low: Float64Array, high: Float64Array, random: Random): void {
    if (node >= this.#inner) return;
    let width = 0;
    for (let i = 0; i < low.length; i++) width += high[i]! - low[i]!;
    let pick = random.uniform() * width;
    let i = 0;
    while (i < low.length - 1 && pick >= high[i]! - low[i]!) pick -= high[i]! - low[i++]!;
    const [from, to] = [low[i]!, high[i]!];
    const at = from + (PADDING + (1 - 2 * PADDING) * random.uniform()) * (to - from);
    const dimension = this.shape.dimensions[i]!;
    this.#dimension[base + node] = dimension;
    this.#threshold[base + node] = this.shape.nominal(dimension) ? CODES - Math.floor(random.uniform() * 2 ** 32) : at;
    high[i] = at;
    this.#grow(base, 2 * node + 1, low, high, random);
    high[i] = to;
    low[i] = at;
    this.#grow(base, 2 * node + 2, low, high, random);
    low[i] = from;
  }
}

/** 0 or 1: half of the codes to either side, of 2k and 2k + 1 always one to each, so that a flag is always told apart. */
function side(threshold: number, code: number): number {
  let hash = Math.imul((CODES - threshold) ^ Math.imul(code >>> 1, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16) ^ code) & 1;
}
