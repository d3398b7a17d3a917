// The Hoeffding adaptive tree (Bifet, Gavaldà 2009): each branch has an ADWIN on the error of what lies below it. When the error has
// grown, another subtree begins to grow beside the branch, and takes its place once it is better by more than chance. As River 0.26
// and MOA do, leaves learn each example Poisson(1) times (once, where that is 0). A score is the main tree's alone: River mixes in
// the leaves of alternates, by the inverse of their squared errors.

import type { Random } from '../random.ts';
import { grown } from '../optimizers/optimizer.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { Adwin } from '../drift/adwin.ts';
import { ErrorScale } from './error-scale.ts';
import { HoeffdingTree } from './hoeffding-tree.ts';
import type { Leaves } from './leaves.ts';
import { NONE } from './node-arena.ts';
import type { SplitOptions } from './split.ts';
import { greatest } from './tree-learner.ts';
import type { TreeModel } from './tree-model.ts';

export interface AdaptiveTreeOptions extends SplitOptions {
  readonly bootstrap: boolean;
  /** ADWIN's: chance of a false alarm. */
  readonly drift_delta: number;
  /** Errors that either side has been measured on before they are compared. */
  readonly drift_window: number;
  /** Chance that the better of two is not. */
  readonly switch_significance: number;
  /** Of numbers, not of classes. */
  readonly numbers: boolean;
}

export class AdaptiveTree implements TreeModel {
  readonly #options: AdaptiveTreeOptions;
  readonly #random: Random;
  readonly #tree: HoeffdingTree;
  readonly #scale = new ErrorScale();
  /** By node: errors measured since it stands, and their mean. */
  #tested: Float64Array = new Float64Array(8);
  #errors: Float64Array = new Float64Array(8);
  /** By branch. */
  readonly #detectors = new Map<number, Adwin>();
  /** By branch: the root of the subtree that grows beside it. */
  readonly #alternates = new Map<number, number>();
  #detectorBytes = 0;
  #said: Float64Array = new Float64Array(2);

  constructor(options: AdaptiveTreeOptions, leaves: Leaves, random: Random) {
    this.#options = options;
    this.#random = random;
    const bytes = () => this.#detectorBytes + this.#tested.byteLength * 2;
    this.#tree = new HoeffdingTree(options, leaves, {
      get bytes() {
        return bytes();
      },
      renumber: (places, ended) => this.#renumber(places, ended),
    });
  }

  get bytes(): number {
    return this.#tree.bytes + this.#said.byteLength;
  }

  get outputs(): number {
    return this.#tree.outputs;
  }

  /** Subtrees that grow beside a branch now. */
  get alternates(): number {
    return this.#alternates.size;
  }

  prepare(columns: number, y: number): void {
    this.#tree.prepare(columns, y);
    if (this.outputs > this.#said.length) this.#said = new Float64Array(this.outputs * 2);
  }

  learn(row: Float64Array, y: number, weight: number): void {
    this.#learnBelow(this.#tree.root, NONE, row, y, weight);
  }

  say(row: Float64Array, into: Float64Array): boolean {
    return this.#tree.say(row, into);
  }

  explain(row: Float64Array, output: number, into: Float64Array, share: number): number {
    return this.#tree.explain(row, output, into, share);
  }

  save(writer: StateWriter): void {
    const state = new StateWriter('adaptive tree');
    state.u32(this.#random.state);
    this.#scale.save(state);
    state.floats(this.#tested);
    state.floats(this.#errors);
    state.u32(this.#detectors.size);
    for (const [node, detector] of this.#detectors) {
      state.u32(node);
      detector.save(state);
    }
    state.u32(this.#alternates.size);
    for (const [node, root] of this.#alternates) {
      state.u32(node);
      state.u32(root);
    }
    this.#tree.save(state);
    writer.bytes(state.finish());
  }

  load(reader: StateReader): void {
    const state = new StateReader(reader.bytes(), 'adaptive tree');
    this.#random.state = state.u32();
    this.#scale.load(state);
    this.#tested = state.floats();
    this.#errors = state.floats();
    for (let left = state.u32(); left > 0; left--) {
      const node = state.u32();
      const detector = Adwin.load(this.#options.drift_delta, state);
      this.#detectors.set(node, detector);
      this.#detectorBytes += detector.bytes;
    }
    for (let left = state.u32(); left > 0; left--) this.#alternates.set(state.u32(), state.u32());
    this.#tree.load(state);
    state.finish();
    if (this.outputs > this.#said.length) this.#said = new Float64Array(this.outputs * 2);
  }

  /** Learns in the subtree at `root`, which is below or `beside` `parent`, and in all that grows beside its branches. */
  #learnBelow(root: number, parent: number, row: Float64Array, y: number, weight: number): void {
    const { arena, leaves } = this.#tree;
    const error = this.#errorAt(arena.leafOf(root, row), row, y);
    let node = root;
    let above = parent;
    while (arena.feature[node] !== NONE) {
      arena.weight[node]! += weight;
      leaves.pass(node, y, weight);
      const by = this.#test(node, above, error);
      // Another subtree stands here now, and learns the example in its place.
      if (by !== node) return this.#learnBelow(by, above, row, y, weight);
      const alternate = this.#alternates.get(node);
      if (alternate !== undefined) this.#learnBelow(alternate, beside(node), row, y, weight);
      above = node;
      node = arena.child(node, row);
    }
    this.#learnLeaf(node, error, row, y, weight);
  }

  #learnLeaf(leaf: number, error: number, row: Float64Array, y: number, weight: number): void {
    const { arena } = this.#tree;
    this.#reserve();
    this.#measure(leaf, error);
    const times = this.#options.bootstrap ? Math.max(1, this.#random.poisson(1)) : 1;
    this.#tree.learnAt(leaf, row, y, weight * times);
    if (arena.feature[leaf] === NONE) return;
    this.#reserve();
    for (const node of [leaf, arena.left[leaf]!, arena.right[leaf]!]) this.#forget(node);
  }

  /** Measures a branch's error; gives the node that stands in its place afterwards. */
  #test(node: number, above: number, error: number): number {
    this.#reserve();
    const before = this.#errors[node]!;
    let changed = this.#detect(node, error);
    this.#measure(node, error);
    if (changed && before > this.#errors[node]!) {
      // It got better: nothing to mend.
      this.#tested[node] = this.#errors[node] = 0;
      changed = false;
    }
    if (changed) this.#startAlternate(node);
    else if (this.#alternates.has(node)) return this.#compare(node, above);
    return node;
  }

  #detect(node: number, error: number): boolean {
    let detector = this.#detectors.get(node);
    if (!detector) {
      detector = new Adwin(this.#options.drift_delta);
      this.#detectors.set(node, detector);
      this.#detectorBytes += detector.bytes;
    }
    this.#detectorBytes -= detector.bytes;
    const changed = detector.add(error);
    this.#detectorBytes += detector.bytes;
    return changed;
  }

  #startAlternate(node: number): void {
    this.#tested[node] = this.#errors[node] = 0;
    this.#dropAlternate(node);
    if (!this.#tree.roomFor(1)) return;
    const alternate = this.#tree.addLeaf(this.#tree.arena.depth[node]!);
    this.#reserve();
    this.#forget(alternate);
    this.#alternates.set(node, alternate);
  }

  /** Bifet and Gavaldà's test: does either of the two err more by more than chance? */
  #compare(node: number, above: number): number {
    const alternate = this.#alternates.get(node)!;
    const [mine, other] = [this.#tested[node]!, this.#tested[alternate]!];
    const { drift_window: window, switch_significance: significance } = this.#options;
    if (mine <= window || other <= window) return node;
    const rate = this.#errors[node]!;
    const spread = 2 * rate * (1 - rate) * Math.log(2 / significance) * (1 / mine + 1 / other);
    const bound = Math.sqrt(Math.max(0, spread));
    const gain = rate - this.#errors[alternate]!;
    if (bound < -gain) this.#dropAlternate(node);
    if (!(bound < gain)) return node;
    this.#alternates.delete(node);
    if (above < NONE) this.#alternates.set(beside(above), alternate);
    else this.#tree.replace(node, above, alternate);
    this.#drop(node);
    return alternate;
  }

  #dropAlternate(node: number): void {
    const alternate = this.#alternates.get(node);
    this.#alternates.delete(node);
    if (alternate !== undefined) this.#drop(alternate);
  }

  /** A subtree and all that grows beside it. */
  #drop(root: number): void {
    for (const node of this.#tree.arena.nodesOf(root)) {
      this.#dropAlternate(node);
      this.#forget(node);
    }
    this.#tree.drop(root);
  }

  /** A node starts as one that was never measured. */
  #forget(node: number): void {
    this.#tested[node] = this.#errors[node] = 0;
    this.#detectorBytes -= this.#detectors.get(node)?.bytes ?? 0;
    this.#detectors.delete(node);
  }

  /** What grew beside branches is gone. */
  #renumber(places: ReadonlyMap<number, number>, ended: ReadonlySet<number>): void {
    for (const node of ended) this.#forget(node);
    this.#alternates.clear();
    const { capacity } = this.#tree.arena;
    const [tested, errors] = [new Float64Array(capacity), new Float64Array(capacity)];
    const detectors = [...this.#detectors];
    this.#detectors.clear();
    this.#detectorBytes = 0;
    for (const [node, place] of places) {
      tested[place] = this.#tested[node] ?? 0;
      errors[place] = this.#errors[node] ?? 0;
    }
    for (const [node, detector] of detectors) {
      const place = places.get(node);
      if (place === undefined) continue;
      this.#detectors.set(place, detector);
      this.#detectorBytes += detector.bytes;
    }
    this.#tested = tested;
    this.#errors = errors;
  }

  #measure(node: number, error: number): void {
    const tested = (this.#tested[node]! += 1);
    this.#errors[node]! += (error - this.#errors[node]!) / tested;
  }

  /** In [0, 1]. */
  #errorAt(leaf: number, row: Float64Array, y: number): number {
    const known = this.#tree.leaves.say(leaf, row, this.#said);
    if (this.#options.numbers) return this.#scale.place(Math.abs(y - (known ? this.#said[0]! : 0)));
    return known && greatest(this.#said, this.outputs) === y ? 0 : 1;
  }

  #reserve(): void {
    const { capacity } = this.#tree.arena;
    if (capacity <= this.#tested.length) return;
    this.#tested = grown(this.#tested, capacity);
    this.#errors = grown(this.#errors, capacity);
  }
}

/** Stands for the parent of the root of what grows beside a branch; and back, the branch. Below NONE. */
function beside(node: number): number {
  return NONE - 1 - node;
}
