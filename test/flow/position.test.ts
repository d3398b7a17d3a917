import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatLsn, parseLsn } from '../../src/flow/lsn.ts';
import { comparePositions, formatPosition, isAfter, parsePosition, type Position } from '../../src/flow/position.ts';

const position = fc.record({ lsn: fc.bigInt(0n, 0xffffffffffffffffn), n: fc.nat() });

test('an LSN prints as Postgres prints it and reads back', () => {
  expect(formatLsn(0x16b374d848n)).toBe('16/B374D848');
  expect(parseLsn('16/b374d848')).toBe(0x16b374d848n);
  fc.assert(fc.property(fc.bigInt(0n, 0xffffffffffffffffn), (lsn) => parseLsn(formatLsn(lsn)) === lsn));
  expect(() => parseLsn('16')).toThrow('not an LSN');
});

test('a position prints and reads back', () => {
  fc.assert(fc.property(position, (p) => comparePositions(parsePosition(formatPosition(p)), p) === 0));
  expect(() => parsePosition('16/0')).toThrow('not a position');
});

test('positions are ordered by LSN, then by number', () => {
  fc.assert(
    fc.property(position, position, (a: Position, b: Position) => {
      expect(Math.sign(comparePositions(a, b))).toBe(-Math.sign(comparePositions(b, a)) + 0);
      expect(isAfter(a, b)).toBe(comparePositions(a, b) > 0);
    }),
  );
  expect(isAfter({ lsn: 0n, n: 0 }, undefined)).toBe(true);
});
