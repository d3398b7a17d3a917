// What one series' forecasts were off by: the deviation one step ahead, and the forecasts further ahead that wait for their value.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { IntervalWidths } from './interval-widths.ts';
import { bounded } from './series-model.ts';

/** Errors that the deviation is of, once there are so many: then the last count most. */
const FADING = 100;
/** From so many errors on a series' own deviation is taken. */
const ENOUGH = 3;

export class SeriesErrors {
  /** One step ahead, mean of squares. */
  #square = 0;
  #count = 0;
  /** By horizon from 2 on: the position that a forecast is for, the forecast, its deviation. No position: 0. */
  readonly #due: Float64Array;
  readonly #forecasts: Float64Array;
  readonly #deviations: Float64Array;
  /** Deviations to either side that its bounds were. */
  readonly #widths: Float64Array;

  constructor(horizon: number, saved?: StateReader) {
    this.#due = new Float64Array(horizon - 1);
    this.#forecasts = new Float64Array(horizon - 1);
    this.#deviations = new Float64Array(horizon - 1);
    this.#widths = new Float64Array(horizon - 1).fill(Number.NaN);
    if (!saved) return;
    this.#square = saved.f64();
    this.#count = saved.f64();
    for (const mine of [this.#due, this.#forecasts, this.#deviations])
      mine.set(saved.floats().subarray(0, mine.length));
  }

  static bytes(horizon: number): number {
    return 100 + 32 * (horizon - 1);
  }

  get enough(): boolean {
    return this.#count >= ENOUGH;
  }

  get deviation(): number {
    return Math.sqrt(this.#square);
  }

  /** Errors from before the model started say little of those from now on. */
  restart(): void {
    this.#count = Math.min(this.#count, 1);
  }

  /** An error in units of one step ahead. */
  add(error: number): void {
    this.#count += 1;
    const square = this.#square + (error * error - this.#square) / Math.min(this.#count, FADING);
    this.#square = bounded(square, this.#square);
  }

  /** A value came, at this position: widths learn from the forecasts that were for it. Those for one that never came are dropped. */
  settle(position: number, y: number, widths: IntervalWidths): void {
    for (let i = 0; i < this.#due.length; i++) {
      const due = this.#due[i]!;
      if (due === 0 || due > position) continue;
      const error = Math.abs(y - this.#forecasts[i]!);
      if (due === position && (error > 0 || this.#deviations[i]! > 0))
        widths.learn(i + 2, error / this.#deviations[i]!);
      this.#due[i] = 0;
    }
  }

  /**
   * The forecast for a position that was made `steps` before it, from 2 on, and how far its bounds are to either side (NaN where that
   * was not kept); undefined where none waits for it.
   */
  forecastFor(position: number, steps: number): { readonly forecast: number; readonly reach: number } | undefined {
    const i = steps - 2;
    if (this.#due[i] !== position) return undefined;
    return { forecast: this.#forecasts[i]!, reach: this.#widths[i]! * this.#deviations[i]! };
  }

  /** A horizon whose forecast has come due takes the next: one waits for each, so that memory is as long as the horizon, not its square. */
  get waits(): boolean {
    return this.#due.includes(0);
  }

  /** `forecasts[h - 1]`, its deviation and how many of it its bounds are away are for `h` − 1 steps after `position`. */
  expect(position: number, forecasts: Float64Array, deviations: Float64Array, widths: Float64Array): void {
    for (let i = 0; i < this.#due.length; i++) {
      if (this.#due[i] !== 0) continue;
      this.#due[i] = position + i + 1;
      this.#forecasts[i] = forecasts[i + 1]!;
      this.#deviations[i] = deviations[i + 1]!;
      this.#widths[i] = widths[i + 1]!;
    }
  }

  saveWidths(writer: StateWriter): void {
    writer.floats(this.#widths);
  }

  /** A state of before they were kept has none. */
  loadWidths(saved: StateReader): void {
    if (!saved.atEnd) this.#widths.set(saved.floats().subarray(0, this.#widths.length));
  }

  save(writer: StateWriter): void {
    writer.f64(this.#square);
    writer.f64(this.#count);
    writer.floats(this.#due);
    writer.floats(this.#forecasts);
    writer.floats(this.#deviations);
  }
}
