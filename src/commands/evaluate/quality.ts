// The figures of an evaluation, each beside what the best constant answer would have had.

import { BinaryTally } from '../../model/metrics/binary-tally.ts';
import { Confusion } from '../../model/metrics/confusion.ts';
import { exactPrAuc } from '../../model/metrics/pr-auc.ts';
import { RegressionTally } from '../../model/metrics/regression-tally.ts';
import { exactRocAuc } from '../../model/metrics/roc-auc.ts';
import type { Evaluation } from './prequential.ts';

export interface Quality {
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Of always giving the share of true (log loss, Brier), the most frequent class, the mean; known only afterwards. */
  readonly baseline: Readonly<Record<string, number | null>>;
}

/** Probabilities end here before their logarithm is taken. */
const CLIP = 1e-15;

export function qualityOf(evaluation: Evaluation): Quality {
  switch (evaluation.task) {
    case 'binary':
      return binary(evaluation);
    case 'multiclass':
      return multiclass(evaluation);
    case 'regression':
      return regression(evaluation);
  }
}

/** By which the learning curve is drawn: the share of right answers, or the mean absolute error. */
export function curveMetric({ task }: Pick<Evaluation, 'task'>): {
  readonly name: string;
  readonly higherIsBetter: boolean;
} {
  return task === 'regression' ? { name: 'mae', higherIsBetter: false } : { name: 'accuracy', higherIsBetter: true };
}

/** What row `n` adds to the mean that the learning curve shows. */
export function curveValue({ task, scores, targets, predicted, labels }: Evaluation, n: number): number {
  if (task === 'regression') return Math.abs(scores[n]! - targets[n]!);
  if (task === 'binary') return scores[n]! > 0.5 === targets[n]! > 0.5 ? 1 : 0;
  return predicted[n] === labels[n] ? 1 : 0;
}

function binary({ scores, targets }: Evaluation): Quality {
  const tally = new BinaryTally();
  const confusion = new Confusion();
  let squares = 0;
  for (let n = 0; n < scores.length; n++) {
    tally.add(scores[n]!, targets[n]!, 1);
    confusion.add(String(targets[n]! > 0.5), String(scores[n]! > 0.5));
    squares += (scores[n]! - targets[n]!) ** 2;
  }
  const known = tally.values(exactRocAuc(scores, targets));
  const rate = (confusion.shares.get('true') ?? 0) / confusion.examples;
  return gather([
    ...known.map(({ metric, value, baseline }): Figure => [metric, value, baseline]),
    ['pr_auc', exactPrAuc(scores, targets), rate === 0 ? null : rate],
    ['balanced_accuracy', confusion.balancedAccuracy, 1 / confusion.shares.size],
    ['kappa', confusion.kappa, 0],
    ['brier', squares / scores.length, rate * (1 - rate)],
  ]);
}

function multiclass({ predicted, labels, trueProbabilities }: Evaluation): Quality {
  const confusion = new Confusion();
  let logLoss = 0;
  for (let n = 0; n < labels.length; n++) {
    confusion.add(labels[n]!, predicted[n]!);
    logLoss -= Math.log(Math.min(Math.max(trueProbabilities[n]!, CLIP), 1));
  }
  const shares = [...confusion.shares.values()].map((count) => count / confusion.examples);
  const greatest = Math.max(...shares);
  return gather([
    ['accuracy', confusion.accuracy, greatest],
    ['balanced_accuracy', confusion.balancedAccuracy, 1 / shares.length],
    ['f1', confusion.macroF1, (2 * greatest) / (1 + greatest) / shares.length],
    ['kappa', confusion.kappa, 0],
    ['log_loss', logLoss / labels.length, shares.reduce((sum, share) => sum - share * Math.log(share), 0)],
  ]);
}

function regression({ scores, targets }: Evaluation): Quality {
  const tally = new RegressionTally();
  const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
  let deviation = 0;
  let relative = 0;
  let relativeOfMean = 0;
  for (let n = 0; n < scores.length; n++) {
    tally.add(scores[n]!, targets[n]!, 1, false);
    deviation += Math.abs(targets[n]! - mean);
    relative += symmetric(scores[n]!, targets[n]!);
    relativeOfMean += symmetric(mean, targets[n]!);
  }
  return gather([
    ...tally.values(deviation / targets.length).map(({ metric, value, baseline }): Figure => [metric, value, baseline]),
    ['smape', relative / scores.length, relativeOfMean / scores.length],
  ]);
}

/** One term of sMAPE, from 0 to 2. */
function symmetric(score: number, target: number): number {
  const size = Math.abs(score) + Math.abs(target);
  return size === 0 ? 0 : (2 * Math.abs(score - target)) / size;
}

type Figure = readonly [name: string, value: number | null, baseline: number | null];

function gather(figures: readonly Figure[]): Quality {
  return {
    metrics: Object.fromEntries(figures.map(([name, value]) => [name, value])),
    baseline: Object.fromEntries(figures.map(([name, , baseline]) => [name, baseline])),
  };
}
