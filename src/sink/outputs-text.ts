// What a model says beside its score, as it is stored.

import type { Task } from '../model/model.ts';

/** Log loss clips at it. */
const SMALLEST_PROBABILITY = 1e-15;

/** Probabilities that a metric takes for 0 are 0: as jsonb 1e-300 would be three hundred digits. */
export function outputsText(task: Task, outputs: Readonly<Record<string, number>>): string {
  return JSON.stringify(outputs, (_, value: unknown) =>
    task === 'multiclass' && typeof value === 'number' && value < SMALLEST_PROBABILITY ? 0 : value,
  );
}
