// Checks the options of a model and says what would be valid. Every kind gives a zod schema of its own.

import { z } from 'zod';
import { MillraceError } from '../runtime/errors.ts';
import { driftOptions } from './drift/drift-options.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import type { ModelSettings } from './model.ts';

/** Options that every kind has beside its own. */
export const commonOptions = {
  kind: z.string(),
  /** Examples from one saved version to the next. */
  save_every: z.int().min(1).max(1_000_000_000).default(5_000),
  /** Saved versions that stay stored, beside those that were promoted. */
  keep_versions: z.int().min(2).max(100_000).default(20),
  /** Which rows keep an explanation in the score table. */
  explain: z.enum(['alerts', 'all', 'none']).default('alerts'),
  /** Features that an explanation names. */
  explain_top: z.int().min(1).max(20).default(3),
  /** Insists on features that the label is made of; read by the compiler. */
  allow_leak: z.boolean().default(false),
  /** A feature by whose values quality is shown, too. */
  metrics_by: z.string().optional(),
  /** Corrects the probability of a boolean by what came true. */
  calibrate: z.enum(['none', 'platt', 'piecewise']).default('none'),
  /** Of a boolean: examples of the frequent class that are learned for each of the rare one. */
  under_sample: z.strictObject({ ratio: z.number().min(0.1).max(1_000) }).optional(),
  /** Of all randomness; the pipeline's own where it is not given. */
  seed: z.int().min(0).max(0xffff_ffff).optional(),
  /** What watches over the model. */
  drift: driftOptions,
};

export function settingsOf(
  options: Pick<LearnerOptions, 'save_every' | 'keep_versions' | 'explain' | 'explain_top'>,
): ModelSettings {
  const { save_every: saveEvery, keep_versions: keepVersions, explain, explain_top: explainTop } = options;
  return { saveEvery, keepVersions, explain, explainTop };
}

/** Parses, or throws MODEL_INVALID: where it is wrong, what was expected, and for an unknown name the nearest valid one. */
export function parseOptions<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const place = issue.path.length === 0 ? 'the model options' : `model option "${issue.path.join('.')}"`;
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(schema, issue.path, value);
    const unknown = issue.keys[0]!;
    const of = issue.path.length === 0 ? '' : ` in "${issue.path.join('.')}"`;
    throw new MillraceError('MODEL_INVALID', `unknown model option "${unknown}"${of}`, {
      hint: `${didYouMean(unknown, valid)}Valid options${of}: ${valid.join(', ')}.`,
    });
  }
  throw new MillraceError('MODEL_INVALID', `${place} is not valid: ${issue.message}`, {
    hint: 'docs/models.md lists every option with its default and an example.',
  });
}

/** `Did you mean "logistic"? `, or nothing where no name is near. */
export function didYouMean(given: string, valid: readonly string[]): string {
  let best = '';
  let least = Math.max(2, Math.ceil(given.length / 3)) + 1;
  for (const name of valid) {
    const distance = editDistance(given.toLowerCase(), name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best === '' ? '' : `Did you mean "${best}"? `;
}

/** The keys of the object schema at `path`; for a union, of the member whose discriminator the value has. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  let at: unknown = schema;
  let here: unknown = value;
  for (const step of [...path, undefined]) {
    if (at instanceof z.ZodPipe) at = at.in;
    while (at instanceof z.ZodDefault || at instanceof z.ZodPrefault || at instanceof z.ZodOptional) at = at.unwrap();
    if (at instanceof z.ZodDiscriminatedUnion) {
      const { discriminator } = at.def;
      const name = (here as Record<string, unknown>)[discriminator];
      at = (at.options as readonly z.ZodType[]).find(
        (option) => option instanceof z.ZodObject && option.shape[discriminator].safeParse(name).success,
      );
    }
    if (step === undefined) break;
    at = at instanceof z.ZodObject ? at.shape[step as string] : at instanceof z.ZodRecord ? at.valueType : undefined;
    here = (here as Record<PropertyKey, unknown>)[step];
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** Levenshtein's, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
