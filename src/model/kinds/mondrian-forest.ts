// `mondrian_forest`: an aggregated Mondrian forest for classes or numbers. Options and defaults: docs/models.md.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Kind, Layout } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { parseOptions } from '../options.ts';
import { MondrianForest } from '../trees/mondrian-forest.ts';
import { TreeLearner, type TreeLearnerParts } from '../trees/tree-learner.ts';
import type { TreeModel } from '../trees/tree-model.ts';

const unit = z.enum(['relative', 'absolute']);

const mondrianForestOptions = z.strictObject({
  ...columnLearnerOptions,
  task: taskOption,
  trees: z.int().min(1).max(1000).default(10),
  step: z.number().positive().max(1e6).default(1),
  aggregate: z.boolean().default(true),
  dirichlet: z.number().positive().max(1e6).default(0.5),
  split_pure: z.boolean().default(false),
  /** By a column's range so far, or as the column has them; by default as labels are: relative for classes. */
  distances: unit.optional(),
  /** Of numbers: by the recent squared error, or as the label has them. */
  losses: unit.default('relative'),
  max_bytes: z.int().min(131_072).max(2_147_483_648).default(16_777_216),
  class_weights: classWeights,
  max_classes: maxClasses,
});

type MondrianForestOptions = z.infer<typeof mondrianForestOptions>;

const NAME = 'Mondrian forest';

export const mondrianForest: Kind = {
  name: 'mondrian_forest',
  tasks: ['binary', 'regression', 'multiclass'],
  inputs: 'columns',
  options: mondrianForestOptions,
  create(given, task, seed, layout) {
    const options = parseOptions(mondrianForestOptions, given);
    return new TreeLearner(partsOf(options, task, forestOf(options, task, seed, layout)));
  },
  load(given, task, saved, layout) {
    const options = parseOptions(mondrianForestOptions, given);
    return new TreeLearner(partsOf(options, task, forestOf(options, task, 0, layout)), saved);
  },
};

function partsOf({ encode }: MondrianForestOptions, task: LearnedTask, model: TreeModel): TreeLearnerParts {
  return { name: NAME, task, clip: encode.clip, model };
}

function forestOf(options: MondrianForestOptions, task: LearnedTask, seed: number, layout: Layout): MondrianForest {
  const classes = task === 'binary' ? 2 : task === 'multiclass' ? 1 : 0;
  const numbers = task === 'regression';
  const relative_distance = (options.distances ?? (numbers ? 'absolute' : 'relative')) === 'relative';
  const relative_loss = numbers && options.losses === 'relative';
  return new MondrianForest({ ...options, numbers, relative_distance, relative_loss }, classes, layout, seed);
}
