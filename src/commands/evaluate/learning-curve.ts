// Learning curves: how the answers became better as rows came, for a terminal and for a page.

import pc from 'picocolors';

export interface Curve {
  readonly name: string;
  /** `[rows so far, value]`, ascending. */
  readonly points: readonly (readonly [rows: number, value: number])[];
}

/** The mean of all rows so far, at `points` places. */
export function curveOf(name: string, rows: number, value: (n: number) => number, points = 60): Curve {
  const width = Math.max(1, Math.ceil(rows / points));
  const result: [number, number][] = [];
  let sum = 0;
  for (let n = 0; n < rows; n++) {
    sum += value(n);
    if ((n + 1) % width === 0 || n + 1 === rows) result.push([n + 1, sum / (n + 1)]);
  }
  return { name, points: result };
}

const MARKS = ['●', '◆', '▲', '■', '○', '◇', '△', '□'];
const COLORS = [pc.cyan, pc.yellow, pc.magenta, pc.green, pc.blue, pc.red];
const HEX = ['#0b7285', '#e67700', '#862e9c', '#2b8a3e', '#1864ab', '#c92a2a', '#5c940d', '#a61e4d'];

/** As text of `height` lines and an axis; where two curves meet the first is seen. */
export function drawCurves(metric: string, curves: readonly Curve[], width = 60, height = 12): string {
  const { low, high, rows } = extent(curves);
  const grid = Array.from({ length: height }, () => new Array<string>(width).fill(' '));
  for (let c = curves.length - 1; c >= 0; c--) {
    const paint = COLORS[c % COLORS.length]!;
    for (const [at, value] of curves[c]!.points) {
      const x = Math.min(width - 1, Math.round((at / rows) * (width - 1)));
      const y = Math.round(((high - value) / (high - low || 1)) * (height - 1));
      grid[y]![x] = paint(MARKS[c % MARKS.length]!);
    }
  }
  const axis = (line: number): string => (line === 0 ? short(high) : line === height - 1 ? short(low) : '').padStart(8);
  return [
    pc.bold(`${metric} so far`),
    ...grid.map((line, at) => `${pc.dim(`${axis(at)} │`)}${line.join('').trimEnd()}`),
    pc.dim(`${''.padStart(8)} └${'─'.repeat(width)}`),
    pc.dim(`${''.padStart(10)}0${String(rows).padStart(width - 1)} rows`),
    ...curves.map(({ name }, c) => `  ${COLORS[c % COLORS.length]!(MARKS[c % MARKS.length]!)} ${name}`),
  ].join('\n');
}

/** An SVG document, 720 × 360, readable by itself. */
export function curvesSvg(metric: string, curves: readonly Curve[]): string {
  const { low, high, rows } = extent(curves);
  const [left, top, width, height] = [70, 40, 620, 240];
  const x = (at: number): string => (left + (at / rows) * width).toFixed(1);
  const y = (value: number): string => (top + ((high - value) / (high - low || 1)) * height).toFixed(1);
  const ticks = Array.from({ length: 5 }, (_, n) => low + ((high - low) * n) / 4);
  const lines = curves.map(({ points }, c) => {
    const path = points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ');
    return `<polyline fill="none" stroke="${HEX[c % HEX.length]!}" stroke-width="1.8" points="${path}"/>`;
  });
  const names = curves.map(
    ({ name }, c) =>
      `<rect x="${left}" y="${316 + c * 16}" width="10" height="10" fill="${HEX[c % HEX.length]!}"/><text x="${left + 16}" y="${325 + c * 16}">${escaped(name)}</text>`,
  );
  const total = 330 + curves.length * 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${total}" width="720" height="${total}" font-family="system-ui, sans-serif" font-size="12" fill="#343a40">`,
    `<rect width="720" height="${total}" fill="#ffffff"/>`,
    `<text x="${left}" y="24" font-size="15">${escaped(metric)} so far</text>`,
    ...ticks.map(
      (value) =>
        `<line x1="${left}" x2="${left + width}" y1="${y(value)}" y2="${y(value)}" stroke="#dee2e6"/><text x="${left - 8}" y="${Number(y(value)) + 4}" text-anchor="end">${short(value)}</text>`,
    ),
    `<text x="${left}" y="300">0</text><text x="${left + width}" y="300" text-anchor="end">${rows} rows</text>`,
    ...lines,
    ...names,
    '</svg>',
    '',
  ].join('\n');
}

/** The same as a page. */
export function curvesHtml(metric: string, curves: readonly Curve[]): string {
  const title = `${escaped(metric)} so far`;
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>\n<body>\n${curvesSvg(metric, curves)}</body></html>\n`;
}

function extent(curves: readonly Curve[]): { low: number; high: number; rows: number } {
  let [low, high, rows] = [Infinity, -Infinity, 1];
  for (const { points } of curves) {
    for (const [at, value] of points) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      rows = Math.max(rows, at);
    }
  }
  return { low, high, rows };
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
