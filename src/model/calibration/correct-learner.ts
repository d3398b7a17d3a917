// The options `under_sample` and `calibrate`: which learners are corrected, and how.

import { MillraceError } from '../../runtime/errors.ts';
import type { LearnerOptions } from '../encoder/encode-options.ts';
import type { Kind, Learner } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { CorrectedLearner } from './corrected-learner.ts';
import type { Correction } from './score-correction.ts';

/** Undefined: nothing is asked for. Throws MODEL_INVALID where the label is no boolean. */
export function correctionOf(parsed: LearnerOptions, task: LearnedTask): Correction | undefined {
  const { calibrate, under_sample: underSample, class_weights: classWeights } = parsed;
  if (calibrate === 'none' && underSample === undefined) return undefined;
  if (task !== 'binary')
    throw new MillraceError(
      'MODEL_INVALID',
      `model option "${underSample === undefined ? 'calibrate' : 'under_sample'}" needs a boolean label`,
      { hint: "Leave it out, or make the label a boolean in the view, e.g. (status = 'fraud') as label." },
    );
  return { calibrate, underSample, classWeights };
}

/** The kind, whose learners are corrected. */
export function correctedKind(kind: Kind, correction: Correction | undefined): Kind {
  const corrected = (seed: number) => (inner: Learner) => new CorrectedLearner(inner, correction!, seed);
  return {
    ...kind,
    create(options, task, seed, layout) {
      const made = kind.create(options, task, seed, layout);
      if (correction === undefined) return made;
      return made instanceof Promise ? made.then(corrected(seed)) : corrected(seed)(made);
    },
    load(options, task, saved, layout) {
      const { inner, rest } = CorrectedLearner.unpack(saved);
      const made = kind.load(options, task, inner, layout);
      if (correction === undefined) return made;
      const restored = (learner: Learner): Learner => {
        const around = corrected(0)(learner);
        if (rest) around.restore(rest);
        return around;
      };
      return made instanceof Promise ? made.then(restored) : restored(made);
    },
  };
}
