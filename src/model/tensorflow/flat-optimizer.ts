// Optimizers over weights as one vector, on the arithmetic of our own nets: their state is floats that can be saved, and resuming has
// the same bits, which TensorFlow's own optimizers do not promise.

import type { Arithmetic } from '../net/arithmetic.ts';
import { padded } from '../net/net-layout.ts';
import { openArithmetic } from '../net/wasm-arithmetic.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

export interface FlatOptions {
  readonly optimizer: 'adam' | 'sgd';
  readonly lr: number;
  readonly beta_1: number;
  readonly beta_2: number;
  readonly eps: number;
  /** Of `sgd`: the share of the last step that is taken again. */
  readonly momentum: number;
  readonly l2: number;
  readonly clip: number;
}

export class FlatOptimizer {
  readonly #count: number;
  /** Weights, gradient, two moments: `#room` floats each. */
  readonly #room: number;
  readonly #arithmetic: Arithmetic;
  #steps = 0;

  constructor(count: number, saved?: StateReader) {
    this.#count = count;
    this.#room = padded(count);
    this.#arithmetic = openArithmetic();
    this.#arithmetic.reserve(4 * this.#room);
    if (!saved) return;
    this.#steps = saved.f64();
    for (const part of [2, 3]) this.#arithmetic.floats.set(saved.floats32(), part * this.#room);
  }

  /** Steps taken. */
  get steps(): number {
    return this.#steps;
  }

  get bytes(): number {
    return 16 * this.#room;
  }

  /** The weights after a step; undefined where the gradient is not finite, and nothing moves. */
  step(weights: Float32Array, gradient: Float32Array, options: FlatOptions): Float32Array | undefined {
    const [room, count, { floats }] = [this.#room, this.#count, this.#arithmetic];
    floats.set(weights, 0);
    floats.set(gradient, room);
    const length = Math.sqrt(this.#arithmetic.sumOfSquares(room, room));
    if (!Number.isFinite(length)) return undefined;
    this.#steps += 1;
    const scale = length > options.clip ? options.clip / length : 1;
    if (options.optimizer === 'adam') {
      const state = { weights: 0, gradients: room, means: 2 * room, squares: 3 * room, count: room };
      this.#arithmetic.adam(state, { ...options, scale, step: this.#steps });
    } else
      for (let i = 0; i < count; i++) {
        const slope = floats[room + i]! * scale + floats[i]! * options.l2;
        const step = Math.fround(options.momentum * floats[2 * room + i]! + slope);
        floats[2 * room + i] = step;
        floats[i]! -= options.lr * step;
      }
    return floats.slice(0, count);
  }

  save(writer: StateWriter): void {
    writer.f64(this.#steps);
    for (const part of [2, 3])
      writer.floats32(this.#arithmetic.floats.subarray(part * this.#room, part * this.#room + this.#count));
  }
}
