// What a model is to learn: from the label's type, the kind and its options.

import type { ColumnType } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import type { Kind } from './learner.ts';
import type { LearnedTask, ModelRequest } from './model.ts';
import { didYouMean } from './options.ts';
import { taskOf, tasksOf } from './target.ts';

const LABELS: Readonly<Record<LearnedTask, string>> = {
  binary: 'boolean',
  regression: 'numeric',
  multiclass: 'text or integer',
  anomaly: 'boolean',
};

const HINTS: Readonly<Record<LearnedTask, string>> = {
  binary: 'Give a boolean: `select …, (label = 1) as label`',
  regression: 'Give a number: `select …, label::int as label`',
  multiclass: 'Give the class: `select …, label::text as label`',
  anomaly: 'It learns without labels, which only measure it: leave `labels` out, or give a boolean',
};

/** What learns such a label as it is. */
const KIND_FOR: Readonly<Record<string, string>> = { binary: 'logistic', regression: 'linear', multiclass: 'softmax' };

/** Throws MODEL_INVALID where the kind learns no such label, or the options do not go with it. */
export function chooseTask(
  kind: Pick<Kind, 'name' | 'tasks'>,
  parsed: LearnerOptions,
  request: ModelRequest,
): LearnedTask {
  const { label } = request;
  if (kind.tasks.includes('anomaly') && (!label || taskOf(label) === 'binary')) return 'anomaly';
  if (!label)
    throw new MillraceError('MODEL_INVALID', `"${kind.name}" learns from labels, and there is no label view`, {
      hint: `Give labels => 'a_view'; or model => '{"kind":"half_space_trees"}', which finds anomalies without; or '{"kind":"none"}' for a live feature table.`,
    });
  const possible = tasksOf(label).filter((task) => kind.tasks.includes(task));
  const first = possible[0];
  if (first === undefined) {
    const wanted = kind.tasks.map((task) => LABELS[task]);
    throw new MillraceError(
      'MODEL_INVALID',
      `"${kind.name}" needs a ${wanted.join(' or ')} label, the label view gives ${label.type}`,
      { hint: hintFor(kind.tasks[0]!, label) },
    );
  }
  const task = parsed.task ?? first;
  if (!possible.includes(task))
    throw new MillraceError(
      'MODEL_INVALID',
      `model option "task" is "${task}", which a label of type ${label.type} is not learned as`,
      { hint: `Valid here: ${possible.map((name) => `"${name}"`).join(', ')}.` },
    );
  checkClassWeights(parsed, task);
  return task;
}

function hintFor(wanted: LearnedTask, label: ColumnType): string {
  const given = tasksOf(label)[0];
  const other = wanted === 'anomaly' || given === undefined ? '' : `, or take {"kind":"${KIND_FOR[given]}"}`;
  return `${HINTS[wanted]}${other}.`;
}

function checkClassWeights(parsed: LearnerOptions, task: LearnedTask): void {
  if (parsed.class_weights === undefined) return;
  if (task === 'regression')
    throw new MillraceError('MODEL_INVALID', 'model option "class_weights" needs a label with classes', {
      hint: 'Leave it out, or give the label view a column `weight`.',
    });
  const names = ['true', 'false'];
  for (const name of Object.keys(parsed.class_weights))
    if (task === 'binary' && !names.includes(name))
      throw new MillraceError('MODEL_INVALID', `model option "class_weights" names "${name}", which is no class here`, {
        hint: `${didYouMean(name, names)}Valid classes: "true", "false".`,
      });
}
