// Schedules of the whole of Millrace. MILLRACE_SEED=n runs that one alone; MILLRACE_SIMULATION_RUNS says how many.

import { expect, test } from 'vitest';
import { loadParser } from '../../src/transform/compile.ts';
import { readFixtures } from './pipelines.ts';
import { simulate, type Tally } from './simulate.ts';

const ONE = process.env['MILLRACE_SEED'];
const FIRST = Number(ONE ?? 1);
const COUNT = ONE === undefined ? Number(process.env['MILLRACE_SIMULATION_RUNS'] ?? 2000) : 1;

test(
  `${COUNT} schedules of kills, failures and stalls, from seed ${FIRST}, end as the undisturbed run over the same history`,
  { timeout: 0 },
  async () => {
    await loadParser();
    const fixtures = readFixtures();
    const totals: Record<string, number> = {};
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      const tally = await simulate(seed, fixtures).catch((error: unknown) => {
        throw new Error(`MILLRACE_SEED=${seed} replays this schedule: ${String(error)}`, { cause: error });
      });
      for (const [name, count] of Object.entries(tally)) totals[name] = (totals[name] ?? 0) + count;
    }
    console.log(`${COUNT} schedules:`, totals);
    if (COUNT > 100)
      for (const [name, count] of Object.entries(totals)) expect(count, `${name} never happened`).toBeGreaterThan(0);
  },
);

test('the same seed gives the same schedule, to the step', async () => {
  await loadParser();
  const fixtures = readFixtures();
  const first: Tally = await simulate(5, fixtures);
  expect(await simulate(5, fixtures)).toEqual(first);
});
