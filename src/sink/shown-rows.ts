// Rows of quality that were shown: one that is nothing any more must not stay as it was. Apart from the figures themselves, which
// must not depend on what was shown before, since versions of a model keep them.

import type { MetricValue } from '../scores/score-store.ts';

export class ShownRows {
  readonly #shown = new Map<string, MetricValue>();

  /** The values, and as nothing those that were shown before and are not among them. */
  with(values: readonly MetricValue[]): readonly MetricValue[] {
    const gone = new Map(this.#shown);
    for (const value of values) {
      const name = JSON.stringify([value.period, value.segment, value.metric]);
      gone.delete(name);
      this.#shown.set(name, value);
    }
    return [...values, ...[...gone.values()].map((row) => ({ ...row, value: null, baseline: null, examples: 0 }))];
  }
}
