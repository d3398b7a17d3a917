// Compares how one variable is distributed now with how it was: a first window of values is the baseline, each further one is compared
// with it by the population stability index, PSI = Σ (q − p) ln(q / p) over bins, p the baseline's shares, q the window's. Numbers fall
// into bins between the baseline's deciles, categories into one each. A window that differs is no baseline: the next one is, and twice
// as many rows: what comes and goes, such as the hour of the day, ends up within one window.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** A number, or NaN; a category, or undefined: where the row says nothing. */
export type Value = number | string | undefined;

export interface Shift {
  readonly detector: 'psi' | 'missing_rate' | 'adwin';
  readonly from: number;
  readonly to: number;
}

export interface DistributionOptions {
  readonly window: number;
  readonly psi: number;
  readonly missing: number;
}

const NUMBER_BINS = 10;
/** The most frequent categories of the baseline have a bin of their own, all others share one. */
const CATEGORY_BINS = 20;
/** Different categories that a baseline is counted by. */
const MAX_CATEGORIES = 1_000;
/** Longer ones are as good as any other. */
const MAX_LENGTH = 200;
const OTHER = '\u0000other';
/** Added to each bin's count, so that an empty one is no infinite difference. */
const SMOOTHING = 0.5;
/** With fewer values in it a window says nothing of a distribution. */
const LEAST_VALUES = 50;
/** Times the first window that one becomes at most. */
const MOST_GROWTH = 16;
/** Standard deviations that a difference must be beyond, whatever its size: one window in millions, by chance. */
const SIGNIFICANT = 5;

export class DistributionWatch {
  readonly #numbers: boolean;
  readonly #options: DistributionOptions;
  /** Rows of a window. */
  #window: number;
  /** Of the window in hand, the missing ones included. */
  #count = 0;
  #missing = 0;
  /** While there is no baseline: its values. */
  #values: number[] = [];
  #categories = new Map<string, number>();
  #baseline: Baseline | undefined;
  #counts: Float64Array = new Float64Array(0);

  constructor(numbers: boolean, options: DistributionOptions) {
    this.#numbers = numbers;
    this.#options = options;
    this.#window = options.window;
  }

  get bytes(): number {
    const named = (this.#baseline?.categories.length ?? 0) + this.#categories.size;
    const edges = this.#baseline?.edges.byteLength ?? 0;
    return 160 + this.#counts.byteLength * 2 + edges + this.#values.length * 8 + named * 80;
  }

  /** What the window shows that this value fills; nothing otherwise. */
  add(value: Value): readonly Shift[] {
    this.#count += 1;
    if (value === undefined || value !== value) this.#missing += 1;
    else if (this.#baseline) this.#counts[this.#baseline.bin(value)]! += 1;
    else if (typeof value === 'number') this.#values.push(value);
    else this.#collect(value);
    return this.#count < this.#window ? NO_SHIFTS : this.#close();
  }

  save(writer: StateWriter): void {
    writer.u32(this.#window);
    writer.u32(this.#count);
    writer.u32(this.#missing);
    writer.floats(Float64Array.from(this.#values));
    writer.u32(this.#categories.size);
    for (const [name, count] of this.#categories) {
      writer.text(name);
      writer.u32(count);
    }
    writer.floats(this.#counts);
    writer.u32(this.#baseline ? 1 : 0);
    this.#baseline?.save(writer);
  }

  load(reader: StateReader): void {
    this.#window = reader.u32();
    this.#count = reader.u32();
    this.#missing = reader.u32();
    this.#values = [...reader.floats()];
    for (let left = reader.u32(); left > 0; left--) this.#categories.set(reader.text(), reader.u32());
    this.#counts = reader.floats();
    if (reader.u32() === 1) this.#baseline = Baseline.load(reader);
  }

  #collect(category: string): void {
    const counted = category.length <= MAX_LENGTH ? this.#categories.get(category) : undefined;
    const own = counted !== undefined || (category.length <= MAX_LENGTH && this.#categories.size < MAX_CATEGORIES);
    const name = own ? category : OTHER;
    this.#categories.set(name, (this.#categories.get(name) ?? 0) + 1);
  }

  #close(): readonly Shift[] {
    const missing = this.#missing / this.#count;
    const shifts = this.#baseline ? this.#compare(this.#baseline, missing) : NO_SHIFTS;
    if (!this.#baseline) this.#baseline = this.#made(missing);
    else if (shifts.length > 0) {
      this.#baseline = undefined;
      this.#window = Math.min(2 * this.#window, MOST_GROWTH * this.#options.window);
    }
    this.#counts = new Float64Array(this.#baseline?.shares.length ?? 0);
    this.#values = [];
    this.#categories.clear();
    this.#count = this.#missing = 0;
    return shifts;
  }

  #made(missing: number): Baseline {
    const baseline = this.#numbers
      ? Baseline.ofNumbers(this.#values, missing)
      : Baseline.ofCategories(this.#categories, missing);
    return baseline;
  }

  #compare(baseline: Baseline, missing: number): Shift[] {
    const shifts: Shift[] = [];
    const psi = this.#psi(baseline);
    if (psi >= this.#options.psi) shifts.push({ detector: 'psi', from: 0, to: psi });
    const apart = Math.abs(missing - baseline.missing);
    const pooled = (missing + baseline.missing) / 2;
    const deviation = Math.sqrt((2 * pooled * (1 - pooled)) / this.#count);
    if (apart >= this.#options.missing && apart > SIGNIFICANT * deviation)
      shifts.push({ detector: 'missing_rate', from: baseline.missing, to: missing });
    return shifts;
  }

  /** 0 where it may be chance. */
  #psi(baseline: Baseline): number {
    const [values, bins] = [this.#count - this.#missing, this.#counts.length];
    if (values < LEAST_VALUES || baseline.values < LEAST_VALUES) return 0;
    const total = values + SMOOTHING * bins;
    let psi = 0;
    for (let b = 0; b < bins; b++) {
      const share = (this.#counts[b]! + SMOOTHING) / total;
      psi += (share - baseline.shares[b]!) * Math.log(share / baseline.shares[b]!);
    }
    // Without a change PSI · nm / (n + m) is about χ² with bins − 1 degrees of freedom; Wilson and Hilferty's approximation of its quantile.
    const freedom = bins - 1;
    const spread = 2 / (9 * freedom);
    const chance = freedom * (1 - spread + SIGNIFICANT * Math.sqrt(spread)) ** 3;
    return (psi * values * baseline.values) / (values + baseline.values) > chance ? psi : 0;
  }
}

const NO_SHIFTS: readonly Shift[] = [];

/** The bins, and the share of values in each. */
class Baseline {
  readonly values: number;
  readonly missing: number;
  readonly shares: Float64Array;
  /** Of numbers: ascending; the least value, then the greatest one of each bin but the last. */
  readonly edges: Float64Array;
  /** Of categories: those with a bin of their own. */
  readonly categories: readonly string[];
  readonly #bins = new Map<string, number>();

  private constructor(parts: Pick<Baseline, 'values' | 'missing' | 'shares' | 'edges' | 'categories'>) {
    this.values = parts.values;
    this.missing = parts.missing;
    this.shares = parts.shares;
    this.edges = parts.edges;
    this.categories = parts.categories;
    for (const [bin, name] of parts.categories.entries()) this.#bins.set(name, bin);
  }

  static ofNumbers(values: readonly number[], missing: number): Baseline {
    const sorted = Float64Array.from(values).sort();
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
    const deciles = Array.from({ length: NUMBER_BINS - 1 }, (_, i) => at((i + 1) / NUMBER_BINS));
    const edges = sorted.length === 0 ? [] : [sorted[0]!, ...new Set(deciles)];
    const parts = { values: values.length, missing, edges: Float64Array.from(edges), categories: [] };
    const counts = new Float64Array(edges.length + 1);
    const empty = new Baseline({ ...parts, shares: counts });
    for (const value of values) counts[empty.bin(value)]! += 1;
    return new Baseline({ ...parts, shares: smoothed(counts, values.length) });
  }

  static ofCategories(found: ReadonlyMap<string, number>, missing: number): Baseline {
    // Sorting is stable: those as frequent stand in the order they came in.
    const frequent = [...found]
      .filter(([name]) => name !== OTHER)
      .sort((a, b) => b[1] - a[1])
      .slice(0, CATEGORY_BINS);
    const total = [...found.values()].reduce((sum, count) => sum + count, 0);
    const counts = Float64Array.from([...frequent.map(([, count]) => count), 0]);
    counts[frequent.length] = total - counts.reduce((sum, count) => sum + count, 0);
    return new Baseline({
      values: total,
      missing,
      shares: smoothed(counts, total),
      edges: new Float64Array(0),
      categories: frequent.map(([name]) => name),
    });
  }

  static load(reader: StateReader): Baseline {
    const [values, missing, shares, edges] = [reader.f64(), reader.f64(), reader.floats(), reader.floats()];
    const categories = Array.from({ length: reader.u32() }, () => reader.text());
    return new Baseline({ values, missing, shares, edges, categories });
  }

  bin(value: number | string): number {
    if (typeof value === 'string') return this.#bins.get(value) ?? this.categories.length;
    if (this.edges.length === 0 || value < this.edges[0]!) return 0;
    let bin = 1;
    while (bin < this.edges.length && value > this.edges[bin]!) bin += 1;
    return bin;
  }

  save(writer: StateWriter): void {
    writer.f64(this.values);
    writer.f64(this.missing);
    writer.floats(this.shares);
    writer.floats(this.edges);
    writer.u32(this.categories.length);
    for (const name of this.categories) writer.text(name);
  }
}

function smoothed(counts: Float64Array, total: number): Float64Array {
  return counts.map((count) => (count + SMOOTHING) / (total + SMOOTHING * counts.length));
}
