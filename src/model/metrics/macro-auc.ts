// Area under the ROC curve of several classes: the mean over classes of each against all others, by its own probability. Source:
// Provost and Domingos, "Well-trained PETs: improving probability estimation trees" (2000), section 2, unweighted, as scikit-learn's
// `roc_auc_score(multi_class="ovr", average="macro")`.

import { rankExactly } from './ranked-counts.ts';
import { rocAuc } from './roc-auc.ts';

/**
 * Exact. Over the classes that are the truth of some row and not of all; null where there is none.
 * @param truths classes, by number
 * @param probabilities by row those of the classes, by number; one that is not there is 0. Undefined: the row is left out
 */
export function macroRocAuc(
  truths: ArrayLike<number>,
  probabilities: readonly (Float64Array | undefined)[],
): number | null {
  const rows = Array.from(probabilities.keys()).filter((i) => probabilities[i] !== undefined);
  const classes = new Set(rows.map((i) => truths[i]!));
  let [sum, count] = [0, 0];
  const scores = new Float64Array(rows.length);
  const targets = new Float64Array(rows.length);
  for (const one of classes) {
    for (const [n, i] of rows.entries()) {
      scores[n] = probabilities[i]![one] ?? 0;
      targets[n] = Number(truths[i] === one);
    }
    const area = rocAuc(rankExactly(scores, targets));
    if (area === null) continue;
    sum += area;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}
