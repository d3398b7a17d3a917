// Calibration by a rising line of straight pieces: the share of true labels among scores that are near each other, made to rise
// with the score and joined. Sources: Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
// estimates" (2002), for shares that rise (pool adjacent violators, Ayer et al. 1955). Ours is online: bins of fixed width in
// log-odds, shares that forget, each held to its mean score by a few made-up examples.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { logOdds, sigmoid } from './log-odds.ts';
import type { Calibrator } from './calibrator.ts';

/** Bins in log-odds, from −8 to 8; what is beyond is in the outermost. */
const BINS = 32;
const WIDTH = 0.5;
/** What an example counts one later. */
const FORGETTING = 1 - 1 / 20_000;
/** Examples by which a bin is held to its mean score. */
const HELD = 10;
/** A bin with less than so many examples is not looked at. */
const LEAST = 1;

interface Knot {
  /** Log-odds of the score, and as they should be. */
  z: number;
  calibrated: number;
}

interface Block {
  weight: number;
  /** Weighted sums. */
  z: number;
  share: number;
}

export class Piecewise implements Calibrator {
  readonly #weights = new Float64Array(BINS);
  readonly #z = new Float64Array(BINS);
  readonly #scores = new Float64Array(BINS);
  readonly #trues = new Float64Array(BINS);
  /** What the next example counts: growing is the same as that the former ones fade. */
  #unit = 1;
  #knots: readonly Knot[] | undefined;

  apply(p: number): number {
    const knots = (this.#knots ??= this.#join());
    const z = logOdds(p);
    if (knots.length === 0) return p;
    const first = knots[0]!;
    const last = knots.at(-1)!;
    if (z <= first.z) return sigmoid(first.calibrated + z - first.z);
    if (z >= last.z) return sigmoid(last.calibrated + z - last.z);
    let i = 1;
    while (knots[i]!.z < z) i++;
    const [from, to] = [knots[i - 1]!, knots[i]!];
    return sigmoid(from.calibrated + ((to.calibrated - from.calibrated) * (z - from.z)) / (to.z - from.z));
  }

  learn(p: number, target: number, weight: number): void {
    const z = logOdds(p);
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(z / WIDTH) + BINS / 2));
    const counts = this.#unit * weight;
    this.#weights[bin]! += counts;
    this.#z[bin]! += counts * z;
    this.#scores[bin]! += counts * p;
    if (target > 0.5) this.#trues[bin]! += counts;
    this.#unit /= FORGETTING;
    if (this.#unit > 1e50) this.#rescale();
    this.#knots = undefined;
  }

  get bytes(): number {
    return 4 * BINS * 8;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#unit);
    for (const sums of this.#sums()) writer.floats(sums);
  }

  load(reader: StateReader): void {
    this.#unit = reader.f64();
    for (const sums of this.#sums()) sums.set(reader.floats());
  }

  /** Neighbours whose shares fall are pooled until all rise. */
  #join(): Knot[] {
    const blocks: Block[] = [];
    for (let bin = 0; bin < BINS; bin++) {
      const weight = this.#weights[bin]! / this.#unit;
      if (weight < LEAST) continue;
      const score = this.#scores[bin]! / this.#weights[bin]!;
      const held = weight + HELD;
      let block: Block = {
        weight: held,
        z: (held * this.#z[bin]!) / this.#weights[bin]!,
        share: this.#trues[bin]! / this.#unit + HELD * score,
      };
      for (
        let last = blocks.at(-1);
        last && last.share / last.weight >= block.share / block.weight;
        last = blocks.at(-1)
      ) {
        blocks.pop();
        block = { weight: last.weight + block.weight, z: last.z + block.z, share: last.share + block.share };
      }
      blocks.push(block);
    }
    return blocks.map(({ weight, z, share }) => ({ z: z / weight, calibrated: logOdds(share / weight) }));
  }

  #rescale(): void {
    for (const sums of this.#sums()) for (let bin = 0; bin < BINS; bin++) sums[bin]! /= this.#unit;
    this.#unit = 1;
  }

  #sums(): readonly Float64Array[] {
    return [this.#weights, this.#z, this.#scores, this.#trues];
  }
}
