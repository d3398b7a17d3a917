// The shape of a binary decision tree, in arrays by node. Nodes that are cut off are used again.

import type { StateReader, StateWriter } from '../saved-state.ts';

export const NONE = -1;

export class NodeArena {
  /** By node: the column it asks for; NONE for a leaf. */
  feature: Int32Array;
  /** Numbers up to it go left; for categories: this code goes left. */
  threshold: Float64Array;
  nominal: Uint8Array;
  left: Int32Array;
  right: Int32Array;
  depth: Int32Array;
  /** Weight of the examples that a node has seen, with its share of its parent's at the split. */
  weight: Float64Array;
  #count = 0;
  readonly #free: number[] = [];

  constructor(capacity = 1) {
    this.feature = new Int32Array(capacity);
    this.left = new Int32Array(capacity);
    this.right = new Int32Array(capacity);
    this.depth = new Int32Array(capacity);
    this.threshold = new Float64Array(capacity);
    this.weight = new Float64Array(capacity);
    this.nominal = new Uint8Array(capacity);
  }

  get bytes(): number {
    return this.feature.length * (4 * 4 + 1 + 8 * 2);
  }

  /** Nodes that there is room for, a power of two: ids are below. */
  get capacity(): number {
    return this.feature.length;
  }

  /** So many more nodes would make the arrays longer. */
  full(more: number): boolean {
    return this.#count + more - this.#free.length > this.capacity;
  }

  /** Ids given out so far are below. */
  get used(): number {
    return this.#count;
  }

  addLeaf(depth: number): number {
    const node = this.#free.pop() ?? this.#count++;
    if (node >= this.feature.length) this.#grow();
    this.feature[node] = NONE;
    this.left[node] = NONE;
    this.right[node] = NONE;
    this.depth[node] = depth;
    this.weight[node] = 0;
    return node;
  }

  /** The node is no more; its children are not touched. */
  release(node: number): void {
    this.feature[node] = NONE;
    this.#free.push(node);
  }

  /** Which child a row goes to. Without a value it goes where most went. */
  child(node: number, row: Float64Array): number {
    const value = row[this.feature[node]!]!;
    const left = this.left[node]!;
    const right = this.right[node]!;
    if (value !== value) return this.weight[left]! < this.weight[right]! ? right : left;
    const threshold = this.threshold[node]!;
    return (this.nominal[node] === 1 ? value === threshold : value <= threshold) ? left : right;
  }

  leafOf(root: number, row: Float64Array): number {
    let node = root;
    while (this.feature[node] !== NONE) node = this.child(node, row);
    return node;
  }

  /** The nodes of a subtree, each before its children. */
  nodesOf(root: number): number[] {
    const nodes = [root];
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!;
      if (this.feature[node] !== NONE) nodes.push(this.left[node]!, this.right[node]!);
    }
    return nodes;
  }

  /** Only the nodes in `kept` stay, each numbered by its place there; a branch without both of its children becomes a leaf. */
  keepOnly(kept: readonly number[], capacity: number): void {
    const places = new Map(kept.map((node, place) => [node, place]));
    const small = new NodeArena(capacity);
    for (const [place, node] of kept.entries()) {
      for (const name of ['threshold', 'nominal', 'depth', 'weight'] as const) small[name][place] = this[name][node]!;
      const [left, right] = [places.get(this.left[node]!), places.get(this.right[node]!)];
      const branch = this.feature[node] !== NONE && left !== undefined && right !== undefined;
      small.feature[place] = branch ? this.feature[node]! : NONE;
      small.left[place] = branch ? left : NONE;
      small.right[place] = branch ? right : NONE;
    }
    for (const name of ARRAYS) Object.assign(this, { [name]: small[name] });
    this.#count = kept.length;
    this.#free.length = 0;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#count);
    for (const array of this.#arrays()) writer.floats(Float64Array.from(array.subarray(0, this.#count)));
    writer.floats(Float64Array.from(this.#free));
  }

  load(reader: StateReader): void {
    const count = reader.count(ARRAYS.length * 8);
    while (this.capacity < count) this.#grow();
    this.#count = count;
    for (const array of this.#arrays()) array.set(reader.floats());
    this.#free.push(...reader.floats());
  }

  #arrays() {
    return ARRAYS.map((name) => this[name]);
  }

  #grow(): void {
    const larger = this.capacity * 2;
    const int32 = (from: Int32Array) => {
      const to = new Int32Array(larger);
      to.set(from);
      return to;
    };
    const float64 = (from: Float64Array) => {
      const to = new Float64Array(larger);
      to.set(from);
      return to;
    };
    this.feature = int32(this.feature);
    this.left = int32(this.left);
    this.right = int32(this.right);
    this.depth = int32(this.depth);
    this.threshold = float64(this.threshold);
    this.weight = float64(this.weight);
    const nominal = new Uint8Array(larger);
    nominal.set(this.nominal);
    this.nominal = nominal;
  }
}

/** In the order in which they are saved. */
const ARRAYS = ['feature', 'threshold', 'nominal', 'left', 'right', 'depth', 'weight'] as const;
