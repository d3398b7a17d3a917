// Count, mean and deviation of every number that is scaled, in arrays by slot: the hot path reads and writes nothing else.

/** From this many values on a number is limited before it enters mean and deviation. */
export const CLIP_FROM = 100;

export class Moments {
  counts: Float64Array = new Float64Array(0);
  means: Float64Array = new Float64Array(0);
  /** Population variance, as in River's StandardScaler. */
  variances: Float64Array = new Float64Array(0);
  /** The variance's root, kept so that it is taken once for each value learned. */
  deviations: Float64Array = new Float64Array(0);

  /** A further slot; the arrays are others afterwards. */
  add(count = 0, mean = 0, variance = 0): number {
    const slot = this.counts.length;
    this.counts = Float64Array.of(...this.counts, count);
    this.means = Float64Array.of(...this.means, mean);
    this.variances = Float64Array.of(...this.variances, variance);
    this.deviations = Float64Array.of(...this.deviations, Math.sqrt(variance));
    return slot;
  }

  /**
   * Welford's, in River's order of operations.
   * @param clip how many deviations from the mean a value counts in full; null: any. One absurd value would otherwise flatten all
   * others for ever.
   */
  learn(slot: number, x: number, clip: number | null): void {
    const before = this.means[slot]!;
    const deviation = this.deviations[slot]!;
    let count = this.counts[slot]!;
    let entering = x;
    if (clip !== null && count >= CLIP_FROM && deviation > 0) entering = before + limit(x - before, clip * deviation);
    count += 1;
    const mean = before + (entering - before) / count;
    let variance = this.variances[slot]!;
    variance += ((entering - before) * (entering - mean) - variance) / count;
    this.counts[slot] = count;
    this.means[slot] = mean;
    this.variances[slot] = variance;
    this.deviations[slot] = Math.sqrt(variance);
  }

  /** (x − mean) / deviation; 0 where all were the same. */
  standard(slot: number, x: number): number {
    const deviation = this.deviations[slot]!;
    return deviation > 0 ? (x - this.means[slot]!) / deviation : 0;
  }

  /** The number itself, at most `clip` deviations from the mean once enough were learned. */
  near(slot: number, x: number, clip: number): number {
    const deviation = this.deviations[slot]!;
    if (!(this.counts[slot]! >= CLIP_FROM && deviation > 0)) return x;
    const distance = x - this.means[slot]!;
    const reach = clip * deviation;
    return Math.abs(distance) > reach ? this.means[slot]! + limit(distance, reach) : x;
  }
}

export function limit(x: number, magnitude: number): number {
  return x > magnitude ? magnitude : x < -magnitude ? -magnitude : x;
}
