// The shape of a binary decision tree, in arrays by node. Nodes that are cut off are used again.

import type { StateReader, StateWriter } from '../saved-state.ts';

export const NONE = -1;

export class NodeArena {
  /** By node: the column it asks for; NONE for a leaf. */
  feature = new Int32Array(8);
  /** Numbers up to it go left; for categories: this code goes left. */
  threshold = new Float64Array(8);
  nominal = new Uint8Array(8);
  left = new Int32Array(8);
  right = new Int32Array(8);
  depth = new Int32Array(8);
  /** Weight of the examples that a node has seen, with its share of its parent's at the split. */
  weight = new Float64Array(8);
  #count = 0;
  readonly #free: number[] = [];

  get bytes(): number {
    return this.feature.length * (4 * 4 + 1 + 8 * 2);
  }

  /** Nodes that there is room for: ids are below. */
  get capacity(): number {
    return this.feature.length;
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

  save(writer: StateWriter): void {
    writer.u32(this.#count);
    for (const array of this.#arrays()) writer.floats(Float64Array.from(array.subarray(0, this.#count)));
    writer.floats(Float64Array.from(this.#free));
  }

  load(reader: StateReader): void {
    const count = reader.u32();
    while (this.capacity < count) this.#grow();
    this.#count = count;
    for (const array of this.#arrays()) array.set(reader.floats());
    this.#free.push(...reader.floats());
  }

  #arrays() {
    return [this.feature, this.threshold, this.nominal, this.left, this.right, this.depth, this.weight];
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
