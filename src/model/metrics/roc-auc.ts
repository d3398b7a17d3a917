// Area under the ROC curve: the share of (positive, negative) pairs that are in the right order, ties counting half.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Exact, from all scores, of targets 1 and 0. Null with only one class. */
export function exactRocAuc(scores: Float64Array, targets: Float64Array): number | null {
  // Two sorts of plain numbers and a merge: sorting places by their scores calls back for each comparison.
  const positives = scores.filter((_, i) => targets[i]! > 0.5).sort();
  const negatives = scores.filter((_, i) => targets[i]! <= 0.5).sort();
  let pairs = 0;
  let below = 0;
  for (let start = 0; start < positives.length;) {
    const score = positives[start]!;
    let end = start;
    while (end < positives.length && positives[end] === score) end++;
    while (below < negatives.length && negatives[below]! < score) below++;
    let through = below;
    while (through < negatives.length && negatives[through] === score) through++;
    pairs += (end - start) * (below + (through - below) / 2);
    below = through;
    start = end;
  }
  return positives.length === 0 || negatives.length === 0 ? null : pairs / (positives.length * negatives.length);
}

/** Bins in each doubling of the odds' smaller side. */
const BINS_PER_OCTAVE = 64;
/** Below 2^-48 (and above 1 − 2^-48) all scores share the outermost bin. */
const OCTAVES = 48;
const HALF = BINS_PER_OCTAVE * OCTAVES;

/**
 * The same from counts in fixed bins, for any number of outcomes: fine near 0 and near 1, where the scores of rare events lie
 * (a bin is 1/64 of a doubling wide, 0.8 to 1.6 % of the smaller of p and 1 − p). Pairs in one bin count as ties, so it is off
 * by at most half the share of pairs that share a bin: `errorBound`. Adding and removing are exact opposites.
 */
export class BinnedRocAuc {
  readonly #positives = new Float64Array(2 * HALF);
  readonly #negatives = new Float64Array(2 * HALF);

  /** `change` 1 adds an outcome, -1 takes one away. */
  add(score: number, target: number, change: number): void {
    const bin = binOf(score);
    if (target > 0.5) this.#positives[bin]! += change;
    else this.#negatives[bin]! += change;
  }

  /** Null with only one class. */
  get value(): number | null {
    return this.#measure().auc;
  }

  get errorBound(): number {
    return this.#measure().bound;
  }

  /** Bins in use only. */
  save(writer: StateWriter): void {
    const used: number[] = [];
    for (let i = 0; i < 2 * HALF; i++)
      if (this.#positives[i] !== 0 || this.#negatives[i] !== 0) used.push(i, this.#positives[i]!, this.#negatives[i]!);
    writer.floats(Float64Array.from(used));
  }

  load(reader: StateReader): void {
    const used = reader.floats();
    for (let i = 0; i + 2 < used.length; i += 3) {
      this.#positives[used[i]!] = used[i + 1]!;
      this.#negatives[used[i]!] = used[i + 2]!;
    }
  }

  #measure(): { auc: number | null; bound: number } {
    let pairs = 0;
    let tied = 0;
    let negatives = 0;
    let positives = 0;
    for (let i = 0; i < 2 * HALF; i++) {
      const [p, n] = [this.#positives[i]!, this.#negatives[i]!];
      pairs += p * (negatives + n / 2);
      tied += p * n;
      positives += p;
      negatives += n;
    }
    if (positives <= 0 || negatives <= 0) return { auc: null, bound: 0 };
    return { auc: pairs / (positives * negatives), bound: tied / 2 / (positives * negatives) };
  }
}

/** Rising with the score; 0.5 and above count from the top by 1 − p, which is exact there. */
function binOf(score: number): number {
  return score < 0.5 ? distanceBin(score) : 2 * HALF - 1 - distanceBin(1 - score);
}

/** 0 at p = 0, HALF − 1 just below and at 0.5: linear within each power of two. */
function distanceBin(p: number): number {
  if (p < 2 ** -(OCTAVES + 1)) return 0;
  if (p >= 0.5) return HALF - 1;
  let exponent = Math.floor(Math.log2(p));
  // log2 can round up to the next power.
  if (2 ** exponent > p) exponent -= 1;
  const mantissa = p / 2 ** exponent - 1;
  return Math.max(0, (exponent + OCTAVES + 1) * BINS_PER_OCTAVE + Math.floor(mantissa * BINS_PER_OCTAVE));
}
