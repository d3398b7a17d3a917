// A Hoeffding tree (Domingos, Hulten 2000): a leaf is split once the best split is better than the next by Hoeffding's bound. The
// statistics of leaves are in typed arrays; where they outgrow `max_bytes`, the least promising leaves stop watching.

import { StateReader, StateWriter } from '../saved-state.ts';
import type { Leaves } from './leaves.ts';
import { NodeArena, NONE } from './node-arena.ts';
import type { SplitOptions } from './split.ts';
import type { TreeModel } from './tree-model.ts';

/** What stands beside the tree's nodes. */
export interface BesideTree {
  /** That count towards its limit. */
  readonly bytes: number;
  /** Nodes have other numbers now, by their former ones; those that are not there are gone, and `ended` are leaves. */
  renumber(places: ReadonlyMap<number, number>, ended: ReadonlySet<number>): void;
}

export class HoeffdingTree implements TreeModel {
  readonly arena = new NodeArena();
  readonly leaves: Leaves;
  readonly #options: SplitOptions;
  readonly #beside: BesideTree | undefined;
  #root = NONE;

  constructor(options: SplitOptions, leaves: Leaves, beside?: BesideTree) {
    this.#options = options;
    this.#beside = beside;
    this.leaves = leaves;
  }

  get bytes(): number {
    return this.arena.bytes + this.leaves.bytes + (this.#beside?.bytes ?? 0);
  }

  get outputs(): number {
    return this.leaves.outputs;
  }

  /** NONE before the first example. */
  get root(): number {
    return this.#root;
  }

  prepare(columns: number, y: number): void {
    this.leaves.prepare(columns, y);
    if (this.#root === NONE) this.#root = this.addLeaf(0);
    // Classes and columns that come late, and detectors, make nodes larger than they were when there was room for them.
    while (this.#shapeBytes > this.#options.max_bytes * 0.75 && this.arena.capacity > 1) this.#cut();
    this.#keepToLimit();
  }

  learn(row: Float64Array, y: number, weight: number): void {
    let node = this.#root;
    while (this.arena.feature[node] !== NONE) {
      this.arena.weight[node]! += weight;
      this.leaves.pass(node, y, weight);
      node = this.arena.child(node, row);
    }
    this.learnAt(node, row, y, weight);
  }

  /** An example at its leaf, which may split. */
  learnAt(leaf: number, row: Float64Array, y: number, weight: number): void {
    this.arena.weight[leaf]! += weight;
    this.leaves.learn(leaf, row, y, weight);
    if (!this.leaves.active(leaf)) return;
    if (this.arena.depth[leaf]! >= this.#options.max_depth) this.leaves.deactivate(leaf);
    else if (this.leaves.waiting(leaf) >= this.#options.grace_period) this.#attempt(leaf);
    this.#keepToLimit();
  }

  /** The shape itself, without what is watched, never takes more than half: a tree that large keeps the nodes that it has. */
  roomFor(nodes: number): boolean {
    return this.#shapeBytes <= this.#options.max_bytes / (this.arena.full(nodes) ? 4 : 2);
  }

  addLeaf(depth: number): number {
    const node = this.arena.addLeaf(depth);
    this.leaves.open(node);
    return node;
  }

  /** Cuts a whole subtree off. */
  drop(root: number): void {
    for (const node of this.arena.nodesOf(root)) {
      this.leaves.drop(node);
      this.arena.release(node);
    }
  }

  say(row: Float64Array, into: Float64Array): boolean {
    return this.#root !== NONE && this.leaves.say(this.arena.leafOf(this.#root, row), row, into);
  }

  /** Each split's part is what its child says plainly beyond what it said itself; the leaf explains the rest. */
  explain(row: Float64Array, output: number, into: Float64Array, share: number): number {
    if (this.#root === NONE) return 0;
    const said = new Float64Array(this.outputs);
    this.leaves.say(this.arena.leafOf(this.#root, row), row, said);
    const parts = new Float64Array(into.length);
    let node = this.#root;
    while (this.arena.feature[node] !== NONE) {
      const before = this.#plain(node, output);
      const feature = this.arena.feature[node]!;
      node = this.arena.child(node, row);
      parts[feature]! += this.#plain(node, output) - before;
    }
    this.leaves.explain(node, row, output, parts);
    let sum = 0;
    for (let j = 0; j < parts.length; j++) {
      sum += parts[j]!;
      into[j]! += parts[j]! * share;
    }
    return (said[output]! - sum) * share;
  }

  save(writer: StateWriter): void {
    const tree = new StateWriter('tree');
    tree.f64(this.#root);
    this.arena.save(tree);
    this.leaves.save(tree, this.arena.used);
    writer.bytes(tree.finish());
  }

  load(reader: StateReader): void {
    const tree = new StateReader(reader.bytes(), 'tree');
    this.#root = tree.f64();
    this.arena.load(tree);
    this.leaves.load(tree, this.arena.used);
    tree.finish();
  }

  /** Another stands where a node stood; `parent` is NONE for the root. The node's subtree is not dropped. */
  replace(node: number, parent: number, by: number): void {
    if (parent === NONE) this.#root = by;
    else if (this.arena.left[parent] === node) this.arena.left[parent] = by;
    else this.arena.right[parent] = by;
  }

  #plain(node: number, output: number): number {
    const plain = new Float64Array(this.outputs);
    this.leaves.sayPlainly(node, plain);
    return plain[output]!;
  }

  /** All but what is watched. */
  get #shapeBytes(): number {
    return this.bytes - this.leaves.watchedBytes;
  }

  /** To half as many nodes at most, level by level from the root; branches whose children are gone are leaves that never split. */
  #cut(): void {
    const { arena } = this;
    const most = arena.capacity >> 1;
    const kept = [this.#root];
    const ended = new Set<number>();
    for (let i = 0; i < kept.length; i++) {
      const node = kept[i]!;
      if (arena.feature[node] === NONE) continue;
      if (kept.length + 2 <= most) kept.push(arena.left[node]!, arena.right[node]!);
      else ended.add(node);
    }
    // As a load would have it, or sizes, and with them what is done at the limit, would differ afterwards.
    const capacity = 2 ** Math.ceil(Math.log2(kept.length));
    this.leaves.keepOnly(kept, capacity, ended);
    arena.keepOnly(kept, capacity);
    this.#beside?.renumber(new Map(kept.map((node, place) => [node, place])), ended);
    this.#root = 0;
  }

  #attempt(leaf: number): void {
    if (!this.roomFor(2)) return this.leaves.deactivate(leaf);
    const split = this.leaves.attempt(leaf);
    if (split === undefined) return;
    const { arena } = this;
    const depth = arena.depth[leaf]! + 1;
    const left = arena.addLeaf(depth);
    const right = arena.addLeaf(depth);
    this.leaves.open(left, { parent: leaf, split, side: 'left' });
    this.leaves.open(right, { parent: leaf, split, side: 'right' });
    this.leaves.close(leaf);
    arena.feature[leaf] = split.feature;
    arena.threshold[leaf] = split.threshold;
    arena.nominal[leaf] = split.nominal ? 1 : 0;
    arena.left[leaf] = left;
    arena.right[leaf] = right;
    arena.weight[left] = split.leftWeight;
    arena.weight[right] = split.rightWeight;
  }

  #keepToLimit(): void {
    if (this.bytes > this.#options.max_bytes && this.leaves.watchedBytes > 0) this.#shed();
  }

  /** Down to three quarters of the limit, so that it is not looked for at every example. */
  #shed(): void {
    const active: number[] = [];
    for (let node = 0; node < this.arena.used; node++) if (this.leaves.active(node)) active.push(node);
    const promises = new Map(active.map((node) => [node, this.leaves.promise(node)]));
    active.sort((a, b) => promises.get(a)! - promises.get(b)! || a - b);
    for (const node of active) {
      if (this.bytes <= this.#options.max_bytes * 0.75) return;
      this.leaves.deactivate(node);
    }
  }
}
