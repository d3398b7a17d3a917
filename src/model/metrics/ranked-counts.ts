// How many positives and negatives stand at each score: all that the areas under the ROC and the precision-recall curve are
// made of, so that one ranking serves both.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Groups of equal rank, lowest scores first. A group may be empty. */
export interface RankedCounts {
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

/** A group for each distinct score. Targets are 1 and 0; no score is NaN. `weights`: what each counts, instead of 1. */
export function rankExactly(scores: Float64Array, targets: Float64Array, weights?: Float64Array): RankedCounts {
  if (weights) return rankWeighted(scores, targets, weights);
  // Two sorts of plain numbers and a merge: sorting places by their scores calls back for each comparison.
  const [above, below] = split(scores, targets);
  const positives = new Float64Array(scores.length);
  const negatives = new Float64Array(scores.length);
  let groups = 0;
  for (let p = 0, n = 0; p < above.length || n < below.length; groups++) {
    const score = Math.min(above[p] ?? Infinity, below[n] ?? Infinity);
    const [fromP, fromN] = [p, n];
    while (above[p] === score) p++;
    while (below[n] === score) n++;
    positives[groups] = p - fromP;
    negatives[groups] = n - fromN;
  }
  return { positives: positives.subarray(0, groups), negatives: negatives.subarray(0, groups) };
}

/** Scores of the positives and of the negatives, each rising. */
function split(scores: Float64Array, targets: Float64Array): [above: Float64Array, below: Float64Array] {
  const sides = new Float64Array(scores.length);
  let [positives, negatives] = [0, scores.length];
  for (let i = 0; i < scores.length; i++) {
    if (targets[i]! > 0.5) sides[positives++] = scores[i]!;
    else sides[--negatives] = scores[i]!;
  }
  return [sides.subarray(0, positives).sort(), sides.subarray(positives).sort()];
}

function rankWeighted(scores: Float64Array, targets: Float64Array, weights: Float64Array): RankedCounts {
  const distinct = scores.slice().sort();
  let groups = 0;
  for (const score of distinct) if (groups === 0 || score !== distinct[groups - 1]) distinct[groups++] = score;
  const positives = new Float64Array(groups);
  const negatives = new Float64Array(groups);
  for (let i = 0; i < scores.length; i++) {
    const group = placeOf(scores[i]!, distinct, groups);
    if (targets[i]! > 0.5) positives[group]! += weights[i]!;
    else negatives[group]! += weights[i]!;
  }
  return { positives, negatives };
}

/** Of a number that is among the first `count`, which rise. */
function placeOf(value: number, rising: Float64Array, count: number): number {
  let [from, to] = [0, count - 1];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (rising[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Bins in each doubling of the odds' smaller side. */
const BINS_PER_OCTAVE = 64;
/** Below 2^-48 (and above 1 − 2^-48) all scores share the outermost bin. */
const OCTAVES = 48;
const HALF = BINS_PER_OCTAVE * OCTAVES;

/**
 * Counts in fixed bins, for any number of outcomes: fine near 0 and near 1, where the scores of rare events lie (a bin is 1/64
 * of a doubling wide, 0.8 to 1.6 % of the smaller of p and 1 − p). Scores in one bin count as equal. Adding and removing are
 * exact opposites.
 */
export class BinnedCounts implements RankedCounts {
  readonly positives = new Float64Array(2 * HALF);
  readonly negatives = new Float64Array(2 * HALF);

  /** `change` 1 adds an outcome, -1 takes one away. */
  add(score: number, target: number, change: number): void {
    const bin = binOf(score);
    if (target > 0.5) this.positives[bin]! += change;
    else this.negatives[bin]! += change;
  }

  /** Bins in use only. */
  save(writer: StateWriter): void {
    const used: number[] = [];
    for (let i = 0; i < 2 * HALF; i++)
      if (this.positives[i] !== 0 || this.negatives[i] !== 0) used.push(i, this.positives[i]!, this.negatives[i]!);
    writer.floats(Float64Array.from(used));
  }

  load(reader: StateReader): void {
    const used = reader.floats();
    for (let i = 0; i + 2 < used.length; i += 3) {
      this.positives[used[i]!] = used[i + 1]!;
      this.negatives[used[i]!] = used[i + 2]!;
    }
  }
}

/** Of {@link BinnedCounts}. */
export const SCORE_BINS = 2 * HALF;

/** Rising with the score, from 0 to SCORE_BINS − 1; 0.5 and above count from the top by 1 − p, which is exact there. */
export function binOf(score: number): number {
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

/** Where a bin begins and ends. */
export function binEdges(bin: number): { readonly from: number; readonly to: number } {
  return bin < HALF
    ? { from: distanceEdge(bin), to: distanceEdge(bin + 1) }
    : { from: 1 - distanceEdge(SCORE_BINS - bin), to: 1 - distanceEdge(SCORE_BINS - 1 - bin) };
}

/** The least distance in a bin: the inverse of `distanceBin`. */
function distanceEdge(bin: number): number {
  if (bin === 0) return 0;
  return 2 ** (Math.floor(bin / BINS_PER_OCTAVE) - OCTAVES - 1) * (1 + (bin % BINS_PER_OCTAVE) / BINS_PER_OCTAVE);
}
