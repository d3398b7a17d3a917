// `gaussian_scorer`: how far a row is from what is usual, column by column. Of one column of numbers it is River 0.26's
// GaussianScorer, as −ln(1 − score): that does not end at 1, and adds up.

import { z } from 'zod';
import { anomalyOptions, warmUp } from '../anomaly/anomaly-options.ts';
import { ColumnSurprise } from '../anomaly/column-surprise.ts';
import { anomalyLearnerOptions } from '../encoder/encode-options.ts';
import type { Input, Kind, Layout, Learner } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

const gaussianOptions = z.strictObject({
  ...anomalyLearnerOptions,
  ...anomalyOptions,
  /** sum: columns that are all a little strange count together (Fisher 1932). max: the strangest alone (Tippett 1931). */
  combine: z.enum(['sum', 'max']).default('sum'),
  /** River's grace period. */
  warm_up: warmUp.default(100),
});

type GaussianOptions = z.infer<typeof gaussianOptions>;

const NAME = 'Gaussian scorer';

export class GaussianScorer implements Learner {
  readonly warmUp: number;
  readonly #keep: number;
  readonly #sum: boolean;
  readonly #layout: Layout;
  /** By dimension. */
  readonly #columns: ColumnSurprise[] = [];

  constructor(options: GaussianOptions, layout: Layout) {
    this.warmUp = options.warm_up;
    this.#keep = options.memory === undefined ? 1 : 1 - 1 / options.memory;
    this.#sum = options.combine === 'sum';
    this.#layout = layout;
  }

  static load(options: GaussianOptions, layout: Layout, saved: Uint8Array): GaussianScorer {
    const learner = new GaussianScorer(options, layout);
    const reader = new StateReader(saved, NAME);
    for (let left = reader.u32(); left > 0; left--)
      learner.#columns.push(new ColumnSurprise(layout.nominal(learner.#columns.length), reader));
    reader.finish();
    return learner;
  }

  get bytes(): number {
    return this.#columns.reduce((sum, column) => sum + column.bytes, 64);
  }

  predict(x: Input): number {
    let result = 0;
    for (let i = 0; i < x.length; i++) {
      const part = this.#of(x, i);
      if (this.#sum) result += part;
      else if (part > result) result = part;
    }
    return result;
  }

  learn(x: Input): void {
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      while (this.#columns.length <= j)
        this.#columns.push(new ColumnSurprise(this.#layout.nominal(this.#columns.length)));
      this.#columns[j]!.learn(x.values[i]!, this.#keep);
    }
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const contributions = new Float64Array(x.length);
    let strangest = 0;
    for (let i = 0; i < x.length; i++) {
      contributions[i] = this.#of(x, i);
      if (contributions[i]! > contributions[strangest]!) strangest = i;
    }
    if (!this.#sum) for (let i = 0; i < x.length; i++) if (i !== strangest) contributions[i] = 0;
    return { bias: 0, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(NAME);
    writer.u32(this.#columns.length);
    for (const column of this.#columns) column.save(writer);
    return writer.finish();
  }

  /** 0 of a column that was never learned. */
  #of(x: Input, i: number): number {
    const column = this.#columns[x.indexes[i]!];
    return column ? column.of(x.values[i]!) : 0;
  }
}

export const gaussianScorer: Kind = {
  name: 'gaussian_scorer',
  tasks: ['anomaly'],
  inputs: 'columns',
  options: gaussianOptions,
  create(options, _task, _seed, layout) {
    return new GaussianScorer(parseOptions(gaussianOptions, options), layout);
  },
  load(options, _task, saved, layout) {
    return GaussianScorer.load(parseOptions(gaussianOptions, options), layout, saved);
  },
};
