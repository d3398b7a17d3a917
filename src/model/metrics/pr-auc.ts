// Area under the precision-recall curve, as average precision: the mean of the precision at each positive, ties taken together.
// Source: Davis and Goadrich, "The relationship between Precision-Recall and ROC curves" (2006), whose step form avoids the
// optimism of straight lines between points.

/** Exact, from all scores: sorts a copy. Null without a positive. `targets` are 1 and 0. */
export function exactPrAuc(scores: Float64Array, targets: Float64Array): number | null {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  let positives = 0;
  let area = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    let tied = 0;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) tied += targets[order[end++]!]!;
    positives += tied;
    area += tied * (positives / end);
    start = end;
  }
  return positives === 0 ? null : area / positives;
}
