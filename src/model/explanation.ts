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
  const parts = learner.explain(input);
  const names = encoder.features;
  const texts = names.map((_, f) => encoder.ngrams(row, f));
  const sums = new Float64Array(names.length);
  const contributions: Contribution[] = [];
  for (let i = 0; i < input.length; i++) {
    const f = encoder.owner(i);
    const contribution = parts.contributions[i]!;
    const ngram = texts[f]?.get(input.indexes[i]!);
    if (ngram === undefined) sums[f]! += contribution;
    else contributions.push({ feature: names[f]!, value: ngram, contribution });
  }
  for (const [f, feature] of names.entries())
    if (texts[f] === undefined) contributions.push({ feature, value: row[feature] ?? null, contribution: sums[f]! });
  for (const { name, contribution } of parts.parts ?? [])
    contributions.push({ feature: name, value: null, contribution });
  contributions.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  return { bias: parts.bias, contributions: contributions.slice(0, Math.max(0, top)) };
}
