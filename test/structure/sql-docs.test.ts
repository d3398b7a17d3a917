import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { functionKeys } from '../../src/transform/scalars/function-table.ts';

test('docs/sql.md names every function and operator that is compiled', () => {
  const text = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8').replaceAll('\\|', '|');
  const words = new Set(text.split(/[\s`,()]+/));
  // LIKE and ILIKE, as the parser writes them.
  const spelled = new Set(['~~', '!~~', '~~*', '!~~*']);
  const names = new Set([...functionKeys()].map((key) => key.replace(/\(.*$/s, '').replace(/(?<=[a-z])\/.*$/s, '')));
  expect(names.size).toBeGreaterThan(80);
  expect([...names].filter((name) => !words.has(name) && !spelled.has(name))).toEqual([]);
});
