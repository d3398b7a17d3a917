// From a learner's parts of a raw score to those of the row's columns; of a text, to those of its n-grams.

import type { Encoder } from './encoder/encoder.ts';
import type { Input, Learner } from './learner.ts';
import type { Contribution, Explanation, FeatureRow } from './model.ts';

/** @param input the row as the encoder has just given it */
export function explanationOf(
  { encoder, learner }: { readonly encoder: Encoder; readonly learner: Learner },
  row: FeatureRow,
  input: Input,
  top: number,
): Explanation {
  const { bias, contributions, parts = [] } = learner.explain(input);
  const found = new FeatureParts(encoder.features, row);
  found.add(encoder, input, contributions, 1);
  const others = parts.map(({ name, contribution }) => ({ feature: name, value: null, contribution }));
  return { bias, contributions: greatest([...found.all, ...others], top) };
}

/** Greatest magnitude first. */
export function greatest(contributions: readonly Contribution[], top: number): Contribution[] {
  const sorted = contributions.toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  return sorted.slice(0, Math.max(0, top));
}

/** Parts of a raw score by column, summed over the learners that take part in it, each with its own encoding of the row. */
export class FeatureParts {
  readonly #names: readonly string[];
  readonly #row: FeatureRow;
  readonly #places: ReadonlyMap<string, number>;
  readonly #sums: Float64Array;
  /** Of columns that are read as n-grams, in place of a sum. */
  readonly #ngrams: Contribution[] = [];
  readonly #texts = new Set<string>();

  /** @param names of all columns that may have a part */
  constructor(names: readonly string[], row: FeatureRow) {
    this.#names = names;
    this.#row = row;
    this.#places = new Map(names.map((name, place) => [name, place]));
    this.#sums = new Float64Array(names.length);
  }

  /**
   * @param input the row as the encoder has just given it
   * @param contributions by entry of the input
   * @param factor on each of them
   */
  add(encoder: Encoder, input: Input, contributions: Float64Array, factor: number): void {
    const names = encoder.features;
    const places = names.map((name) => this.#places.get(name)!);
    const texts = names.map((_, f) => encoder.ngrams(this.#row, f));
    for (const [f, text] of texts.entries()) if (text) this.#texts.add(names[f]!);
    for (let i = 0; i < input.length; i++) {
      const f = encoder.owner(i);
      const contribution = factor * contributions[i]!;
      const value = texts[f]?.get(input.indexes[i]!);
      if (value === undefined) this.#sums[places[f]!]! += contribution;
      else this.#ngrams.push({ feature: names[f]!, value, contribution });
    }
  }

  get all(): Contribution[] {
    const found = [...this.#ngrams];
    for (const [place, feature] of this.#names.entries())
      if (!this.#texts.has(feature))
        found.push({ feature, value: this.#row[feature] ?? null, contribution: this.#sums[place]! });
    return found;
  }
}
