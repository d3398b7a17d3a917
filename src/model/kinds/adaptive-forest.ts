// `adaptive_forest`: an adaptive random forest for classes or numbers. Options and defaults: docs/models.md.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Kind, Layout } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { AdaptiveForest } from '../trees/adaptive-forest.ts';
import { HoeffdingTree } from '../trees/hoeffding-tree.ts';
import { leafOptions, leavesFor } from '../trees/leaf-choice.ts';
import { splitOptions } from '../trees/split.ts';
import { TreeLearner, type TreeLearnerParts } from '../trees/tree-learner.ts';
import type { TreeModel } from '../trees/tree-model.ts';

const delta = z.number().gt(0).lt(1);

/** A tree with less could hardly learn. */
const LEAST_TREE_BYTES = 65_536;

const adaptiveForestOptions = z
  .strictObject({
    ...columnLearnerOptions,
    task: taskOption,
    trees: z.int().min(1).max(1000).default(10),
    /** Columns that a leaf watches. */
    max_features: z.union([z.enum(['sqrt', 'log2', 'all']), z.int().min(1)]).default('sqrt'),
    /** Each tree learns an example Poisson(lambda) times. */
    lambda: z.number().positive().max(20).default(6),
    warning_delta: delta.default(0.01),
    drift_delta: delta.default(0.001),
    ...splitOptions,
    ...leafOptions,
    grace_period: splitOptions.grace_period.unwrap().default(50),
    delta: splitOptions.delta.unwrap().default(0.01),
    /** Of statistics, in the whole forest. */
    max_bytes: z.int().min(131_072).max(2_147_483_648).default(33_554_432),
    class_weights: classWeights,
    max_classes: maxClasses,
  })
  .refine((options) => options.max_bytes >= options.trees * 2 * LEAST_TREE_BYTES, {
    path: ['max_bytes'],
    message: 'expected at least 131,072 for each of "trees"',
  });

type AdaptiveForestOptions = z.infer<typeof adaptiveForestOptions>;

const NAME = 'adaptive forest';

export const adaptiveForest: Kind = {
  name: 'adaptive_forest',
  tasks: ['binary', 'regression', 'multiclass'],
  inputs: 'columns',
  options: adaptiveForestOptions,
  create(given, task, seed, layout) {
    const options = parseOptions(adaptiveForestOptions, given);
    return new TreeLearner(partsOf(options, task, forestOf(options, task, seed, layout)));
  },
  load(given, task, saved, layout) {
    const options = parseOptions(adaptiveForestOptions, given);
    return new TreeLearner(partsOf(options, task, forestOf(options, task, 0, layout)), saved);
  },
};

function partsOf({ encode }: AdaptiveForestOptions, task: LearnedTask, model: TreeModel): TreeLearnerParts {
  return { name: NAME, task, clip: encode.clip, model };
}

function forestOf(options: AdaptiveForestOptions, task: LearnedTask, seed: number, layout: Layout): AdaptiveForest {
  const random = new Random(seed);
  // A tree and the one that may take its place.
  const tree = { ...options, max_bytes: options.max_bytes / (2 * options.trees) };
  const subspace = subspaceOf(options.max_features);
  const newTree = () => new HoeffdingTree(tree, leavesFor(task, tree, layout, random, subspace));
  return new AdaptiveForest({ ...options, numbers: task === 'regression', newTree }, random);
}

function subspaceOf(maxFeatures: AdaptiveForestOptions['max_features']): (columns: number) => number {
  if (maxFeatures === 'all') return (columns) => columns;
  if (maxFeatures === 'sqrt') return (columns) => Math.max(1, Math.round(Math.sqrt(columns)));
  if (maxFeatures === 'log2') return (columns) => Math.max(1, Math.round(Math.log2(columns)));
  return () => maxFeatures;
}
