// `neural`: a multi-layer perceptron, trained by mini-batches on a WebAssembly kernel of our own. docs/models.md lists its options.

import { z } from 'zod';
import { MillraceError } from '../../runtime/errors.ts';
import { classWeights, learnerOptions, maxClasses, taskOption } from '../encoder/encode-options.ts';
import type { Input, Kind, Learner } from '../learner.ts';
import { Head, headTask, type HeadTask } from '../net/head.ts';
import { MiniBatches, type BatchExample } from '../net/mini-batches.ts';
import { Net } from '../net/net.ts';
import { openArithmetic } from '../net/wasm-arithmetic.ts';
import { parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

const neuralOptions = z.strictObject({
  ...learnerOptions,
  /** Examples that a step is taken for. */
  batch: z.int().min(1).max(4096).default(8),
  /** Steps for each batch: one on its own examples, the others on them again or, with `replay`, on as many drawn from those kept. */
  epochs: z.int().min(1).max(100).default(3),
  /** Latest examples kept. */
  replay: z.int().min(0).max(1_000_000).default(0),
  hidden: z.array(z.int().min(1).max(1024)).max(8).default([64, 32]),
  activation: z.enum(['relu', 'tanh']).default('relu'),
  dropout: z.number().min(0).max(0.9).default(0),
  lr: z.number().positive().max(1).default(0.003),
  beta_1: z.number().min(0).lt(1).default(0.9),
  beta_2: z.number().min(0).lt(1).default(0.999),
  eps: z.number().min(1e-12).max(1).default(1e-8),
  l2: z.number().min(0).max(1).default(0),
  clip: z.number().positive().max(1e6).default(1),
  class_weights: classWeights,
  max_classes: maxClasses,
  task: taskOption,
});

type NeuralOptions = z.infer<typeof neuralOptions>;

const WHAT = 'neural learner';

class Neural implements Learner {
  readonly #options: NeuralOptions;
  readonly #task: HeadTask;
  readonly #random: Random;
  readonly #head: Head;
  readonly #batches: MiniBatches;
  /** Undefined until the first batch is full. */
  #net: Net | undefined;
  /** Examples that were trained on. */
  #trained = 0;

  constructor(options: NeuralOptions, task: HeadTask, seed: number, saved?: StateReader) {
    this.#options = options;
    this.#task = task;
    this.#random = new Random(saved ? saved.u32() : seed);
    this.#head = new Head(task, saved);
    this.#batches = new MiniBatches(options, saved);
    if (saved) this.#load(saved);
  }

  static load(options: NeuralOptions, task: HeadTask, saved: Uint8Array): Neural {
    const reader = new StateReader(saved, WHAT);
    const learner = new Neural(options, task, 0, reader);
    reader.finish();
    return learner;
  }

  get bytes(): number {
    return this.#head.bytes + this.#batches.bytes + (this.#net?.bytes ?? 0);
  }

  predict(x: Input): number {
    return this.#head.predict(this.#rawOf(x));
  }

  outputs(x: Input): Float64Array {
    return this.#head.outputs(this.#rawOf(x));
  }

  learn(x: Input, y: number, weight: number): void {
    const known = this.#head.classes;
    if (weight > 0 || this.#task === 'multiclass') this.#head.observe(y);
    if (this.#net && this.#head.classes > known) this.#growHead(this.#net, known);
    // What counts for nothing must not take a place in a batch.
    if (weight > 0 && this.#batches.add(x, y, weight)) this.#train();
  }

  /** The gradient of the raw score by each entry, times the entry. */
  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const { factors, total } = this.#head.explained(this.#rawOf(x));
    const contributions = this.#net?.entrySlopes(x, factors) ?? new Float64Array(x.length);
    let bias = total;
    for (let e = 0; e < x.length; e++) {
      contributions[e]! *= x.values[e]!;
      bias -= contributions[e]!;
    }
    return { bias, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(WHAT);
    writer.u32(this.#random.state);
    this.#head.save(writer);
    this.#batches.save(writer);
    writer.text(this.#task);
    writer.f64(this.#trained);
    writer.u32(this.#net ? 1 : 0);
    if (this.#net) {
      writer.text(shapeText(this.#options));
      this.#net.save(writer);
    }
    return writer.finish();
  }

  #rawOf(x: Input): (output: number) => number {
    const net = this.#net;
    if (!net) return () => 0;
    net.setRow(0, x);
    net.forward(1);
    return (output) => net.output(0, output);
  }

  #train(): void {
    const { hidden, activation, batch } = this.#options;
    const inputs = this.#batches.greatestIndex + 1;
    const shape = { inputs, hidden, outputs: this.#head.width, rows: batch };
    if (this.#net) this.#net.grow(inputs, this.#head.width, this.#random);
    else this.#net = Net.create(shape, activation, this.#batches.mostEntries, this.#random, openArithmetic());
    const net = this.#net;
    this.#batches.train(this.#random, (examples) => this.#step(net, examples));
    this.#trained += batch;
  }

  #step(net: Net, examples: readonly BatchExample[]): void {
    const { dropout } = this.#options;
    for (const [i, example] of examples.entries()) net.setRow(i, example);
    net.forward(examples.length, dropout, this.#random);
    net.clearSlopes();
    for (const [i, { y, weight }] of examples.entries())
      this.#head.slopes(
        (output) => net.output(i, output),
        y,
        weight / examples.length,
        (output, slope) => net.setSlope(i, output, slope),
      );
    net.backward(examples.length);
    net.step(this.#options);
  }

  /** A new class begins at odds of 1 to the examples that were none of it, not as probable as the others. */
  #growHead(net: Net, known: number): void {
    net.grow(0, this.#head.classes, this.#random);
    for (let c = known; c < this.#head.classes; c++) net.setOutputBias(c, -Math.log1p(this.#trained));
  }

  #load(saved: StateReader): void {
    const task = saved.text();
    if (task !== this.#task) throw changed(`learned the task "${task}"`, `"${this.#task}"`);
    this.#trained = saved.f64();
    if (saved.u32() === 0) return;
    const [shape, wanted] = [saved.text(), shapeText(this.#options)];
    if (shape !== wanted) throw changed(`has ${shape}`, wanted);
    const { hidden, activation, batch } = this.#options;
    this.#net = Net.load({ hidden, rows: batch }, activation, saved, openArithmetic());
  }
}

function shapeText({ hidden, activation }: NeuralOptions): string {
  return `"hidden": [${hidden.join(', ')}], "activation": "${activation}"`;
}

function changed(saved: string, wanted: string): MillraceError {
  return new MillraceError('MODEL_STATE', `the saved net ${saved}, the options say ${wanted}`, {
    hint: 'A net keeps its shape: give the options it was saved with, or rebuild the pipeline to start a new one.',
  });
}

export const neural: Kind = {
  name: 'neural',
  tasks: ['binary', 'regression', 'multiclass'],
  options: neuralOptions,
  create(options, task, seed) {
    return new Neural(parseOptions(neuralOptions, options), headTask(task), seed);
  },
  load(options, task, saved) {
    return Neural.load(parseOptions(neuralOptions, options), headTask(task), saved);
  },
};
