// Count, mean, variance and deviation of every number that is scaled, side by side in one array: the hot path reads and writes
// nothing else.

/** From this many values on a number is limited before it enters mean and deviation. */
export const CLIP_FROM = 100;

/** Behind a slot, which is where the count stands. */
export const MEAN = 1;
/** Population variance, as in River's StandardScaler. */
export const VARIANCE = 2;
/** The variance's root, kept so that it is taken once for each value learned. */
export const DEVIATION = 3;
const SIZE = 4;

export class Moments {
  values: Float64Array = new Float64Array(0);

  /** A further slot; the array is another afterwards. */
  add(count = 0, mean = 0, variance = 0): number {
    const slot = this.values.length;
    const values = new Float64Array(slot + SIZE);
    values.set(this.values);
    values.set([count, mean, variance, Math.sqrt(variance)], slot);
    this.values = values;
    return slot;
  }

  /** Without the deviation, which follows from the variance. */
  of(slot: number): readonly [count: number, mean: number, variance: number] {
    const { values } = this;
    return [values[slot]!, values[slot + MEAN]!, values[slot + VARIANCE]!];
  }

  /**
   * Welford's, in River's order of operations.
   * @param clip how many deviations from the mean a value counts in full; null: any. One absurd value would otherwise flatten all
   * others for ever.
   */
  learn(slot: number, x: number, clip: number | null): void {
    const { values } = this;
    const before = values[slot + MEAN]!;
    const deviation = values[slot + DEVIATION]!;
    let count = values[slot]!;
    let entering = x;
    if (clip !== null && count >= CLIP_FROM && deviation > 0) entering = before + limit(x - before, clip * deviation);
    count += 1;
    const mean = before + (entering - before) / count;
    let variance = values[slot + VARIANCE]!;
    variance += ((entering - before) * (entering - mean) - variance) / count;
    values[slot] = count;
    values[slot + MEAN] = mean;
    values[slot + VARIANCE] = variance;
    values[slot + DEVIATION] = Math.sqrt(variance);
  }

  /** (x − mean) / deviation; 0 where all were the same. */
  standard(slot: number, x: number): number {
    const deviation = this.values[slot + DEVIATION]!;
    return deviation > 0 ? (x - this.values[slot + MEAN]!) / deviation : 0;
  }

  /** The number itself, at most `clip` deviations from the mean once enough were learned. */
  near(slot: number, x: number, clip: number): number {
    const { values } = this;
    const deviation = values[slot + DEVIATION]!;
    if (!(values[slot]! >= CLIP_FROM && deviation > 0)) return x;
    const mean = values[slot + MEAN]!;
    const distance = x - mean;
    const reach = clip * deviation;
    return Math.abs(distance) > reach ? mean + limit(distance, reach) : x;
  }
}

export function limit(x: number, magnitude: number): number {
  return x > magnitude ? magnitude : x < -magnitude ? -magnitude : x;
}
