// The kinds a model can be of.

import { MillraceError } from '../../runtime/errors.ts';
import type { Kind } from '../learner.ts';
import { didYouMean } from '../options.ts';
import { adaptiveForest } from './adaptive-forest.ts';
import { autoregression } from './autoregression.ts';
import { factorization } from './factorization.ts';
import { gaussianScorer } from './gaussian-scorer.ts';
import { halfSpaceTrees } from './half-space-trees.ts';
import { hoeffdingAdaptiveTree } from './hoeffding-adaptive-tree.ts';
import { hoeffdingTree } from './hoeffding-tree.ts';
import { holtWinters } from './holt-winters.ts';
import { linear } from './linear.ts';
import { logistic } from './logistic.ts';
import { mondrianForest } from './mondrian-forest.ts';
import { naiveBayes } from './naive-bayes.ts';
import { neural } from './neural.ts';
import { passiveAggressive } from './passive-aggressive.ts';
import { quantile } from './quantile.ts';
import { softmax } from './softmax.ts';
import { tensorflow } from './tensorflow.ts';

export const LEARNERS: readonly Kind[] = [
  logistic,
  linear,
  softmax,
  passiveAggressive,
  quantile,
  naiveBayes,
  hoeffdingTree,
  hoeffdingAdaptiveTree,
  adaptiveForest,
  factorization,
  holtWinters,
  neural,
  autoregression,
  mondrianForest,
  halfSpaceTrees,
  gaussianScorer,
  tensorflow,
];

/** Every valid `"kind"`. */
export const KINDS: readonly string[] = ['auto', ...LEARNERS.map((kind) => kind.name), 'none'];

/** The learner's kind of that name; throws MODEL_INVALID with the valid ones. */
export function kindOf(name: string): Kind {
  const kind = LEARNERS.find((candidate) => candidate.name === name);
  if (kind) return kind;
  throw new MillraceError('MODEL_INVALID', `unknown model kind "${name}"`, {
    hint: `${didYouMean(name, KINDS)}Valid kinds: ${KINDS.join(', ')}.`,
  });
}
