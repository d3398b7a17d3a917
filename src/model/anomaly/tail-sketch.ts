// How many of the values so far were at least so large, in little memory: the fewer they are, the more exactly they are known.

import { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

/** Values in a section at first: the standard error of a count is some 0.8 % of it, see {@link TailSketch}. */
const SECTION = 16;
const SECTIONS = 3;
const LEAST_SECTION = 4;

/** Each value stands for 2^level values of the stream. */
interface Level {
  /** Ascending, `length` of them. */
  values: Float64Array;
  length: number;
  sections: number;
  /** Not rounded. */
  section: number;
  compactions: number;
  odd: boolean;
}

/**
 * The relative error sketch REQ (Cormode, Karnin, Liberty, Thaler, Veselý 2021, "Relative error streaming quantiles") with its
 * accuracy at the top, and the sections of Apache DataSketches' ReqSketch, which double in number as they shrink by √2. A full level
 * gives every other of its least values to the next level, by a coin from a seed, and keeps its greatest half at least. So counts
 * of up to 48 are exact, and greater ones have a standard error of √(0.0512 / 3) / 16 = 0.8 % of the count (measured in the
 * tests). Some 20 kB for a million values, and about 2 kB more for each time they double.
 */
export class TailSketch {
  readonly #random: Random;
  readonly #levels: Level[] = [];
  #count = 0;

  constructor(seed: number, saved?: StateReader) {
    this.#random = new Random(saved ? saved.u32() : seed);
    if (saved) this.#load(saved);
    else this.#levels.push(newLevel());
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#levels.reduce((sum, level) => sum + 64 + level.values.byteLength, 64);
  }

  /** @param x finite. */
  add(x: number): void {
    const first = this.#levels[0]!;
    reserve(first, first.length + 1);
    const at = below(first, x);
    first.values.copyWithin(at + 1, at, first.length);
    first.values[at] = x;
    first.length += 1;
    this.#count += 1;
    for (let h = 0; h < this.#levels.length && this.#levels[h]!.length >= capacity(this.#levels[h]!); h++)
      this.#compact(h);
  }

  /** Estimated number of values so far that were not below `x`. */
  atLeast(x: number): number {
    let sum = 0;
    let weight = 1;
    for (let h = 0; h < this.#levels.length; h++) {
      const level = this.#levels[h]!;
      sum += weight * (level.length - below(level, x));
      weight *= 2;
    }
    return sum;
  }

  /** The values that it keeps, in no order, and how many of the stream each stands for. */
  kept(): { readonly value: number; readonly weight: number }[] {
    return this.#levels.flatMap(({ values, length }, h) =>
      Array.from(values.subarray(0, length), (value) => ({ value, weight: 2 ** h })),
    );
  }

  save(writer: StateWriter): void {
    writer.u32(this.#random.state);
    writer.f64(this.#count);
    writer.u32(this.#levels.length);
    for (const level of this.#levels) {
      writer.f64(level.sections);
      writer.f64(level.section);
      writer.f64(level.compactions);
      writer.u32(Number(level.odd));
      writer.floats(level.values, level.length);
    }
  }

  #load(saved: StateReader): void {
    this.#count = saved.f64();
    for (let left = saved.u32(); left > 0; left--) {
      const level = newLevel();
      level.sections = saved.f64();
      level.section = saved.f64();
      level.compactions = saved.f64();
      level.odd = saved.u32() === 1;
      const values = saved.floats();
      reserve(level, values.length);
      level.values.set(values);
      level.length = values.length;
      this.#levels.push(level);
    }
  }

  /** The seldomer, the more sections are given up at once; each second time it takes the values that the first left. */
  #compact(h: number): void {
    const level = this.#levels[h]!;
    const next = (this.#levels[h + 1] ??= newLevel());
    const size = sectionSize(level);
    const sections = Math.min(trailingOnes(level.compactions) + 1, level.sections);
    const kept = capacity(level) / 2 + (level.sections - sections) * size;
    const given = (level.length - kept) & ~1;
    level.odd = level.compactions % 2 === 1 ? !level.odd : this.#random.uniform() < 0.5;
    merge(next, level.values, Number(level.odd), given);
    level.values.copyWithin(0, given, level.length);
    level.length -= given;
    level.compactions += 1;
    const shrunk = level.section / Math.SQRT2;
    if (level.compactions < 2 ** (level.sections - 1) || nearestEven(shrunk) < LEAST_SECTION) return;
    level.section = shrunk;
    level.sections *= 2;
  }
}

function newLevel(): Level {
  return { values: new Float64Array(0), length: 0, sections: SECTIONS, section: SECTION, compactions: 0, odd: false };
}

function sectionSize({ section }: Level): number {
  return nearestEven(section);
}

function nearestEven(x: number): number {
  return 2 * Math.round(x / 2);
}

function capacity(level: Level): number {
  return 2 * level.sections * sectionSize(level);
}

function trailingOnes(x: number): number {
  return 31 - Math.clz32(~x & (x + 1));
}

function reserve(level: Level, length: number): void {
  if (length <= level.values.length) return;
  const grown = new Float64Array(Math.max(length, capacity(level) + SECTION));
  grown.set(level.values.subarray(0, level.length));
  level.values = grown;
}

/** How many of a level's values are below `x`. */
function below({ values, length }: Level, x: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Every other of the first `count` values into a level, in order: from the end, in place. */
function merge(into: Level, from: Float64Array, first: number, count: number): void {
  const added = count / 2;
  reserve(into, into.length + added);
  const { values } = into;
  let i = into.length - 1;
  let j = first + count - 2;
  let to = into.length + added - 1;
  into.length += added;
  while (j >= 0) {
    if (i >= 0 && values[i]! > from[j]!) values[to--] = values[i--]!;
    else {
      values[to--] = from[j]!;
      j -= 2;
    }
  }
}
