// One tree of an adaptive forest, with what watches over it and the tree that may take its place.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { Adwin } from '../drift/adwin.ts';
import { ErrorScale } from './error-scale.ts';
import type { HoeffdingTree } from './hoeffding-tree.ts';

export interface MemberOptions {
  readonly newTree: () => HoeffdingTree;
  readonly warning_delta: number;
  readonly drift_delta: number;
  /** Of numbers, not of classes. */
  readonly numbers: boolean;
}

export class ForestMember {
  readonly #options: MemberOptions;
  readonly #scale = new ErrorScale();
  tree: HoeffdingTree;
  /** Learns beside the tree since a warning. */
  #background: HoeffdingTree | undefined;
  #warning: Adwin;
  #drift: Adwin;
  #tested = 0;
  /** Of all it was tested on since it stands: 1 minus the mean error, which for classes is the accuracy. */
  #right = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.tree = options.newTree();
    this.#warning = new Adwin(options.warning_delta);
    this.#drift = new Adwin(options.drift_delta);
  }

  get bytes(): number {
    return this.tree.bytes + (this.#background?.bytes ?? 0) + this.#warning.bytes + this.#drift.bytes;
  }

  /** Its weight in a vote of classes: the accuracy, or 1 while that is 0. */
  get vote(): number {
    return this.#right > 0 ? this.#right / this.#tested : 1;
  }

  /** Of classes the error rate since the last change that was noticed; of numbers the mean distance. */
  get error(): number {
    return this.#options.numbers ? this.#scale.mean : this.#drift.mean;
  }

  prepare(columns: number, y: number): void {
    this.tree.prepare(columns, y);
    this.#background?.prepare(columns, y);
  }

  /** @param error of the tree on this row, before it learned it: 0 or 1 for classes, a distance for numbers */
  test(error: number): void {
    this.#tested += 1;
    if (error === 0) this.#right += 1;
  }

  learn(row: Float64Array, y: number, weight: number): void {
    this.#background?.learn(row, y, weight);
    this.tree.learn(row, y, weight);
  }

  /** Looks whether the error has changed; after a drift the background takes over, or a new tree. */
  watch(error: number, numbers: boolean, columns: number, y: number): void {
    const value = numbers ? this.#scale.place(error) : error;
    if (this.#warning.add(value)) {
      this.#background = this.#options.newTree();
      this.#background.prepare(columns, y);
      this.#warning = new Adwin(this.#options.warning_delta);
    }
    if (this.#drift.add(value)) this.restart(columns, y);
  }

  /** What learned beside it since a warning takes its place, or a tree that knows nothing. */
  restart(columns: number, y: number): void {
    this.tree = this.#background ?? this.#options.newTree();
    this.tree.prepare(columns, y);
    this.#background = undefined;
    this.#warning = new Adwin(this.#options.warning_delta);
    this.#drift = new Adwin(this.#options.drift_delta);
    this.#tested = this.#right = 0;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#tested);
    writer.f64(this.#right);
    this.#scale.save(writer);
    this.#warning.save(writer);
    this.#drift.save(writer);
    this.tree.save(writer);
    writer.u32(this.#background ? 1 : 0);
    this.#background?.save(writer);
  }

  load(reader: StateReader): void {
    this.#tested = reader.f64();
    this.#right = reader.f64();
    this.#scale.load(reader);
    this.#warning = Adwin.load(this.#options.warning_delta, reader);
    this.#drift = Adwin.load(this.#options.drift_delta, reader);
    this.tree.load(reader);
    if (reader.u32() === 0) return;
    this.#background = this.#options.newTree();
    this.#background.load(reader);
  }
}
