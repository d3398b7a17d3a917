// The contract of a detector of change: one number at a time, in constant time and next to no memory.

import type { StateReader, StateWriter } from '../saved-state.ts';

export type Verdict = 'none' | 'warning' | 'drift';

export interface Detector {
  readonly name: string;
  /**
   * What this value shows. The one after a drift starts anew, so that a change is told once.
   *
   * @param value finite; those that watch errors take 0 for right and 1 for wrong
   */
  update(value: number): Verdict;
  /** Right after `update` said drift: the mean before the change. Not saved. */
  readonly before: number;
  /** The mean since. */
  readonly after: number;
  /** As if it had never seen a value. */
  reset(): void;
  save(writer: StateWriter): void;
  /** What `save` gave, of a detector with the same options. */
  load(reader: StateReader): void;
  readonly bytes: number;
}

/** A running mean, in River's order of operations. */
export class RunningMean {
  count = 0;
  mean = 0;

  add(value: number): void {
    this.count += 1;
    this.mean += (1 / this.count) * (value - this.mean);
  }

  set(other: RunningMean): void {
    this.count = other.count;
    this.mean = other.mean;
  }

  clear(): void {
    this.count = this.mean = 0;
  }

  /** The mean of what came since it was as `earlier`; its own mean where nothing did. */
  since(earlier: RunningMean): number {
    const count = this.count - earlier.count;
    return count > 0 ? (this.mean * this.count - earlier.mean * earlier.count) / count : this.mean;
  }

  save(writer: StateWriter): void {
    writer.f64(this.count);
    writer.f64(this.mean);
  }

  load(reader: StateReader): void {
    this.count = reader.f64();
    this.mean = reader.f64();
  }
}
