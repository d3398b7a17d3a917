// Leaves of a Hoeffding tree for classes: counts of classes, and for each column and class a normal distribution (numbers) or
// counts (categories). They split by information gain and speak by naive Bayes or by the counts, whichever was right more often
// in the leaf (Holmes, Kirkby, Pfahringer 2005). As River 0.26's HoeffdingTreeClassifier does, in its order of classes and sums.

import { grown } from '../optimizers/optimizer.ts';
import type { Layout } from '../learner.ts';
import type { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { bestClassSplit } from './class-split.ts';
import { MAX_COLUMNS, type Leaves } from './leaves.ts';
import type { Split, SplitOptions } from './split.ts';
import { ClassWatch } from './class-watch.ts';

export interface ClassLeafOptions extends SplitOptions {
  readonly leaf: 'adaptive' | 'naive_bayes' | 'counts';
  /** A leaf of which one class has a greater share is not split. */
  readonly max_share_to_split: number;
  /** A leaf that is not split though it has seen enough starts to watch anew, as in River. */
  readonly forget: boolean;
  /** How many of so many columns a leaf watches, chosen at random; undefined: all. */
  readonly subspace: ((columns: number) => number) | undefined;
}

export class ClassLeaves implements Leaves {
  readonly #options: ClassLeafOptions;
  readonly #layout: Layout;
  readonly #random: Random;
  #classes: number;
  #columns = 0;
  #nodes = 1;
  /** By node and class. */
  #counts: Float64Array;
  /** By node: classes in the order in which they came, as River's dictionaries have them, and how many. */
  #order: Float64Array;
  #present: Float64Array;
  /** By node: weight that the counts, and that naive Bayes, got right; and the weight at the last try to split. */
  #countsRight: Float64Array = new Float64Array(1);
  #bayesRight: Float64Array = new Float64Array(1);
  #tried: Float64Array = new Float64Array(1);
  /** By node; undefined for branches and for leaves that were deactivated. */
  #watches: (ClassWatch | undefined)[] = [];
  #watchedBytes = 0;
  #scratch: Float64Array;

  constructor(options: ClassLeafOptions, classes: number, layout: Layout, random: Random) {
    this.#options = options;
    this.#layout = layout;
    this.#random = random;
    this.#classes = classes;
    this.#counts = new Float64Array(classes);
    this.#order = new Float64Array(classes);
    this.#present = new Float64Array(1);
    this.#scratch = new Float64Array(classes);
  }

  get outputs(): number {
    return this.#classes;
  }

  get watchedBytes(): number {
    return this.#watchedBytes;
  }

  get bytes(): number {
    // By node: two arrays by class, four of one number, and the entry of a watch.
    return this.#watchedBytes + this.#nodes * (this.#classes * 16 + 44);
  }

  prepare(columns: number, y: number): void {
    if (columns > this.#columns) this.#columns = columns;
    if (y >= this.#classes) this.#addClasses(y + 1);
  }

  open(
    node: number,
    start?: { readonly parent: number; readonly split: Split; readonly side: 'left' | 'right' },
  ): void {
    while (node >= this.#nodes) this.#addNodes();
    const from = node * this.#classes;
    this.#counts.fill(0, from, from + this.#classes);
    this.#present[node] = 0;
    this.#countsRight[node] = this.#bayesRight[node] = 0;
    if (start) {
      const part = start.side === 'left' ? start.split.left : start.split.right;
      const watch = this.#watches[start.parent]!;
      for (let k = 0; k < watch.arrived; k++) {
        const c = watch.arrival[k]!;
        // NaN: the class has no part on this side.
        if (part[c] === part[c]) this.#add(node, c, part[c] ?? 0);
      }
    }
    this.#tried[node] = this.#total(node);
    this.#setWatch(node, new ClassWatch(this.#subspace(), this.#classes));
  }

  close(node: number): void {
    this.#setWatch(node, undefined);
  }

  drop(node: number): void {
    this.#setWatch(node, undefined);
  }

  deactivate(node: number): void {
    this.#setWatch(node, undefined);
  }

  active(node: number): boolean {
    return this.#watches[node] !== undefined;
  }

  learn(node: number, row: Float64Array, y: number, weight: number): void {
    const watch = this.#watches[node];
    if (watch) {
      if (this.#present[node] === 0 || this.#first(node, this.#counts, node * this.#classes) === y)
        this.#countsRight[node]! += weight;
      if (this.#bayes(node, watch, row, this.#scratch) && this.#first(node, this.#scratch, 0) === y)
        this.#bayesRight[node]! += weight;
    }
    this.#add(node, y, weight);
    if (!watch) return;
    const before = watch.bytes;
    watch.learn(row, y, weight, this.#columns, this.#layout);
    this.#watchedBytes += watch.bytes - before;
  }

  pass(node: number, y: number, weight: number): void {
    this.#add(node, y, weight);
  }

  waiting(node: number): number {
    return this.#total(node) - this.#tried[node]!;
  }

  attempt(node: number): Split | undefined {
    const from = node * this.#classes;
    const watch = this.#watches[node]!;
    const total = this.#total(node);
    this.#tried[node] = total;
    let some = 0;
    let greatest = 0;
    for (let c = 0; c < this.#classes; c++) {
      const count = this.#counts[from + c]!;
      if (count > 0) some += 1;
      if (count > greatest) greatest = count;
    }
    if (some < 2) return undefined;
    if (greatest / total > this.#options.max_share_to_split) return this.#forget(node);
    const order = this.#order.subarray(from, from + this.#present[node]!);
    const counts = this.#counts.subarray(from, from + this.#classes);
    const best = bestClassSplit({ watch, counts, order, total, options: this.#options });
    return best === 'none' ? this.#forget(node) : best;
  }

  say(node: number, row: Float64Array, into: Float64Array): boolean {
    const watch = this.#watches[node];
    const { leaf } = this.#options;
    const bayes =
      leaf === 'naive_bayes' || (leaf === 'adaptive' && this.#bayesRight[node]! >= this.#countsRight[node]!);
    return watch && bayes ? this.#bayes(node, watch, row, into) : this.sayPlainly(node, into);
  }

  sayPlainly(node: number, into: Float64Array): boolean {
    const total = this.#total(node);
    const from = node * this.#classes;
    for (let c = 0; c < this.#classes; c++) into[c] = total > 0 ? this.#counts[from + c]! / total : 0;
    return total > 0;
  }

  /** The difference that naive Bayes makes, shared out by how much each column speaks for the class or against it. */
  explain(node: number, row: Float64Array, output: number, into: Float64Array): void {
    const said = new Float64Array(this.#classes);
    const plain = new Float64Array(this.#classes);
    this.say(node, row, said);
    this.sayPlainly(node, plain);
    const difference = said[output]! - plain[output]!;
    if (difference === 0) return;
    const watch = this.#watches[node]!;
    const parts = new Float64Array(this.#columns);
    for (let j = 0; j < this.#columns; j++) {
      const own = watch.logLikelihood(j, row[j]!, output);
      for (let c = 0; c < this.#classes; c++)
        if (c !== output && plain[c]! > 0) parts[j]! += Math.abs(own - watch.logLikelihood(j, row[j]!, c)) * plain[c]!;
    }
    const sum = parts.reduce((total, part) => total + part, 0);
    // With nothing to share it out by, it stays with the bias.
    if (sum > 0) for (let j = 0; j < this.#columns; j++) into[j]! += (difference * parts[j]!) / sum;
  }

  promise(node: number): number {
    const from = node * this.#classes;
    let greatest = 0;
    for (let c = 0; c < this.#classes; c++) greatest = Math.max(greatest, this.#counts[from + c]!);
    return this.#total(node) - greatest;
  }

  /** A branch knows its counts: as a leaf it speaks by them, and watches nothing. */
  keepOnly(kept: readonly number[], capacity: number): void {
    const rows = (from: Float64Array, size: number) => {
      const to = new Float64Array(capacity * size);
      for (const [place, node] of kept.entries()) to.set(from.subarray(node * size, (node + 1) * size), place * size);
      return to;
    };
    this.#counts = rows(this.#counts, this.#classes);
    this.#order = rows(this.#order, this.#classes);
    this.#present = rows(this.#present, 1);
    this.#countsRight = rows(this.#countsRight, 1);
    this.#bayesRight = rows(this.#bayesRight, 1);
    this.#tried = rows(this.#tried, 1);
    this.#watches = kept.map((node) => this.#watches[node]);
    this.#watchedBytes = this.#watches.reduce((sum, watch) => sum + (watch?.bytes ?? 0), 0);
    this.#nodes = capacity;
  }

  save(writer: StateWriter, nodes: number): void {
    writer.u32(this.#classes);
    writer.u32(this.#columns);
    for (const array of [this.#counts, this.#order]) writer.floats(array, nodes * this.#classes);
    for (const array of this.#byNode()) writer.floats(array, nodes);
    for (let node = 0; node < nodes; node++) {
      const watch = this.#watches[node];
      writer.u32(watch ? 1 : 0);
      watch?.save(writer);
    }
  }

  load(reader: StateReader, nodes: number): void {
    this.#addClasses(reader.count(Math.max(1, nodes) * 8));
    this.#columns = reader.upTo(MAX_COLUMNS);
    while (this.#nodes < nodes) this.#addNodes();
    for (const array of [this.#counts, this.#order]) array.set(reader.floats());
    for (const array of this.#byNode()) array.set(reader.floats());
    for (let node = 0; node < nodes; node++)
      this.#setWatch(node, reader.u32() === 1 ? ClassWatch.load(reader, this.#classes) : undefined);
  }

  /**
   * River deactivates such a leaf, and its memory management at once activates it again, with nothing watched. What comes of it is
   * useful: a leaf that has been pure for long learns a change from what comes now.
   */
  #forget(node: number): undefined {
    if (this.#options.forget) this.#setWatch(node, new ClassWatch(this.#subspace(), this.#classes));
  }

  #byNode(): Float64Array[] {
    return [this.#present, this.#countsRight, this.#bayesRight, this.#tried];
  }

  /** In the order in which classes came: the sum of fractions then has River's last bits. */
  #total(node: number): number {
    const from = node * this.#classes;
    let total = 0;
    for (let k = 0; k < this.#present[node]!; k++) total += this.#counts[from + this.#order[from + k]!]!;
    return total;
  }

  #add(node: number, c: number, weight: number): void {
    const from = node * this.#classes;
    if (this.#counts[from + c] === 0) {
      const count = this.#present[node]!;
      let known = false;
      for (let k = 0; k < count && !known; k++) known = this.#order[from + k] === c;
      if (!known) {
        this.#order[from + count] = c;
        this.#present[node] = count + 1;
      }
    }
    this.#counts[from + c]! += weight;
  }

  /** The class with the greatest value, the one that came first among equals. */
  #first(node: number, values: Float64Array, offset: number): number {
    const from = node * this.#classes;
    let best = this.#order[from]!;
    for (let k = 1; k < this.#present[node]!; k++) {
      const c = this.#order[from + k]!;
      if (values[offset + c]! > values[offset + best]!) best = c;
    }
    return best;
  }

  /** Naive Bayes over what the leaf watches; false where it has no example. Classes without weight get 0. */
  #bayes(node: number, watch: ClassWatch, row: Float64Array, into: Float64Array): boolean {
    const from = node * this.#classes;
    const total = this.#total(node);
    for (let c = 0; c < this.#classes; c++) into[c] = 0;
    if (!(total > 0)) return false;
    let greatest = -Infinity;
    const present = this.#present[node]!;
    for (let k = 0; k < present; k++) {
      const c = this.#order[from + k]!;
      const count = this.#counts[from + c]!;
      if (!(count > 0)) continue;
      const log = watch.addLogLikelihoods(row, c, Math.log(count / total));
      into[c] = log;
      if (log > greatest) greatest = log;
    }
    let sum = 0;
    for (let k = 0; k < present; k++) {
      const c = this.#order[from + k]!;
      if (this.#counts[from + c]! > 0) sum += into[c] = Math.exp(into[c]! - greatest);
    }
    for (let c = 0; c < this.#classes; c++) into[c] = into[c]! / sum;
    return true;
  }

  #subspace(): Int32Array | undefined {
    const count = this.#options.subspace?.(this.#columns) ?? this.#columns;
    return count < this.#columns ? this.#random.sample(count, this.#columns) : undefined;
  }

  #setWatch(node: number, watch: ClassWatch | undefined): void {
    this.#watchedBytes += (watch?.bytes ?? 0) - (this.#watches[node]?.bytes ?? 0);
    this.#watches[node] = watch;
  }

  #addNodes(): void {
    this.#nodes *= 2;
    this.#counts = grown(this.#counts, this.#nodes * this.#classes);
    this.#order = grown(this.#order, this.#nodes * this.#classes);
    this.#present = grown(this.#present, this.#nodes);
    this.#countsRight = grown(this.#countsRight, this.#nodes);
    this.#bayesRight = grown(this.#bayesRight, this.#nodes);
    this.#tried = grown(this.#tried, this.#nodes);
  }

  /** Rows by class get longer: rare, since classes come early. */
  #addClasses(classes: number): void {
    const before = this.#classes;
    if (classes <= before) return;
    const widened = (from: Float64Array) => {
      const to = new Float64Array(this.#nodes * classes);
      for (let node = 0; node < this.#nodes; node++)
        to.set(from.subarray(node * before, (node + 1) * before), node * classes);
      return to;
    };
    this.#counts = widened(this.#counts);
    this.#order = widened(this.#order);
    this.#classes = classes;
    this.#scratch = new Float64Array(classes);
    for (const watch of this.#watches) {
      if (!watch) continue;
      this.#watchedBytes -= watch.bytes;
      watch.addClasses(classes);
      this.#watchedBytes += watch.bytes;
    }
  }
}
