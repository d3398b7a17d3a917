// Schedules of the whole of Millrace, dealt out to as many test files as run side by side. MILLRACE_SEED=n runs that one alone;
// MILLRACE_SIMULATION_RUNS says how many.

import { expect, test } from 'vitest';
import { loadParser } from '../../src/transform/compile.ts';
import { readFixtures } from './pipelines.ts';
import { simulate } from './simulate.ts';

const ONE = process.env['MILLRACE_SEED'];
const RUNS = Number(process.env['MILLRACE_SIMULATION_RUNS'] ?? 2000);

/** Every `parts`-th seed from `part` on. */
export function scheduleSuite(part: number, parts: number): void {
  const all = Array.from({ length: RUNS }, (_, index) => index + 1).filter((seed) => seed % parts === part);
  const seeds = ONE === undefined ? all : Number(ONE) % parts === part ? [Number(ONE)] : [];
  if (seeds.length === 0) {
    test.skip("the one seed that was asked for is another file's", () => {});
    return;
  }
  const which = seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds, ${seeds[0]} to ${seeds.at(-1)}`;
  test(
    `kills, failures and stalls (${which}) end as the undisturbed run over the same history`,
    { timeout: 0 },
    async () => {
      await loadParser();
      const fixtures = readFixtures();
      const totals: Record<string, number> = {};
      for (const seed of seeds) {
        const tally = await simulate(seed, fixtures).catch((error: unknown) => {
          throw new Error(`MILLRACE_SEED=${seed} replays this schedule: ${String(error)}`, { cause: error });
        });
        for (const [name, count] of Object.entries(tally)) totals[name] = (totals[name] ?? 0) + count;
      }
      console.log(`${seeds.length} schedules:`, totals);
      if (seeds.length >= 100)
        for (const name of ['kills', 'commands', 'commits', 'steps', 'retrainings'])
          expect(totals[name], name).toBeGreaterThan(0);
    },
  );
}
