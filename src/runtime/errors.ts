// The one error class for the world's failures, and the one place that says which of them are worth another try.
// Our own bugs are `assert`s. Codes are documented in docs/errors.md.

import type { ErrorCode } from './error-codes.ts';

/** Where it happened; whatever is known. */
export interface ErrorPlace {
  readonly pipeline?: string;
  readonly table?: string;
  readonly key?: string;
  readonly position?: string;
  /** One-based, in the SQL text that `validate` prints. */
  readonly line?: number;
  readonly column?: number;
}

export interface ErrorDetails extends ErrorPlace {
  /** What to do about it, in one or two sentences. */
  readonly hint?: string;
  /** The same attempt may succeed later without anybody doing anything. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** Says what was expected, what came, and (hint) what to do. Never carries secrets or values of rows. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const { hint, retryable, cause: _, ...place } = details;
    this.code = code;
    this.hint = hint;
    this.retryable = retryable ?? false;
    this.place = place;
  }
}

/** Network and server conditions that pass by themselves: a connection cut, a server restarting, a lost race. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '40001',
  '40P01',
  '55P03',
]);

/** The one decision about retrying: our own errors say; others by their network or SQLSTATE code. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof MillraceError) return error.retryable;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isRetryable);
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string') return PASSING.has(error.code);
  return /Connection terminated|Client has encountered a connection error|timeout expired/.test(error.message);
}
