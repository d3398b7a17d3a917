// Text as n-grams of words or characters, hashed with a sign into a space of the feature's own (Weinberger et al. 2009, "Feature
// hashing for large scale multitask learning"). Work and memory of a row are bounded by `maxLength`, of the model by `dimensions`.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { hashText } from './feature-value.ts';

export interface TextOptions {
  readonly unit: 'words' | 'characters';
  /** Shortest and longest n-gram. */
  readonly n: readonly [number, number];
  readonly lowerCase: boolean;
  /** Buckets. */
  readonly dimensions: number;
  readonly seed: number;
  /** Characters that are read; what is behind is not. */
  readonly maxLength: number;
  /** l2: a text's values have a length of 1, whatever its own; none: counts. */
  readonly norm: 'l2' | 'none';
}

/** A word: letters, digits and underscores of any script. */
const WORD = /[\p{L}\p{M}\p{N}_]+/gu;

/** The n-grams of a text, in order, those that come twice twice; those of words are joined by a space. */
export function* ngramsOf(text: string, { unit, n, lowerCase, maxLength }: TextOptions): Generator<string> {
  const read = text.length > maxLength ? text.slice(0, maxLength) : text;
  // In lower case a letter can become two (İ): no more of them are read either, as room is made for `maxLength`.
  const cased = lowerCase ? read.toLowerCase().slice(0, maxLength) : read;
  const parts = unit === 'words' ? (cased.match(WORD) ?? []) : Array.from(cased);
  const joint = unit === 'words' ? ' ' : '';
  for (let i = 0; i < parts.length; i++)
    for (let size = n[0]; size <= n[1] && i + size <= parts.length; size++)
      yield size === 1 ? parts[i]! : parts.slice(i, i + size).join(joint);
}

/** Most entries that a text becomes. */
export function mostEntries({ n, dimensions, maxLength }: TextOptions): number {
  return Math.min(dimensions, (n[1] - n[0] + 1) * maxLength);
}

/** Where an n-gram goes: the hash's lower 31 bits say the bucket, the highest the sign. */
export function bucketOf(ngram: string, { seed, dimensions }: TextOptions): { bucket: number; sign: number } {
  const hash = hashText(ngram, seed);
  return { bucket: (hash & 0x7fffffff) % dimensions, sign: hash >= 0x80000000 ? -1 : 1 };
}

const NONE = -1;

/** The buckets of one feature, each with the dimension that it got when it was first learned. */
export class TextBuckets {
  readonly #dimensions: Int32Array;
  /** Signed counts of the text in hand, zero between calls; and the buckets that it touches, in the order they came. */
  readonly #counts: Float64Array;
  readonly #touched: number[] = [];
  #used = 0;

  constructor(buckets: number, saved?: StateReader) {
    const size = saved ? saved.u32() : buckets;
    this.#dimensions = new Int32Array(size).fill(NONE);
    this.#counts = new Float64Array(size);
    if (!saved) return;
    this.#used = saved.u32();
    for (let left = this.#used; left > 0; left--) this.#dimensions[saved.u32()] = saved.u32();
  }

  get size(): number {
    return this.#dimensions.length;
  }

  get bytes(): number {
    return this.#dimensions.length * 12;
  }

  dimension(bucket: number): number {
    return this.#dimensions[bucket]!;
  }

  /**
   * Gives each bucket of the text that has a dimension, and what does not cancel out in it, to `emit`, in the order they came.
   * @param next gives a new dimension to a bucket that has none; undefined: it is left out
   */
  encode(
    text: string,
    options: TextOptions,
    next: (() => number) | undefined,
    emit: (dimension: number, value: number) => void,
  ): void {
    const counts = this.#counts;
    const touched = this.#touched;
    for (const ngram of ngramsOf(text, options)) {
      const { bucket, sign } = bucketOf(ngram, options);
      // Twice where it had come back to zero, which changes nothing below: the second time nothing is left.
      if (counts[bucket] === 0) touched.push(bucket);
      counts[bucket]! += sign;
    }
    let squares = 0;
    for (const bucket of new Set(touched)) squares += counts[bucket]! * counts[bucket]!;
    const scale = options.norm === 'l2' && squares > 0 ? 1 / Math.sqrt(squares) : 1;
    for (const bucket of touched) {
      const count = counts[bucket]!;
      counts[bucket] = 0;
      if (count === 0) continue;
      if (this.#dimensions[bucket] === NONE) {
        if (next === undefined) continue;
        this.#dimensions[bucket] = next();
        this.#used += 1;
      }
      emit(this.#dimensions[bucket]!, count * scale);
    }
    touched.length = 0;
  }

  save(writer: StateWriter): void {
    writer.u32(this.size);
    writer.u32(this.#used);
    for (let bucket = 0; bucket < this.size; bucket++) {
      if (this.#dimensions[bucket] === NONE) continue;
      writer.u32(bucket);
      writer.u32(this.#dimensions[bucket]!);
    }
  }
}
