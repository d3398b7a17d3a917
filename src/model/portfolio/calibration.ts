// Log-odds of one candidate to log-odds that can be compared and averaged with another's: z ↦ a·z + b, learned online (Platt 1999) by
// AdaGrad. A margin that is no probability, or a naive Bayes that is too sure, becomes one that keeps its word.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Log-odds end here. */
export const MOST_LOG_ODDS = 8;
const RATE = 0.2;
/** A heavier example counts as this heavy, so that one alone cannot end learning. */
const MOST_WEIGHT = 100;
const [LEAST_SLOPE, MOST_SLOPE] = [0.02, 50];

export class Calibration {
  #slope = 1;
  #offset = 0;
  /** AdaGrad's sums, from 1 so that first steps are small. */
  #slopeSquares = 1;
  #offsetSquares = 1;

  constructor(saved?: StateReader) {
    if (!saved) return;
    this.#slope = saved.f64();
    this.#offset = saved.f64();
    this.#slopeSquares = saved.f64();
    this.#offsetSquares = saved.f64();
  }

  /** The calibrated log-odds of log-odds within ±{@link MOST_LOG_ODDS}. */
  apply(logOdds: number): number {
    return this.#slope * logOdds + this.#offset;
  }

  get slope(): number {
    return this.#slope;
  }

  get offset(): number {
    return this.#offset;
  }

  /** One step towards the truth (1 or 0), down the log loss of what {@link apply} gave. */
  learn(logOdds: number, target: number, weight: number): void {
    const slope = (1 / (1 + Math.exp(-this.apply(logOdds))) - target) * Math.min(weight, MOST_WEIGHT);
    const bySlope = slope * logOdds;
    this.#slopeSquares += bySlope * bySlope;
    this.#offsetSquares += slope * slope;
    const moved = this.#slope - (RATE * bySlope) / Math.sqrt(this.#slopeSquares);
    this.#slope = Math.min(Math.max(moved, LEAST_SLOPE), MOST_SLOPE);
    this.#offset -= (RATE * slope) / Math.sqrt(this.#offsetSquares);
  }

  save(writer: StateWriter): void {
    writer.f64(this.#slope);
    writer.f64(this.#offset);
    writer.f64(this.#slopeSquares);
    writer.f64(this.#offsetSquares);
  }
}

/** Of a probability, within ±{@link MOST_LOG_ODDS}. */
export function logOddsOf(probability: number): number {
  if (!(probability > 0)) return -MOST_LOG_ODDS;
  if (probability >= 1) return MOST_LOG_ODDS;
  const logOdds = Math.log(probability / (1 - probability));
  return logOdds > MOST_LOG_ODDS ? MOST_LOG_ODDS : logOdds < -MOST_LOG_ODDS ? -MOST_LOG_ODDS : logOdds;
}
