// How a command ends: its exit code, and what it prints when it fails. Only here.

import { CommanderError } from 'commander';
import pc from 'picocolors';
import { MillraceError } from '../runtime/errors.ts';

export const EXIT = { done: 0, failed: 1, usage: 2, degraded: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Prints one JSON envelope, the same for every command. */
export function printJson(command: string, data: unknown): void {
  process.stdout.write(`${JSON.stringify({ ok: true, command, data })}\n`);
}

/** Prints what went wrong, where, and what to do; gives the exit code. */
export function reportFailure(error: unknown, command: string, json: boolean): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const known = error instanceof MillraceError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  // A parent that is told says it itself.
  const told = known !== undefined && !known.retryable && process.send !== undefined;
  if (told) {
    process.send?.({ kind: 'fatal', message, hint: known.hint });
  } else if (json) {
    const details = { code: known?.code ?? 'INTERNAL', message, hint: known?.hint, ...known?.place };
    process.stdout.write(`${JSON.stringify({ ok: false, command, error: details })}\n`);
  } else {
    process.stderr.write(`${pc.red('error')} ${message}\n`);
    const hint = known?.hint ?? (hasHint(error) ? error.hint : deniedHint(error));
    if (hint) process.stderr.write(`${pc.cyan('hint')}  ${hint}\n`);
    if (!known && process.env['MILLRACE_LOG_LEVEL'] === 'debug' && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
  }
  return known?.code === 'USAGE' ? EXIT.usage : EXIT.failed;
}

/** Of our own tables: the schema belongs to one role, which connector and sink must be, or be a member of. */
function deniedHint(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== '42501') return undefined;
  return /permission denied for (table|schema|sequence|function) (millrace|_)/.test(error.message)
    ? 'Connect as the role that ran `millrace migrate` and owns the schema millrace, or make this one a member of it: grant OWNER to ROLE.'
    : undefined;
}

/** Postgres's own errors carry a hint too. */
function hasHint(error: unknown): error is { readonly hint: string } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'hint' in error &&
    typeof error.hint === 'string' &&
    error.hint !== ''
  );
}
