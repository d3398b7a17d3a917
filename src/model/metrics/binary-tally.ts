// Quality of probabilities against truths: counts and exact sums, so that an outcome can be taken away as if it had never come.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { cohensKappa } from './confusion.ts';
import { ExactSum } from './exact-sum.ts';
import type { MetricValue } from './outcome.ts';
import { prAuc } from './pr-auc.ts';
import { BinnedCounts, rankExactly, type RankedCounts } from './ranked-counts.ts';
import { rocAuc } from './roc-auc.ts';

/** Scores end here before their logarithm is taken. */
const LOG_LOSS_CLIP = 1e-15;

/** Exact, where all scores are at hand. Targets are 1 and 0. */
export function binaryQuality(scores: Float64Array, targets: Float64Array): MetricValue[] {
  const counts = new BinaryCounts();
  for (let i = 0; i < scores.length; i++) counts.add(scores[i]!, targets[i]!, 1);
  return counts.values(rankExactly(scores, targets));
}

/** The same for any number of outcomes, which it does not hold: the two areas are those of bins. */
export class BinaryTally {
  readonly #counts = new BinaryCounts();
  readonly #bins = new BinnedCounts();

  /** `change` 1 adds an outcome, -1 takes one away. */
  add(score: number, target: number, change: 1 | -1): void {
    this.#counts.add(score, target, change);
    this.#bins.add(score, target, change);
  }

  values(): MetricValue[] {
    return this.#counts.values(this.#bins);
  }

  save(writer: StateWriter): void {
    this.#counts.save(writer);
    this.#bins.save(writer);
  }

  load(reader: StateReader): void {
    this.#counts.load(reader);
    this.#bins.load(reader);
  }
}

class BinaryCounts {
  readonly #logLoss = new ExactSum();
  readonly #squares = new ExactSum();
  #truePositives = 0;
  #falsePositives = 0;
  #trueNegatives = 0;
  #falseNegatives = 0;

  add(score: number, target: number, change: 1 | -1): void {
    const truth = target > 0.5;
    if (score > 0.5) {
      if (truth) this.#truePositives += change;
      else this.#falsePositives += change;
    } else if (truth) this.#falseNegatives += change;
    else this.#trueNegatives += change;
    const error = truth ? 1 - score : score;
    this.#logLoss.add(change * logLoss(score, truth));
    this.#squares.add(change * error * error);
  }

  values(ranked: RankedCounts): MetricValue[] {
    const [tp, fp, tn, fn] = [this.#truePositives, this.#falsePositives, this.#trueNegatives, this.#falseNegatives];
    const examples = tp + fp + tn + fn;
    if (examples <= 0) return [];
    const positives = tp + fn;
    const negatives = fp + tn;
    const rate = positives / examples;
    const accuracy = (tp + tn) / examples;
    const chance = rate * ((tp + fp) / examples) + (negatives / examples) * ((tn + fn) / examples);
    const bothClasses = positives > 0 && negatives > 0;
    return [
      {
        metric: 'log_loss',
        value: this.#logLoss.value / examples,
        baseline: entropy(rate),
        baselineKind: 'base_rate',
        examples,
      },
      {
        metric: 'roc_auc',
        value: rocAuc(ranked),
        baseline: bothClasses ? 0.5 : null,
        baselineKind: 'random',
        examples,
      },
      {
        metric: 'accuracy',
        value: accuracy,
        baseline: Math.max(positives, negatives) / examples,
        baselineKind: 'majority_class',
        examples,
      },
      {
        metric: 'f1',
        value: tp + fp + fn === 0 ? null : (2 * tp) / (2 * tp + fp + fn),
        baseline: positives === 0 ? null : (2 * positives) / (2 * positives + negatives),
        baselineKind: 'always_true',
        examples,
      },
      {
        metric: 'pr_auc',
        value: prAuc(ranked),
        baseline: positives === 0 ? null : rate,
        baselineKind: 'base_rate',
        examples,
      },
      {
        metric: 'balanced_accuracy',
        value: bothClasses ? (tp / positives + tn / negatives) / 2 : null,
        baseline: bothClasses ? 0.5 : null,
        baselineKind: 'majority_class',
        examples,
      },
      {
        metric: 'kappa',
        value: cohensKappa(accuracy, chance),
        baseline: chance === 1 ? null : 0,
        baselineKind: 'majority_class',
        examples,
      },
      {
        metric: 'brier',
        value: this.#squares.value / examples,
        baseline: rate * (1 - rate),
        baselineKind: 'base_rate',
        examples,
      },
    ];
  }

  save(writer: StateWriter): void {
    for (const count of [this.#truePositives, this.#falsePositives, this.#trueNegatives, this.#falseNegatives])
      writer.f64(count);
    this.#logLoss.save(writer);
    this.#squares.save(writer);
  }

  load(reader: StateReader): void {
    this.#truePositives = reader.f64();
    this.#falsePositives = reader.f64();
    this.#trueNegatives = reader.f64();
    this.#falseNegatives = reader.f64();
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
