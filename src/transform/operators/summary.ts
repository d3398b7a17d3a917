// Mergeable summaries: what one aggregate needs to know of a set of rows, kept for every subtree of an ordered structure and
// folded over the subtrees that make up a frame. Nothing is ever subtracted: subtracting floats when rows leave a window was
// 59 % off after a single outlier (docs/correctness.md, rule B).

import type { SqlValue } from '../../flow/types/sql-value.ts';

/** The empty tree, and no node. */
export const EMPTY = 0;

/**
 * One column of summaries over the nodes of an {@link OrderedRows} pool. Node 0 is the empty tree and summarises no rows.
 * Struct of arrays: a node's numbers lie in typed arrays at its index, so that a path is recomputed without allocating.
 */
export interface Summary {
  grow(capacity: number): void;
  /** The row's own value; null where it does not count (NULL, or FILTER is not true). */
  set(node: number, value: SqlValue): void;
  /** Drops references of a freed node. */
  clear(node: number): void;
  /** Summary of the subtree = left, then the row itself, then right: always in row order, so always the same floats. */
  pull(node: number, left: number, right: number): void;
  /** Accumulates, in order: `n` is a whole subtree, `~n` a node's own row. */
  fold(items: Int32Array, count: number): void;
  /** The accumulator gets what the whole of one tree holds. */
  read(root: number): void;
}

export function grown(array: Float64Array<ArrayBuffer>, capacity: number): Float64Array<ArrayBuffer>;
export function grown(array: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer>;
export function grown(
  array: Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
  capacity: number,
): Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  const larger = array instanceof Float64Array ? new Float64Array(capacity) : new Int32Array(capacity);
  larger.set(array);
  return larger;
}

/** How many rows have a value, and how many of them are true: count(x), bool_and, bool_or. */
export class CountSummary implements Summary {
  #own = new Int32Array(0);
  #ownTrue = new Int32Array(0);
  #count = new Int32Array(0);
  #countTrue = new Int32Array(0);
  count = 0;
  countTrue = 0;

  grow(capacity: number): void {
    this.#own = grown(this.#own, capacity);
    this.#ownTrue = grown(this.#ownTrue, capacity);
    this.#count = grown(this.#count, capacity);
    this.#countTrue = grown(this.#countTrue, capacity);
  }
  set(node: number, value: SqlValue): void {
    this.#own[node] = value === null ? 0 : 1;
    this.#ownTrue[node] = value === true ? 1 : 0;
  }
  clear(): void {}
  pull(node: number, left: number, right: number): void {
    this.#count[node] = this.#count[left]! + this.#own[node]! + this.#count[right]!;
    this.#countTrue[node] = this.#countTrue[left]! + this.#ownTrue[node]! + this.#countTrue[right]!;
  }
  fold(items: Int32Array, count: number): void {
    this.count = 0;
    this.countTrue = 0;
    for (let index = 0; index < count; index++) {
      const item = items[index]!;
      this.count += item < 0 ? this.#own[~item]! : this.#count[item]!;
      this.countTrue += item < 0 ? this.#ownTrue[~item]! : this.#countTrue[item]!;
    }
  }
  read(root: number): void {
    this.count = this.#count[root]!;
    this.countTrue = this.#countTrue[root]!;
  }
}

/**
 * Sum of floats, compensated: the rounding error of each addition is kept beside it (Knuth's two-sum, as Neumaier uses it),
 * so that a frame's sum does not depend on its order beyond the last bits.
 */
export class FloatSummary implements Summary {
  #own = new Float64Array(0);
  #has = new Int32Array(0);
  #sum = new Float64Array(0);
  #error = new Float64Array(0);
  #count = new Int32Array(0);
  count = 0;
  #s = 0;
  #e = 0;

  get sum(): number {
    return Number.isFinite(this.#s) ? this.#s + this.#e : this.#s;
  }
  grow(capacity: number): void {
    this.#own = grown(this.#own, capacity);
    this.#has = grown(this.#has, capacity);
    this.#sum = grown(this.#sum, capacity);
    this.#error = grown(this.#error, capacity);
    this.#count = grown(this.#count, capacity);
  }
  set(node: number, value: SqlValue): void {
    this.#has[node] = value === null ? 0 : 1;
    this.#own[node] = value === null ? 0 : (value as number);
  }
  clear(): void {}
  pull(node: number, left: number, right: number): void {
    this.#s = this.#sum[left]!;
    this.#e = this.#error[left]!;
    this.#add(this.#own[node]!, 0);
    this.#add(this.#sum[right]!, this.#error[right]!);
    this.#sum[node] = this.#s;
    this.#error[node] = this.#e;
    this.#count[node] = this.#count[left]! + this.#has[node]! + this.#count[right]!;
  }
  fold(items: Int32Array, count: number): void {
    this.#s = 0;
    this.#e = 0;
    this.count = 0;
    for (let index = 0; index < count; index++) {
      const item = items[index]!;
      if (item < 0) {
        this.#add(this.#own[~item]!, 0);
        this.count += this.#has[~item]!;
      } else {
        this.#add(this.#sum[item]!, this.#error[item]!);
        this.count += this.#count[item]!;
      }
    }
  }
  read(root: number): void {
    this.#s = this.#sum[root]!;
    this.#e = this.#error[root]!;
    this.count = this.#count[root]!;
  }
  #add(value: number, error: number): void {
    const a = this.#s;
    const sum = a + value;
    const part = sum - a;
    this.#s = sum;
    // Infinity and NaN have no rounding error; the formula would make one of them a NaN.
    if (Number.isFinite(sum)) this.#e += a - (sum - part) + (value - part) + error;
    else this.#e = 0;
  }
}

/**
 * Count, mean and sum of squared deviations, for variance and stddev. Merged as in Chan, Golub and LeVeque, "Updating
 * Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979), equation 2.1.
 */
export class MomentsSummary implements Summary {
  #own = new Float64Array(0);
  #has = new Int32Array(0);
  #count = new Float64Array(0);
  #mean = new Float64Array(0);
  #squares = new Float64Array(0);
  readonly #number: (value: SqlValue) => number;
  count = 0;
  mean = 0;
  /** Sum of (x - mean)². */
  squares = 0;

  constructor(toNumber: (value: SqlValue) => number) {
    this.#number = toNumber;
  }
  grow(capacity: number): void {
    this.#own = grown(this.#own, capacity);
    this.#has = grown(this.#has, capacity);
    this.#count = grown(this.#count, capacity);
    this.#mean = grown(this.#mean, capacity);
    this.#squares = grown(this.#squares, capacity);
  }
  set(node: number, value: SqlValue): void {
    this.#has[node] = value === null ? 0 : 1;
    this.#own[node] = value === null ? 0 : this.#number(value);
  }
  clear(): void {}
  pull(node: number, left: number, right: number): void {
    this.read(left);
    if (this.#has[node] === 1) this.#merge(1, this.#own[node]!, 0);
    this.#merge(this.#count[right]!, this.#mean[right]!, this.#squares[right]!);
    this.#count[node] = this.count;
    this.#mean[node] = this.mean;
    this.#squares[node] = this.squares;
  }
  fold(items: Int32Array, count: number): void {
    this.read(0);
    for (let index = 0; index < count; index++) {
      const item = items[index]!;
      if (item >= 0) this.#merge(this.#count[item]!, this.#mean[item]!, this.#squares[item]!);
      else if (this.#has[~item] === 1) this.#merge(1, this.#own[~item]!, 0);
    }
  }
  read(root: number): void {
    this.count = this.#count[root]!;
    this.mean = this.#mean[root]!;
    this.squares = this.#squares[root]!;
  }
  #merge(count: number, mean: number, squares: number): void {
    if (count === 0) return;
    if (this.count === 0) {
      this.count = count;
      this.mean = mean;
      this.squares = Number.isFinite(mean) ? squares : NaN;
      return;
    }
    const total = this.count + count;
    const difference = mean - this.mean;
    // Where a value is infinite Postgres's variance is NaN.
    this.squares = Number.isFinite(difference)
      ? this.squares + squares + difference * difference * ((this.count * count) / total)
      : NaN;
    this.mean += difference * (count / total);
    this.count = total;
  }
}
