// The shape of the house: which folder may know which, no cycles, no default exports, no names that name nothing.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll(path.sep, '/'));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(path.join(root, from), 'utf8');
  const found = [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?['"](\.[^'"]+)['"]/gm)];
  return found.map((match) => ({
    from,
    to: path.posix.join(path.posix.dirname(from), match[2]!),
    typeOnly: match[1] !== undefined,
  }));
});

const STAGES = ['catalog', 'source', 'transform', 'stream', 'model', 'scores', 'serve'];
/** What a folder may import besides itself. Composition (connector, sink, commands, cli) may import everything below it. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  flow: ['runtime'],
  state: ['flow', 'runtime'],
  warehouse: ['flow', 'runtime'],
  terminal: ['flow', 'runtime'],
  ...Object.fromEntries(STAGES.map((stage) => [stage, ['flow', 'state', 'warehouse', 'runtime']])),
  connector: [...STAGES, 'flow', 'state', 'warehouse', 'runtime'],
  sink: [...STAGES, 'flow', 'state', 'warehouse', 'runtime'],
};

const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

test('the sources and their imports were found', () => {
  expect(files.length).toBeGreaterThan(30);
  expect(imports.length).toBeGreaterThan(100);
  for (const { from, to } of imports) expect(files, `${from} imports ${to}`).toContain(to);
});

test('a folder imports only what it may know', () => {
  const wrong = imports.filter(({ from, to }) => {
    const allowed = ALLOWED[folderOf(from)];
    return allowed !== undefined && folderOf(to) !== folderOf(from) && !allowed.includes(folderOf(to));
  });
  expect(wrong).toEqual([]);
});

test('every folder has its rule', () => {
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== ''));
  expect([...folders].filter((folder) => !(folder in ALLOWED)).sort()).toEqual(['commands']);
});

test('there are no import cycles', () => {
  const next = new Map<string, string[]>(
    files.map((file) => [file, imports.filter((one) => one.from === file && !one.typeOnly).map((one) => one.to)]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
    if (done.has(file) || trail.includes(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});

test('there are no default exports, and no file is named for nothing', () => {
  for (const file of files) {
    expect(readFileSync(path.join(root, file), 'utf8'), file).not.toMatch(/^export default/m);
    expect(file).toMatch(/^[a-z0-9/-]+(\.d)?\.ts$/);
    expect(file).not.toMatch(/(^|[/-])(utils?|helpers?|common|misc|manager|lib)(-|\.ts$)|(^|\/)index\.ts$/);
  }
});
