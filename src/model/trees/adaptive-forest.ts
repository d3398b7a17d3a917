// An adaptive random forest (Gomes et al. 2017, algorithm 2; for numbers Gomes et al. 2018): online bagging with Poisson(6), leaves
// that watch a random part of the columns, and for each tree two ADWINs on its error: at a warning a new tree begins to learn
// beside it, at a drift it takes over.

import type { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { ForestMember, type MemberOptions } from './forest-member.ts';
import { MAX_COLUMNS } from './leaves.ts';
import type { TreeModel } from './tree-model.ts';
import { greatest } from './tree-learner.ts';

export interface ForestOptions extends MemberOptions {
  readonly trees: number;
  readonly lambda: number;
}

export class AdaptiveForest implements TreeModel {
  readonly #options: ForestOptions;
  readonly #random: Random;
  readonly #members: ForestMember[];
  #columns = 0;
  #said: Float64Array = new Float64Array(2);

  constructor(options: ForestOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#members = Array.from({ length: options.trees }, () => new ForestMember(options));
  }

  get bytes(): number {
    return this.#members.reduce((sum, member) => sum + member.bytes, this.#said.byteLength);
  }

  get outputs(): number {
    return this.#members[0]!.tree.outputs;
  }

  prepare(columns: number, y: number): void {
    this.#columns = columns;
    for (const member of this.#members) member.prepare(columns, y);
    if (this.outputs > this.#said.length) this.#said = new Float64Array(this.outputs * 2);
  }

  learn(row: Float64Array, y: number, weight: number): void {
    const { numbers, lambda } = this.#options;
    for (const member of this.#members) {
      const known = member.tree.say(row, this.#said);
      const error = numbers
        ? Math.abs(y - (known ? this.#said[0]! : 0))
        : known && greatest(this.#said, this.outputs) === y
          ? 0
          : 1;
      member.test(error);
      const times = this.#random.poisson(lambda);
      if (times === 0) continue;
      member.learn(row, y, times * weight);
      member.watch(error, numbers, this.#columns, y);
    }
  }

  say(row: Float64Array, into: Float64Array): boolean {
    const outputs = this.outputs;
    for (let k = 0; k < outputs; k++) into[k] = 0;
    let total = 0;
    for (const member of this.#members) {
      if (!member.tree.say(row, this.#said)) continue;
      const vote = this.#options.numbers ? 1 : member.vote;
      total += vote;
      for (let k = 0; k < outputs; k++) into[k]! += vote * this.#said[k]!;
    }
    if (total > 0) for (let k = 0; k < outputs; k++) into[k]! /= total;
    return total > 0;
  }

  explain(row: Float64Array, output: number, into: Float64Array, share: number): number {
    const votes = this.#members.map((member) =>
      member.tree.say(row, this.#said) ? (this.#options.numbers ? 1 : member.vote) : 0,
    );
    const total = votes.reduce((sum, vote) => sum + vote, 0);
    if (total === 0) return 0;
    return this.#members.reduce(
      (bias, member, i) =>
        votes[i] === 0 ? bias : bias + member.tree.explain(row, output, into, (share * votes[i]!) / total),
      0,
    );
  }

  mend(): void {
    const worst = this.#members.reduce((a, b) => (b.error > a.error ? b : a));
    worst.restart(this.#columns, this.outputs - 1);
  }

  save(writer: StateWriter): void {
    writer.u32(this.#random.state);
    writer.u32(this.#columns);
    writer.u32(this.#members.length);
    for (const member of this.#members) member.save(writer);
  }

  /** A forest that the options made smaller keeps its first trees; one that they made larger gets new ones. */
  load(reader: StateReader): void {
    this.#random.state = reader.u32();
    this.#columns = reader.upTo(MAX_COLUMNS);
    const saved = reader.u32();
    for (let i = 0; i < saved; i++) (this.#members[i] ?? new ForestMember(this.#options)).load(reader);
    for (const member of this.#members.slice(saved)) member.prepare(this.#columns, this.outputs - 1);
    if (this.outputs > this.#said.length) this.#said = new Float64Array(this.outputs * 2);
  }
}
