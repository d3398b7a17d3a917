// What a batch writes of learning, versions of the model among it.

import type { Model } from '../model/model.ts';
import type { RetrainingEnd } from '../scores/retraining.ts';
import type { Drift, Example, LearnerCheckpoint, ModelVersion } from '../scores/score-store.ts';
import type { Metrics } from './ports.ts';

export interface Saved {
  readonly versions: readonly ModelVersion[];
  readonly drift: readonly Drift[];
  readonly retrainings: readonly RetrainingEnd[];
  readonly checkpoint: LearnerCheckpoint | undefined;
  readonly examples: readonly Example[];
}

type Given = Pick<ModelVersion, 'version' | 'state' | 'cursors' | 'reason' | 'promoted' | 'options' | 'savedAtUs'>;

export function versionOf(model: Model, metrics: Metrics, given: Given): ModelVersion {
  return {
    ...given,
    kind: model.kind,
    examples: model.examples,
    metrics: JSON.stringify(metrics.summary()),
    race: model.race === undefined ? null : JSON.stringify(model.race),
    keep: model.settings.keepVersions,
  };
}
