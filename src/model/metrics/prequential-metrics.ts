// Prequential quality of one (pipeline, model version, period, segment): measured on the score a row had before its label was
// known. A pure function of the outcomes folded, in their order; a fold is cheap, values are worked out when asked for.

import { MAX_MAGNITUDE } from '../encoder/feature-value.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { BinaryTally, type BinaryQuality } from './binary-tally.ts';
import { answersOf, ClassTally } from './class-tally.ts';
import type { MeasuredTask, MetricValue, Outcome } from './outcome.ts';
import { OutputsTally } from './outputs-tally.ts';
import { RecentOutcomes } from './recent-outcomes.ts';
import { RegressionTally } from './regression-tally.ts';

/** `fading` is worked out from the outcomes of `recent`. */
export type Period = 'all' | 'recent' | 'backfill';

export interface LoadOptions {
  /** As in the constructor. */
  readonly segments: boolean;
  /** The saved outcomes' segments are the same; else they are in none. */
  readonly stay: boolean;
}

/**
 * `recent` is exact over the last 10,000 outcomes. `all` and `backfill` are exact over any number, but for ROC AUC, PR AUC and
 * calibration, which are binned (`rocAucErrorBound` and `prAucErrorBound` say how far off the first two can be), and for the
 * baselines that a running mean and no change give.
 */
export class PrequentialMetrics {
  readonly task: MeasuredTask;
  readonly period: Period;
  readonly #binary: BinaryTally | undefined;
  readonly #regression: RegressionTally | undefined;
  readonly #outputs: OutputsTally | undefined;
  readonly #classes: ClassTally | undefined;
  readonly #recent: RecentOutcomes | undefined;
  #ignored = 0;

  /** @param segments `recent` only: outcomes are folded with the number of their segment */
  constructor(task: MeasuredTask, period: Period, segments = false) {
    this.task = task;
    this.period = period;
    if (period === 'recent') this.#recent = new RecentOutcomes(task, segments);
    else if (task === 'binary') this.#binary = new BinaryTally();
    else if (task === 'multiclass') this.#classes = new ClassTally();
    else {
      this.#regression = new RegressionTally();
      this.#outputs = new OutputsTally();
    }
  }

  /** Rejects another task's or period's state, and a corrupt one, with MODEL_STATE. */
  static load(
    task: MeasuredTask,
    period: Period,
    saved: Uint8Array,
    { segments, stay }: LoadOptions = { segments: false, stay: false },
  ): PrequentialMetrics {
    const metrics = new PrequentialMetrics(task, period, segments);
    const name = stateName(task, period);
    const first = StateReader.nameOf(saved) === name.first;
    const reader = new StateReader(saved, first ? name.first : name.now);
    metrics.#ignored = reader.f64();
    metrics.#recent?.load(reader, stay, first);
    metrics.#binary?.load(reader);
    metrics.#classes?.load(reader);
    metrics.#regression?.load(reader);
    metrics.#outputs?.load(reader);
    reader.finish();
    return metrics;
  }

  /** Outcomes with a score or target that is NaN, infinite or beyond 1e100: counted here, measured nowhere. */
  get ignored(): number {
    return this.#ignored;
  }

  /** @param segment its number, where there are segments; NaN: none */
  fold(outcome: Outcome, segment: number = Number.NaN): void {
    const { score } = outcome;
    if (this.task === 'multiclass') {
      if (!usable(score)) this.#ignored += 1;
      else if (this.#recent) this.#recent.fold(outcome, outcome.target, outcome.prior, segment);
      else this.#foldClasses(outcome);
      return;
    }
    const target = usable(outcome.target) ? outcome.target : undefined;
    const prior = usable(outcome.prior) ? outcome.prior : undefined;
    if (!usable(score) || (outcome.target !== undefined && target === undefined)) this.#ignored += 1;
    if (!usable(score) || (target === undefined && prior === undefined)) return;
    if (this.#recent) return this.#recent.fold(outcome, target, prior, segment);
    const first = prior === undefined;
    if (prior !== undefined) {
      this.#binary?.add(score, prior, -1, false);
      this.#regression?.add(score, prior, -1, false);
      this.#outputs?.add(prior, outcome.outputs, -1, false);
    }
    if (target !== undefined) {
      this.#binary?.add(score, target, 1, first);
      this.#regression?.add(score, target, 1, first);
      this.#outputs?.add(target, outcome.outputs, 1, first);
    }
  }

  /** Empty before the first outcome. */
  values(): MetricValue[] {
    return this.quality().values;
  }

  /** Values, and of a binary label how the scores are calibrated. */
  quality(): BinaryQuality {
    if (this.#recent) return this.#recent.quality();
    if (this.#binary) return this.#binary.quality();
    const values = this.#classes?.values() ?? [
      ...this.#regression!.values(this.#outputs!.baselines),
      ...this.#outputs!.values(),
    ];
    return { values, reliability: [] };
  }

  /** Of `recent`: those of its outcomes that are in a segment. */
  ofSegment(segment: number): MetricValue[] {
    return this.#recent!.ofSegment(segment);
  }

  /** Of `recent`: each outcome counts 0.999 of the one after it. */
  fading(): MetricValue[] {
    return this.#recent!.fading();
  }

  save(): Uint8Array {
    const writer = new StateWriter(stateName(this.task, this.period).now);
    writer.f64(this.#ignored);
    this.#recent?.save(writer);
    this.#binary?.save(writer);
    this.#classes?.save(writer);
    this.#regression?.save(writer);
    this.#outputs?.save(writer);
    return writer.finish();
  }

  #foldClasses(outcome: Outcome): void {
    const { now, before } = answersOf(outcome);
    if (before) this.#classes!.add(before, -1, false);
    if (now) this.#classes!.add(now, 1, before === undefined);
  }
}

/** The first schema of a window kept nothing of what was said beside a score or an answer. */
function stateName(task: MeasuredTask, period: Period): { readonly first: string; readonly now: string } {
  const first = `${task} metrics ${period}`;
  return { first, now: period === 'recent' && task !== 'binary' ? `${first} 2` : first };
}

function usable(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= MAX_MAGNITUDE;
}
