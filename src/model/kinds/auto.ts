// `auto`, the default: the kind that fits the label's type.

import { MillraceError } from '../../runtime/errors.ts';
import type { ModelRequest } from '../model.ts';
import { taskOf } from '../target.ts';

/** `logistic` for a boolean label, `linear` for a number, without labels `half_space_trees`. Rejects others with MODEL_INVALID. */
export function chooseKind(request: ModelRequest): 'logistic' | 'linear' | 'half_space_trees' {
  const { label } = request;
  if (!label) return 'half_space_trees';
  const task = taskOf(label);
  if (!task)
    throw new MillraceError('MODEL_INVALID', `no model learns a label of type ${label.type}`, {
      hint: 'Give a boolean: `select …, (label = 1) as label`, or a number.',
    });
  return task === 'binary' ? 'logistic' : 'linear';
}
