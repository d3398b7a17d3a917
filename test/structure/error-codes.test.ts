import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/runtime/error-codes.ts';

test('docs/errors.md explains every code, and no other', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
  expect([...documented].sort()).toEqual(Object.keys(ERROR_CODES).sort());
});
