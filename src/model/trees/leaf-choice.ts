// The leaves that fit a task, and their options.

import { z } from 'zod';
import { MillraceError } from '../../runtime/errors.ts';
import type { Layout } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import type { Random } from '../random.ts';
import { ClassLeaves } from './class-leaves.ts';
import type { Leaves } from './leaves.ts';
import type { SplitOptions } from './split.ts';
import { ValueLeaves } from './value-leaves.ts';

export const leafOptions = {
  /** How a leaf speaks: for classes by `naive_bayes` or `counts`, for numbers by a linear `model` or the `mean`; or by the better. */
  leaf: z.enum(['adaptive', 'naive_bayes', 'counts', 'model', 'mean']).default('adaptive'),
  max_share_to_split: z.number().gt(0).max(1).default(0.99),
  forget: z.boolean().default(true),
};

interface LeafOptions extends SplitOptions {
  readonly leaf: 'adaptive' | 'naive_bayes' | 'counts' | 'model' | 'mean';
  readonly max_share_to_split: number;
  readonly forget: boolean;
}

/**
 * Throws MODEL_INVALID for leaves of another task.
 * @param subspace how many of so many columns a leaf watches, chosen at random; undefined: all
 */
export function leavesFor(
  task: LearnedTask,
  options: LeafOptions,
  layout: Layout,
  random: Random,
  subspace?: (columns: number) => number,
): Leaves {
  const { leaf } = options;
  if (task === 'regression') {
    if (leaf === 'counts' || leaf === 'naive_bayes') throw unfit(leaf, 'classes', '"model" or "mean"');
    return new ValueLeaves({ ...options, leaf, subspace }, layout, random);
  }
  if (leaf === 'mean' || leaf === 'model') throw unfit(leaf, 'numbers', '"naive_bayes" or "counts"');
  return new ClassLeaves({ ...options, leaf, subspace }, task === 'binary' ? 2 : 1, layout, random);
}

function unfit(leaf: string, of: string, valid: string): MillraceError {
  return new MillraceError('MODEL_INVALID', `model option "leaf" is "${leaf}", which only leaves for ${of} have`, {
    hint: `Leave it out, or give ${valid}.`,
  });
}
