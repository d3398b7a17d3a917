// Are 20 % of those that were given 0.2 true? Scores in ten bins of equal width, each with its mean score and the share of true
// labels; the expected calibration error is the mean gap between the two. Source: Naeini, Cooper and Hauskrecht, "Obtaining well
// calibrated probabilities using Bayesian binning" (2015); Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural
// networks" (2017), section 2.

/** Bins of the reliability diagram. */
export const RELIABILITY_BINS = 10;

export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  /** Null where it is empty. */
  readonly meanScore: number | null;
  /** Share of true labels; null where it is empty. */
  readonly observed: number | null;
  readonly examples: number;
}

export class Reliability {
  readonly #weights = new Float64Array(RELIABILITY_BINS);
  readonly #scores = new Float64Array(RELIABILITY_BINS);
  readonly #positives = new Float64Array(RELIABILITY_BINS);

  /** Scores that `positives` and `negatives` of a given score have. */
  add(score: number, positives: number, negatives: number): void {
    const bin = Math.min(RELIABILITY_BINS - 1, Math.max(0, Math.floor(score * RELIABILITY_BINS)));
    this.#weights[bin]! += positives + negatives;
    this.#scores[bin]! += score * (positives + negatives);
    this.#positives[bin]! += positives;
  }

  /** Null without outcomes. */
  get expectedCalibrationError(): number | null {
    let all = 0;
    let gap = 0;
    for (let bin = 0; bin < RELIABILITY_BINS; bin++) {
      all += this.#weights[bin]!;
      gap += Math.abs(this.#scores[bin]! - this.#positives[bin]!);
    }
    return all <= 0 ? null : gap / all;
  }

  get bins(): ReliabilityBin[] {
    return Array.from({ length: RELIABILITY_BINS }, (_, bin) => {
      const weight = this.#weights[bin]!;
      return {
        from: bin / RELIABILITY_BINS,
        to: (bin + 1) / RELIABILITY_BINS,
        meanScore: weight > 0 ? this.#scores[bin]! / weight : null,
        observed: weight > 0 ? this.#positives[bin]! / weight : null,
        examples: Math.round(weight),
      };
    });
  }
}
