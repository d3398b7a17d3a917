// Area under the precision-recall curve, as average precision: the mean of the precision at each positive, ties taken together.
// Source: Davis and Goadrich, "The relationship between Precision-Recall and ROC curves" (2006), whose step form avoids the
// optimism of straight lines between points.

import type { RankedCounts } from './ranked-counts.ts';

/** Null without a positive. */
export function prAuc({ positives, negatives }: RankedCounts): number | null {
  let above = 0;
  let taken = 0;
  let area = 0;
  for (let i = positives.length - 1; i >= 0; i--) {
    const p = positives[i]!;
    above += p;
    taken += p + negatives[i]!;
    if (p > 0) area += p * (above / taken);
  }
  return above <= 0 ? null : area / above;
}

/**
 * How far from the exact area it can be at most, where a group holds different scores: each of its positives counts with the
 * precision at the group's end, which is at most that without the group's negatives, and at least that of one positive behind
 * all of them.
 */
export function prAucErrorBound({ positives, negatives }: RankedCounts): number {
  let above = 0;
  let wrong = 0;
  let over = 0;
  let under = 0;
  for (let i = positives.length - 1; i >= 0; i--) {
    const [p, n] = [positives[i]!, negatives[i]!];
    if (p > 0) {
      const here = (above + p) / (above + p + wrong + n);
      under += p * ((above + p) / (above + p + wrong) - here);
      over += p * (here - (above + 1) / (above + 1 + wrong + n));
    }
    above += p;
    wrong += n;
  }
  return above <= 0 ? 0 : Math.max(over, under) / above;
}
