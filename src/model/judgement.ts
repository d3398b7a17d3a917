// How wrong a model was of one example: what models are watched and compared by.

import { MAX_MAGNITUDE } from './encoder/feature-value.ts';
import type { Judgement, LearnedTask, TrainingExample } from './model.ts';

/** What a row was given, or is given now. */
export interface Said {
  readonly score?: number | null;
  readonly prediction?: string | null;
}

/** How wrong it was. False where nothing was said, or the target is no number. */
export function judge(task: LearnedTask, said: Said, example: TrainingExample, into: Judgement): boolean {
  const { score } = said;
  if (score === undefined || score === null) return false;
  if (task === 'multiclass') {
    into.loss = into.wrong = said.prediction === example.label ? 0 : 1;
    return true;
  }
  const distance = score - example.target;
  into.loss = task === 'binary' ? distance * distance : Math.abs(distance);
  into.wrong = task === 'binary' ? Number(score > 0.5 !== example.target > 0.5) : Number.NaN;
  return Math.abs(distance) <= MAX_MAGNITUDE;
}
