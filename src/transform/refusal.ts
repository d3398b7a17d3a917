// What is not compiled is refused with its place in the view's text, the reason, and what to write instead.

import type { ErrorCode } from '../runtime/error-codes.ts';
import { MillraceError } from '../runtime/errors.ts';

export interface Place {
  /** One-based. */
  readonly line: number;
  /** One-based, in characters. */
  readonly column: number;
}

/** SQL text whose byte offsets (as the parser gives them) can be turned into lines and columns. */
export class SqlText {
  readonly text: string;
  readonly #bytes: Buffer;
  /** What was put in front of the text before parsing, in bytes. */
  readonly #skip: number;

  constructor(text: string, prefix = '') {
    this.text = text;
    this.#bytes = Buffer.from(text);
    this.#skip = Buffer.byteLength(prefix);
  }

  placeOf(at: number): Place {
    const before = this.#bytes.subarray(0, Math.max(0, at - this.#skip)).toString();
    const lastBreak = before.lastIndexOf('\n');
    const line = before.split('\n').length;
    return { line, column: [...before.slice(lastBreak + 1)].length + 1 };
  }

  refuse(at: number, reason: string, hint: string, code: ErrorCode = 'SQL_UNSUPPORTED'): never {
    throw new MillraceError(code, reason, { hint, ...this.placeOf(at) });
  }
}

/** The error with its line of the text and a caret under the column. */
export function renderRefusal(text: string, error: MillraceError): string {
  const { line, column } = error.place;
  const parts = [`${error.code}: ${error.message}`];
  const shown = line === undefined ? undefined : text.split('\n')[line - 1];
  if (shown !== undefined && line !== undefined) {
    const margin = `${line} | `;
    parts.push(`${margin}${shown}`, `${' '.repeat(margin.length + (column ?? 1) - 1)}^`);
  }
  if (error.hint !== undefined) parts.push(`hint: ${error.hint}`);
  return parts.join('\n');
}
