// One schedule with all its comparisons: what must hold at its end, whatever happened on the way.

import assert from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { checkTruth } from './truth.ts';
import { outcomeOf, repeats, type PipelineOutcome } from './outcome.ts';
import type { Fixtures } from './pipelines.ts';
import { disturb, planOf, undisturbed } from './schedule.ts';

/** What a schedule went through. */
export interface Tally {
  kills: number;
  commands: number;
  commits: number;
  steps: number;
  /** That came to their end. */
  retrainings: number;
}

/** Rejects with what is wrong. The same seed always ends the same. */
export async function simulate(seed: number, fixtures: Fixtures): Promise<Tally> {
  const disturbed = await disturb(planOf(seed), fixtures);
  checkTruth(disturbed);
  const calm = disturbed.plan.early ? undefined : await undisturbed(disturbed, fixtures);
  // Readers would drop them; but what a topic has is not sent to it again.
  assert.equal(repeats(disturbed.world), 0, 'records were sent again that the topic had');
  const bits = disturbed.plan.partitions === 1;
  for (const definition of calm ? disturbed.definitions : []) {
    const outcome = outcomeOf(disturbed.world, definition, bits);
    const expected = outcomeOf(calm!, definition, bits);
    for (const part of Object.keys(outcome) as (keyof PipelineOutcome)[])
      if (!isDeepStrictEqual(outcome[part], expected[part]))
        assert.deepStrictEqual(
          outcome[part],
          expected[part],
          `${definition.name}: ${part}\n${difference(outcome[part], expected[part])}`,
        );
  }
  return {
    kills: disturbed.kills,
    commands: disturbed.commands,
    commits: disturbed.recording.wal.length,
    steps: disturbed.world.scheduler.steps,
    retrainings: disturbed.definitions
      .map(({ id, generation }) => disturbed.world.scores.generation({ pipelineId: id, generation }))
      .reduce((sum, { retrainings }) => sum + [...retrainings.all.values()].filter(({ end }) => end).length, 0),
  };
}

/** The lines of one that the other has not. */
function difference(found: unknown, expected: unknown): string {
  const lines = (value: unknown): string[] =>
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner), 1).split('\n');
  const [a, b] = [lines(found), lines(expected)];
  const at = a.findIndex((line, index) => line !== b[index]);
  const around = (all: string[]): string => all.slice(Math.max(0, at - 3), at + 6).join('\n');
  return `found\n${around(a)}\nundisturbed\n${around(b)}`;
}
