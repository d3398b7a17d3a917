// A changed definition that cannot be gone on with: a model of another kind, options or an alert_when that do not fit. The
// pipeline keeps the former in that point, for good: what cannot be read now could not be read after a restart either.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { MillraceError, isRetryable } from '../runtime/errors.ts';

/**
 * The definition with its former model or alert, and the reason. Throws the error itself where it is a passing one, or none of
 * a definition's.
 */
export function keepFormer(
  asked: SinkDefinition,
  former: Pick<SinkDefinition, 'model'> | Pick<SinkDefinition, 'alertWhen'>,
  error: unknown,
): SinkDefinition {
  if (!(error instanceof MillraceError) || isRetryable(error)) throw error;
  const [option, what] = 'model' in former ? ['model', 'model options'] : ['alert_when', 'alert_when'];
  // With options that fit no such label a rebuild would fail, and what has been learned would be gone.
  const anew =
    error.code === 'MODEL_INVALID' ? '' : `To start anew with them: select millrace.rebuild('${asked.name}'). `;
  const refused = {
    reason: `the changed ${what} cannot be gone on with, so the former stay in force: ${error.message}`,
    hint: `${error.hint === undefined ? '' : `${error.hint} `}${anew}To take them back, or give others: select millrace.alter_pipeline('${asked.name}', ${option} => …).`,
  };
  return { ...asked, ...former, refused };
}

/** The definition with the model as it serves, because the version that it asks for cannot take its place. */
export function keepServing(
  asked: SinkDefinition,
  model: SinkDefinition['model'],
  version: number,
  error: unknown,
): SinkDefinition {
  if (!(error instanceof MillraceError) || isRetryable(error)) throw error;
  const refused = {
    reason: `version ${version} cannot be promoted, so the model goes on as it is: ${error.message}`,
    hint: `${error.hint === undefined ? '' : `${error.hint} `}Choose another: select version, examples, reason from millrace.models where pipeline = '${asked.name}'.`,
  };
  return { ...asked, model, refused };
}

/** Why nothing is retrained as a definition asks. Rejects with what passes. */
export function whyUntrained({ name }: SinkDefinition, error: unknown): NonNullable<SinkDefinition['refused']> {
  if (!(error instanceof MillraceError) || error.code !== 'MODEL_INVALID') throw error;
  return {
    reason: `no model is retrained, since what was asked for cannot be done: ${error.message}`,
    hint: `${error.hint === undefined ? '' : `${error.hint} `}Ask for another: select millrace.retrain('${name}', model => …), or take it back: select millrace.cancel_retrain('${name}').`,
  };
}

export function versionGone(version: number): MillraceError {
  return new MillraceError('MODEL_STATE', `version ${version} is not stored any more`, {
    hint: 'The model option "keep_versions" says how many are.',
  });
}

/** What was read is not what stands there any more. */
export function stolen(): MillraceError {
  return new MillraceError('ALREADY_RUNNING', 'another sink has written this partition', {
    hint: 'Two sinks read it for a moment, as when one was cut off. This one starts again from what is stored.',
    retryable: true,
  });
}

export function refusedOf({ refused }: SinkDefinition): Pick<SinkDefinition, 'refused'> {
  return refused === undefined ? {} : { refused };
}
