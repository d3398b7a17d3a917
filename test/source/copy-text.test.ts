import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CopyTextReader } from '../../src/source/copy-text.ts';

const escaped: Record<string, string> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};
const written = (cell: string | null): string =>
  cell === null ? '\\N' : cell.replaceAll(/[\\\n\t\r\b\f\v]/g, (character) => escaped[character]!);

test('rows are the same wherever the copy is split', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('\\', '\n', '\t', '\r', 'N', 'a', 'é'), maxLength: 12 }),
    fc.nat(2_000).map((length) => 'ü\\'.repeat(length)),
  );
  const row = fc.array(fc.option(text), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.infiniteStream(fc.integer({ min: 1, max: 200 })), (rows, cuts) => {
      const bytes = Buffer.from(rows.map((cells) => `${cells.map(written).join('\t')}\n`).join(''));
      const reader = new CopyTextReader();
      const read: unknown[] = [];
      for (let at = 0; at < bytes.length;) {
        const length = cuts.next().value;
        read.push(...reader.read(bytes.subarray(at, at + length)));
        at += length;
      }
      expect(read).toEqual(rows);
      expect(reader.complete).toBe(true);
    }),
  );
});
