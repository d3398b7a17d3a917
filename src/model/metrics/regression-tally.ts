// Quality of predicted numbers: exact sums, so that an outcome can be taken away as if it had never come. Two figures cannot
// be taken away: the running mean's absolute and relative error, which stay as they were when an outcome first came.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import type { MetricValue } from './outcome.ts';

/** Exact, where all targets are at hand: beside the mean, not the running one. */
export function regressionQuality(scores: Float64Array, targets: Float64Array): MetricValue[] {
  const tally = new RegressionTally();
  for (let i = 0; i < scores.length; i++) tally.add(scores[i]!, targets[i]!, 1, false);
  return tally.values(targets);
}

export class RegressionTally {
  readonly #absolute = new ExactSum();
  readonly #squared = new ExactSum();
  readonly #targets = new ExactSum();
  readonly #targetSquares = new ExactSum();
  readonly #relative = new ExactSum();
  readonly #running = new ExactSum();
  readonly #runningRelative = new ExactSum();
  #examples = 0;
  #compared = 0;

  /** `change` 1 adds an outcome, -1 takes one away; `first`: it replaces none. */
  add(score: number, target: number, change: 1 | -1, first: boolean): void {
    if (first) {
      const mean = this.#examples === 0 ? 0 : this.#targets.value / this.#examples;
      this.#running.add(Math.abs(mean - target));
      this.#runningRelative.add(relativeError(mean, target));
      this.#compared += 1;
    }
    const error = score - target;
    this.#absolute.add(change * Math.abs(error));
    this.#squared.add(change * error * error);
    this.#relative.add(change * relativeError(score, target));
    this.#targets.add(change * target);
    this.#targetSquares.add(change * target * target);
    this.#examples += change;
  }

  /** @param targets of all outcomes, where they are at hand: MAE and sMAPE stand beside the mean's, else the running mean's */
  values(targets?: Float64Array): MetricValue[] {
    const examples = this.#examples;
    if (examples <= 0) return [];
    const mean = this.#targets.value / examples;
    const meanSquare = this.#squared.value / examples;
    const variance = Math.max(0, this.#targetSquares.value / examples - mean * mean);
    const constant = targets
      ? { kind: 'mean' as const, ...errorsOfMean(targets) }
      : { kind: 'running_mean' as const, ...this.#errorsOfRunningMean() };
    return [
      {
        metric: 'mae',
        value: this.#absolute.value / examples,
        baseline: constant.absolute,
        baselineKind: constant.kind,
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
      {
        metric: 'smape',
        value: this.#relative.value / examples,
        baseline: constant.relative,
        baselineKind: constant.kind,
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

  #errorsOfRunningMean(): ConstantErrors {
    if (this.#compared === 0) return { absolute: null, relative: null };
    return {
      absolute: this.#running.value / this.#compared,
      relative: this.#runningRelative.value / this.#compared,
    };
  }

  #sums(): ExactSum[] {
    return [
      this.#absolute,
      this.#squared,
      this.#targets,
      this.#targetSquares,
      this.#relative,
      this.#running,
      this.#runningRelative,
    ];
  }
}

interface ConstantErrors {
  readonly absolute: number | null;
  readonly relative: number | null;
}

function errorsOfMean(targets: Float64Array): ConstantErrors {
  const count = Math.max(1, targets.length);
  const mean = targets.reduce((sum, target) => sum + target, 0) / count;
  return {
    absolute: targets.reduce((sum, target) => sum + Math.abs(target - mean), 0) / count,
    relative: targets.reduce((sum, target) => sum + relativeError(mean, target), 0) / count,
  };
}

/** One term of sMAPE, from 0 to 2; 0 where both are 0. */
function relativeError(score: number, target: number): number {
  const size = Math.abs(score) + Math.abs(target);
  return size === 0 ? 0 : (2 * Math.abs(score - target)) / size;
}
