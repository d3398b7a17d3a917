// Options of `drift` that are valid by themselves, but not with this model.

import { MillraceError } from '../../runtime/errors.ts';
import type { LearnedTask } from '../model.ts';
import { ERROR_DETECTORS } from './detector-options.ts';
import type { DriftOptions } from './drift-options.ts';

/** Throws MODEL_INVALID. */
export function checkDrift(options: DriftOptions, task: LearnedTask): void {
  const { signals, detector, action } = options;
  const loss = signals.includes('loss') && task !== 'anomaly';
  if (action !== 'alarm' && !loss)
    throw invalid(
      `"drift.action": "${action}" acts on the signal "loss", which is not watched here`,
      task === 'anomaly' ? 'Leave it out: a model without labels has no loss.' : 'Add "loss" to "drift.signals".',
    );
  if (loss && task === 'regression' && ERROR_DETECTORS.includes(detector.name))
    throw invalid(
      `"drift.detector": "${detector.name}" counts errors, and numbers are never simply wrong`,
      'Take "adwin" or "page_hinkley".',
    );
}

function invalid(why: string, hint: string): MillraceError {
  return new MillraceError('MODEL_INVALID', `model option ${why}`, { hint });
}
