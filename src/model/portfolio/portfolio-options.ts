// `model => '{"kind": "auto", …}'`: docs/models.md lists them.

import { z } from 'zod';
import type { ColumnType, ModelOptions } from '../../flow/pipeline.ts';
import {
  classWeights,
  columnLearnerOptions,
  encodeOptions,
  learnerOptions,
  maxClasses,
  taskOption,
  type EncodeOptions,
} from '../encoder/encode-options.ts';
import type { EncoderGroup } from './candidates.ts';

export const portfolioOptions = z.strictObject({
  ...learnerOptions,
  task: taskOption,
  /** Most that the candidates together may cost once the race is over, in about microseconds an example. */
  budget: z.number().min(1).max(100_000).default(4),
  class_weights: classWeights,
  max_classes: maxClasses,
});

export type PortfolioOptions = z.infer<typeof portfolioOptions>;

/** Options that only one kind has: `auto` with one of them is that kind, as it was before there was a portfolio. */
const OF_ONE_KIND = ['optimizer', 'intercept_lr', 'l1', 'l2', 'clip_gradient', 'importance'];

export function namesOneKind(options: ModelOptions): boolean {
  return OF_ONE_KIND.some((name) => Object.hasOwn(options, name));
}

/** The options that the one kind has too, which `auto` was before. */
export function withoutPortfolio({ budget: _, task: __, max_classes: ___, ...options }: ModelOptions): ModelOptions {
  return options;
}

/** Values of a number that `naive_bayes of categories` tells apart. */
const FEW = 16;
/** OIDs of pg_type.dat: int8, int2, int4, float4, float8, numeric. */
const NUMBERS = new Set([20, 21, 23, 700, 701, 1700]);

/** What each group makes of `encode` as it was given; `columns` are the features. */
export function encodingOf(group: EncoderGroup, given: unknown, columns: readonly ColumnType[]): EncodeOptions {
  if (group === 'vector') return encodeOptions.parse(given);
  const { missing: _, features, ...rest } = (given ?? {}) as Given;
  const own = Object.fromEntries(
    // A column has room for one number: a text is read by vectors alone.
    Object.entries(features ?? {}).map(([name, { missing: __, ...feature }]) => [
      name,
      feature['as'] === 'text' ? { as: 'ignore' } : feature,
    ]),
  );
  if (group === 'categories')
    for (const { name, typeOid } of columns)
      if (NUMBERS.has(typeOid) && own[name]?.['as'] === undefined && !('scale' in (own[name] ?? {})))
        own[name] = { as: 'category', max_values: FEW };
  return columnLearnerOptions.encode.parse({ ...rest, features: own });
}

interface Given {
  readonly missing?: unknown;
  readonly features?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
