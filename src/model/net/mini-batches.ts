// The examples that a net waits with until they fill a batch, and those that it keeps to learn again. What one batch is trained on:
// first its own examples; then, as often as `epochs` says, the same again, or, with `replay`, as many drawn from the ones kept.

import type { Input } from '../learner.ts';
import { TYPED_ARRAY_BYTES } from '../memory.ts';
import type { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export interface BatchOptions {
  readonly batch: number;
  readonly epochs: number;
  readonly replay: number;
}

/** An example as it was encoded when its label came. Values have the 32 bits that nets compute with. */
export interface BatchExample {
  readonly length: number;
  readonly indexes: Int32Array;
  readonly values: Float32Array;
  readonly y: number;
  readonly weight: number;
}

/** Of an example, without its entries. */
const EXAMPLE_BYTES = 96 + 2 * TYPED_ARRAY_BYTES;

export class MiniBatches {
  readonly #options: BatchOptions;
  #pending: BatchExample[] = [];
  /** The latest `replay` that were trained on; once there are so many, `#oldest` is the next to go. */
  readonly #kept: BatchExample[] = [];
  #oldest = 0;
  #entries = 0;

  constructor(options: BatchOptions, saved?: StateReader) {
    this.#options = options;
    if (!saved) return;
    for (let left = saved.u32(); left > 0; left--) this.#pending.push(readExample(saved));
    // Other options may want fewer: the oldest go.
    const kept: BatchExample[] = [];
    for (let left = saved.u32(); left > 0; left--) kept.push(readExample(saved));
    if (options.replay > 0) this.#kept.push(...kept.slice(-options.replay));
    for (const example of [...this.#pending, ...this.#kept]) this.#entries += example.length;
  }

  get bytes(): number {
    return (this.#pending.length + this.#kept.length) * EXAMPLE_BYTES + this.#entries * 8;
  }

  /** @returns whether there is a batch to `train` */
  add(x: Input, y: number, weight: number): boolean {
    const { length } = x;
    const [indexes, values] = [x.indexes.slice(0, length), Float32Array.from(x.values.subarray(0, length))];
    this.#pending.push({ length, indexes, values, y, weight });
    this.#entries += length;
    return this.#pending.length >= this.#options.batch;
  }

  /** The greatest index among those waiting. */
  get greatestIndex(): number {
    let greatest = -1;
    for (const { indexes } of this.#pending) for (const index of indexes) greatest = Math.max(greatest, index);
    return greatest;
  }

  /** Most entries that one of those waiting has. */
  get mostEntries(): number {
    return this.#pending.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** Gives what is waiting, then what it is followed by, each at most `batch` long, to `step`. */
  train(random: Random, step: (examples: readonly BatchExample[]) => void): void {
    const { batch, epochs, replay } = this.#options;
    const waiting = this.#pending;
    this.#pending = [];
    for (let from = 0; from < waiting.length; from += batch) {
      const examples = waiting.slice(from, from + batch);
      for (const example of examples) this.#keep(example);
      step(examples);
      for (let epoch = 1; epoch < epochs; epoch++)
        step(replay > 0 ? examples.map(() => this.#nth(Math.floor(random.uniform() * this.#kept.length))) : examples);
    }
  }

  save(writer: StateWriter): void {
    writer.u32(this.#pending.length);
    for (const example of this.#pending) writeExample(writer, example);
    writer.u32(this.#kept.length);
    for (let n = 0; n < this.#kept.length; n++) writeExample(writer, this.#nth(n));
  }

  /** Of the examples kept, the oldest is number 0, wherever it stands: a saved state has them in this order. */
  #nth(n: number): BatchExample {
    return this.#kept[(this.#oldest + n) % this.#kept.length]!;
  }

  #keep(example: BatchExample): void {
    if (this.#kept.length < this.#options.replay) this.#kept.push(example);
    else if (this.#options.replay > 0) {
      this.#entries -= this.#kept[this.#oldest]!.length;
      this.#kept[this.#oldest] = example;
      this.#oldest = (this.#oldest + 1) % this.#kept.length;
    } else this.#entries -= example.length;
  }
}

function writeExample(writer: StateWriter, { indexes, values, y, weight }: BatchExample): void {
  writer.f64(y);
  writer.f64(weight);
  writer.floats32(values);
  for (const index of indexes) writer.u32(index);
}

function readExample(reader: StateReader): BatchExample {
  const [y, weight, values] = [reader.f64(), reader.f64(), reader.floats32()];
  const indexes = Int32Array.from(values, () => reader.u32());
  return { length: values.length, indexes, values, y, weight };
}
