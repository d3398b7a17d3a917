// Quality of probabilities against truths: counts and exact sums, so that an outcome can be taken away as if it had never come.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import type { MetricValue } from './outcome.ts';
import { BinnedRocAuc } from './roc-auc.ts';

/** Scores end here before their logarithm is taken. */
const LOG_LOSS_CLIP = 1e-15;

export class BinaryTally {
  readonly #auc: BinnedRocAuc | undefined;
  readonly #logLoss = new ExactSum();
  #truePositives = 0;
  #falsePositives = 0;
  #trueNegatives = 0;
  #falseNegatives = 0;

  /** @param auc `given`: `values` is told the exact one, and no bins are kept */
  constructor(auc: 'binned' | 'given' = 'binned') {
    this.#auc = auc === 'binned' ? new BinnedRocAuc() : undefined;
  }

  /** `change` 1 adds an outcome, -1 takes one away. */
  add(score: number, target: number, change: 1 | -1): void {
    const truth = target > 0.5;
    if (score > 0.5) {
      if (truth) this.#truePositives += change;
      else this.#falsePositives += change;
    } else if (truth) this.#falseNegatives += change;
    else this.#trueNegatives += change;
    this.#logLoss.add(change * logLoss(score, truth));
    this.#auc?.add(score, target, change);
  }

  /** @param exactAuc given where all scores are at hand; else it is the binned one */
  values(exactAuc?: number | null): MetricValue[] {
    const [tp, fp, tn, fn] = [this.#truePositives, this.#falsePositives, this.#trueNegatives, this.#falseNegatives];
    const examples = tp + fp + tn + fn;
    if (examples <= 0) return [];
    const positives = tp + fn;
    const negatives = fp + tn;
    const auc = exactAuc === undefined ? (this.#auc?.value ?? null) : exactAuc;
    return [
      {
        metric: 'log_loss',
        value: this.#logLoss.value / examples,
        baseline: entropy(positives / examples),
        baselineKind: 'base_rate',
        examples,
      },
      { metric: 'roc_auc', value: auc, baseline: auc === null ? null : 0.5, baselineKind: 'random', examples },
      {
        metric: 'accuracy',
        value: (tp + tn) / examples,
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
    ];
  }

  save(writer: StateWriter): void {
    for (const count of [this.#truePositives, this.#falsePositives, this.#trueNegatives, this.#falseNegatives])
      writer.f64(count);
    this.#logLoss.save(writer);
    this.#auc?.save(writer);
  }

  load(reader: StateReader): void {
    this.#truePositives = reader.f64();
    this.#falsePositives = reader.f64();
    this.#trueNegatives = reader.f64();
    this.#falseNegatives = reader.f64();
    this.#logLoss.load(reader);
    this.#auc?.load(reader);
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
