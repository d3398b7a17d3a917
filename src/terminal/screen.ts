// Text drawn in place on a terminal: each drawing replaces the one before. Where there is no terminal, drawings follow each other.

import type { WriteStream } from 'node:tty';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Dispose it to leave the last drawing on the screen and the cursor below it. */
export class Screen {
  readonly #out: WriteStream;
  #lines = 0;

  constructor(out: WriteStream) {
    this.#out = out;
    if (out.isTTY) out.write(HIDE_CURSOR);
  }

  /** Lines wider than the terminal are cut, as a wrapped line could not be drawn over. */
  draw(text: string): void {
    if (!this.#out.isTTY) {
      this.#out.write(`${text}\n`);
      return;
    }
    const width = terminalWidth(this.#out);
    const lines = text.split('\n').slice(0, Math.max(1, (this.#out.rows || 24) - 1));
    const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : '';
    this.#out.write(`${up}\r${lines.map((line) => `${cut(line, width)}${CLEAR_LINE_END}\n`).join('')}${CLEAR_BELOW}`);
    this.#lines = lines.length;
  }

  [Symbol.dispose](): void {
    if (this.#out.isTTY) this.#out.write(SHOW_CURSOR);
  }
}

/** Characters in a line; without a terminal there is no end to it. */
export function terminalWidth(out: WriteStream): number {
  return out.isTTY ? out.columns || 80 : Infinity;
}

/** Breaks at spaces, so that text that must be read whole fits; further lines are indented. A word too long stays whole. */
export function wrap(line: string, width: number, indent = '  '): string {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(/(?<=\S) /)) {
    const longer = lines.length === 0 && current === '' ? word : `${current} ${word}`;
    if (current !== '' && visibleWidth(longer) > width) {
      lines.push(current);
      current = `${indent}${word}`;
    } else {
      current = longer;
    }
  }
  return [...lines, current].join('\n');
}

/** Without colour codes. */
export function visibleWidth(line: string): number {
  return [...line.replaceAll(/\u001b\[[0-9;]*m/g, '')].length;
}

/** Cuts at a visible width; colour codes take no room and are closed. */
export function cut(line: string, width: number): string {
  let visible = 0;
  let result = '';
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b[')) {
      result += part;
      continue;
    }
    for (const point of part) {
      if (visible === width) return `${result}\u001b[0m`;
      result += point;
      visible += 1;
    }
  }
  return result;
}
