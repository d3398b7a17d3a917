// What one series' forecasts were off by: the deviation one step ahead, and the forecasts further ahead that wait for their value.

import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import type { IntervalWidths } from './interval-widths.ts';
import { bounded } from './series-model.ts';

/** Errors that the deviation is of, once there are so many: then the last count most. */
const FADING = 100;
/** From so many errors on a series' own deviation is taken. */
const ENOUGH = 3;
/** What is kept of a forecast that waits. */
const DUE = 0;
const FORECAST = 1;
const DEVIATION = 2;
const WIDTH = 3;

const NONE = new Float64Array(0);

export class SeriesErrors {
  /** One step ahead, mean of squares. */
  #square = 0;
  #count = 0;
  /**
   * In one array, by horizon from 2 on: the positions that forecasts are for (0: none), the forecasts, their deviations, and how many
   * of these its bounds were to either side.
   */
  readonly #waiting: Float64Array;
  /** Horizons from 2 on. */
  readonly #ahead: number;

  constructor(horizon: number, saved?: StateReader) {
    this.#ahead = horizon - 1;
    this.#waiting = horizon > 1 ? new Float64Array(4 * this.#ahead).fill(Number.NaN, WIDTH * this.#ahead) : NONE;
    if (!saved) return;
    this.#square = saved.f64();
    this.#count = saved.f64();
    for (const field of [DUE, FORECAST, DEVIATION]) this.#set(field, saved.floats());
  }

  get bytes(): number {
    return 104 + (this.#ahead > 0 ? arrayBytes(this.#waiting) : 0);
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
    const [waiting, ahead] = [this.#waiting, this.#ahead];
    for (let i = 0; i < ahead; i++) {
      const due = waiting[i]!;
      if (due === 0 || due > position) continue;
      const error = Math.abs(y - waiting[FORECAST * ahead + i]!);
      const deviation = waiting[DEVIATION * ahead + i]!;
      if (due === position && (error > 0 || deviation > 0)) widths.learn(i + 2, error / deviation);
      waiting[i] = 0;
    }
  }

  /**
   * The forecast for a position that was made `steps` before it, from 2 on, and how far its bounds are to either side (NaN where that
   * was not kept); undefined where none waits for it.
   */
  forecastFor(position: number, steps: number): { readonly forecast: number; readonly reach: number } | undefined {
    const [waiting, ahead, i] = [this.#waiting, this.#ahead, steps - 2];
    if (waiting[i] !== position) return undefined;
    const reach = waiting[WIDTH * ahead + i]! * waiting[DEVIATION * ahead + i]!;
    return { forecast: waiting[FORECAST * ahead + i]!, reach };
  }

  /** A horizon whose forecast has come due takes the next: one waits for each, so that memory is as long as the horizon, not its square. */
  get waits(): boolean {
    const first = this.#waiting.indexOf(0);
    return first >= 0 && first < this.#ahead;
  }

  /** `forecasts[h - 1]`, its deviation and how many of it its bounds are away are for `h` − 1 steps after `position`. */
  expect(position: number, forecasts: Float64Array, deviations: Float64Array, widths: Float64Array): void {
    const [waiting, ahead] = [this.#waiting, this.#ahead];
    for (let i = 0; i < ahead; i++) {
      if (waiting[i] !== 0) continue;
      waiting[i] = position + i + 1;
      waiting[FORECAST * ahead + i] = forecasts[i + 1]!;
      waiting[DEVIATION * ahead + i] = deviations[i + 1]!;
      waiting[WIDTH * ahead + i] = widths[i + 1]!;
    }
  }

  saveWidths(writer: StateWriter): void {
    writer.floats(this.#of(WIDTH));
  }

  /** A state of before they were kept has none. */
  loadWidths(saved: StateReader): void {
    if (!saved.atEnd) this.#set(WIDTH, saved.floats());
  }

  save(writer: StateWriter): void {
    writer.f64(this.#square);
    writer.f64(this.#count);
    for (const field of [DUE, FORECAST, DEVIATION]) writer.floats(this.#of(field));
  }

  #of(field: number): Float64Array {
    return this.#waiting.subarray(field * this.#ahead, (field + 1) * this.#ahead);
  }

  /** Of another horizon: what there is room for. */
  #set(field: number, values: Float64Array): void {
    this.#of(field).set(values.subarray(0, this.#ahead));
  }
}
