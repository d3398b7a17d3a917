// What each candidate's answer to an example cost, before it learned it: log loss of calibrated probabilities, absolute errors of
// numbers, log loss of classes.

import { MAX_MAGNITUDE } from '../encoder/feature-value.ts';
import type { LearnedTask } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { Calibration, logOddsOf } from './calibration.ts';

/** The least error, which others are measured by, is a mean over about so many examples. */
const SCALE_WINDOW = 100;
/** In units of that. */
const MOST_ERROR = 20;
/** A class that was given no probability had this one. */
const LEAST_PROBABILITY = 1e-3;
/** Of an example, for losses: one heavy example must not decide a race. */
const MOST_WEIGHT = 100;

/** Evidence: an example of a second class. */
const JUDGED_FROM = 2;

export class Losses {
  readonly #task: LearnedTask;
  readonly #calibrations: readonly Calibration[];
  readonly #absolute: Float64Array;
  readonly #relative: Float64Array;
  /** Fading sum and count of the least absolute error. */
  #scale = 0;
  #scaleCount = 0;
  /** Fading sums, while `last` was served: its errors as they were given, and as they would have been just before the label. */
  #given = 0;
  #present = 0;
  #examples = 0;
  /** Of classes, by index. */
  readonly #counts: number[] = [];
  /** The greatest of them. */
  #most = 0;

  constructor(task: LearnedTask, candidates: number, saved?: StateReader) {
    this.#task = task;
    this.#absolute = new Float64Array(candidates);
    this.#relative = new Float64Array(candidates);
    this.#calibrations = task === 'binary' ? Array.from({ length: candidates }, () => new Calibration(saved)) : [];
    if (!saved) return;
    this.#scale = saved.f64();
    this.#scaleCount = saved.f64();
    this.#given = saved.f64();
    this.#present = saved.f64();
    this.#examples = saved.f64();
    this.#counts.push(...saved.floats());
    this.#most = Math.max(0, ...this.#counts);
  }

  get calibrations(): readonly Calibration[] {
    return this.#calibrations;
  }

  /** How many examples those so far are worth: where all but a few are of one class, twice those few. */
  get evidence(): number {
    if (this.#task === 'regression') return this.#examples;
    return Math.min(this.#examples, 2 * (this.#examples - this.#most));
  }

  /**
   * Whether candidates can be judged: not while all labels are of one class, as at the start of a pipeline whose frauds are reported
   * and whose honest payments only fall due. Whoever is surest of that class would win.
   */
  get judging(): boolean {
    return this.#task === 'regression' || this.evidence >= JUDGED_FROM;
  }

  /** Every example that is learned, before {@link take}. */
  count(target: number): void {
    this.#examples += 1;
    if (this.#task === 'regression') return;
    const index = this.#task === 'binary' ? Number(target > 0.5) : target;
    // A class whose examples have all had no weight was not counted.
    while (this.#counts.length <= index) this.#counts.push(0);
    this.#most = Math.max(this.#most, (this.#counts[index]! += 1));
  }

  calibrated(k: number, logOdds: number): number {
    return this.#calibrations[k]!.apply(logOdds);
  }

  /**
   * Of candidate `k`, which has not learned the example; its calibration learns here.
   * @param said what it says: the probability of true, the number, or the probability of the example's class
   */
  take(k: number, said: number, target: number, weight: number): void {
    if (this.#task === 'binary') this.#takeBinary(k, logOddsOf(said), target, weight);
    else if (this.#task === 'regression') this.#absolute[k] = Math.abs(said - target);
    else this.#absolute[k] = -Math.log(said > LEAST_PROBABILITY ? Math.min(said, 1) : LEAST_PROBABILITY);
  }

  #takeBinary(k: number, logOdds: number, target: number, weight: number): void {
    const said = this.calibrated(k, logOdds);
    // log(1 + e^−z) for true, log(1 + e^z) for false, without overflow.
    const against = target > 0.5 ? -said : said;
    this.#absolute[k] = Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against)));
    this.#calibrations[k]!.learn(logOdds, target > 0.5 ? 1 : 0, weight);
  }

  /**
   * Labels that come late make the last one look better just before a label is learned than it was when the row was scored. What
   * it was worth then is known while it is served: how much worse it was counts ever after.
   * @param given the score that the row had, from this candidate alone
   */
  age(k: number, given: number, target: number): void {
    const fading = 1 - 1 / SCALE_WINDOW;
    this.#given = fading * this.#given + Math.min(Math.abs(given - target), MAX_MAGNITUDE);
    this.#present = fading * this.#present + this.#absolute[k]!;
  }

  /** By how much the error of the last label is to be multiplied. */
  get staleness(): number {
    return this.#given > this.#present ? Math.min(this.#given / Math.max(this.#present, 1e-300), 1e6) : 1;
  }

  /** Candidate `k` loses as if it were as stale as that. */
  makeStale(k: number): void {
    this.#absolute[k]! *= this.staleness;
  }

  /** Of the example in hand, by candidate; valid until the next. */
  ofExample(
    isRunning: (k: number) => boolean,
    weight: number,
  ): { readonly absolute: Float64Array; readonly relative: Float64Array } {
    const factor = Math.min(weight, MOST_WEIGHT);
    const unit = this.#task === 'regression' ? this.#unit(isRunning) : 1;
    for (let k = 0; k < this.#absolute.length; k++) {
      const relative = this.#absolute[k]! / unit;
      this.#relative[k] = factor * (relative < MOST_ERROR ? relative : MOST_ERROR);
      this.#absolute[k]! *= factor;
    }
    return { absolute: this.#absolute, relative: this.#relative };
  }

  save(writer: StateWriter): void {
    for (const calibration of this.#calibrations) calibration.save(writer);
    writer.f64(this.#scale);
    writer.f64(this.#scaleCount);
    writer.f64(this.#given);
    writer.f64(this.#present);
    writer.f64(this.#examples);
    writer.floats(Float64Array.from(this.#counts));
  }

  #unit(isRunning: (k: number) => boolean): number {
    let least = Infinity;
    for (let k = 0; k < this.#absolute.length; k++) if (isRunning(k)) least = Math.min(least, this.#absolute[k]!);
    const fading = 1 - 1 / SCALE_WINDOW;
    this.#scale = fading * this.#scale + least;
    this.#scaleCount = fading * this.#scaleCount + 1;
    return Math.max(this.#scale / this.#scaleCount, 1e-300);
  }
}
