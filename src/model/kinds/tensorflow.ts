// `tensorflow`: any TensorFlow.js Layers model, trained by mini-batches. docs/models.md lists its options.

import { z } from 'zod';
import { MillraceError } from '../../runtime/errors.ts';
import { classWeights, learnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Input, Kind, Layout, Learner } from '../learner.ts';
import { Head, headTask, type HeadTask } from '../net/head.ts';
import { MiniBatches, type BatchExample } from '../net/mini-batches.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { FlatOptimizer } from '../tensorflow/flat-optimizer.ts';
import { loadTensorFlow } from '../tensorflow/runtime.ts';
import { TensorModel } from '../tensorflow/tensor-model.ts';
import { buildModel, topologyOptions, type BuiltModel } from '../tensorflow/topology.ts';

const tensorFlowOptions = z
  .strictObject({
    ...learnerOptions,
    ...topologyOptions,
    batch: z.int().min(1).max(4096).default(32),
    epochs: z.int().min(1).max(100).default(3),
    replay: z.int().min(0).max(1_000_000).default(0),
    optimizer: z.enum(['adam', 'sgd']).default('adam'),
    lr: z.number().positive().max(10).default(0.003),
    beta_1: z.number().min(0).lt(1).default(0.9),
    beta_2: z.number().min(0).lt(1).default(0.999),
    eps: z.number().min(1e-12).max(1).default(1e-8),
    momentum: z.number().min(0).lt(1).default(0),
    l2: z.number().min(0).max(1).default(0),
    clip: z.number().positive().max(1e6).default(1),
    class_weights: classWeights,
    max_classes: maxClasses,
    task: taskOption,
  })
  .refine(({ layers, topology }) => layers === undefined || topology === undefined, {
    path: ['topology'],
    message: '"layers" says another net; give one of them',
  })
  .refine(({ inputs, topology }) => inputs === undefined || topology === undefined, {
    path: ['inputs'],
    message: '"topology" says itself how many inputs there are',
  })
  .refine(({ inputs, layers }) => inputs === undefined || layers?.[0]?.['input_shape'] === undefined, {
    path: ['inputs'],
    message: 'the first of "layers" says itself how many there are, by its "input_shape"',
  })
  .refine(({ optimizer, momentum }) => optimizer === 'sgd' || momentum === 0, {
    path: ['momentum'],
    message: 'it goes with "optimizer": "sgd"; "adam" has "beta_1"',
  });

type TensorFlowOptions = z.infer<typeof tensorFlowOptions>;

const WHAT = 'tensorflow learner';
/** Most dimensions that `layers` see where neither they nor `inputs` say how many. */
const DEFAULT_INPUTS = 1024;

class TensorFlowLearner implements Learner {
  readonly #options: TensorFlowOptions;
  readonly #task: HeadTask;
  readonly #random: Random;
  readonly #head: Head;
  readonly #batches: MiniBatches;
  readonly #width: number;
  readonly #model: TensorModel;
  readonly #optimizer: FlatOptimizer;

  private constructor(parts: {
    options: TensorFlowOptions;
    task: HeadTask;
    random: Random;
    width: number;
    model: TensorModel;
    saved: StateReader | undefined;
  }) {
    this.#options = parts.options;
    this.#task = parts.task;
    this.#random = parts.random;
    this.#width = parts.width;
    this.#model = parts.model;
    this.#head = new Head(parts.task, parts.saved);
    this.#batches = new MiniBatches(parts.options, parts.saved);
    this.#optimizer = new FlatOptimizer(parts.model.count, parts.saved);
  }

  static async create(options: TensorFlowOptions, task: HeadTask, seed: number, layout: Layout) {
    const tensorflow = await loadTensorFlow();
    const width = options.inputs ?? Math.min(DEFAULT_INPUTS, Math.max(1, layout.mostDimensions));
    const random = new Random(seed);
    const built = await buildModel(tensorflow, options, width, outputsOf(options, task), random);
    checkWidth(built, layout);
    return new TensorFlowLearner({
      options,
      task,
      random,
      width,
      model: new TensorModel(tensorflow, built),
      saved: undefined,
    });
  }

  static async load(options: TensorFlowOptions, task: HeadTask, saved: Uint8Array) {
    const reader = new StateReader(saved, WHAT);
    const learned = reader.text();
    if (learned !== task) throw changed(`learned the task "${learned}", the options say "${task}"`);
    const [state, width] = [reader.u32(), reader.u32()];
    const [weights, others] = [reader.floats32(), reader.floats32()];
    const tensorflow = await loadTensorFlow();
    // What it draws is overwritten.
    const built = await buildModel(tensorflow, options, width, outputsOf(options, task), new Random(0));
    const model = new TensorModel(tensorflow, built);
    if (model.count !== weights.length || model.otherWeights.length !== others.length)
      throw changed(`has ${weights.length} weights, the options say ${model.count}`);
    model.weights = weights;
    model.otherWeights = others;
    const random = new Random(state);
    const learner = new TensorFlowLearner({ options, task, random, width, model, saved: reader });
    reader.finish();
    return learner;
  }

  get bytes(): number {
    return this.#head.bytes + this.#batches.bytes + this.#model.bytes + this.#optimizer.bytes;
  }

  predict(x: Input): number {
    return this.#head.predict(this.#rawOf(x));
  }

  outputs(x: Input): Float64Array {
    return this.#head.outputs(this.#rawOf(x));
  }

  learn(x: Input, y: number, weight: number): void {
    if (weight > 0 || this.#task === 'multiclass') this.#head.observe(y);
    if (weight > 0 && this.#batches.add(x, y, weight))
      this.#batches.train(this.#random, (examples) => this.#step(examples));
  }

  /** The gradient of the raw score by each entry, times the entry. */
  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const { factors, total } = this.#head.explained(this.#rawOf(x));
    const contributions =
      this.#optimizer.steps === 0 ? new Float64Array(x.length) : this.#model.entrySlopes(x, factors);
    let bias = total;
    for (let e = 0; e < x.length; e++) {
      const part = contributions[e]! * x.values[e]!;
      contributions[e] = Number.isFinite(part) ? part : 0;
      bias -= contributions[e]!;
    }
    return { bias, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(WHAT);
    writer.text(this.#task);
    writer.u32(this.#random.state);
    writer.u32(this.#width);
    writer.floats32(this.#model.weights);
    writer.floats32(this.#model.otherWeights);
    this.#head.save(writer);
    this.#batches.save(writer);
    this.#optimizer.save(writer);
    return writer.finish();
  }

  /** Before the first step every raw output is 0: what first weights say means nothing. */
  #rawOf(x: Input): (output: number) => number {
    if (this.#optimizer.steps === 0) return () => 0;
    const raw = this.#model.raw(x);
    return (output) => raw[output] ?? 0;
  }

  #step(examples: readonly BatchExample[]): void {
    const { outputs } = this.#model;
    const slopesOf = (raw: Float32Array): Float32Array => {
      const slopes = new Float32Array(raw.length);
      for (const [i, { y, weight }] of examples.entries())
        this.#head.slopes(
          (output) => raw[i * outputs + output] ?? 0,
          y,
          weight / examples.length,
          (output, slope) => (slopes[i * outputs + output] = slope),
        );
      return slopes;
    };
    const gradient = this.#model.gradient(examples, slopesOf, this.#random);
    const moved = this.#optimizer.step(this.#model.weights, gradient, this.#options);
    if (moved) this.#model.weights = moved;
  }
}

function outputsOf(options: TensorFlowOptions, task: HeadTask): number {
  return task === 'multiclass' ? options.max_classes : 1;
}

/** A net of fewer inputs than there are numbers would pass over columns unseen. */
function checkWidth({ model, inputs }: BuiltModel, layout: Layout): void {
  const width = inputs.reduce((sum, input) => sum + input.width, 0);
  if (width >= layout.dimensions) return;
  throw new MillraceError(
    'MODEL_INVALID',
    `layer "${model.inputs.at(-1)!.sourceLayer.name}" ends the inputs of the net at ${width}, and the row's numbers and booleans are ${layout.dimensions}`,
    {
      hint: 'Each number or boolean is an input, in the order of the columns; categories and NULLs follow as they come. Widen the net, or leave columns out: "encode": {"features": {"a_column": {"as": "ignore"}}}.',
    },
  );
}

function changed(saved: string): MillraceError {
  return new MillraceError('MODEL_STATE', `the saved net ${saved}`, {
    hint: 'A net keeps its shape: give the options it was saved with, or rebuild the pipeline to start a new one.',
  });
}

export const tensorflow: Kind = {
  name: 'tensorflow',
  tasks: ['binary', 'regression', 'multiclass'],
  options: tensorFlowOptions,
  async create(options, task, seed, layout) {
    return await TensorFlowLearner.create(parseOptions(tensorFlowOptions, options), headTask(task), seed, layout);
  },
  async load(options, task, saved) {
    return await TensorFlowLearner.load(parseOptions(tensorFlowOptions, options), headTask(task), saved);
  },
};
