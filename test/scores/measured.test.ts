import { expect, test } from 'vitest';
import { segmentOf } from '../../src/scores/measured.ts';

test('each value of a feature has a segment of its own, NULL and texts that read like a name too', () => {
  expect([null, undefined, 'null', 'other', 'de', true, 7].map(segmentOf)).toEqual([
    'null',
    'null',
    '"null"',
    '"other"',
    'de',
    'true',
    '7',
  ]);
});
