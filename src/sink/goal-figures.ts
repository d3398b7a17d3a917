// Rows of `millrace.metrics` that show what a goal of `alert_when` has come to.

import type { BudgetFigures } from '../model/alerts/daily-budget.ts';
import type { GoalFigures } from '../model/alerts/outcome-threshold.ts';
import type { ShareFigures } from '../model/alerts/share-threshold.ts';
import type { MetricValue } from '../scores/score-store.ts';

type Shown = Omit<MetricValue, 'modelVersion'>;

const PLACE = { period: 'recent', segment: '', fromUs: null, toUs: null } as const;

/** Precision beside the share of true labels, recall beside the share of rows that were alerted: what chance would give. */
export function outcomeRows({ threshold, precision, recall, outcomes, positives, alerted }: GoalFigures): Shown[] {
  const share = (part: number): number | null => (outcomes === 0 ? null : part / outcomes);
  return [
    { ...PLACE, metric: 'threshold', value: threshold, baseline: null, baselineKind: null, examples: outcomes },
    {
      ...PLACE,
      metric: 'precision',
      value: precision,
      baseline: share(positives),
      baselineKind: 'base_rate',
      examples: alerted,
    },
    {
      ...PLACE,
      metric: 'recall',
      value: recall,
      baseline: share(alerted),
      baselineKind: 'random',
      examples: positives,
    },
  ];
}

/** Of all partitions: the highest of their thresholds, the sum of their alerts. */
export function budgetRows(partitions: readonly BudgetFigures[]): Shown[] {
  const alerts = partitions.reduce((sum, figures) => sum + figures.alerts, 0);
  const plain = { ...PLACE, baseline: null, baselineKind: null, examples: alerts };
  return [
    { ...plain, metric: 'threshold', value: highest(partitions) },
    {
      ...plain,
      metric: 'alerts_per_day',
      value: partitions.reduce((sum, figures) => sum + figures.alertsPerDay, 0),
    },
  ];
}

/** Of all partitions: the highest of their thresholds, and the share of their live rows that met it, beside what was asked for. */
export function shareRows(atMost: number, partitions: readonly ShareFigures[]): Shown[] {
  const rows = partitions.reduce((sum, figures) => sum + figures.rows, 0);
  const alerts = partitions.reduce((sum, figures) => sum + figures.alerts, 0);
  return [
    { ...PLACE, metric: 'threshold', value: highest(partitions), baseline: null, baselineKind: null, examples: rows },
    {
      ...PLACE,
      metric: 'alert_share',
      value: rows === 0 ? null : alerts / rows,
      baseline: atMost,
      baselineKind: 'nominal',
      examples: rows,
    },
  ];
}

function highest(partitions: readonly { readonly threshold: number | null }[]): number | null {
  const thresholds = partitions.flatMap(({ threshold }) => (threshold === null ? [] : [threshold]));
  return thresholds.length === 0 ? null : Math.max(...thresholds);
}
