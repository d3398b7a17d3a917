import { expect, test } from 'vitest';
import { joinParts, splitParts } from '../../src/sink/checkpoint-parts.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('metrics alone are saved as they are', () => {
  const metrics = bytes('{"all":1}');
  expect(joinParts({ metrics })).toBe(metrics);
  expect(splitParts(metrics)).toEqual({ metrics });
});

test.each([
  [{ metrics: bytes('{}'), alerts: bytes('above 0.5') }],
  [{ metrics: bytes('{}'), alarmed: bytes('') }],
  [{ metrics: bytes(''), alerts: bytes(''), alarmed: bytes('') }],
])('parts are found again: %o', (parts) => {
  const found = splitParts(joinParts(parts));
  expect(Object.fromEntries(Object.entries(found).map(([name, part]) => [name, Buffer.from(part!)]))).toEqual(parts);
});

test('parts that were saved without names are read', () => {
  const header = Buffer.alloc(8);
  header.write('MLRA');
  header.writeUInt32LE(2, 4);
  const { metrics, alerts, alarmed } = splitParts(Buffer.concat([header, bytes('{}threshold')]));
  expect([metrics, alerts].map(String)).toEqual(['{}', 'threshold']);
  expect(alarmed).toBeUndefined();
});
