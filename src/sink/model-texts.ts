// What is stored of a model as JSON text.

import type { Task } from '../model/model.ts';
import type { MetricValue } from '../scores/score-store.ts';

/** Log loss clips at it. */
const SMALLEST_PROBABILITY = 1e-15;

/** Probabilities that a metric takes for 0 are 0: as jsonb 1e-300 would be three hundred digits. */
export function outputsText(task: Task, outputs: Readonly<Record<string, number>>): string {
  return JSON.stringify(outputs, (_, value: unknown) =>
    task === 'multiclass' && typeof value === 'number' && value < SMALLEST_PROBABILITY ? 0 : value,
  );
}

/** Of a version: its metrics over all rows, as they stood. */
export function metricsText(values: readonly Omit<MetricValue, 'modelVersion'>[]): string {
  const overall = values.filter(({ segment, metric }) => segment === '' && !metric.startsWith('reliability '));
  return JSON.stringify(Object.fromEntries(overall.map(({ period, metric, value }) => [`${period} ${metric}`, value])));
}
