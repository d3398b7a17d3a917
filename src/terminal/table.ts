// Tables on a terminal: numbers to the right, long values cut at the terminal's width, NULL shown as nothing is: dim.

import pc from 'picocolors';

type Cell = string | null | undefined;

const MAX_CELL = 60;

/** Header, rule, rows; no trailing newline. */
export function drawTable(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => names.map((_, column) => shorten(row[column])));
  const widths = names.map((name, column) => Math.max(width(name), ...cells.map((row) => width(row[column]!.text))));
  const numeric = names.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => row[column] == null || /^-?[\d.]+(e[+-]?\d+)?%?$/i.test(row[column])),
  );
  const line = (parts: readonly string[]): string => parts.join('  ').trimEnd();
  return [
    pc.bold(line(names.map((name, column) => pad(name, widths[column]!, numeric[column]!)))),
    pc.dim(line(widths.map((one) => '─'.repeat(one)))),
    ...cells.map((row) =>
      line(row.map((cell, column) => paint(cell, pad(cell.text, widths[column]!, numeric[column]!)))),
    ),
  ].join('\n');
}

interface Shown {
  readonly text: string;
  readonly isNull: boolean;
}

function shorten(value: Cell): Shown {
  if (value === null || value === undefined) return { text: '∅', isNull: true };
  const text = value.replaceAll(/\s*\n\s*/g, ' ');
  const points = [...text];
  return { text: points.length > MAX_CELL ? `${points.slice(0, MAX_CELL - 1).join('')}…` : text, isNull: false };
}

function paint(cell: Shown, text: string): string {
  return cell.isNull ? pc.dim(text) : text;
}

function pad(text: string, to: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, to - width(text)));
  return right ? space + text : text + space;
}

function width(text: string): number {
  return [...text].length;
}
