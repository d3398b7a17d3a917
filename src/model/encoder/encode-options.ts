// `model => '{"encode": {…}}'`: how a view's columns become numbers. docs/models.md lists them.

import { z } from 'zod';
import { commonOptions } from '../options.ts';
import type { SeriesOptions } from '../series-keys.ts';
import { SCALES, type Scale } from './scaler.ts';

const maxValues = z.int().min(1).max(10_000);
const dimensions = z.int().min(2).max(1_048_576);
const seed = z.int().min(0).max(0xffff_ffff);

const columnFeatureShape = {
  as: z.enum(['number', 'category', 'ordinal', 'target', 'ignore']).optional(),
  scale: z.enum(SCALES).optional(),
  standardise: z.boolean().optional(),
  categories: z.enum(['one_hot', 'hashing']).optional(),
  max_values: maxValues.optional(),
  dimensions: dimensions.optional(),
  /** Of `target`: examples of the mean of all that are added to a category's. */
  smoothing: z.number().min(0).max(1e6).optional(),
};

/** Of `text`. */
const textShape = {
  unit: z.enum(['words', 'characters']).optional(),
  /** Shortest and longest n-gram. */
  n: z
    .tuple([z.int().min(1).max(8), z.int().min(1).max(8)])
    .refine(([least, most]) => least <= most, 'the shortest n-gram comes first')
    .optional(),
  lower_case: z.boolean().optional(),
  /** Characters that are read. */
  max_length: z.int().min(1).max(100_000).optional(),
  norm: z.enum(['l2', 'none']).optional(),
};

/** NULL as a dimension of its own, the default, or as nothing. */
const missing = z.enum(['indicator', 'ignore']).optional();

/** For one feature, by its column's name; what is not given is as for all. */
const featureOptions = z
  .strictObject({
    ...columnFeatureShape,
    as: z.enum(['number', 'category', 'ordinal', 'target', 'text', 'ignore']).optional(),
    ...textShape,
    missing,
  })
  .refine(...oneScale(undefined))
  .refine(...onlyOf('text', Object.keys(textShape)))
  .refine(...onlyOf('target', ['smoothing']));
const columnFeatureOptions = z
  .strictObject(columnFeatureShape)
  .refine(...oneScale(undefined))
  .refine(...onlyOf('target', ['smoothing']));

export type FeatureOptions = z.infer<typeof featureOptions>;

const encodeShape = {
  /** Of numbers, learned online; where it is not given, `standardise` decides between `standard` and `none`. */
  scale: z.enum(SCALES).optional(),
  /** Numbers as (x − mean) / sd, both learned online. */
  standardise: z.boolean().default(true),
  /** Numbers end here, in standard deviations; null for no limit, as River has it. */
  clip: z.number().positive().max(1e6).nullable().default(100),
  categories: z.enum(['one_hot', 'hashing']).default('one_hot'),
  /** Values a feature that get a dimension or code of their own; later ones share `other`. */
  max_values: maxValues.default(100),
  /** Of a hashed feature. */
  dimensions: dimensions.default(256),
  hash_seed: seed.default(0),
  features: z.record(z.string(), featureOptions).default({}),
};

export const encodeOptions = z
  .strictObject({ ...encodeShape, missing })
  .refine(...oneScale(true))
  .prefault({});

/** Of kinds that take columns as they are, where NULL has no dimension: one value far out would spoil means and deviations by class, so `clip` is nearer. */
const columnShape = {
  ...encodeShape,
  standardise: z.boolean().default(false),
  clip: encodeShape.clip.unwrap().default(20),
  features: z.record(z.string(), columnFeatureOptions).default({}),
};

const columnOptions = z
  .strictObject(columnShape)
  .refine(...oneScale(false))
  .prefault({});

/** Of kinds that have parameters for every user and item: hashed, with room for many; products of inputs make a near `clip` wiser. */
const hashedOptions = z
  .strictObject({
    ...encodeShape,
    clip: encodeShape.clip.unwrap().default(10),
    categories: encodeShape.categories.unwrap().default('hashing'),
    dimensions: dimensions.default(262_144),
    missing,
  })
  .refine(...oneScale(true))
  .prefault({});

export type EncodeOptions = z.infer<typeof encodeOptions>;

/** When a row enters means, deviations and categories: with its label, as in River, or already as it arrives. */
export const updateOption = z.enum(['on_label', 'on_arrival']).default('on_label');

/** Options of every kind that learns from encoded rows; a kind adds its own. */
export const learnerOptions = { ...commonOptions, encode: encodeOptions, update: updateOption };

/** The same for kinds that take columns as they are. */
export const columnLearnerOptions = { ...learnerOptions, encode: columnOptions };

/** The same for kinds that take categories without number. */
export const hashedLearnerOptions = { ...learnerOptions, encode: hashedOptions };

/** Of kinds that learn every row as it arrives, without labels. */
const arrivalOption = z.enum(['on_arrival']).default('on_arrival');
export const anomalyLearnerOptions = { ...columnLearnerOptions, update: arrivalOption };

/** Of kinds that learn classes: factors on the weight of each class's examples; 1 for those not named. */
export const classWeights = z.record(z.string(), z.number().min(0).max(1e6)).optional();

/** Of kinds that learn text or integer labels: classes kept; an example of a further one is skipped. */
export const maxClasses = z.int().min(2).max(1000).default(100);

/** Of kinds with several tasks: how an integer label is taken. */
export const taskOption = z.enum(['binary', 'regression', 'multiclass']).optional();

export type LearnerOptions = z.infer<z.ZodObject<typeof learnerOptions>> & {
  readonly class_weights?: z.infer<typeof classWeights>;
  readonly max_classes?: number;
  readonly task?: z.infer<typeof taskOption>;
} & Partial<SeriesOptions>;

/** Options that mean something only of what is taken `as` that. */
function onlyOf(as: string, names: readonly string[]) {
  const fits = (given: Readonly<Record<string, unknown>>) =>
    given['as'] === as || names.every((name) => given[name] === undefined);
  return [
    fits,
    { message: `${names.map((name) => `"${name}"`).join(', ')} can be given only with "as": "${as}"` },
  ] as const;
}

/** `scale` and `standardise` must not say different things; that `standardise` has its default says nothing. */
function oneScale(standardiseDefault: boolean | undefined) {
  type Given = { scale?: Scale | undefined; standardise?: boolean | undefined };
  const agree = ({ scale, standardise }: Given) =>
    scale === undefined || standardise === standardiseDefault || scale === (standardise ? 'standard' : 'none');
  const message =
    '"standardise" says another: true is "standard", false is "none". Give "scale" alone: "standard", "min_max", "robust" or "none"';
  return [agree, { path: ['scale'] as PropertyKey[], message }] as const;
}
