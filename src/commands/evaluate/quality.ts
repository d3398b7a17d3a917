// The figures of an evaluation, each beside what the best constant answer would have had.

import { binaryQuality } from '../../model/metrics/binary-tally.ts';
import { classQuality } from '../../model/metrics/class-tally.ts';
import { macroRocAuc } from '../../model/metrics/macro-auc.ts';
import type { MetricValue } from '../../model/metrics/outcome.ts';
import { outputsQuality } from '../../model/metrics/outputs-tally.ts';
import { regressionQuality } from '../../model/metrics/regression-tally.ts';
import type { Evaluation } from './prequential.ts';

export interface Quality {
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Of always giving the share of true (log loss, Brier), the most frequent class, the mean, or the label before. */
  readonly baseline: Readonly<Record<string, number | null>>;
}

export function qualityOf(evaluation: Evaluation): Quality {
  switch (evaluation.task) {
    case 'binary':
      return measured(binaryQuality(evaluation.scores, evaluation.targets).values);
    case 'multiclass':
      return measured(classQuality(evaluation.answers, { rocAuc: rocAucOf(evaluation) }));
    case 'regression':
      return measured(numbers(evaluation));
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
export function curveValue({ task, scores, targets, predicted, answers }: Evaluation, n: number): number {
  if (task === 'regression') return Math.abs(scores[n]! - targets[n]!);
  if (task === 'anomaly') return (predicted[n] === 'anomaly') === targets[n]! > 0.5 ? 1 : 0;
  if (task === 'binary') return scores[n]! > 0.5 === targets[n]! > 0.5 ? 1 : 0;
  return answers[n]!.said === answers[n]!.truth ? 1 : 0;
}

function numbers({ scores, targets, beside }: Evaluation): MetricValue[] {
  const { values, baselines } = outputsQuality(beside);
  return [...regressionQuality(scores, targets, undefined, baselines), ...values];
}

/** A class that the model never knew had no probability. */
function rocAucOf({ answers, classes, probabilities }: Evaluation): number | null {
  const names = [...classes];
  for (const { truth } of answers) if (!names.includes(truth)) names.push(truth);
  const numbers = new Map(names.map((name, number) => [name, number]));
  return macroRocAuc(
    answers.map(({ truth }) => numbers.get(truth)!),
    probabilities,
  );
}

function measured(values: readonly MetricValue[]): Quality {
  return gather(values.map(({ metric, value, baseline }): Figure => [metric, value, baseline]));
}

/** Of an order alone: how far up a row stands is not a probability. Precision and recall are those of what was said. */
function anomaly({ scores, targets, predicted, alarmRate }: Evaluation): Quality {
  if (targets.length === 0) return gather([['alarm_rate', alarmRate, null]]);
  const ranked = binaryQuality(scores, targets).values.filter(
    ({ metric }) => metric === 'roc_auc' || metric === 'pr_auc',
  );
  let [hits, said, real] = [0, 0, 0];
  for (let n = 0; n < targets.length; n++) {
    const alarm = predicted[n] === 'anomaly';
    if (alarm) said += 1;
    if (targets[n]! > 0.5) real += 1;
    if (alarm && targets[n]! > 0.5) hits += 1;
  }
  return gather([
    ...ranked.map(({ metric, value, baseline }): Figure => [metric, value, baseline]),
    ['precision', said > 0 ? hits / said : null, real / targets.length],
    ['recall', real > 0 ? hits / real : null, said / targets.length],
    ['alarm_rate', alarmRate, null],
  ]);
}

type Figure = readonly [name: string, value: number | null, baseline: number | null];

function gather(figures: readonly Figure[]): Quality {
  return {
    metrics: Object.fromEntries(figures.map(([name, value]) => [name, value])),
    baseline: Object.fromEntries(figures.map(([name, , baseline]) => [name, baseline])),
  };
}
