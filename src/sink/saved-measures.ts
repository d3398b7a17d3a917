// Metrics and threshold as a checkpoint has them. Those that this Millrace cannot read, as of a release that measured less, are
// counted anew: all outcomes stay stored, and both are folded from nothing else.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { Model } from '../model/model.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { Cursors, LearnerCheckpoint } from '../scores/score-store.ts';
import { alertGoalOf } from './alert-goal.ts';
import { splitParts } from './checkpoint-parts.ts';
import { metricsRequest } from './model-request.ts';
import { OutcomeAlerts } from './outcome-alerts.ts';
import type { Metrics, SinkPorts } from './ports.ts';

export interface SavedMeasures {
  readonly metrics: Metrics;
  readonly alerts: Uint8Array | undefined;
  /** Outcomes at or below are in both. */
  readonly cursors: Cursors;
  /** An alarm has made a version since the last one by count. */
  readonly alarmed: boolean;
}

export function openMeasures(
  openMetrics: SinkPorts['openMetrics'],
  definition: SinkDefinition,
  model: Model,
  saved: LearnerCheckpoint | undefined,
): SavedMeasures {
  const request = metricsRequest(definition, model);
  const parts = saved && splitParts(saved.metrics);
  const alarmed = parts?.alarmed !== undefined;
  if (saved && parts) {
    const { metrics, alerts } = parts;
    const goal = alertGoalOf(definition);
    try {
      // Made once more where it is used: here it only shows that it can be read.
      if (alerts && goal && 'atLeast' in goal) new OutcomeAlerts(goal, alerts);
      return { metrics: openMetrics(request, metrics), alerts, cursors: saved.metricCursors, alarmed };
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'MODEL_STATE') throw error;
    }
  }
  return { metrics: openMetrics(request, undefined), alerts: undefined, cursors: [], alarmed };
}
