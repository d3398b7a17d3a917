// Watches the mean of the scores with ADWIN. Unlike their distribution it stays where it is while a model merely becomes surer.

import { MAX_MAGNITUDE } from '../encoder/feature-value.ts';
import type { LearnedTask } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { createDetector } from './detector-options.ts';
import type { Detector } from './detector.ts';
import type { Shift, Value } from './distribution-watch.ts';
import type { DriftOptions } from './drift-options.ts';

/** Numbers that say how far values reach, before any counts. */
const SCALED_BY = 100;
/** Standard deviations that make the whole range of 0 to 1. */
const RANGE = 10;

export class ScoreWatch {
  readonly #detector: Detector;
  readonly #numbers: boolean;
  #count = 0;
  #mean = 0;
  #squares = 0;

  constructor({ detector }: DriftOptions, task: LearnedTask) {
    const delta = detector.name === 'adwin' ? detector.delta : 0.002;
    this.#detector = createDetector({ name: 'adwin', delta, keep_window: false });
    this.#numbers = task === 'regression';
  }

  get bytes(): number {
    return this.#detector.bytes + 48;
  }

  /** What is beyond 1e100 is left out: its square would leave the range of float8, and all that comes after be NaN. */
  add(value: Value): readonly Shift[] {
    if (typeof value !== 'number' || !(Math.abs(value) <= MAX_MAGNITUDE)) return NOTHING;
    if (this.#numbers && this.#count < SCALED_BY) {
      this.#measure(value);
      return NOTHING;
    }
    const scale = this.#numbers ? this.#scale : 1;
    const offset = this.#numbers ? this.#mean - scale / 2 : 0;
    const place = (value - offset) / scale;
    if (this.#detector.update(place < 0 ? 0 : place > 1 ? 1 : place) !== 'drift') return NOTHING;
    const { before, after } = this.#detector;
    this.#count = this.#mean = this.#squares = 0;
    return [{ detector: 'adwin', from: before * scale + offset, to: after * scale + offset }];
  }

  save(writer: StateWriter): void {
    for (const value of [this.#count, this.#mean, this.#squares]) writer.f64(value);
    this.#detector.save(writer);
  }

  load(reader: StateReader): void {
    [this.#count, this.#mean, this.#squares] = [reader.f64(), reader.f64(), reader.f64()];
    this.#detector.load(reader);
  }

  get #scale(): number {
    const deviation = Math.sqrt(this.#squares / this.#count);
    return deviation > 0 ? RANGE * deviation : 1;
  }

  #measure(value: number): void {
    this.#count += 1;
    const distance = value - this.#mean;
    this.#mean += distance / this.#count;
    this.#squares += distance * (value - this.#mean);
  }
}

const NOTHING: readonly Shift[] = [];
