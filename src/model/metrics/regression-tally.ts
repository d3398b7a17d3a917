// Quality of predicted numbers: exact sums, so that an outcome can be taken away as if it had never come. One figure cannot be
// taken away: the running mean's absolute error, which stays as it was when an outcome first came.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import type { MetricValue } from './outcome.ts';

export class RegressionTally {
  readonly #absolute = new ExactSum();
  readonly #squared = new ExactSum();
  readonly #targets = new ExactSum();
  readonly #targetSquares = new ExactSum();
  readonly #running = new ExactSum();
  #examples = 0;
  #compared = 0;

  /** `change` 1 adds an outcome, -1 takes one away; `first`: it replaces none. */
  add(score: number, target: number, change: 1 | -1, first: boolean): void {
    if (first) {
      const mean = this.#examples === 0 ? 0 : this.#targets.value / this.#examples;
      this.#running.add(Math.abs(mean - target));
      this.#compared += 1;
    }
    const error = score - target;
    this.#absolute.add(change * Math.abs(error));
    this.#squared.add(change * error * error);
    this.#targets.add(change * target);
    this.#targetSquares.add(change * target * target);
    this.#examples += change;
  }

  /** @param exactBaseline mean absolute error of the mean, where all targets are at hand; else it is the running mean's */
  values(exactBaseline?: number): MetricValue[] {
    const examples = this.#examples;
    if (examples <= 0) return [];
    const mean = this.#targets.value / examples;
    const meanSquare = this.#squared.value / examples;
    const variance = Math.max(0, this.#targetSquares.value / examples - mean * mean);
    const running = this.#compared === 0 ? null : this.#running.value / this.#compared;
    return [
      {
        metric: 'mae',
        value: this.#absolute.value / examples,
        baseline: exactBaseline ?? running,
        baselineKind: exactBaseline === undefined ? 'running_mean' : 'mean',
        examples,
      },
      {
        metric: 'rmse',
        value: Math.sqrt(meanSquare),
        baseline: Math.sqrt(variance),
        baselineKind: 'mean',
        examples,
      },
      {
        metric: 'r2',
        value: variance === 0 ? null : 1 - meanSquare / variance,
        baseline: 0,
        baselineKind: 'mean',
        examples,
      },
    ];
  }

  save(writer: StateWriter): void {
    writer.f64(this.#examples);
    writer.f64(this.#compared);
    for (const sum of this.#sums()) sum.save(writer);
  }

  load(reader: StateReader): void {
    this.#examples = reader.f64();
    this.#compared = reader.f64();
    for (const sum of this.#sums()) sum.load(reader);
  }

  #sums(): ExactSum[] {
    return [this.#absolute, this.#squared, this.#targets, this.#targetSquares, this.#running];
  }
}
