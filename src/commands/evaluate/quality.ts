// The figures of an evaluation, each beside what the best constant answer would have had.

import { binaryQuality } from '../../model/metrics/binary-tally.ts';
import { Confusion } from '../../model/metrics/confusion.ts';
import type { MetricValue } from '../../model/metrics/outcome.ts';
import { regressionQuality } from '../../model/metrics/regression-tally.ts';
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
      return measured(binaryQuality(evaluation.scores, evaluation.targets));
    case 'multiclass':
      return multiclass(evaluation);
    case 'regression':
      return measured(regressionQuality(evaluation.scores, evaluation.targets));
    case 'anomaly':
      return anomaly(evaluation);
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
  if (task === 'anomaly') return (predicted[n] === 'anomaly') === targets[n]! > 0.5 ? 1 : 0;
  if (task === 'binary') return scores[n]! > 0.5 === targets[n]! > 0.5 ? 1 : 0;
  return predicted[n] === labels[n] ? 1 : 0;
}

function measured(values: readonly MetricValue[]): Quality {
  return gather(values.map(({ metric, value, baseline }): Figure => [metric, value, baseline]));
}

/** Of an order alone: how far up a row stands is not a probability. Precision and recall are those of what was said. */
function anomaly({ scores, targets, predicted }: Evaluation): Quality {
  const ranked = binaryQuality(scores, targets).filter(({ metric }) => metric === 'roc_auc' || metric === 'pr_auc');
  let [hits, said, real] = [0, 0, 0];
  for (let n = 0; n < targets.length; n++) {
    const alarm = predicted[n] === 'anomaly';
    if (alarm) said += 1;
    if (targets[n]! > 0.5) real += 1;
    if (alarm && targets[n]! > 0.5) hits += 1;
  }
  return gather([
    ...ranked.map(({ metric, value, baseline }): Figure => [metric, value, baseline]),
    ['precision', said > 0 ? hits / said : null, targets.length > 0 ? real / targets.length : null],
    ['recall', real > 0 ? hits / real : null, targets.length > 0 ? said / targets.length : null],
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

type Figure = readonly [name: string, value: number | null, baseline: number | null];

function gather(figures: readonly Figure[]): Quality {
  return {
    metrics: Object.fromEntries(figures.map(([name, value]) => [name, value])),
    baseline: Object.fromEntries(figures.map(([name, , baseline]) => [name, baseline])),
  };
}
