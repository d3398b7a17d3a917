// `hoeffding_tree`: one tree for classes or numbers. With its defaults it is, for classes, River 0.26's HoeffdingTreeClassifier to
// the last digits; what it departs in is an option, see docs/models.md.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Kind } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { StateReader } from '../saved-state.ts';
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

const NAME = 'Hoeffding tree';

export const hoeffdingTree: Kind = {
  name: 'hoeffding_tree',
  tasks: ['binary', 'regression', 'multiclass'],
  inputs: 'columns',
  options: hoeffdingTreeOptions,
  create(given, task, _seed, layout) {
    const options = parseOptions(hoeffdingTreeOptions, given);
    return new TreeLearner(NAME, task, new HoeffdingTree(options, leavesFor(task, options, layout, new Random(0))));
  },
  load(given, task, saved, layout) {
    const options = parseOptions(hoeffdingTreeOptions, given);
    const reader = new StateReader(saved, `${NAME} ${task} learner`);
    const columns = reader.u32();
    const tree = new HoeffdingTree(options, leavesFor(task, options, layout, new Random(0)));
    tree.load(reader);
    reader.finish();
    return new TreeLearner(NAME, task, tree, columns);
  },
};
