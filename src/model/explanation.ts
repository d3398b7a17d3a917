// From a learner's parts of a raw score to those of the row's columns.

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
  const sums = new Float64Array(names.length);
  for (let i = 0; i < input.length; i++) sums[encoder.owner(i)]! += parts.contributions[i]!;
  const contributions: Contribution[] = names.map((feature, f) => ({
    feature,
    value: row[feature] ?? null,
    contribution: sums[f]!,
  }));
  for (const { name, contribution } of parts.parts ?? [])
    contributions.push({ feature: name, value: null, contribution });
  contributions.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  return { bias: parts.bias, contributions: contributions.slice(0, Math.max(0, top)) };
}
