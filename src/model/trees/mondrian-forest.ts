// An aggregated Mondrian forest: the mean of Mondrian trees that differ in nothing but chance. Categories become numbers by a draw of
// each tree's own, so that a cut through them sends some half of them left, another half in every tree.

import { grown } from '../optimizers/optimizer.ts';
import type { Layout } from '../learner.ts';
import { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { MondrianTree, type MondrianTreeOptions } from './mondrian-tree.ts';
import type { TreeModel } from './tree-model.ts';

export interface MondrianForestOptions extends Omit<MondrianTreeOptions, 'max_bytes'> {
  readonly trees: number;
  /** Of nodes, in the whole forest. */
  readonly max_bytes: number;
  /** Distances in units of the column's range so far; else as they are. */
  readonly relative_distance: boolean;
}

export class MondrianForest implements TreeModel {
  readonly #options: MondrianForestOptions;
  readonly #layout: Layout;
  readonly #random: Random;
  #seed: number;
  readonly #trees: MondrianTree[];
  #columns = 0;
  #outputs: number;
  /** By column, over all that was learned. */
  #least: Float64Array = new Float64Array(0);
  #greatest: Float64Array = new Float64Array(0);
  #unit: Float64Array = new Float64Array(0);
  /** The row as the tree in hand has it. */
  #placed: Float64Array = new Float64Array(0);

  /** @param classes that are known from the start; 0 for numbers */
  constructor(options: MondrianForestOptions, classes: number, layout: Layout, seed: number) {
    this.#options = options;
    this.#layout = layout;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#outputs = options.numbers ? 1 : classes;
    this.#trees = Array.from({ length: options.trees }, () => this.#tree());
  }

  get bytes(): number {
    return this.#trees.reduce((sum, tree) => sum + tree.bytes, this.#least.byteLength * 4);
  }

  get outputs(): number {
    return this.#outputs;
  }

  /** In all trees. */
  get nodes(): number {
    return this.#trees.reduce((sum, tree) => sum + tree.nodes, 0);
  }

  prepare(columns: number, y: number): void {
    if (columns > this.#columns) this.#addColumns(columns);
    if (!this.#options.numbers && y >= this.#outputs) this.#outputs = y + 1;
    for (const tree of this.#trees) tree.prepare(this.#columns, this.#outputs);
  }

  learn(row: Float64Array, y: number, weight: number): void {
    if (this.#options.relative_distance) this.#measure(row);
    for (let i = 0; i < this.#trees.length; i++) this.#trees[i]!.learn(this.#place(row, i), y, weight, this.#unit);
  }

  say(row: Float64Array, into: Float64Array): boolean {
    for (let k = 0; k < this.#outputs; k++) into[k] = 0;
    const share = 1 / this.#grown;
    for (let i = 0; i < this.#trees.length; i++) this.#trees[i]!.say(this.#place(row, i), into, share);
    return this.#grown > 0;
  }

  explain(row: Float64Array, output: number, into: Float64Array, share: number): number {
    let bias = 0;
    for (let i = 0; i < this.#trees.length; i++)
      bias += this.#trees[i]!.explain(this.#place(row, i), output, into, share / this.#grown);
    return bias;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#seed);
    writer.u32(this.#random.state);
    writer.u32(this.#outputs);
    writer.floats(this.#least);
    writer.floats(this.#greatest);
    writer.u32(this.#trees.length);
    for (const tree of this.#trees) tree.save(writer);
  }

  load(reader: StateReader): void {
    this.#seed = reader.u32();
    this.#random.state = reader.u32();
    this.#outputs = reader.u32();
    const [least, greatest] = [reader.floats(), reader.floats()];
    this.#addColumns(least.length);
    this.#least.set(least);
    this.#greatest.set(greatest);
    for (let j = 0; j < least.length; j++) this.#setUnit(j);
    const saved = reader.u32();
    for (let i = 0; i < saved; i++) (this.#trees[i] ?? this.#tree()).load(reader);
  }

  /** Trees that know something: not those that the options have just added. */
  get #grown(): number {
    let count = 0;
    for (const tree of this.#trees) if (tree.nodes > 0) count += 1;
    return count;
  }

  #tree(): MondrianTree {
    const max_bytes = this.#options.max_bytes / this.#options.trees;
    return new MondrianTree({ ...this.#options, max_bytes }, this.#random);
  }

  #addColumns(columns: number): void {
    const before = this.#columns;
    this.#columns = columns;
    this.#least = grown(this.#least, columns).fill(Number.NaN, before);
    this.#greatest = grown(this.#greatest, columns).fill(Number.NaN, before);
    this.#unit = grown(this.#unit, columns).fill(1, before);
    this.#placed = new Float64Array(columns);
  }

  #measure(row: Float64Array): void {
    for (let j = 0; j < this.#columns; j++) {
      const x = row[j]!;
      if (x !== x || (x >= this.#least[j]! && x <= this.#greatest[j]!) || this.#layout.nominal(j)) continue;
      if (!(x >= this.#least[j]!)) this.#least[j] = x;
      if (!(x <= this.#greatest[j]!)) this.#greatest[j] = x;
      this.#setUnit(j);
    }
  }

  #setUnit(j: number): void {
    const range = this.#greatest[j]! - this.#least[j]!;
    this.#unit[j] = range > 0 ? range : 1;
  }

  /** Flags stay 0 and 1; of a category with more codes each has a place between them that the tree and the code decide. */
  #place(row: Float64Array, tree: number): Float64Array {
    const placed = this.#placed;
    for (let j = 0; j < this.#columns; j++) {
      const x = row[j]!;
      placed[j] = x > 1 && this.#layout.nominal(j) ? placeOf(this.#seed, tree, j, x) : x;
    }
    return placed;
  }
}

/** In [0, 1): murmur3's finaliser over all four. */
function placeOf(seed: number, tree: number, column: number, code: number): number {
  let hash = Math.imul(code, 0x9e3779b1) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ Math.imul(tree + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ Math.imul(column + 1, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}
