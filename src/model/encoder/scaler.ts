// Scales of numbers beside mean and deviation: by least and greatest value, and by median and interquartile range.

import { MillraceError } from '../../runtime/errors.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { QuantileSketch } from './quantile-sketch.ts';

/** standard: (x − mean) / deviation. min_max: 0 to 1. robust: (x − median) / interquartile range. none: x. */
export const SCALES = ['standard', 'min_max', 'robust', 'none'] as const;
export type Scale = (typeof SCALES)[number];

/** What a scale other than mean and deviation has learned of one feature. Numbers given to it are finite and at most 1e100. */
export interface Scaler {
  readonly scale: Scale;
  readonly bytes: number;
  /** @param clip how far out a value may be to count in full, in units of the scale. */
  learn(x: number, clip: number): void;
  /** 0 where all values so far are the same; robust: where both quartiles are. Never NaN, and no further out than `clip`. */
  apply(x: number, clip: number): number;
  save(writer: StateWriter): void;
}

/** Undefined for the two scales that need nothing of their own. Throws MODEL_STATE for a name that it does not know. */
export function scalerOf(scale: string, saved?: StateReader): Scaler | undefined {
  if (scale === 'min_max') return new MinMax(saved);
  if (scale === 'robust') return new Robust(saved);
  if (scale === 'standard' || scale === 'none') return undefined;
  throw new MillraceError('MODEL_STATE', `the saved model has a feature of the scale "${scale}", which is not known`, {
    hint: 'Run the Millrace that saved it or a newer one, or rebuild the pipeline.',
  });
}

/**
 * From this many values on, `count` of them, a value widens the range by no more than `clip` / `count` times what it was: as much
 * as it may move a mean. One absurd value then does not flatten all others for ever, and a true trend is still followed.
 */
const WIDEN_FROM = 100;

class MinMax implements Scaler {
  readonly scale = 'min_max';
  readonly bytes = 24;
  #count = 0;
  #least = 0;
  #greatest = 0;

  constructor(saved?: StateReader) {
    if (!saved) return;
    this.#count = saved.f64();
    this.#least = saved.f64();
    this.#greatest = saved.f64();
  }

  learn(x: number, clip: number): void {
    if (this.#count === 0) this.#least = this.#greatest = x;
    const range = this.#greatest - this.#least;
    // A range of nothing says nothing about what is far.
    const reach = this.#count >= WIDEN_FROM && range > 0 ? (clip * range) / this.#count : Infinity;
    this.#count += 1;
    if (x < this.#least) this.#least = Math.max(x, this.#least - reach);
    if (x > this.#greatest) this.#greatest = Math.min(x, this.#greatest + reach);
  }

  /** A value beyond all that were learned is 0 or 1. */
  apply(x: number): number {
    if (!(this.#greatest > this.#least)) return 0;
    return Math.min(1, Math.max(0, (x - this.#least) / (this.#greatest - this.#least)));
  }

  save(writer: StateWriter): void {
    writer.f64(this.#count);
    writer.f64(this.#least);
    writer.f64(this.#greatest);
  }
}

class Robust implements Scaler {
  readonly scale = 'robust';
  readonly #sketch: QuantileSketch;
  /** Of the sketch as it stands; undefined after it learned. */
  #quartiles: readonly [number, number, number] | undefined;

  constructor(saved?: StateReader) {
    this.#sketch = new QuantileSketch(saved);
  }

  get bytes(): number {
    return 100 + this.#sketch.bytes;
  }

  learn(x: number): void {
    this.#sketch.add(x);
    this.#quartiles = undefined;
  }

  apply(x: number, clip: number): number {
    const sketch = this.#sketch;
    this.#quartiles ??= [sketch.quantile(0.25), sketch.quantile(0.5), sketch.quantile(0.75)];
    const [low, median, high] = this.#quartiles;
    if (!(high > low)) return 0;
    return Math.min(clip, Math.max(-clip, (x - median) / (high - low)));
  }

  save(writer: StateWriter): void {
    this.#sketch.save(writer);
  }
}
