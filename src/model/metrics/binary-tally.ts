// Quality of probabilities against truths: counts and exact sums, so that an outcome can be taken away as if it had never come.
// One thing remembers: the answers of no change, which count as outcomes first came.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { cohensKappa } from './confusion.ts';
import { ExactSum } from './exact-sum.ts';
import { NoChangeClasses, temporalKappa } from './no-change.ts';
import { stronger, type Baseline, type MetricName, type MetricValue } from './outcome.ts';
import { prAuc } from './pr-auc.ts';
import { binEdges, BinnedCounts, rankExactly, type RankedCounts } from './ranked-counts.ts';
import { Reliability, type ReliabilityBin } from './reliability.ts';
import { rocAuc } from './roc-auc.ts';

/** Scores end here before their logarithm is taken. */
const LOG_LOSS_CLIP = 1e-15;

export interface BinaryQuality {
  readonly values: MetricValue[];
  readonly reliability: ReliabilityBin[];
}

/** Exact, where all scores are at hand, oldest first. Targets are 1 and 0. `weights`: what each counts, instead of 1. */
export function binaryQuality(scores: Float64Array, targets: Float64Array, weights?: Float64Array): BinaryQuality {
  const counts = new BinaryCounts();
  const noChange = new NoChangeClasses();
  const reliability = new Reliability();
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? weights[i]! : 1;
    counts.add(scores[i]!, targets[i]!, weight);
    noChange.add(targets[i]!, weight);
    reliability.add(scores[i]!, targets[i]! > 0.5 ? weight : 0, targets[i]! > 0.5 ? 0 : weight);
  }
  const values = counts.values(rankExactly(scores, targets, weights), noChange, reliability);
  return { values, reliability: reliability.bins };
}

/** The same for any number of outcomes, which it does not hold: the two areas and calibration are those of fine bins. */
export class BinaryTally {
  readonly #counts = new BinaryCounts();
  readonly #bins = new BinnedCounts();
  readonly #noChange = new NoChangeClasses();

  /** `change` 1 adds an outcome, -1 takes one away; `first`: it replaces none. */
  add(score: number, target: number, change: 1 | -1, first: boolean): void {
    this.#counts.add(score, target, change);
    this.#bins.add(score, target, change);
    if (first) this.#noChange.add(target, 1);
  }

  quality(): BinaryQuality {
    const reliability = new Reliability();
    const { positives, negatives } = this.#bins;
    for (let bin = 0; bin < positives.length; bin++) {
      if (positives[bin] === 0 && negatives[bin] === 0) continue;
      const { from, to } = binEdges(bin);
      reliability.add((from + to) / 2, positives[bin]!, negatives[bin]!);
    }
    return { values: this.#counts.values(this.#bins, this.#noChange, reliability), reliability: reliability.bins };
  }

  save(writer: StateWriter): void {
    this.#counts.save(writer);
    this.#bins.save(writer);
    this.#noChange.save(writer);
  }

  /** A state of before no change was counted goes on without. */
  load(reader: StateReader): void {
    this.#counts.load(reader);
    this.#bins.load(reader);
    if (!reader.atEnd) this.#noChange.load(reader);
  }
}

/** Said and true, only said, neither, only true: the order of released states. */
const SAVED_CELLS = [3, 2, 0, 1];

class BinaryCounts {
  readonly #logLoss = new ExactSum();
  readonly #squares = new ExactSum();
  /** Weights of what was said and is true, as 2 × said + true. */
  readonly #counts = new Float64Array(4);

  add(score: number, target: number, weight: number): void {
    const truth = target > 0.5;
    this.#counts[(score > 0.5 ? 2 : 0) + (truth ? 1 : 0)]! += weight;
    const error = truth ? 1 - score : score;
    this.#logLoss.add(weight * logLoss(score, truth));
    this.#squares.add(weight * error * error);
  }

  values(ranked: RankedCounts, noChange: NoChangeClasses, reliability: Reliability): MetricValue[] {
    const [tn, fn, fp, tp] = this.#counts as unknown as [number, number, number, number];
    const all = tp + fp + tn + fn;
    if (all <= 0) return [];
    const positives = tp + fn;
    const negatives = fp + tn;
    const rate = positives / all;
    const accuracy = (tp + tn) / all;
    const chance = rate * ((tp + fp) / all) + (negatives / all) * ((tn + fn) / all);
    const bothClasses = positives > 0 && negatives > 0;
    const noChangeAccuracy = noChange.accuracy;
    const row = (metric: MetricName, value: number | null, baseline: Baseline): MetricValue => ({
      metric,
      value,
      baseline: baseline.value,
      baselineKind: baseline.kind,
      examples: Math.round(all),
    });
    const orNoChange = (baseline: Baseline, value: number | null): Baseline =>
      baseline.value === null ? baseline : stronger(baseline, { value, kind: 'no_change' }, 'higher');
    return [
      row('log_loss', this.#logLoss.value / all, { value: entropy(rate), kind: 'base_rate' }),
      row('roc_auc', rocAuc(ranked), { value: bothClasses ? 0.5 : null, kind: 'random' }),
      row(
        'accuracy',
        accuracy,
        orNoChange({ value: Math.max(positives, negatives) / all, kind: 'majority_class' }, noChangeAccuracy),
      ),
      row(
        'f1',
        tp + fp + fn === 0 ? null : (2 * tp) / (2 * tp + fp + fn),
        orNoChange(
          { value: positives === 0 ? null : (2 * positives) / (2 * positives + negatives), kind: 'always_true' },
          noChange.f1,
        ),
      ),
      row('pr_auc', prAuc(ranked), { value: positives === 0 ? null : rate, kind: 'base_rate' }),
      row(
        'balanced_accuracy',
        bothClasses ? (tp / positives + tn / negatives) / 2 : null,
        orNoChange({ value: bothClasses ? 0.5 : null, kind: 'majority_class' }, noChange.balancedAccuracy),
      ),
      row(
        'kappa',
        cohensKappa(accuracy, chance),
        orNoChange({ value: chance === 1 ? null : 0, kind: 'majority_class' }, noChange.kappa),
      ),
      row('kappa_temporal', temporalKappa(accuracy, noChangeAccuracy), {
        value: noChangeAccuracy === null || noChangeAccuracy === 1 ? null : 0,
        kind: 'no_change',
      }),
      row('brier', this.#squares.value / all, { value: rate * (1 - rate), kind: 'base_rate' }),
      row('ece', reliability.expectedCalibrationError, { value: 0, kind: 'base_rate' }),
    ];
  }

  save(writer: StateWriter): void {
    for (const cell of SAVED_CELLS) writer.f64(this.#counts[cell]!);
    this.#logLoss.save(writer);
    this.#squares.save(writer);
  }

  load(reader: StateReader): void {
    for (const cell of SAVED_CELLS) this.#counts[cell] = reader.f64();
    this.#logLoss.load(reader);
    this.#squares.load(reader);
  }
}

function logLoss(score: number, truth: boolean): number {
  const p = truth ? score : 1 - score;
  return -Math.log(Math.min(Math.max(p, LOG_LOSS_CLIP), 1 - LOG_LOSS_CLIP));
}

/** Log loss of always saying the share of true labels. */
function entropy(rate: number): number {
  if (rate <= 0 || rate >= 1) return 0;
  return -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
}
