// Examples that are known but not learned yet: those of the commit in hand wait until a record of a later one is scored.

import type { Position } from '../flow/position.ts';
import type { Example } from './score-store.ts';
import type { FeatureRow } from './scorer.ts';

/** A queue in the order of positions. Belongs to a partition and outlives its batches. */
export class PendingExamples {
  #examples: Example[] = [];
  #features: (FeatureRow | undefined)[] = [];

  get length(): number {
    return this.#examples.length;
  }

  push(example: Example, features: FeatureRow | undefined): void {
    this.#examples.push(example);
    this.#features.push(features);
  }

  /** Whether one of them must be learned before a record at `position` is scored. */
  has(position: Position): boolean {
    const first = this.#examples[0];
    return first !== undefined && isDue(first, position);
  }

  /** Takes those that must be learned before a record at `position` is scored, in order. */
  takeBefore(position: Position, learn: (example: Example, features: FeatureRow | undefined) => void): void {
    let count = 0;
    while (count < this.#examples.length && isDue(this.#examples[count]!, position)) {
      learn(this.#examples[count]!, this.#features[count]);
      count += 1;
    }
    this.#examples = this.#examples.slice(count);
    this.#features = this.#features.slice(count);
  }
}

/** Of an earlier commit; in a backfill, which has one commit for all, of an earlier record. */
function isDue(example: Example, position: Position): boolean {
  const { lsn, n } = example.at;
  return lsn < position.lsn || (lsn === 0n && position.lsn === 0n && n < position.n);
}
