// From a net's raw outputs to what is said, and from the truth to how the loss changes with each raw output: log loss for
// classes, half the squared error of the standardised number for regression.

import type { LearnedTask } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { sigmoid } from '../kinds/linear-score.ts';
import { firstGreatest } from '../kinds/softmax.ts';
import { TargetScale } from './target-scale.ts';

/** The tasks that have a head. */
export type HeadTask = Extract<LearnedTask, 'binary' | 'regression' | 'multiclass'>;

/** The kinds that have a head name no other task. */
export function headTask(task: LearnedTask): HeadTask {
  if (task === 'binary' || task === 'regression' || task === 'multiclass') return task;
  throw new Error(`a net has no head for ${task}`);
}

/** Raw outputs end here; where sums overflow they have no sign, and count as 0. */
const MAX_RAW = 1e30;
/** An example counts as at most this many. */
const MAX_WEIGHT = 1e6;
/** A smaller slope is 0: it would be lost in 32 bits. */
const LEAST_SLOPE = 1e-20;

export class Head {
  readonly #task: HeadTask;
  readonly #scale: TargetScale;
  /** Multiclass: classes learned so far. */
  #classes = 0;
  #raw: Float64Array = new Float64Array(4);
  #outputs: Float64Array = new Float64Array(4);

  constructor(task: HeadTask, saved?: StateReader) {
    this.#task = task;
    if (saved) this.classes = saved.u32();
    this.#scale = new TargetScale(saved);
  }

  get classes(): number {
    return this.#classes;
  }

  set classes(count: number) {
    this.#classes = count;
    if (count <= this.#raw.length) return;
    this.#raw = new Float64Array(2 * count);
    this.#outputs = new Float64Array(2 * count);
  }

  /** Raw outputs that are used. */
  get width(): number {
    return this.#task === 'multiclass' ? this.#classes : 1;
  }

  get bytes(): number {
    return 2 * this.#raw.byteLength + 24;
  }

  /** A target as it comes, before it is learned. */
  observe(y: number): void {
    if (this.#task === 'regression') this.#scale.learn(y);
    else if (this.#task === 'multiclass' && y >= this.#classes) this.classes = y + 1;
  }

  /** As `Learner.predict`; `raw(o)` gives raw output o. */
  predict(raw: (output: number) => number): number {
    if (this.#task === 'multiclass') return firstGreatest(this.outputs(raw), this.#classes);
    const only = finite(raw(0));
    return this.#task === 'binary' ? sigmoid(only) : this.#scale.value(only);
  }

  /** Of multiclass: the probability of each class. Reused between calls. */
  outputs(raw: (output: number) => number): Float64Array {
    const greatest = this.#take(raw);
    let sum = 0;
    for (let c = 0; c < this.#classes; c++) sum += this.#outputs[c] = Math.exp(this.#raw[c]! - greatest);
    for (let c = 0; c < this.#classes; c++) this.#outputs[c]! /= sum;
    return this.#outputs;
  }

  /** The derivative of an example's loss, times its weight, by each raw output. */
  slopes(
    raw: (output: number) => number,
    y: number,
    weight: number,
    give: (output: number, slope: number) => void,
  ): void {
    const factor = Math.min(weight, MAX_WEIGHT);
    if (this.#task === 'multiclass') {
      const outputs = this.outputs(raw);
      for (let c = 0; c < this.#classes; c++) give(c, notTiny((outputs[c]! - (c === y ? 1 : 0)) * factor));
      return;
    }
    const only = finite(raw(0));
    const slope = this.#task === 'binary' ? sigmoid(only) - y : only - this.#scale.standardised(y);
    give(0, notTiny(slope * factor));
  }

  /** What an explanation explains: by raw output its factor, and the sum without any input's part in it. */
  explained(raw: (output: number) => number): { readonly factors: readonly number[]; readonly total: number } {
    if (this.#task === 'binary') return { factors: [1], total: finite(raw(0)) };
    if (this.#task === 'regression')
      return { factors: [this.#scale.deviation], total: this.#scale.value(finite(raw(0))) };
    this.#take(raw);
    const factors = new Array<number>(this.#classes).fill(0);
    if (this.#classes < 2) return { factors, total: 0 };
    const raws = this.#raw.slice(0, this.#classes);
    const best = firstGreatest(raws, this.#classes);
    const most = raws[best]!;
    raws[best] = -Infinity;
    const next = firstGreatest(raws, this.#classes);
    factors[best] = 1;
    factors[next] = -1;
    return { factors, total: most - raws[next]! };
  }

  save(writer: StateWriter): void {
    writer.u32(this.#classes);
    this.#scale.save(writer);
  }

  /** @returns the greatest */
  #take(raw: (output: number) => number): number {
    let greatest = -Infinity;
    for (let c = 0; c < this.#classes; c++) greatest = Math.max(greatest, (this.#raw[c] = finite(raw(c))));
    return greatest;
  }
}

function finite(raw: number): number {
  return raw !== raw ? 0 : Math.min(MAX_RAW, Math.max(-MAX_RAW, raw));
}

function notTiny(slope: number): number {
  return Math.abs(slope) < LEAST_SLOPE ? 0 : slope;
}
