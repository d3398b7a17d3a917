// Area under the ROC curve: the share of (positive, negative) pairs that are in the right order, ties counting half.

import type { RankedCounts } from './ranked-counts.ts';

/** Null with only one class. */
export function rocAuc({ positives, negatives }: RankedCounts): number | null {
  let pairs = 0;
  let above = 0;
  let below = 0;
  for (let i = 0; i < positives.length; i++) {
    const [p, n] = [positives[i]!, negatives[i]!];
    pairs += p * (below + n / 2);
    above += p;
    below += n;
  }
  return above <= 0 || below <= 0 ? null : pairs / (above * below);
}

/** How far from the exact area it can be at most, where a group holds different scores: half the share of pairs that share one. */
export function rocAucErrorBound({ positives, negatives }: RankedCounts): number {
  let tied = 0;
  let above = 0;
  let below = 0;
  for (let i = 0; i < positives.length; i++) {
    tied += positives[i]! * negatives[i]!;
    above += positives[i]!;
    below += negatives[i]!;
  }
  return above <= 0 || below <= 0 ? 0 : tied / 2 / (above * below);
}
