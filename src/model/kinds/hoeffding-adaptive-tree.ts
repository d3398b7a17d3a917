// `hoeffding_adaptive_tree`: a Hoeffding tree that replaces the parts of it that drift. Options and defaults: docs/models.md.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Kind, Layout } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { StateReader } from '../saved-state.ts';
import { AdaptiveTree } from '../trees/adaptive-tree.ts';
import { leafOptions, leavesFor } from '../trees/leaf-choice.ts';
import { splitOptions } from '../trees/split.ts';
import { TreeLearner } from '../trees/tree-learner.ts';

const share = z.number().gt(0).lt(1);

const adaptiveTreeOptions = z.strictObject({
  ...columnLearnerOptions,
  task: taskOption,
  bootstrap: z.boolean().default(true),
  drift_delta: share.default(0.002),
  drift_window: z.int().min(1).max(1_000_000).default(300),
  switch_significance: share.default(0.05),
  ...splitOptions,
  ...leafOptions,
  class_weights: classWeights,
  max_classes: maxClasses,
});

type AdaptiveTreeOptions = z.infer<typeof adaptiveTreeOptions>;

const NAME = 'Hoeffding adaptive tree';

export const hoeffdingAdaptiveTree: Kind = {
  name: 'hoeffding_adaptive_tree',
  tasks: ['binary', 'regression', 'multiclass'],
  inputs: 'columns',
  options: adaptiveTreeOptions,
  create(given, task, seed, layout) {
    return new TreeLearner(NAME, task, treeOf(parseOptions(adaptiveTreeOptions, given), task, seed, layout));
  },
  load(given, task, saved, layout) {
    const reader = new StateReader(saved, `${NAME} ${task} learner`);
    const columns = reader.u32();
    const tree = treeOf(parseOptions(adaptiveTreeOptions, given), task, 0, layout);
    tree.load(reader);
    reader.finish();
    return new TreeLearner(NAME, task, tree, columns);
  },
};

function treeOf(options: AdaptiveTreeOptions, task: LearnedTask, seed: number, layout: Layout): AdaptiveTree {
  const random = new Random(seed);
  const numbers = task === 'regression';
  return new AdaptiveTree({ ...options, numbers }, leavesFor(task, options, layout, random), random);
}
