// Rows in order, as an order-statistic treap: append, late insert, delete, rank and any range in O(log n), with mergeable
// summaries at every node. Source: Seidel and Aragon, "Randomized Search Trees" (1996); here a node's priority is a hash of its
// row's identity, so the tree's shape, and with it the last bit of every float, depends on the set of rows alone: a tree
// rebuilt after a restart gives what the one that grew row by row gave.

import type { SqlValue } from '../../flow/types/sql-value.ts';
import { EMPTY, grown, type Summary } from './summary.ts';
import type { RowOrder } from './row-order.ts';

export interface Orderable {
  readonly identity: string;
  /** Of the identity; the row's priority in every tree. */
  readonly hash: number;
}

/**
 * A pool of nodes for many trees (one a partition) with one order and one list of summaries. A tree is the index of its
 * root. Struct of arrays: nodes cost no object each, and recomputing a path touches typed arrays only.
 */
export class OrderedRows<Row extends Orderable> {
  readonly #order: RowOrder;
  readonly #summaries: readonly Summary[];
  #left = new Int32Array(0);
  #right = new Int32Array(0);
  #size = new Int32Array(0);
  #priority = new Int32Array(0);
  #primary = new Float64Array(0);
  /** By column of the order, then by node. Those of node 0 are a searcher's ({@link probe}). */
  readonly #values: readonly SqlValue[][];
  readonly #rows: (Row | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #used = 1;
  /** Halves of the last split. */
  #low = EMPTY;
  #high = EMPTY;

  constructor(order: RowOrder, summaries: readonly Summary[]) {
    this.#order = order;
    this.#summaries = summaries;
    this.#values = Array.from({ length: order.width }, () => [null]);
    this.#grow(64);
  }

  /** A node for a row, in no tree yet: set its summaries' own values, then insert it. `key`: its value of each order column. */
  create(row: Row, key: readonly SqlValue[]): number {
    const node = this.#free.pop() ?? this.#used++;
    if (node >= this.#left.length) this.#grow(this.#left.length * 2);
    this.#rows[node] = row;
    for (let column = 0; column < this.#values.length; column++) this.#values[column]![node] = key[column]!;
    this.#primary[node] = this.#order.primary(key[0]);
    this.#priority[node] = row.hash;
    this.#left[node] = EMPTY;
    this.#right[node] = EMPTY;
    this.#size[node] = 1;
    return node;
  }

  destroy(node: number): void {
    this.#rows[node] = undefined;
    for (const column of this.#values) column[node] = null;
    for (const summary of this.#summaries) summary.clear(node);
    this.#free.push(node);
  }

  insert(root: number, node: number): number {
    if (root === EMPTY) {
      this.#pull(node);
      return node;
    }
    if (this.#above(node, root)) {
      this.#split(root, node);
      this.#left[node] = this.#low;
      this.#right[node] = this.#high;
      this.#pull(node);
      return node;
    }
    if (this.#before(node, root)) this.#left[root] = this.insert(this.#left[root]!, node);
    else this.#right[root] = this.insert(this.#right[root]!, node);
    this.#pull(root);
    return root;
  }

  /** The tree without a node that is in it. */
  remove(root: number, node: number): number {
    if (root === node) {
      const rest = this.#merge(this.#left[node]!, this.#right[node]!);
      this.#left[node] = EMPTY;
      this.#right[node] = EMPTY;
      return rest;
    }
    if (this.#before(node, root)) this.#left[root] = this.remove(this.#left[root]!, node);
    else this.#right[root] = this.remove(this.#right[root]!, node);
    this.#pull(root);
    return root;
  }

  size(root: number): number {
    return this.#size[root]!;
  }
  row(node: number): Row {
    return this.#rows[node]!;
  }
  /** Value of the first order column; null without one. */
  first(node: number): SqlValue {
    return this.#values[0]?.[node] ?? null;
  }
  /** The same as a float (see {@link RowOrder.primary}). */
  primary(node: number): number {
    return this.#primary[node]!;
  }
  /** A node that stands in no tree and has a value of the first order column, to search with; good until the next call. */
  probe(value: SqlValue): number {
    this.#values[0]![EMPTY] = value;
    this.#primary[EMPTY] = this.#order.primary(value);
    return EMPTY;
  }

  /** How many rows stand before a node. */
  rank(root: number, node: number): number {
    let rank = 0;
    for (let at = root; at !== node;) {
      if (this.#before(node, at)) at = this.#left[at]!;
      else {
        rank += this.#size[this.#left[at]!]! + 1;
        at = this.#right[at]!;
      }
    }
    return rank + this.#size[this.#left[node]!]!;
  }

  /** The node with so many before it, or EMPTY. */
  select(root: number, rank: number): number {
    let at = root;
    while (at !== EMPTY) {
      const before = this.#size[this.#left[at]!]!;
      if (rank === before) return at;
      if (rank < before) at = this.#left[at]!;
      else {
        rank -= before + 1;
        at = this.#right[at]!;
      }
    }
    return EMPTY;
  }

  /** How many rows sort below a node (of any tree, or a {@link probe}); with `peers`, below it or equal to it. */
  countBelow(root: number, node: number, peers: boolean): number {
    const primary = this.#primary[node]!;
    let count = 0;
    for (let at = root; at !== EMPTY;) {
      const own = this.#primary[at]!;
      let below: boolean;
      if (own < primary) below = true;
      else if (own > primary) below = false;
      else {
        const order = this.#order.compareRest(own, this.#values, at, node);
        below = order < 0 || (peers && order === 0);
      }
      if (below) {
        count += this.#size[this.#left[at]!]! + 1;
        at = this.#right[at]!;
      } else at = this.#left[at]!;
    }
    return count;
  }

  /** Appends what covers ranks [from, to) to `items`, in order (see {@link Summary.fold}). Gives the new length. */
  cover(root: number, from: number, to: number, items: Int32Array, length: number): number {
    const size = this.#size[root]!;
    if (from < 0) from = 0;
    if (to > size) to = size;
    if (from >= to) return length;
    if (from === 0 && to === size) {
      items[length] = root;
      return length + 1;
    }
    const left = this.#left[root]!;
    const before = this.#size[left]!;
    if (from < before) length = this.cover(left, from, to, items, length);
    if (from <= before && to > before) items[length++] = ~root;
    if (to > before + 1) length = this.cover(this.#right[root]!, from - before - 1, to - before - 1, items, length);
    return length;
  }

  /** In order. */
  *nodes(root: number): Iterable<number> {
    if (root === EMPTY) return;
    yield* this.nodes(this.#left[root]!);
    yield root;
    yield* this.nodes(this.#right[root]!);
  }

  #before(a: number, b: number): boolean {
    const x = this.#primary[a]!;
    const y = this.#primary[b]!;
    if (x !== y) return x < y;
    const order = this.#order.compareRest(x, this.#values, a, b);
    if (order !== 0) return order < 0;
    return this.#rows[a]!.identity < this.#rows[b]!.identity;
  }

  /** Equal hashes: the earlier row is above, so that the shape stays a function of the set. */
  #above(a: number, b: number): boolean {
    const x = this.#priority[a]!;
    const y = this.#priority[b]!;
    return x === y ? this.#before(a, b) : x > y;
  }

  /** Into what stands before a node and what stands after it. */
  #split(root: number, node: number): void {
    if (root === EMPTY) {
      this.#low = EMPTY;
      this.#high = EMPTY;
      return;
    }
    if (this.#before(root, node)) {
      this.#split(this.#right[root]!, node);
      this.#right[root] = this.#low;
      this.#pull(root);
      this.#low = root;
    } else {
      this.#split(this.#left[root]!, node);
      this.#left[root] = this.#high;
      this.#pull(root);
      this.#high = root;
    }
  }

  #merge(low: number, high: number): number {
    if (low === EMPTY) return high;
    if (high === EMPTY) return low;
    if (this.#above(low, high)) {
      this.#right[low] = this.#merge(this.#right[low]!, high);
      this.#pull(low);
      return low;
    }
    this.#left[high] = this.#merge(low, this.#left[high]!);
    this.#pull(high);
    return high;
  }

  #pull(node: number): void {
    const left = this.#left[node]!;
    const right = this.#right[node]!;
    this.#size[node] = this.#size[left]! + 1 + this.#size[right]!;
    const summaries = this.#summaries;
    for (let index = 0; index < summaries.length; index++) summaries[index]!.pull(node, left, right);
  }

  #grow(capacity: number): void {
    this.#left = grown(this.#left, capacity);
    this.#right = grown(this.#right, capacity);
    this.#size = grown(this.#size, capacity);
    this.#priority = grown(this.#priority, capacity);
    this.#primary = grown(this.#primary, capacity);
    for (const summary of this.#summaries) summary.grow(capacity);
  }
}

/** 32 bits of a text, well mixed. Source: FNV-1a, then MurmurHash3's finaliser. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
