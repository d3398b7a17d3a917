// From encoded rows to trees and back: the dense row, the tasks, the explanations.

import { type Input, type Learner } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { TargetScale } from '../net/target-scale.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { MAX_COLUMNS } from './leaves.ts';
import type { TreeModel } from './tree-model.ts';

export interface TreeLearnerParts {
  /** Of the kind, for what is saved. */
  readonly name: string;
  readonly task: LearnedTask;
  /** `encode.clip`: null where numbers, and so labels, count as what they are however far out. */
  readonly clip: number | null;
  readonly model: TreeModel;
}

export class TreeLearner implements Learner {
  readonly #name: string;
  readonly #task: LearnedTask;
  readonly #model: TreeModel;
  /** Of a number: a label far out counts as less far. A leaf's mean would keep a single absurd one for ever. */
  readonly #scale: TargetScale | undefined;
  readonly mend?: () => void;
  /** NaN between calls. */
  #row: Float64Array = new Float64Array(0);
  #outputs: Float64Array = new Float64Array(2);

  /** @param saved what `save` gave; `model` is new. */
  constructor({ name, task, clip, model }: TreeLearnerParts, saved?: Uint8Array) {
    this.#name = name;
    this.#task = task;
    this.#model = model;
    if (model.mend) this.mend = () => model.mend!();
    const reader = saved && new StateReader(saved, `${name} ${task} learner`);
    this.#row = new Float64Array(reader ? reader.upTo(MAX_COLUMNS) : 0).fill(Number.NaN);
    if (reader) model.load(reader);
    this.#outputs = new Float64Array(Math.max(2, model.outputs));
    // States of before labels had a limit end here.
    const scale = reader && !reader.atEnd ? new TargetScale(reader) : new TargetScale();
    reader?.finish();
    if (task === 'regression' && clip !== null) this.#scale = scale;
  }

  get bytes(): number {
    return this.#model.bytes + this.#row.byteLength + this.#outputs.byteLength;
  }

  predict(x: Input): number {
    const known = this.#say(x);
    if (this.#task === 'regression') return known ? this.#outputs[0]! : 0;
    if (this.#task === 'binary') return known ? this.#outputs[1]! : 0.5;
    return known ? greatest(this.#outputs, this.#model.outputs) : -1;
  }

  outputs(x: Input): Float64Array {
    if (!this.#say(x)) this.#outputs.fill(0);
    return this.#outputs;
  }

  learn(x: Input, y: number, weight: number): void {
    const target = this.#task === 'binary' ? Number(y > 0.5) : y;
    this.#reserve(x);
    this.#model.prepare(this.#row.length, target);
    if (this.#model.outputs > this.#outputs.length) this.#outputs = new Float64Array(this.#model.outputs * 2);
    if (weight === 0) return;
    this.#fill(x);
    this.#model.learn(this.#row, this.#scale ? this.#scale.learn(target) : target, Math.min(weight, MAX_WEIGHT));
    this.#clear(x);
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const contributions = new Float64Array(x.length);
    const best = this.predict(x);
    const output = this.#task === 'regression' ? 0 : this.#task === 'binary' ? 1 : best;
    if (!this.#say(x)) return { bias: this.#task === 'binary' ? 0.5 : 0, contributions };
    const parts = new Float64Array(this.#row.length);
    this.#fill(x);
    let bias = this.#model.explain(this.#row, output, parts, 1);
    this.#clear(x);
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= parts.length) continue;
      contributions[i] = parts[j]!;
      parts[j] = 0;
    }
    // Of columns that the view no longer has.
    for (const part of parts) bias += part;
    return { bias, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.#name} ${this.#task} learner`);
    writer.u32(this.#row.length);
    this.#model.save(writer);
    this.#scale?.save(writer);
    return writer.finish();
  }

  #say(x: Input): boolean {
    this.#fill(x);
    const known = this.#model.say(this.#row, this.#outputs);
    this.#clear(x);
    return known;
  }

  #fill(x: Input): void {
    const row = this.#row;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! < row.length) row[x.indexes[i]!] = x.values[i]!;
  }

  #clear(x: Input): void {
    const row = this.#row;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! < row.length) row[x.indexes[i]!] = Number.NaN;
  }

  #reserve(x: Input): void {
    let columns = this.#row.length;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! >= columns) columns = x.indexes[i]! + 1;
    if (columns > this.#row.length) this.#row = new Float64Array(columns).fill(Number.NaN);
  }
}

/** No example counts for more: sums stay within what a float holds. */
const MAX_WEIGHT = 1e9;

/** The first of the greatest. */
export function greatest(values: Float64Array, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
