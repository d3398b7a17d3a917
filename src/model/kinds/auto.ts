// What `auto`, the default, is where no portfolio is raced: for no labels, and with options of one kind.

import { MillraceError } from '../../runtime/errors.ts';
import type { ModelRequest } from '../model.ts';
import { taskOf } from '../target.ts';

/** `half_space_trees` without labels, `logistic` for a boolean, `linear` for a number. Rejects others with MODEL_INVALID. */
export function chooseKind({ label }: ModelRequest): 'half_space_trees' | 'logistic' | 'linear' {
  if (!label) return 'half_space_trees';
  const task = taskOf(label);
  if (!task)
    throw new MillraceError('MODEL_INVALID', `no model with these options learns a label of type ${label.type}`, {
      hint: 'Give a boolean: `select …, (label = 1) as label`, or a number.',
    });
  return task === 'binary' ? 'logistic' : 'linear';
}
