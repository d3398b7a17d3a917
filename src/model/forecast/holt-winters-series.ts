// Exponential smoothing of one series: level, trend, season. Holt (1957), Winters (1960), with damping by Gardner and McKenzie (1985);
// the recursions as in River 0.26's HoltWinters, whose season is corrected by the level and trend from before the value, as in
// Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", chapter 8.

import type { Input } from '../learner.ts';
import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { bounded, finite, type Explained, type SeriesModel } from './series-model.ts';

export interface HoltWintersShape {
  readonly alpha: number;
  /** Undefined: no trend. */
  readonly beta: number | undefined;
  readonly gamma: number;
  /** Values a season; 0: none. */
  readonly season: number;
  readonly multiplicative: boolean;
  /** What is left of the trend a step on, 1: all. */
  readonly damping: number;
  /** River's start, whose season is a share of the level also where seasons add. */
  readonly river: boolean;
}

const NONE = new Float64Array(0);

export class HoltWintersSeries implements SeriesModel {
  readonly #shape: HoltWintersShape;
  /** Until there are enough: the values so far, in order. Then empty. */
  #first: number[] = [];
  #ready = false;
  #level = 0;
  #trend = 0;
  /** A ring: at `#next` the season of the next value. */
  readonly #seasons: Float64Array;
  #next = 0;

  constructor(shape: HoltWintersShape, saved?: StateReader) {
    this.#shape = shape;
    this.#seasons = shape.season === 0 ? NONE : new Float64Array(shape.season);
    if (!saved) return;
    this.#ready = saved.u32() === 1;
    this.#level = saved.f64();
    this.#trend = saved.f64();
    this.#next = saved.u32();
    this.#seasons.set(saved.floats());
    this.#first = Array.from(saved.floats());
  }

  get ready(): boolean {
    return this.#ready;
  }

  get bytes(): number {
    const first = this.#ready ? 0 : 8 * startsAfter(this.#shape);
    return 152 + first + (this.#seasons.length === 0 ? 0 : arrayBytes(this.#seasons));
  }

  forecast(from: number, count: number, _x: Input, into: Float64Array): void {
    const { multiplicative, season } = this.#shape;
    for (let j = 0; j < count; j++) {
      if (!this.#ready) {
        into[j] = this.#first.at(-1) ?? 0;
        continue;
      }
      const base = this.#level + this.#growth(from + j);
      const part = season === 0 ? Number(multiplicative) : this.#seasonAt(from + j);
      into[j] = finite(multiplicative ? base * part : base + part);
    }
  }

  /** Hyndman et al. 2008, "Forecasting with Exponential Smoothing", table 6.2; where seasons multiply, of errors as shares of the forecast. */
  spread(from: number, count: number, into: Float64Array): void {
    const { alpha, beta = 0, gamma, season, damping } = this.#shape;
    let squares = 1;
    let damped = 0;
    for (let h = 1; h < from + count; h++) {
      if (h >= from) into[h - from] = Math.sqrt(squares);
      damped = damping * (1 + damped);
      const carried = alpha + alpha * beta * damped + (season > 0 && h % season === 0 ? gamma : 0);
      squares += carried * carried;
    }
  }

  learn(y: number, steps: number): void {
    if (this.#ready) {
      this.#pass(steps - 1);
      this.#smooth(y);
      return;
    }
    const enough = startsAfter(this.#shape);
    const last = this.#first.at(-1);
    // Further apart than a start is long: it begins again. Else what is missing lies on the line between.
    if (last === undefined || steps > enough) this.#first = [y];
    else for (let i = 1; i <= steps; i++) this.#first.push(i === steps ? y : last + ((y - last) * i) / steps);
    if (this.#first.length >= enough) this.#start();
  }

  explain(steps: number, x: Input): Explained {
    const contributions = new Float64Array(x.length);
    if (!this.#ready)
      return { bias: 0, contributions, parts: [{ name: 'series level', contribution: this.#first.at(-1) ?? 0 }] };
    const parts = [{ name: 'series level', contribution: this.#level }];
    const growth = this.#growth(steps);
    if (this.#shape.beta !== undefined) parts.push({ name: 'series trend', contribution: growth });
    if (this.#shape.season > 0) {
      const part = this.#seasonAt(steps);
      const season = this.#shape.multiplicative ? (this.#level + growth) * (part - 1) : part;
      parts.push({ name: 'series season', contribution: finite(season) });
    }
    return { bias: 0, contributions, parts };
  }

  save(writer: StateWriter): void {
    writer.u32(this.#ready ? 1 : 0);
    writer.f64(this.#level);
    writer.f64(this.#trend);
    writer.u32(this.#next);
    writer.floats(this.#seasons);
    writer.floats(Float64Array.from(this.#first));
  }

  /** What the trend adds in so many steps. */
  #growth(steps: number): number {
    const { damping } = this.#shape;
    const times = damping === 1 ? steps : (damping * (1 - damping ** steps)) / (1 - damping);
    return this.#trend * times;
  }

  #seasonAt(steps: number): number {
    return this.#seasons[(this.#next + steps - 1) % this.#shape.season]!;
  }

  /** Values that never came: the level grows on, the season goes round. */
  #pass(steps: number): void {
    if (steps === 0) return;
    this.#level = bounded(this.#level + this.#growth(steps), this.#level);
    this.#trend *= this.#shape.damping ** steps;
    if (this.#shape.season > 0) this.#next = (this.#next + steps) % this.#shape.season;
  }

  #smooth(y: number): void {
    const { alpha, beta, gamma, season, multiplicative, damping } = this.#shape;
    const before = this.#level + damping * this.#trend;
    const part = season === 0 ? Number(multiplicative) : this.#seasons[this.#next]!;
    const level = this.#level;
    this.#level = bounded(alpha * (multiplicative ? y / part : y - part) + (1 - alpha) * before, level);
    if (beta !== undefined) {
      const trend = beta * (this.#level - level) + (1 - beta) * damping * this.#trend;
      this.#trend = bounded(trend, this.#trend);
    }
    if (season === 0) return;
    const next = gamma * (multiplicative ? y / before : y - before) + (1 - gamma) * part;
    this.#seasons[this.#next] = bounded(next, part);
    this.#next = (this.#next + 1) % season;
  }

  /** From the first values: their mean, their mean step, and what each was beside the mean. */
  #start(): void {
    const { season, multiplicative, beta, river } = this.#shape;
    const values = this.#first;
    const level = values.reduce((sum, value) => sum + value, 0) / values.length;
    this.#level = finite(level);
    if (beta !== undefined) this.#trend = finite((values.at(-1)! - values[0]!) / (values.length - 1));
    for (let i = 0; i < season; i++) {
      const value = values[values.length - season + i]!;
      this.#seasons[i] = multiplicative || river ? shareOf(value, level) : finite(value - level);
    }
    this.#ready = true;
    this.#first = [];
  }
}

/** Values that a start needs, as in River. */
export function startsAfter({ season }: { readonly season: number }): number {
  return Math.max(2, season);
}

/** 1 where there is nothing to take a share of. */
function shareOf(value: number, level: number): number {
  const share = value / level;
  return Math.abs(share) <= 1e100 ? share : 1;
}
