// The best split of a leaf's classes by information gain: numbers at ten points between least and greatest, judged by the normal
// distributions of the classes; categories one against the rest. As in River 0.26, in the same order of sums.

import { type ClassWatch, FIELDS, GREATEST, LEAST, MEAN, SQUARES, WEIGHT } from './class-watch.ts';
import { normalCdf } from './normal-distribution.ts';
import { hoeffdingBound, type Split, type SplitOptions } from './split.ts';

const POINTS = 10;

export interface ClassSplitRequest {
  readonly watch: ClassWatch;
  /** By class; and the classes in their order. */
  readonly counts: Float64Array;
  readonly order: Float64Array;
  readonly total: number;
  readonly options: SplitOptions;
}

interface Candidate {
  merit: number;
  threshold: number;
  nominal: boolean;
  left: Float64Array;
  right: Float64Array;
}

/** `none`: the leaf has seen so much that it would split, but nothing separates anything. */
export function bestClassSplit(request: ClassSplitRequest): Split | 'none' | undefined {
  const { watch, counts, order, total, options } = request;
  const before = entropy(counts, order, order.length);
  // The split that is none has merit −∞ (in River too): whatever separates at all beats it.
  let best = -Infinity;
  let second = -Infinity;
  let chosen: Split | undefined;
  for (let slot = 0; slot < watch.slots; slot++) {
    const candidate = watch.codes[slot]
      ? bestCode(watch, slot, before, options)
      : bestPoint(watch, slot, before, options);
    const merit = candidate?.merit ?? -Infinity;
    // The later of equals, as in River's stable sort.
    if (merit >= best) {
      second = best;
      best = merit;
      chosen = candidate && {
        ...candidate,
        feature: watch.column(slot),
        leftWeight: sumOf(candidate.left, watch),
        rightWeight: sumOf(candidate.right, watch),
      };
    } else if (merit > second) second = merit;
  }
  if (watch.slots === 0) return undefined;
  const bound = hoeffdingBound(Math.log2(Math.max(2, order.length)), options.delta, total);
  if (!(best - second > bound || bound < options.tau)) return undefined;
  return chosen ?? 'none';
}

function bestPoint(watch: ClassWatch, slot: number, before: number, options: SplitOptions): Candidate | undefined {
  const { numbers, classes } = watch;
  let least = Infinity;
  let greatest = -Infinity;
  for (let k = 0; k < watch.arrived; k++) {
    const at = (slot * classes + watch.arrival[k]!) * FIELDS;
    if (numbers[at + WEIGHT] === 0) continue;
    if (numbers[at + LEAST]! < least) least = numbers[at + LEAST]!;
    if (numbers[at + GREATEST]! > greatest) greatest = numbers[at + GREATEST]!;
  }
  let best: Candidate | undefined;
  const step = (greatest - least) / (POINTS + 1);
  for (let i = 1; i <= POINTS; i++) {
    const threshold = least + step * i;
    if (!(threshold > least && threshold < greatest)) continue;
    const [left, right] = [new Float64Array(classes).fill(NaN), new Float64Array(classes).fill(NaN)];
    for (let k = 0; k < watch.arrived; k++) {
      const c = watch.arrival[k]!;
      const at = (slot * classes + c) * FIELDS;
      const weight = numbers[at + WEIGHT]!;
      if (weight === 0) continue;
      if (threshold < numbers[at + LEAST]!) right[c] = weight;
      else if (threshold >= numbers[at + GREATEST]!) left[c] = weight;
      else {
        const deviation = weight > 1 ? Math.sqrt(numbers[at + SQUARES]! / (weight - 1)) : 0;
        const share = deviation > 0 ? normalCdf((threshold - numbers[at + MEAN]!) / deviation) : 0;
        left[c] = share * weight;
        right[c] = weight - left[c]!;
      }
    }
    const merit = gain(before, left, right, watch, options);
    if (merit > (best?.merit ?? -Infinity)) best = { merit, threshold, nominal: false, left, right };
  }
  return best;
}

function bestCode(watch: ClassWatch, slot: number, before: number, options: SplitOptions): Candidate | undefined {
  const codes = watch.codes[slot]!;
  const { classes } = watch;
  const sums = new Float64Array(classes);
  for (let i = 0; i < codes.length; i++) sums[i % classes]! += codes[i]!;
  let best: Candidate | undefined;
  for (let code = 0; code * classes < codes.length; code++) {
    const [left, right] = [new Float64Array(classes).fill(NaN), new Float64Array(classes).fill(NaN)];
    let any = false;
    for (let c = 0; c < classes; c++) {
      const own = codes[code * classes + c]!;
      if (own > 0) {
        left[c] = own;
        any = true;
      }
      if (sums[c]! - own > 0) right[c] = sums[c]! - own;
    }
    if (!any) continue;
    const merit = gain(before, left, right, watch, options);
    if (merit > (best?.merit ?? -Infinity)) best = { merit, threshold: code, nominal: true, left, right };
  }
  return best;
}

/** −∞ unless both sides have more than their least share. */
function gain(
  before: number,
  left: Float64Array,
  right: Float64Array,
  watch: ClassWatch,
  options: SplitOptions,
): number {
  const [leftWeight, rightWeight] = [sumOf(left, watch), sumOf(right, watch)];
  const total = leftWeight + rightWeight;
  if (!(total > 0)) return -Infinity;
  const least = options.min_branch_fraction;
  if (!(leftWeight / total > least && rightWeight / total > least)) return -Infinity;
  const after =
    leftWeight * entropy(left, watch.arrival, watch.arrived) +
    rightWeight * entropy(right, watch.arrival, watch.arrived);
  return before - after / total;
}

function sumOf(weights: Float64Array, watch: ClassWatch): number {
  let sum = 0;
  for (let k = 0; k < watch.arrived; k++) {
    const weight = weights[watch.arrival[k]!]!;
    if (weight > 0) sum += weight;
  }
  return sum;
}

/** In bits. */
function entropy(weights: Float64Array, order: Float64Array, count: number): number {
  let sum = 0;
  let negative = 0;
  for (let k = 0; k < count; k++) {
    const weight = weights[order[k]!]!;
    if (!(weight > 0)) continue;
    negative -= weight * Math.log2(weight);
    sum += weight;
  }
  return sum > 0 ? (negative + sum * Math.log2(sum)) / sum : 0;
}
