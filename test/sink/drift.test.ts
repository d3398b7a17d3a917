// What watches over a model, through the whole sink: noticed once, whatever is killed.

import { describe, expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';
import { killedOften } from './killed-often.ts';

const SAVE_EVERY = 50;
const topic = { group: 'g', pipelineId: 1, generation: 1 };

/** EDDM alarms often, and models beside come and go. */
const nervous = { detector: { name: 'eddm', min_values: 5 }, warm_up: 10, every: 1, window: 100 };
const watchful = (drift: object): SinkDefinition => ({
  ...definition,
  model: { kind: 'logistic', save_every: SAVE_EVERY, drift: { ...nervous, ...drift } },
});

function logOf(records: readonly StreamRecord[], seed: number): ArrayLog {
  const random = seeded(seed);
  const log = new ArrayLog(topic, 1, () => 1 + Math.floor(random() * 30));
  log.append(records);
  return log;
}

describe.each([
  ['a challenger', { action: 'challenger' }],
  ['adapting', { action: 'adapt' }],
  ['arrivals', { on: 'arrivals' }],
])('with %s', (_, drift) => {
  const records = history({ random: seeded(4), commits: 500, keys: 20, definition: watchful(drift) });

  test('every alarm is written once; a version is made of what it changes, and of the first since the last by count', async () => {
    const store = new MemoryScoreStore();
    await runToEnd(ports(logOf(records, 1), store, seeded(1)));
    const { drift: noticed, versions } = store.generation(topic);
    expect(noticed.size).toBeGreaterThan(2);
    const saved = versions.filter(({ reason }) => reason.startsWith('drift: '));
    expect(saved.length).toBeGreaterThan(2);
    const periods = new Set<number>();
    for (const { examples, action } of noticed.values()) {
      const made = saved.some((version) => version.examples === examples);
      const period = Math.floor(examples / SAVE_EVERY);
      expect(made).toBe(action !== 'alarm' || !periods.has(period) || examples % SAVE_EVERY === 0);
      periods.add(period);
    }
  });

  test.each([1, 2])(
    'killed before and after every store operation it ends as if undisturbed (seed %i)',
    async (seed) => {
      const calm = new MemoryScoreStore();
      await runToEnd(ports(logOf(records, 1), calm, seeded(1)));
      const store = await killedOften({
        random: seeded(seed + 70),
        chance: 0.07,
        live: (killed, abort, life) => runToEnd(ports(logOf(records, seed + life), killed, seeded(life)), { abort }),
      });
      expect(contents(store)).toEqual(contents(calm));
    },
  );
});
