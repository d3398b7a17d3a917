// The nodes of a Mondrian tree, in arrays by node: shape, the box that its examples span, and what they taught it. Nodes are never given
// back one by one; a tree that must become smaller is cut off below.

import { grown } from '../optimizers/optimizer.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { NONE } from './node-arena.ts';

export class MondrianNodes {
  /** By node: the column it asks for; NONE for a leaf. Numbers up to the threshold go left. */
  feature: Int32Array = new Int32Array(0);
  threshold: Float64Array = new Float64Array(0);
  left: Int32Array = new Int32Array(0);
  right: Int32Array = new Int32Array(0);
  parent: Int32Array = new Int32Array(0);
  /** When it was made, in the time of the Mondrian process. */
  time: Float64Array = new Float64Array(0);
  /** Weight of the examples that passed. */
  samples: Float64Array = new Float64Array(0);
  /** −step · the losses that it would have had alone. */
  own: Float64Array = new Float64Array(0);
  /** The logarithm of the weight of all prunings of the subtree, its own included (context tree weighting). */
  all: Float64Array = new Float64Array(0);
  /** By node and column; NaN where there was no value yet. */
  least: Float64Array = new Float64Array(0);
  greatest: Float64Array = new Float64Array(0);
  /** By node and output: weight of each class, or the mean. */
  learned: Float64Array = new Float64Array(0);
  columns: number;
  outputs: number;
  #count = 0;
  #capacity = 0;

  constructor(columns: number, outputs: number) {
    this.columns = columns;
    this.outputs = outputs;
  }

  static bytesOf(columns: number, outputs: number): number {
    return 4 * 4 + 5 * 8 + 16 * columns + 8 * outputs;
  }

  get bytes(): number {
    return this.#capacity * MondrianNodes.bytesOf(this.columns, this.outputs);
  }

  /** Ids are below. */
  get count(): number {
    return this.#count;
  }

  /** A leaf that has seen nothing; there must be room: `most` nodes at any time. */
  add(parent: number, time: number, most: number): number {
    if (this.#count === this.#capacity) this.#resize(Math.min(most, Math.max(16, this.#capacity * 2)));
    const node = this.#count++;
    this.feature[node] = this.left[node] = this.right[node] = NONE;
    this.parent[node] = parent;
    this.threshold[node] = this.samples[node] = this.own[node] = this.all[node] = 0;
    this.time[node] = time;
    this.least.fill(Number.NaN, node * this.columns, (node + 1) * this.columns);
    this.greatest.fill(Number.NaN, node * this.columns, (node + 1) * this.columns);
    this.learned.fill(0, node * this.outputs, (node + 1) * this.outputs);
    return node;
  }

  /** `to` becomes what `from` is, in place and time of its own; the children of `from` are now its. */
  take(to: number, from: number): void {
    for (const array of [this.feature, this.threshold, this.left, this.right, this.samples, this.own, this.all])
      array[to] = array[from]!;
    for (const array of [this.least, this.greatest])
      array.copyWithin(to * this.columns, from * this.columns, (from + 1) * this.columns);
    this.learned.copyWithin(to * this.outputs, from * this.outputs, (from + 1) * this.outputs);
    if (this.feature[to] === NONE) return;
    this.parent[this.left[to]!] = to;
    this.parent[this.right[to]!] = to;
  }

  /** Which child a row goes to. Without a value it goes where most went. */
  child(node: number, row: Float64Array): number {
    const value = row[this.feature[node]!]!;
    const left = this.left[node]!;
    const right = this.right[node]!;
    if (value !== value) return this.samples[left]! < this.samples[right]! ? right : left;
    return value <= this.threshold[node]! ? left : right;
  }

  /** Rows by column and by output get longer. */
  widen(columns: number, outputs: number): void {
    const longer = (values: Float64Array, before: number, now: number, empty: number) => {
      const wide = new Float64Array(this.#capacity * now).fill(empty);
      for (let node = 0; node < this.#count; node++)
        wide.set(values.subarray(node * before, (node + 1) * before), node * now);
      return wide;
    };
    if (columns !== this.columns) {
      this.least = longer(this.least, this.columns, columns, Number.NaN);
      this.greatest = longer(this.greatest, this.columns, columns, Number.NaN);
    }
    if (outputs !== this.outputs) this.learned = longer(this.learned, this.outputs, outputs, 0);
    this.columns = columns;
    this.outputs = outputs;
  }

  /** The first `most` nodes from the root downwards, level by level; what was below ends there. Parents come before children. */
  cut(most: number): void {
    if (this.#capacity <= most) return;
    const kept = this.#count > 0 ? [0] : [];
    for (let i = 0; i < kept.length && kept.length + 2 <= most; i++) {
      const node = kept[i]!;
      if (this.feature[node] !== NONE) kept.push(this.left[node]!, this.right[node]!);
    }
    const places = new Map(kept.map((node, place) => [node, place]));
    const small = new MondrianNodes(this.columns, this.outputs);
    small.#resize(kept.length);
    for (const [place, node] of kept.entries()) {
      small.add(places.get(this.parent[node]!) ?? NONE, this.time[node]!, most);
      for (const name of ['samples', 'own', 'all'] as const) small[name][place] = this[name][node]!;
      for (const name of ['least', 'greatest'] as const)
        small[name].set(this[name].subarray(node * this.columns, (node + 1) * this.columns), place * this.columns);
      small.learned.set(this.learned.subarray(node * this.outputs, (node + 1) * this.outputs), place * this.outputs);
      const left = places.get(this.left[node]!);
      if (this.feature[node] === NONE || left === undefined) continue;
      small.feature[place] = this.feature[node]!;
      small.threshold[place] = this.threshold[node]!;
      small.left[place] = left;
      small.right[place] = places.get(this.right[node]!)!;
    }
    for (const name of ARRAYS) Object.assign(this, { [name]: small[name] });
    this.#count = this.#capacity = kept.length;
  }

  /** Room that `most` nodes have no use for is given back. */
  shrink(most: number): void {
    if (this.#capacity > most) this.#resize(Math.max(this.#count, Math.min(most, this.#count * 2)));
  }

  save(writer: StateWriter): void {
    writer.u32(this.columns);
    writer.u32(this.outputs);
    writer.u32(this.#count);
    for (const name of ARRAYS)
      writer.floats(Float64Array.from(this[name].subarray(0, this.#count * this.#stride(name))));
  }

  /** Only into new ones. */
  load(reader: StateReader): void {
    this.columns = reader.u32();
    this.outputs = reader.u32();
    const count = reader.count(ARRAYS.length * 8);
    this.#resize(count);
    this.#count = count;
    for (const name of ARRAYS) this[name].set(reader.floats());
  }

  #stride(name: (typeof ARRAYS)[number]): number {
    if (name === 'learned') return this.outputs;
    return name === 'least' || name === 'greatest' ? this.columns : 1;
  }

  #resize(capacity: number): void {
    for (const name of ['feature', 'left', 'right', 'parent'] as const) {
      const resized = new Int32Array(capacity);
      resized.set(this[name].subarray(0, this.#count));
      this[name] = resized;
    }
    for (const name of ['threshold', 'time', 'samples', 'own', 'all'] as const)
      this[name] = grown(this[name].subarray(0, this.#count), capacity);
    for (const name of ['least', 'greatest', 'learned'] as const)
      this[name] = grown(this[name].subarray(0, this.#count * this.#stride(name)), capacity * this.#stride(name));
    this.#capacity = capacity;
  }
}

const ARRAYS = [
  'feature',
  'threshold',
  'left',
  'right',
  'parent',
  'time',
  'samples',
  'own',
  'all',
  'least',
  'greatest',
  'learned',
] as const;
