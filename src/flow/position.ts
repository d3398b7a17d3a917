// Where a record stands in the one order of everything (docs/correctness.md, rule A): commit LSN, then the record's number in its
// transaction. Unique in a generation. Backfill records have LSN 0 and a running number.

import { formatLsn, parseLsn, type Lsn } from './lsn.ts';

export interface Position {
  readonly lsn: Lsn;
  readonly n: number;
}

/** Negative, zero or positive, as `Array.prototype.sort` wants it. */
export function comparePositions(a: Position, b: Position): number {
  return a.lsn === b.lsn ? a.n - b.n : a.lsn < b.lsn ? -1 : 1;
}

/** True when `a` stands after `b`; anything stands after nothing. */
export function isAfter(a: Position, b: Position | undefined): boolean {
  return b === undefined || (a.lsn === b.lsn ? a.n > b.n : a.lsn > b.lsn);
}

/** `16/B374D848:12` */
export function formatPosition(position: Position): string {
  return `${formatLsn(position.lsn)}:${position.n}`;
}

/** Reads what {@link formatPosition} prints. Throws on anything else. */
export function parsePosition(text: string): Position {
  const colon = text.lastIndexOf(':');
  const n = Number(text.slice(colon + 1));
  if (colon < 0 || !Number.isSafeInteger(n) || n < 0) throw new TypeError(`not a position: ${JSON.stringify(text)}`);
  return { lsn: parseLsn(text.slice(0, colon)), n };
}
