import { expect, test } from 'vitest';
import { loadParser } from '../../src/transform/compile.ts';
import { readFixtures } from './pipelines.ts';
import { simulate } from './simulate.ts';
import { scheduleSuite } from './suite.ts';

scheduleSuite(1, 2);

test('the same seed gives the same schedule, to the step', async () => {
  await loadParser();
  const fixtures = readFixtures();
  const first = await simulate(5, fixtures);
  expect(await simulate(5, fixtures)).toEqual(first);
});
