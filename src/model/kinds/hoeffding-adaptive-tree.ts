// `hoeffding_adaptive_tree`: a Hoeffding tree that replaces the parts of it that drift. Options and defaults: docs/models.md.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Kind, Layout } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { AdaptiveTree } from '../trees/adaptive-tree.ts';
import { leafOptions, leavesFor } from '../trees/leaf-choice.ts';
import { splitOptions } from '../trees/split.ts';
import { TreeLearner, type TreeLearnerParts } from '../trees/tree-learner.ts';
import type { TreeModel } from '../trees/tree-model.ts';

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
    const options = parseOptions(adaptiveTreeOptions, given);
    return new TreeLearner(partsOf(options, task, treeOf(options, task, seed, layout)));
  },
  load(given, task, saved, layout) {
    const options = parseOptions(adaptiveTreeOptions, given);
    return new TreeLearner(partsOf(options, task, treeOf(options, task, 0, layout)), saved);
  },
};

function partsOf({ encode }: AdaptiveTreeOptions, task: LearnedTask, model: TreeModel): TreeLearnerParts {
  return { name: NAME, task, clip: encode.clip, model };
}

function treeOf(options: AdaptiveTreeOptions, task: LearnedTask, seed: number, layout: Layout): AdaptiveTree {
  const random = new Random(seed);
  const numbers = task === 'regression';
  return new AdaptiveTree({ ...options, numbers }, leavesFor(task, options, layout, random), random);
}
