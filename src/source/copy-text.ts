// Reads the text format of COPY.
// Source: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
//
//   rows  := { row '\n' }
//   row   := cell { '\t' cell }
//   cell  := '\N' (NULL) | { byte | '\' ( b | f | n | r | t | v | '\' ) }
//
// Line feeds and tabs inside a value are always escaped, so a raw one is always a separator.

import type { Cell } from '../flow/change.ts';

const NEWLINE = 0x0a;
const TAB = 0x09;
/** Rows up to this size become one string that the cells are cut from. Longer ones would be kept alive by any of their cells. */
const WHOLE_ROW_BYTES = 1_024;

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Cuts what a copy gives, split anywhere, into rows. */
export class CopyTextReader {
  /** The start of a row whose end has not come. */
  #pieces: Buffer[] = [];

  /** The rows that are whole now. */
  read(chunk: Buffer): Cell[][] {
    const rows: Cell[][] = [];
    let at = 0;
    let newline = chunk.indexOf(NEWLINE);
    if (newline >= 0 && this.#pieces.length > 0) {
      const first = Buffer.concat([...this.#pieces, chunk.subarray(0, newline)]);
      this.#pieces = [];
      rows.push(readRow(first, 0, first.length));
      at = newline + 1;
      newline = chunk.indexOf(NEWLINE, at);
    }
    for (; newline >= 0; newline = chunk.indexOf(NEWLINE, at)) {
      rows.push(readRow(chunk, at, newline));
      at = newline + 1;
    }
    if (at < chunk.length) this.#pieces.push(chunk.subarray(at));
    return rows;
  }

  /** True between rows. */
  get complete(): boolean {
    return this.#pieces.length === 0;
  }
}

function readRow(bytes: Buffer, start: number, end: number): Cell[] {
  if (end - start <= WHOLE_ROW_BYTES) {
    const text = bytes.toString('utf8', start, end);
    const cells = text.split('\t');
    return text.includes('\\') ? cells.map(unescape) : cells;
  }
  const cells: Cell[] = [];
  for (let at = start; at <= end;) {
    const tab = bytes.indexOf(TAB, at);
    const to = tab < 0 || tab > end ? end : tab;
    cells.push(unescape(bytes.toString('utf8', at, to)));
    at = to + 1;
  }
  return cells;
}

function unescape(cell: string): Cell {
  if (cell === '\\N') return null;
  return cell.includes('\\') ? cell.replaceAll(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter) : cell;
}
