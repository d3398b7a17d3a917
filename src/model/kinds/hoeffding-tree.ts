// `hoeffding_tree`: one tree for classes or numbers. With its defaults it is, for classes, River 0.26's HoeffdingTreeClassifier to
// the last digits; what it departs in is an option, see docs/models.md.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Kind, Layout } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { HoeffdingTree } from '../trees/hoeffding-tree.ts';
import { leafOptions, leavesFor } from '../trees/leaf-choice.ts';
import { splitOptions } from '../trees/split.ts';
import { TreeLearner } from '../trees/tree-learner.ts';

const hoeffdingTreeOptions = z.strictObject({
  ...columnLearnerOptions,
  task: taskOption,
  ...splitOptions,
  ...leafOptions,
  class_weights: classWeights,
  max_classes: maxClasses,
});

type HoeffdingTreeOptions = z.infer<typeof hoeffdingTreeOptions>;

const NAME = 'Hoeffding tree';

export const hoeffdingTree: Kind = {
  name: 'hoeffding_tree',
  tasks: ['binary', 'regression', 'multiclass'],
  inputs: 'columns',
  options: hoeffdingTreeOptions,
  create(given, task, _seed, layout) {
    return learnerOf(parseOptions(hoeffdingTreeOptions, given), task, layout);
  },
  load(given, task, saved, layout) {
    return learnerOf(parseOptions(hoeffdingTreeOptions, given), task, layout, saved);
  },
};

function learnerOf(options: HoeffdingTreeOptions, task: LearnedTask, layout: Layout, saved?: Uint8Array): TreeLearner {
  const model = new HoeffdingTree(options, leavesFor(task, options, layout, new Random(0)));
  return new TreeLearner({ name: NAME, task, clip: options.encode.clip, model }, saved);
}
