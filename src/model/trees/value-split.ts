// The best split of a leaf's targets by reduction of variance: numbers between any two bins, categories one against the rest. It
// is taken when the next best reduces so much less that Hoeffding's bound on the ratio says so (FIMT-DD; River 0.26 likewise).

import { hoeffdingBound, type Split, type SplitOptions } from './split.ts';
import { BIN, CODE, type ValueWatch } from './value-watch.ts';

/** Weight on either side, at least. */
const LEAST_WEIGHT = 5;

/** Weight, mean and squared deviations of targets. */
type Moments = [weight: number, mean: number, squares: number];

interface Candidate {
  readonly reduction: number;
  readonly threshold: number;
  readonly nominal: boolean;
  readonly left: Moments;
  readonly right: Moments;
}

export function bestValueSplit(watch: ValueWatch, total: number, options: SplitOptions): Split | undefined {
  let best: Candidate | undefined;
  let slotOfBest = 0;
  let second = 0;
  for (let slot = 0; slot < watch.slots; slot++) {
    const candidate = watch.nominal(slot)
      ? bestCode(watch.table(slot), options)
      : bestPoint(watch.table(slot), options);
    const reduction = candidate?.reduction ?? 0;
    if (candidate && reduction > (best?.reduction ?? 0)) {
      second = best?.reduction ?? 0;
      best = candidate;
      slotOfBest = slot;
    } else if (reduction > second) second = reduction;
  }
  if (!best) return undefined;
  const bound = hoeffdingBound(1, options.delta, total);
  if (!(second / best.reduction < 1 - bound || bound < options.tau)) return undefined;
  return {
    feature: watch.column(slotOfBest),
    threshold: best.threshold,
    nominal: best.nominal,
    left: Float64Array.from(best.left),
    right: Float64Array.from(best.right),
    leftWeight: best.left[0],
    rightWeight: best.right[0],
  };
}

function bestPoint(bins: Float64Array, options: SplitOptions): Candidate | undefined {
  const whole: Moments = [0, 0, 0];
  for (let at = 0; at < bins.length; at += BIN) add(whole, bins[at]!, bins[at + 2]!, bins[at + 3]!);
  const left: Moments = [0, 0, 0];
  let best: Candidate | undefined;
  let before = -1;
  for (let at = 0; at < bins.length; at += BIN) {
    if (bins[at] === 0) continue;
    if (before >= 0) {
      const right = without(whole, left);
      const reduction = reductionOf(whole, left, right, options);
      if (reduction > (best?.reduction ?? 0)) {
        // Half way between what the two bins hold: where values are few, it separates them as they are.
        const threshold = bins[before + 1]! + (bins[at + 1]! - bins[before + 1]!) / 2;
        best = { reduction, threshold, nominal: false, left: [...left], right };
      }
    }
    add(left, bins[at]!, bins[at + 2]!, bins[at + 3]!);
    before = at;
  }
  return best;
}

function bestCode(codes: Float64Array, options: SplitOptions): Candidate | undefined {
  const whole: Moments = [0, 0, 0];
  for (let at = 0; at < codes.length; at += CODE) add(whole, codes[at]!, codes[at + 1]!, codes[at + 2]!);
  let best: Candidate | undefined;
  for (let at = 0; at < codes.length; at += CODE) {
    if (codes[at] === 0) continue;
    const left: Moments = [codes[at]!, codes[at + 1]!, codes[at + 2]!];
    const right = without(whole, left);
    const reduction = reductionOf(whole, left, right, options);
    if (reduction > (best?.reduction ?? 0)) best = { reduction, threshold: at / CODE, nominal: true, left, right };
  }
  return best;
}

function add(to: Moments, weight: number, mean: number, squares: number): void {
  if (weight === 0) return;
  const total = to[0] + weight;
  const distance = mean - to[1];
  to[2] += squares + (distance * distance * to[0] * weight) / total;
  to[1] += (distance * weight) / total;
  to[0] = total;
}

function without(whole: Moments, part: Moments): Moments {
  const weight = whole[0] - part[0];
  if (!(weight > 0)) return [0, 0, 0];
  const mean = (whole[0] * whole[1] - part[0] * part[1]) / weight;
  const distance = mean - part[1];
  const squares = whole[2] - part[2] - (distance * distance * part[0] * weight) / whole[0];
  return [weight, mean, Math.max(0, squares)];
}

/** 0 unless both sides have enough. */
function reductionOf(whole: Moments, left: Moments, right: Moments, options: SplitOptions): number {
  const least = Math.max(LEAST_WEIGHT, whole[0] * options.min_branch_fraction);
  if (left[0] < least || right[0] < least) return 0;
  const reduction = (whole[2] - left[2] - right[2]) / whole[0];
  // What rounding alone gives is no reduction.
  return reduction > (whole[2] / whole[0]) * 1e-12 ? reduction : 0;
}
