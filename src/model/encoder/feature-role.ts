// What a column becomes: decided by its type's OID and the options, never by the values that happen to come.

import { MillraceError } from '../../runtime/errors.ts';
import type { ColumnType } from '../../flow/pipeline.ts';
import { didYouMean } from '../options.ts';
import type { EncodeOptions, FeatureOptions } from './encode-options.ts';
import type { Scale } from './scaler.ts';
import type { TextOptions } from './text-ngrams.ts';

/** number: one dimension, scaled. ordinal: the same of a category's code. target: the same of the target's mean by category. flag: 1 for true.
 * one_hot, hashing: a dimension a value or bucket. text: many dimensions, of n-grams. */
export type Role = 'number' | 'ordinal' | 'target' | 'flag' | 'one_hot' | 'hashing' | 'text';

/** How a value of the row is read as a number. */
export type NumberSource = 'number' | 'boolean' | 'text' | 'time';

export interface FeaturePlan {
  readonly name: string;
  readonly role: Role;
  readonly source: NumberSource;
  /** Of numbers, ordinals and targets. */
  readonly scale: Scale;
  /** NULL has a dimension of its own. */
  readonly indicator: boolean;
  readonly maxValues: number;
  readonly dimensions: number;
  /** Of targets: examples of the mean of all that are added to a category's. */
  readonly smoothing: number;
  /** Of texts. */
  readonly text: TextOptions | undefined;
  /** Of what is hashed: what decides which bucket is whose. */
  readonly buckets: string | undefined;
}

/** Buckets of a text, and of the shortest and longest n-gram, where the options say nothing. */
const TEXT_DIMENSIONS = 4096;
const DEFAULT_N = { words: [1, 2], characters: [3, 4] } as const;
const DEFAULT_SMOOTHING = 10;

export interface EncodingPlan {
  readonly features: readonly FeaturePlan[];
  /** Columns that are left out, each with the reason and what to do. */
  readonly notices: readonly string[];
}

/** OIDs of pg_type.dat: int8, int2, int4, oid, float4, float8, numeric. */
const NUMBERS = new Set([20, 21, 23, 26, 700, 701, 1700]);
const BOOLEAN = 16;
/** "char", name, text, bpchar, varchar, uuid. */
const TEXTS = new Set([18, 19, 25, 1042, 1043, 2950]);
/** date, timestamp, timestamptz. */
const TIMES = new Set([1082, 1114, 1184]);
/** From here on types are a user's own: enums are categories. Domains come as their base type. */
const FIRST_USER_OID = 16384;

/** Throws MODEL_INVALID for an override that names no feature or does not fit its type. */
export function planEncoding(columns: readonly ColumnType[], options: EncodeOptions): EncodingPlan {
  const names = columns.map((column) => column.name);
  for (const name of Object.keys(options.features)) {
    if (names.includes(name)) continue;
    throw new MillraceError('MODEL_INVALID', `model option "encode.features" names "${name}", which is no feature`, {
      hint: `${didYouMean(name, names)}Features: ${names.join(', ')}.`,
    });
  }
  const features: FeaturePlan[] = [];
  const notices: string[] = [];
  for (const column of columns) {
    const plan = planFeature(column, options);
    if (typeof plan === 'string') notices.push(plan);
    else if (plan) features.push(plan);
  }
  if (features.length === 0) notices.push('no column is used as a feature: the model learns only a constant');
  return { features, notices };
}

/** A notice where the column's type is left out, undefined where the options say so. */
function planFeature(column: ColumnType, options: EncodeOptions): FeaturePlan | string | undefined {
  const own = Object.hasOwn(options.features, column.name) ? options.features[column.name] : undefined;
  if (own?.as === 'ignore') return undefined;
  const source = sourceOf(column.typeOid);
  const as = own?.as ?? (source === 'number' ? 'number' : source === 'time' ? undefined : 'category');
  if (source === undefined || as === undefined) {
    if (own?.as !== undefined) throw unfit(column, own.as);
    const way = source === 'time' ? ', or "encode": {"features": {"…": {"as": "number"}}} for seconds since 1970' : '';
    return `column "${column.name}" of type ${column.type} is not used as a feature: give the view a number, text or boolean made from it${way}`;
  }
  if (as !== 'number' && source === 'time') throw unfit(column, as);
  if (as === 'text' && source !== 'text') throw unfit(column, as);
  const categories = own?.categories ?? options.categories;
  const role = as !== 'category' ? as : source === 'boolean' && own?.as === undefined ? 'flag' : categories;
  const dimensions = own?.dimensions ?? options.dimensions;
  const text = as === 'text' ? textOf(own ?? {}, options) : undefined;
  return {
    name: column.name,
    role,
    source,
    scale: scaleOf(own ?? {}) ?? scaleOf(options)!,
    indicator: (own?.missing ?? options.missing) !== 'ignore',
    maxValues: own?.max_values ?? options.max_values,
    dimensions,
    smoothing: own?.smoothing ?? DEFAULT_SMOOTHING,
    text,
    buckets: text || role === 'hashing' ? `${text?.dimensions ?? dimensions} by seed ${options.hash_seed}` : undefined,
  };
}

function textOf(own: FeatureOptions, options: EncodeOptions): TextOptions {
  const unit = own.unit ?? 'words';
  return {
    unit,
    n: own.n ?? DEFAULT_N[unit],
    lowerCase: own.lower_case ?? true,
    dimensions: own.dimensions ?? TEXT_DIMENSIONS,
    seed: options.hash_seed,
    maxLength: own.max_length ?? 2000,
    norm: own.norm ?? 'l2',
  };
}

function scaleOf(given: { scale?: Scale | undefined; standardise?: boolean | undefined }): Scale | undefined {
  if (given.scale !== undefined || given.standardise === undefined) return given.scale;
  return given.standardise ? 'standard' : 'none';
}

function sourceOf(typeOid: number): NumberSource | undefined {
  if (NUMBERS.has(typeOid)) return 'number';
  if (typeOid === BOOLEAN) return 'boolean';
  if (TEXTS.has(typeOid) || typeOid >= FIRST_USER_OID) return 'text';
  return TIMES.has(typeOid) ? 'time' : undefined;
}

/** How a column that says when is read; undefined where its type says no such thing. */
export function timeSourceOf(typeOid: number): 'time' | 'number' | undefined {
  const source = sourceOf(typeOid);
  return source === 'time' || source === 'number' ? source : undefined;
}

function unfit(column: ColumnType, as: string): MillraceError {
  return new MillraceError(
    'MODEL_INVALID',
    `feature "${column.name}" of type ${column.type} cannot be taken as ${as === 'ordinal' ? 'an' : 'a'} ${as}`,
    {
      hint: 'Give the view a number, text or boolean made from it, e.g. `extract(hour from created_at)`.',
    },
  );
}
