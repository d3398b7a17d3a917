import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textArray } from '../../src/scores/binary-arrays.ts';
import { keyColumns } from '../../src/scores/key-columns.ts';

test('a key of one column gives the text that it was made of, whatever stands in it', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '"', '\\', '","', '["1"]', '\n', 'ü', '\\u0041'),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const keys = parts.map((text) => JSON.stringify([text]));
      expect(keyColumns(keys, 1)).toEqual([textArray(parts)]);
    }),
  );
});

test('a key of several columns gives one array a column', () => {
  expect(keyColumns(['["berlin","2026-01-31"]', '["\\"","1"]'], 2)).toEqual([
    textArray(['berlin', '"']),
    textArray(['2026-01-31', '1']),
  ]);
});
