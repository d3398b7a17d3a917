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
 * Full binary trees in heap order, one after another in the same arrays. All follows from shape and seed but for the masses.
 *
 * A row is walked to its leaves first, in every tree to the bottom and without a branch on what it is, which no processor would
 * guess: walking only as far as scoring must, and counting every node on the way, takes four times as long. A leaf knows the score of
 * its path, and the masses of the nodes above leaves are summed up when they are asked for.
 */
export class HalfSpaceForest {
  readonly seed: number;
  readonly shape: ForestShape;
  /** Of the last full window, rows at each node: `trees` times 2^(height + 1) − 1 of them. */
  readonly reference: Int32Array;
  /** Rows of the last full window; 0 before. */
  window = 0;
  readonly #inner: number;
  readonly #nodes: number;
  readonly #dimension: Int32Array;
  /** Where a number is less it goes left. Of codes: a number that says which go left, below {@link CODES}. */
  readonly #threshold: Float64Array;
  readonly #codes: boolean;
  readonly #latest: Int32Array;
  /** Nodes above leaves lack rows of the window in hand. */
  #stale = false;
  /** From a window's first NaN on, which goes where most rows went, they are counted with every row. */
  #thorough = false;
  /** Of the row walked last: by tree, `#inner` times the tree and the leaf's node in it. */
  readonly #leaves: Int32Array;
  /** By leaf, what scoring sums up on the way to it. */
  #sums: Float64Array | undefined;
  /** Of the reference as it is. */
  #summed = false;

  constructor(shape: ForestShape, seed: number) {
    this.shape = shape;
    this.seed = seed;
    this.#inner = 2 ** shape.height - 1;
    this.#nodes = 2 * this.#inner + 1;
    this.#latest = new Int32Array(shape.trees * this.#nodes);
    this.reference = new Int32Array(shape.trees * this.#nodes);
    this.#dimension = new Int32Array(shape.trees * this.#inner);
    this.#threshold = new Float64Array(shape.trees * this.#inner);
    this.#leaves = new Int32Array(shape.trees);
    this.#codes = shape.dimensions.some((dimension) => shape.nominal(dimension));
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
    const leaves = this.shape.trees * (8 * (this.#inner + 1) + 4);
    return 2 * this.reference.byteLength + this.#dimension.byteLength + this.#threshold.byteLength + leaves + 128;
  }

  /** Rows of the window in hand at each node, as `reference`. */
  get latest(): Int32Array {
    this.#settle();
    return this.#latest;
  }

  /** Finds the leaves of a row, which {@link learn} and {@link score} are about then; NaN goes where most rows went. */
  walk(row: Float64Array): void {
    const { height, trees, dimensions } = this.shape;
    for (let i = 0; i < dimensions.length; i++) {
      const value = row[dimensions[i]!]!;
      if (value !== value) return this.#walkMissing(row);
    }
    if (this.#codes) return this.#walkEach(row);
    const [inner, splits, thresholds, leaves] = [this.#inner, this.#dimension, this.#threshold, this.#leaves];
    // The tree's first node is at `root`, so that the children of the node at `a` are at 2a − root + 1 and 2a − root + 2.
    let [t, root] = [0, 0];
    // Five trees side by side, in variables: a step of one does not wait for a step of another. One by one takes thrice as long.
    for (; t + 4 < trees; t += 5, root += 5 * inner) {
      const first = 2 - root;
      let [a, b, c, d, e] = [root, root + inner, root + 2 * inner, root + 3 * inner, root + 4 * inner];
      for (let depth = 0; depth < height; depth++) {
        a = (2 * a + first - Number(row[splits[a]!]! < thresholds[a]!)) | 0;
        b = (2 * b + first - inner - Number(row[splits[b]!]! < thresholds[b]!)) | 0;
        c = (2 * c + first - 2 * inner - Number(row[splits[c]!]! < thresholds[c]!)) | 0;
        d = (2 * d + first - 3 * inner - Number(row[splits[d]!]! < thresholds[d]!)) | 0;
        e = (2 * e + first - 4 * inner - Number(row[splits[e]!]! < thresholds[e]!)) | 0;
      }
      leaves[t] = a;
      leaves[t + 1] = b;
      leaves[t + 2] = c;
      leaves[t + 3] = d;
      leaves[t + 4] = e;
    }
    for (; t < trees; t++, root += inner) {
      let a = root;
      for (let depth = 0; depth < height; depth++)
        a = (2 * a + 2 - root - Number(row[splits[a]!]! < thresholds[a]!)) | 0;
      leaves[t] = a;
    }
  }

  /** Counts the row walked last, in the window in hand. */
  learn(): void {
    const [inner, nodes, latest, leaves] = [this.#inner, this.#nodes, this.#latest, this.#leaves];
    if (!this.#thorough) {
      this.#stale = true;
      for (let t = 0, apart = 0; t < leaves.length; t++, apart += nodes - inner) latest[leaves[t]! + apart]! += 1;
      return;
    }
    for (let t = 0; t < leaves.length; t++) {
      let node = leaves[t]! - t * inner;
      for (; node > 0; node = (node - 1) >> 1) latest[t * nodes + node]! += 1;
      latest[t * nodes]! += 1;
    }
  }

  /** The window in hand becomes the reference, and another begins. */
  turn(rows: number): void {
    this.reference.set(this.latest);
    this.#latest.fill(0);
    this.#thorough = false;
    this.#summed = false;
    this.window = rows;
  }

  /** Of the row walked last: 1 less the share of the greatest possible mass, River's `score_one`. 0 before the first window is full. */
  score(): number {
    if (this.window === 0) return 0;
    if (!this.#summed) this.#sumUp();
    const [sums, inner, leaves] = [this.#sums!, this.#inner, this.#leaves];
    let score = 0;
    for (let t = 0, apart = -inner; t < leaves.length; t++, apart++) score += sums[leaves[t]! + apart]!;
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

  /** Sums the masses of leaves up in the nodes above them. */
  #settle(): void {
    if (!this.#stale) return;
    this.#stale = false;
    const latest = this.#latest;
    for (let base = 0; base < latest.length; base += this.#nodes)
      for (let node = this.#inner - 1; node >= 0; node--)
        latest[base + node] = latest[base + 2 * node + 1]! + latest[base + 2 * node + 2]!;
  }

  /**
   * Mass · 2^depth of the nodes on the way to each leaf, down to the first of few rows; behind that one none has more. Whole numbers,
   * and exact in any order. On its way down the sum of a node stands in the place of its first leaf.
   */
  #sumUp(): void {
    const { trees, height } = this.shape;
    const { reference } = this;
    const sums = (this.#sums ??= new Float64Array(trees * (this.#inner + 1)));
    const limit = SIZE_LIMIT * this.window;
    for (let t = 0, base = 0, first = 0; t < trees; t++, base += this.#nodes, first += this.#inner + 1) {
      sums[first] = reference[base]!;
      for (let depth = 0, node = base, left = base + 1; depth < height; depth++) {
        const power = 2 ** (depth + 1);
        const width = 2 ** (height - depth);
        for (let leaf = first; leaf <= first + this.#inner; leaf += width, node++, left += 2) {
          const few = reference[node]! < limit;
          const sum = sums[leaf]!;
          sums[leaf] = few ? sum : sum + reference[left]! * power;
          sums[leaf + width / 2] = few ? sum : sum + reference[left + 1]! * power;
        }
      }
    }
    this.#summed = true;
  }

  #walkMissing(row: Float64Array): void {
    this.#settle();
    this.#thorough = true;
    this.#walkEach(row);
  }

  /** As {@link walk} has it, for rows of anything. */
  #walkEach(row: Float64Array): void {
    const { height, trees } = this.shape;
    const [inner, splits, thresholds] = [this.#inner, this.#dimension, this.#threshold];
    for (let t = 0; t < trees; t++) {
      let node = 0;
      for (let depth = 0; depth < height; depth++) {
        // As #child has it, without a call for each node: that takes up to a fifth more time.
        const threshold = thresholds[t * inner + node]!;
        const value = row[splits[t * inner + node]!]!;
        if (threshold > CODES && value === value) node = 2 * node + (value < threshold ? 1 : 2);
        else node = this.#child(t, node, row);
      }
      this.#leaves[t] = t * inner + node;
    }
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
    const { reference, latest } = this;
    const most = reference[base]! + latest[base]! - reference[base + 1]! - latest[base + 1]!;
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
