// Prequential quality of one (pipeline, model version, period, segment): measured on the score a row had before its label was
// known. A pure function of the outcomes folded, in their order; a fold is cheap, values are worked out when asked for.

import { MAX_MAGNITUDE } from '../encoder/feature-value.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { BinaryTally, binaryQuality } from './binary-tally.ts';
import { OutcomeWindow } from './outcome-window.ts';
import type { MetricValue, Outcome } from './outcome.ts';
import { RegressionTally, regressionQuality } from './regression-tally.ts';

/** What is measured here: classes of text or integers are not, yet. */
export type MeasuredTask = 'binary' | 'regression';

export type Period = 'all' | 'recent' | 'backfill';

/** Outcomes in the period `recent`. */
export const RECENT_OUTCOMES = 10_000;

/**
 * `recent` is exact over the last 10,000 outcomes. `all` and `backfill` are exact over any number, but for ROC AUC and PR AUC,
 * which are binned (`rocAucErrorBound` and `prAucErrorBound` say how far off they can be), and for the baselines of MAE and
 * sMAPE, which are a running mean's.
 */
export class PrequentialMetrics {
  readonly task: MeasuredTask;
  readonly period: Period;
  readonly #binary: BinaryTally | undefined;
  readonly #regression: RegressionTally | undefined;
  readonly #window: OutcomeWindow | undefined;
  #ignored = 0;

  constructor(task: MeasuredTask, period: Period) {
    this.task = task;
    this.period = period;
    if (period === 'recent') this.#window = new OutcomeWindow(RECENT_OUTCOMES);
    else if (task === 'binary') this.#binary = new BinaryTally();
    else this.#regression = new RegressionTally();
  }

  /** Rejects another task's or period's state, and a corrupt one, with MODEL_STATE. */
  static load(task: MeasuredTask, period: Period, saved: Uint8Array): PrequentialMetrics {
    const metrics = new PrequentialMetrics(task, period);
    const reader = new StateReader(saved, `${task} metrics ${period}`);
    metrics.#ignored = reader.f64();
    metrics.#window?.load(reader);
    metrics.#binary?.load(reader);
    metrics.#regression?.load(reader);
    reader.finish();
    return metrics;
  }

  /** Outcomes with a score or target that is NaN, infinite or beyond 1e100: counted here, measured nowhere. */
  get ignored(): number {
    return this.#ignored;
  }

  fold(outcome: Outcome): void {
    const { score } = outcome;
    const target = usable(outcome.target) ? outcome.target : undefined;
    const prior = usable(outcome.prior) ? outcome.prior : undefined;
    if (!usable(score) || (outcome.target !== undefined && target === undefined)) this.#ignored += 1;
    if (!usable(score) || (target === undefined && prior === undefined)) return;
    if (this.#window) return this.#window.fold({ score, target, prior });
    if (prior !== undefined) {
      this.#binary?.add(score, prior, -1);
      this.#regression?.add(score, prior, -1, false);
    }
    if (target !== undefined) {
      this.#binary?.add(score, target, 1);
      this.#regression?.add(score, target, 1, prior === undefined);
    }
  }

  /** Empty before the first outcome. */
  values(): MetricValue[] {
    if (!this.#window) return (this.#binary ?? this.#regression)!.values();
    const { scores, targets } = this.#window.standing();
    return this.task === 'binary' ? binaryQuality(scores, targets) : regressionQuality(scores, targets);
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.task} metrics ${this.period}`);
    writer.f64(this.#ignored);
    this.#window?.save(writer);
    this.#binary?.save(writer);
    this.#regression?.save(writer);
    return writer.finish();
  }
}

function usable(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= MAX_MAGNITUDE;
}
