// The contract between the learner that keeps many series and the model of a single one.

import type { Input } from '../learner.ts';
import type { StateWriter } from '../saved-state.ts';
import type { SeenRange } from './seen-range.ts';

/** A model of one series: it forecasts steps after the last value that it has learned. Only `learn` changes it. */
export interface SeriesModel {
  /** False as long as it has too few values to start: its forecast is then the last one. */
  readonly ready: boolean;
  readonly bytes: number;
  /** The forecasts of `from`, `from` + 1, … steps ahead, `count` of them. Finite. `x` is the row that they are asked for. */
  forecast(from: number, count: number, x: Input, into: Float64Array, range: SeenRange): void;
  /** By how much errors at those steps are wider than one step ahead: from 1 on, and 1 at the first. */
  spread(from: number, count: number, into: Float64Array): void;
  /** Takes a value that is `steps` after the last; those between are unknown. */
  learn(y: number, steps: number, x: Input, weight: number, range: SeenRange): void;
  explain(steps: number, x: Input, range: SeenRange): Explained;
  save(writer: StateWriter): void;
}

/** What sums to a forecast: `contributions` are of the row's entries, in their order. */
export interface Explained {
  readonly bias: number;
  readonly contributions: Float64Array;
  readonly parts: readonly { readonly name: string; readonly contribution: number }[];
}

/** Beyond this nothing is forecast or kept. */
export const MAX_VALUE = 1e100;

/** Never NaN, never beyond 1e100. */
export function finite(value: number): number {
  return value > MAX_VALUE ? MAX_VALUE : value >= -MAX_VALUE ? value : value < -MAX_VALUE ? -MAX_VALUE : 0;
}

/** The next value of a state, or the present one where the next would be of no use. */
export function bounded(next: number, present: number): number {
  return Math.abs(next) <= MAX_VALUE ? next : present;
}
