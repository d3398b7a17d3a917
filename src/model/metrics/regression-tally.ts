// Quality of predicted numbers: exact sums, so that an outcome can be taken away as if it had never come. Two things cannot be
// taken away: the errors of the running mean and of no change, which stay as they were when an outcome first came.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import type { MeanErrors, SeriesBaselines } from './forecast-tally.ts';
import { NoChangeNumbers } from './no-change.ts';
import { strongest, type Baseline, type MetricName, type MetricValue } from './outcome.ts';
import { relativeError } from './relative-error.ts';

/**
 * Exact, where all targets are at hand, oldest first: beside the mean, not the running one. `weights`: what each counts; `series`: of
 * forecasts, what a series is compared with.
 */
export function regressionQuality(
  scores: Float64Array,
  targets: Float64Array,
  weights?: Float64Array,
  series?: SeriesBaselines,
): MetricValue[] {
  const tally = new RegressionTally();
  const noChange = new NoChangeNumbers();
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? weights[i]! : 1;
    tally.add(scores[i]!, targets[i]!, weight, false);
    noChange.add(targets[i]!, weight);
  }
  return tally.values(series, errorsOfMean(targets, weights), noChange);
}

export class RegressionTally {
  readonly #absolute = new ExactSum();
  readonly #squared = new ExactSum();
  readonly #targets = new ExactSum();
  readonly #targetSquares = new ExactSum();
  readonly #relative = new ExactSum();
  readonly #running = new ExactSum();
  readonly #runningRelative = new ExactSum();
  readonly #noChange = new NoChangeNumbers();
  #examples = 0;
  #compared = 0;

  /** A negative weight takes an outcome away; `first`: it replaces none. */
  add(score: number, target: number, weight: number, first: boolean): void {
    if (first) {
      const mean = this.#examples === 0 ? 0 : this.#targets.value / this.#examples;
      this.#running.add(Math.abs(mean - target));
      this.#runningRelative.add(relativeError(mean, target));
      this.#compared += 1;
      this.#noChange.add(target, 1);
    }
    const error = score - target;
    this.#absolute.add(weight * Math.abs(error));
    this.#squared.add(weight * error * error);
    this.#relative.add(weight * relativeError(score, target));
    this.#targets.add(weight * target);
    this.#targetSquares.addProduct(weight * target, target);
    this.#examples += weight;
  }

  /**
   * @param series of forecasts: errors of the last value of the series, and of the one a season before
   * @param ofMean errors of the mean, where all targets are at hand: MAE and sMAPE stand beside them, else beside the running mean's
   * @param noChange likewise
   */
  values(series?: SeriesBaselines, ofMean?: ConstantErrors, noChange: NoChangeNumbers = this.#noChange): MetricValue[] {
    const all = this.#examples;
    if (all <= 0) return [];
    const mean = this.#targets.value / all;
    const meanSquare = this.#squared.value / all;
    const variance = ofMean?.variance ?? this.#varianceAround(mean);
    const kind = ofMean ? 'mean' : 'running_mean';
    const constant = ofMean ?? this.#errorsOfRunningMean();
    const row = (metric: MetricName, value: number | null, baseline: Baseline): MetricValue => ({
      metric,
      value,
      baseline: baseline.value,
      baselineKind: baseline.kind,
      examples: Math.round(all),
    });
    const against = (
      baseline: Baseline,
      of: (errors: MeanErrors) => number | null,
      better: 'higher' | 'lower',
    ): Baseline => {
      const one = (errors: MeanErrors | undefined, by: Baseline['kind']): Baseline => ({
        value: errors ? of(errors) : null,
        kind: by,
      });
      const { errors } = noChange;
      return strongest(
        [baseline, one(errors, 'no_change'), one(series?.noChange, 'no_change'), one(series?.seasonal, 'seasonal')],
        better,
      );
    };
    const explained = ({ squared }: MeanErrors): number | null => (variance > 0 ? 1 - squared / variance : null);
    return [
      row(
        'mae',
        this.#absolute.value / all,
        against({ value: constant.absolute, kind }, ({ absolute }) => absolute, 'lower'),
      ),
      row(
        'rmse',
        Math.sqrt(meanSquare),
        against({ value: Math.sqrt(variance), kind: 'mean' }, ({ squared }) => Math.sqrt(squared), 'lower'),
      ),
      row(
        'r2',
        variance === 0 ? null : 1 - meanSquare / variance,
        against({ value: 0, kind: 'mean' }, explained, 'higher'),
      ),
      row(
        'smape',
        this.#relative.value / all,
        against({ value: constant.relative, kind }, ({ relative }) => relative, 'lower'),
      ),
    ];
  }

  save(writer: StateWriter): void {
    writer.f64(this.#examples);
    writer.f64(this.#compared);
    for (const sum of this.#sums()) sum.save(writer);
    this.#noChange.save(writer);
  }

  /** A state of before no change was counted goes on without. */
  load(reader: StateReader): void {
    this.#examples = reader.f64();
    this.#compared = reader.f64();
    for (const sum of this.#sums()) sum.load(reader);
    if (!reader.atEnd) this.#noChange.load(reader);
  }

  /** Exact until it is rounded: far from zero the two sums have all their digits in common. */
  #varianceAround(mean: number): number {
    const squares = new ExactSum();
    squares.addTimes(this.#targetSquares, 1);
    squares.addTimes(this.#targets, -2 * mean);
    const constant = new ExactSum();
    constant.addProduct(mean, mean);
    squares.addTimes(constant, this.#examples);
    return unlessNothing(squares.value / this.#examples, mean);
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
  /** Of the mean, where it is known beforehand. */
  readonly variance?: number;
  readonly absolute: number | null;
  readonly relative: number | null;
}

function errorsOfMean(targets: Float64Array, weights: Float64Array | undefined): ConstantErrors {
  let [all, sum, absolute, off, squared, relative] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < targets.length; i++) {
    const weight = weights ? weights[i]! : 1;
    all += weight;
    sum += weight * targets[i]!;
  }
  if (all === 0) return { absolute: 0, relative: 0 };
  const mean = sum / all;
  for (let i = 0; i < targets.length; i++) {
    const weight = weights ? weights[i]! : 1;
    absolute += weight * Math.abs(targets[i]! - mean);
    off += weight * (targets[i]! - mean);
    squared += weight * (targets[i]! - mean) ** 2;
    relative += weight * relativeError(mean, targets[i]!);
  }
  // The mean is rounded: what it is off by is taken out again (Chan, Golub and LeVeque 1983, "Algorithms for computing the sample
  // variance", the corrected two-pass algorithm).
  const variance = unlessNothing((squared - (off * off) / all) / all, mean);
  return { variance, absolute: absolute / all, relative: relative / all };
}

/** A variance that rounding alone may have left of equal numbers is none. */
function unlessNothing(variance: number, mean: number): number {
  return variance > (2 ** -51 * mean) ** 2 ? variance : 0;
}
