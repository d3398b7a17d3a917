// Leaves of a Hoeffding tree for numbers: the target's mean, and a linear model around it over standardised columns, by normalised
// least mean squares; a leaf speaks by whichever was nearer lately. (River's leaf model is plain gradient descent over columns as
// they are, which explodes where they are large.)

import type { Layout } from '../learner.ts';
import { arrayBytes, floatBytes } from '../memory.ts';
import { grown } from '../optimizers/optimizer.ts';
import type { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { MAX_COLUMNS, type Leaves } from './leaves.ts';
import type { Split, SplitOptions } from './split.ts';
import { bestValueSplit } from './value-split.ts';
import { ValueWatch } from './value-watch.ts';

export interface ValueLeafOptions extends SplitOptions {
  readonly leaf: 'adaptive' | 'model' | 'mean';
  /** How many of so many columns a leaf watches, chosen at random; undefined: all. */
  readonly subspace: ((columns: number) => number) | undefined;
}

/** By node: weight, mean and squared deviations of the target; fading squared error of mean and of model; weight at the last try. */
const FIELDS = 6;
const MEAN = 1;
const SQUARES = 2;
const MEAN_ERROR = 3;
const MODEL_ERROR = 4;
const TRIED = 5;

/** Of the fading errors, as River's `model_selector_decay`. */
const FADING = 0.95;
/** Share of an error that a step takes away. */
const RATE = 0.1;
/** A standardised value is no greater. */
const MOST_DEVIATIONS = 10;

export class ValueLeaves implements Leaves {
  readonly outputs = 1;
  readonly #options: ValueLeafOptions;
  readonly #layout: Layout;
  readonly #random: Random;
  #columns = 0;
  #nodes: Float64Array = new Float64Array(FIELDS);
  /** By node; undefined for branches and for leaves that were deactivated. */
  #watches: (ValueWatch | undefined)[] = [];
  /** By node, a weight a column; undefined for branches. */
  #models: (Float64Array | undefined)[] = [];
  #watchedBytes = 0;
  #modelBytes = 0;
  /** By column: weight, mean, squared deviations, of all that the tree has learned. */
  #scales: Float64Array = new Float64Array(0);
  /** The row, standardised: 0 for categories and for what is not there. */
  #standard: Float64Array = new Float64Array(0);

  constructor(options: ValueLeafOptions, layout: Layout, random: Random) {
    this.#options = options;
    this.#layout = layout;
    this.#random = random;
  }

  get watchedBytes(): number {
    return this.#watchedBytes;
  }

  get bytes(): number {
    return (
      this.#watchedBytes +
      this.#modelBytes +
      floatBytes(3, this.#nodes.length + this.#scales.length + this.#standard.length)
    );
  }

  prepare(columns: number): void {
    if (columns <= this.#columns) return;
    this.#columns = columns;
    this.#scales = grown(this.#scales, columns * 3);
    this.#standard = new Float64Array(columns);
    this.#models.forEach((model, node) => model && this.#setModel(node, grown(model, columns)));
  }

  open(
    node: number,
    start?: { readonly parent: number; readonly split: Split; readonly side: 'left' | 'right' },
  ): void {
    while ((node + 1) * FIELDS > this.#nodes.length) this.#nodes = grown(this.#nodes, this.#nodes.length * 2);
    const at = node * FIELDS;
    this.#nodes.fill(0, at, at + FIELDS);
    let model = new Float64Array(this.#columns);
    if (start) {
      this.#nodes.set(start.side === 'left' ? start.split.left : start.split.right, at);
      this.#nodes[at + MEAN_ERROR] = this.#nodes[start.parent * FIELDS + MEAN_ERROR]!;
      this.#nodes[at + MODEL_ERROR] = this.#nodes[start.parent * FIELDS + MODEL_ERROR]!;
      model = this.#models[start.parent]!.slice();
    }
    this.#nodes[at + TRIED] = this.#nodes[at]!;
    this.#setModel(node, model);
    this.#setWatch(node, new ValueWatch(this.#subspace()));
  }

  close(node: number): void {
    this.#setWatch(node, undefined);
    this.#setModel(node, undefined);
  }

  drop(node: number): void {
    this.close(node);
  }

  deactivate(node: number): void {
    this.#setWatch(node, undefined);
  }

  active(node: number): boolean {
    return this.#watches[node] !== undefined;
  }

  learn(node: number, row: Float64Array, y: number, weight: number): void {
    this.#scale(row, weight);
    this.#learnModel(node, row, y, weight);
    this.pass(node, y, weight);
    const watch = this.#watches[node];
    if (!watch) return;
    const before = watch.bytes;
    watch.learn(row, y, weight, this.#columns, this.#layout);
    this.#watchedBytes += watch.bytes - before;
  }

  pass(node: number, y: number, weight: number): void {
    const nodes = this.#nodes;
    const at = node * FIELDS;
    const total = (nodes[at]! += weight);
    const distance = y - nodes[at + MEAN]!;
    nodes[at + MEAN]! += (weight / total) * distance;
    nodes[at + SQUARES]! += weight * distance * (y - nodes[at + MEAN]!);
  }

  waiting(node: number): number {
    return this.#nodes[node * FIELDS]! - this.#nodes[node * FIELDS + TRIED]!;
  }

  attempt(node: number): Split | undefined {
    const at = node * FIELDS;
    this.#nodes[at + TRIED] = this.#nodes[at]!;
    return bestValueSplit(this.#watches[node]!, this.#nodes[at]!, this.#options);
  }

  say(node: number, row: Float64Array, into: Float64Array): boolean {
    const known = this.sayPlainly(node, into);
    if (known && this.#modelSpeaks(node)) into[0]! += this.#modelPart(node, row);
    return known;
  }

  sayPlainly(node: number, into: Float64Array): boolean {
    into[0] = this.#nodes[node * FIELDS + MEAN]!;
    return this.#nodes[node * FIELDS]! > 0;
  }

  explain(node: number, row: Float64Array, _output: number, into: Float64Array): void {
    if (!this.#modelSpeaks(node)) return;
    const model = this.#models[node]!;
    for (let j = 0; j < this.#columns; j++) into[j]! += model[j]! * this.#deviations(j, row[j]!);
  }

  promise(node: number): number {
    return this.#nodes[node * FIELDS + SQUARES]!;
  }

  /** A branch knows its mean: as a leaf it speaks by it, and its model starts from nothing. */
  keepOnly(kept: readonly number[], capacity: number, ended: ReadonlySet<number>): void {
    const nodes = new Float64Array(capacity * FIELDS);
    for (const [place, node] of kept.entries()) {
      nodes.set(this.#nodes.subarray(node * FIELDS, (node + 1) * FIELDS), place * FIELDS);
      if (ended.has(node)) nodes[place * FIELDS + MEAN_ERROR] = nodes[place * FIELDS + MODEL_ERROR] = 0;
    }
    this.#nodes = nodes;
    this.#watches = kept.map((node) => this.#watches[node]);
    this.#watchedBytes = this.#watches.reduce((sum, watch) => sum + (watch?.bytes ?? 0), 0);
    this.#models = kept.map((node) => (ended.has(node) ? new Float64Array(this.#columns) : this.#models[node]));
    this.#modelBytes = this.#models.reduce((sum, model) => sum + modelBytes(model), 0);
  }

  save(writer: StateWriter, nodes: number): void {
    writer.u32(this.#columns);
    writer.floats(this.#scales);
    writer.floats(this.#nodes, nodes * FIELDS);
    for (let node = 0; node < nodes; node++) {
      const [watch, model] = [this.#watches[node], this.#models[node]];
      writer.u32((watch ? 1 : 0) + (model ? 2 : 0));
      if (model) writer.floats(model);
      watch?.save(writer);
    }
  }

  load(reader: StateReader, nodes: number): void {
    this.prepare(reader.upTo(MAX_COLUMNS));
    this.#scales = reader.floats();
    while (nodes * FIELDS > this.#nodes.length) this.#nodes = grown(this.#nodes, this.#nodes.length * 2);
    this.#nodes.set(reader.floats());
    for (let node = 0; node < nodes; node++) {
      const parts = reader.u32();
      if (parts & 2) this.#setModel(node, reader.floats());
      if (parts & 1) this.#setWatch(node, ValueWatch.load(reader));
    }
  }

  #modelSpeaks(node: number): boolean {
    const { leaf } = this.#options;
    if (leaf !== 'adaptive') return leaf === 'model';
    return this.#nodes[node * FIELDS + MODEL_ERROR]! < this.#nodes[node * FIELDS + MEAN_ERROR]!;
  }

  #modelPart(node: number, row: Float64Array): number {
    const model = this.#models[node]!;
    let sum = 0;
    for (let j = 0; j < this.#columns; j++) sum += model[j]! * this.#deviations(j, row[j]!);
    return sum;
  }

  /** Distance from the mean in standard deviations; 0 for categories and for what is not there. */
  #deviations(j: number, value: number): number {
    if (value !== value) return 0;
    const scales = this.#scales;
    const variance = scales[j * 3 + 2]! / scales[j * 3]!;
    if (!(variance > 0)) return 0;
    const distance = (value - scales[j * 3 + 1]!) / Math.sqrt(variance);
    return distance > MOST_DEVIATIONS ? MOST_DEVIATIONS : distance < -MOST_DEVIATIONS ? -MOST_DEVIATIONS : distance;
  }

  #scale(row: Float64Array, weight: number): void {
    const scales = this.#scales;
    for (let j = 0; j < this.#columns; j++) {
      const value = row[j]!;
      if (value !== value || this.#layout.nominal(j)) continue;
      const total = (scales[j * 3]! += weight);
      const distance = value - scales[j * 3 + 1]!;
      scales[j * 3 + 1]! += (weight / total) * distance;
      scales[j * 3 + 2]! += weight * distance * (value - scales[j * 3 + 1]!);
    }
  }

  /** Normalised least mean squares (Nagumo, Noda 1967): stable whatever the columns' size. */
  #learnModel(node: number, row: Float64Array, y: number, weight: number): void {
    const at = node * FIELDS;
    const model = this.#models[node]!;
    const standard = this.#standard;
    let [part, power] = [0, 1];
    for (let j = 0; j < this.#columns; j++) {
      const z = this.#deviations(j, row[j]!);
      standard[j] = z;
      part += model[j]! * z;
      power += z * z;
    }
    const mean = this.#nodes[at + MEAN]!;
    const error = y - mean - part;
    if (this.#nodes[at]! > 0) {
      this.#nodes[at + MEAN_ERROR] = FADING * this.#nodes[at + MEAN_ERROR]! + (y - mean) ** 2;
      this.#nodes[at + MODEL_ERROR] = FADING * this.#nodes[at + MODEL_ERROR]! + error * error;
      const step = ((1 - (1 - RATE) ** Math.min(weight, 10)) * error) / power;
      for (let j = 0; j < this.#columns; j++) model[j]! += step * standard[j]!;
    }
  }

  #subspace(): Int32Array | undefined {
    const count = this.#options.subspace?.(this.#columns) ?? this.#columns;
    return count < this.#columns ? this.#random.sample(count, this.#columns) : undefined;
  }

  #setWatch(node: number, watch: ValueWatch | undefined): void {
    this.#watchedBytes += (watch?.bytes ?? 0) - (this.#watches[node]?.bytes ?? 0);
    this.#watches[node] = watch;
  }

  #setModel(node: number, model: Float64Array | undefined): void {
    this.#modelBytes += modelBytes(model) - modelBytes(this.#models[node]);
    this.#models[node] = model;
  }
}

/** With its entry in a list, and that of a watch. */
function modelBytes(model: Float64Array | undefined): number {
  return model === undefined ? 0 : 24 + arrayBytes(model);
}
