// `half_space_trees`: how thinly populated a row's neighbourhood is, in random trees over the ranges of the columns (Tan, Ting, Liu
// 2011, "Fast anomaly detection for streaming data"). With the same trees it is River 0.26's HalfSpaceTrees behind a MinMaxScaler.

import { z } from 'zod';
import type { ModelOptions } from '../../flow/pipeline.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { anomalyOptions, warmUp } from '../anomaly/anomaly-options.ts';
import { ColumnRange } from '../anomaly/column-range.ts';
import { HalfSpaceForest, type ForestShape } from '../anomaly/half-space-forest.ts';
import { anomalyLearnerOptions } from '../encoder/encode-options.ts';
import type { Input, Kind, Layout, Learner } from '../learner.ts';
import { didYouMean, parseOptions } from '../options.ts';
import { Random } from '../random.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

const MAX_NODES = 4_194_304;

const halfSpaceOptions = z
  .strictObject({
    ...anomalyLearnerOptions,
    ...anomalyOptions,
    n_trees: z.int().min(1).max(1000).default(10),
    height: z.int().min(1).max(20).default(8),
    /** Rows that the masses are counted over. */
    window_size: z.int().min(10).max(10_000_000).default(250),
    ranges: z.enum(['wide', 'observed']).default('wide'),
    /** By feature least and greatest value, where they are known beforehand. */
    limits: z
      .record(
        z.string(),
        z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, '[least, greatest]'),
      )
      .default({}),
    warm_up: warmUp.optional(),
  })
  .refine(({ n_trees, height }) => n_trees * 2 ** (height + 1) <= MAX_NODES, {
    path: ['height'],
    message: `n_trees · 2^(height + 1) is more than ${MAX_NODES} nodes`,
  });

type HalfSpaceOptions = z.infer<typeof halfSpaceOptions>;

const NAME = 'half-space trees learner';

export class HalfSpaceTrees implements Learner {
  readonly #options: HalfSpaceOptions;
  readonly #layout: Layout;
  readonly #random: Random;
  #forest: HalfSpaceForest | undefined;
  /** Grown for other columns or options, and counting its first window: takes over once it is full. */
  #next: HalfSpaceForest | undefined;
  /** Rows of the window in hand. */
  #rows = 0;
  /** By dimension; of codes unused. */
  readonly #ranges: ColumnRange[] = [];
  readonly #nominal: boolean[] = [];
  /** By dimension, as last filled: every input names the same ones, so that NaN stays in those that the view no longer has. */
  #row: Float64Array = new Float64Array(0);
  /** The forest has walked the row as it stands: the row that was scored last is often the next that is learned. */
  #walked = false;

  constructor(options: HalfSpaceOptions, layout: Layout, seed: number) {
    this.#options = options;
    this.#layout = layout;
    this.#random = new Random(seed);
  }

  static load(options: HalfSpaceOptions, layout: Layout, saved: Uint8Array): HalfSpaceTrees {
    const reader = new StateReader(saved, NAME);
    const learner = new HalfSpaceTrees(options, layout, reader.u32());
    learner.#rows = reader.u32();
    for (let left = reader.u32(); left > 0; left--) learner.#add(reader);
    learner.#reserve(0);
    if (reader.u32() === 1) learner.#forest = learner.#loadForest(reader);
    if (reader.u32() === 1) learner.#next = learner.#loadForest(reader);
    reader.finish();
    return learner;
  }

  get warmUp(): number {
    return Math.max(this.#options.warm_up ?? 0, this.#options.window_size);
  }

  get bytes(): number {
    return 64 + this.#row.length * 48 + (this.#forest?.bytes ?? 0) + (this.#next?.bytes ?? 0);
  }

  predict(x: Input): number {
    if (!this.#forest) return 0;
    this.#fill(x);
    this.#walk(this.#forest);
    return this.#forest.score();
  }

  learn(x: Input): void {
    if (this.#rows === 0) this.#fit(x);
    for (let i = 0; i < x.length; i++) this.#ranges[x.indexes[i]!]?.learn(x.values[i]!);
    this.#fill(x);
    this.#walk(this.#forest!);
    this.#forest!.learn();
    this.#next?.walk(this.#row);
    this.#next?.learn();
    // Where a NaN goes may be another after each row.
    this.#walked = false;
    this.#rows += 1;
    if (this.#rows < this.#options.window_size) return;
    if (this.#next) this.#forest = this.#next;
    this.#next = undefined;
    this.#forest!.turn(this.#rows);
    this.#rows = 0;
  }

  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const contributions = new Float64Array(x.length);
    if (!this.#forest) return { bias: 0, contributions };
    const parts = new Float64Array(this.#row.length);
    this.#fill(x);
    let bias = this.#forest.explain(this.#row, parts);
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= parts.length) continue;
      contributions[i] = parts[j]!;
      parts[j] = 0;
    }
    // Of columns that the view no longer has.
    for (const part of parts) bias += part;
    return { bias, contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(NAME);
    writer.u32(this.#random.state);
    writer.u32(this.#rows);
    writer.u32(this.#ranges.length);
    for (const range of this.#ranges) range.save(writer);
    for (const forest of [this.#forest, this.#next]) {
      writer.u32(Number(forest !== undefined));
      if (!forest) continue;
      const { shape, seed, window } = forest;
      writer.text(shape.ranges);
      for (const value of [shape.trees, shape.height, shape.dimensions.length, ...shape.dimensions, seed, window])
        writer.u32(value);
      for (const mass of forest.latest) writer.u32(mass);
      for (const mass of forest.reference) writer.u32(mass);
    }
    return writer.finish();
  }

  #loadForest(reader: StateReader): HalfSpaceForest {
    const ranges = reader.text() === 'wide' ? 'wide' : 'observed';
    const [trees, height] = [reader.u32(), reader.u32()];
    const dimensions = new Int32Array(reader.u32());
    for (let i = 0; i < dimensions.length; i++) dimensions[i] = reader.u32();
    const forest = new HalfSpaceForest(this.#shape(trees, height, dimensions, ranges), reader.u32());
    forest.window = reader.u32();
    for (const masses of [forest.latest, forest.reference])
      for (let i = 0; i < masses.length; i++) masses[i] = reader.u32();
    return forest;
  }

  /** At a window's start: trees over the columns that there are now. */
  #fit(x: Input): void {
    const dimensions = x.indexes.slice(0, x.length).sort();
    const last = dimensions.at(-1);
    if (last !== undefined) this.#reserve(last + 1);
    const { n_trees, height, ranges } = this.#options;
    const now = this.#forest?.shape;
    const same =
      now?.trees === n_trees &&
      now.height === height &&
      now.ranges === ranges &&
      now.dimensions.length === dimensions.length &&
      now.dimensions.every((dimension, i) => dimension === dimensions[i]);
    if (same) return;
    const seed = Math.floor(this.#random.uniform() * 2 ** 32);
    const grown = new HalfSpaceForest(this.#shape(n_trees, height, dimensions, ranges), seed);
    if (this.#forest) this.#next = grown;
    else this.#forest = grown;
  }

  #shape(trees: number, height: number, dimensions: Int32Array, ranges: 'observed' | 'wide'): ForestShape {
    return { trees, height, dimensions, ranges, nominal: (dimension) => this.#layout.nominal(dimension) };
  }

  #reserve(dimensions: number): void {
    while (this.#ranges.length < dimensions) this.#add();
    if (this.#ranges.length <= this.#row.length) return;
    this.#row = new Float64Array(this.#ranges.length).fill(Number.NaN);
    this.#walked = false;
  }

  #add(saved?: StateReader): void {
    const dimension = this.#ranges.length;
    const name = this.#layout.name?.(dimension);
    const { limits } = this.#options;
    this.#nominal.push(this.#layout.nominal(dimension));
    this.#ranges.push(
      new ColumnRange(name !== undefined && Object.hasOwn(limits, name) ? limits[name] : undefined, saved),
    );
  }

  #fill(x: Input): void {
    const row = this.#row;
    for (let i = 0; i < x.length; i++) {
      const j = x.indexes[i]!;
      if (j >= row.length) continue;
      const value = this.#nominal[j] ? x.values[i]! : this.#ranges[j]!.place(x.values[i]!);
      if (row[j] === value) continue;
      row[j] = value;
      this.#walked = false;
    }
  }

  #walk(forest: HalfSpaceForest): void {
    if (!this.#walked) forest.walk(this.#row);
    this.#walked = true;
  }
}

export const halfSpaceTrees: Kind = {
  name: 'half_space_trees',
  tasks: ['anomaly'],
  inputs: 'columns',
  options: halfSpaceOptions,
  create(options, _task, seed, layout) {
    return new HalfSpaceTrees(optionsOf(options, layout), layout, seed);
  },
  load(options, _task, saved, layout) {
    return HalfSpaceTrees.load(optionsOf(options, layout), layout, saved);
  },
};

function optionsOf(given: ModelOptions, layout: Layout): HalfSpaceOptions {
  const options = parseOptions(halfSpaceOptions, given);
  const numbers: string[] = [];
  for (let dimension = 0; dimension < layout.dimensions; dimension++) {
    const name = layout.nominal(dimension) ? undefined : layout.name?.(dimension);
    if (name !== undefined) numbers.push(name);
  }
  for (const name of Object.keys(options.limits))
    if (!numbers.includes(name))
      throw new MillraceError(
        'MODEL_INVALID',
        `model option "limits" names "${name}", which is no feature of numbers`,
        {
          hint: `${didYouMean(name, numbers)}Features of numbers: ${numbers.join(', ')}.`,
        },
      );
  return options;
}
