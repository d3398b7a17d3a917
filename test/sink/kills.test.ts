import { expect, test } from 'vitest';
import { MillraceError } from '../../src/runtime/errors.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { arrivals, classes, definition, history, openCountingMetrics, ports, runToEnd, seeded } from './history.ts';
import type { Answer } from '../../src/scores/score-store.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { targetOf } from '../../src/model/target.ts';
import { measuredOutcome } from '../../src/sink/measured-outcome.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

function logOf(records: readonly StreamRecord[], seed: number, partitions = 1): ArrayLog {
  const random = seeded(seed);
  const log = new ArrayLog(topic, partitions, () => 1 + Math.floor(random() * 30));
  log.append(records);
  return log;
}

/** Versions name the moment they were saved, which a restart does not change; all else is compared as it is. */
async function undisturbed(records: readonly StreamRecord[]): Promise<unknown> {
  const store = new MemoryScoreStore();
  await runToEnd(ports(logOf(records, 1), store, seeded(1)));
  return contents(store);
}

test.each([
  ['', 1, definition],
  ['', 2, definition],
  ['', 3, definition],
  ['', 4, definition],
  [', with classes and segments', 5, classes],
  [', with classes and segments', 6, classes],
  [', learning arrivals', 7, arrivals],
  [', learning arrivals', 8, arrivals],
])('killed before and after every store operation it ends as if undisturbed%s (seed %i)', async (_, seed, given) => {
  const records = history({ random: seeded(seed), commits: 200, keys: 20, definition: given });
  const expected = await undisturbed(records);
  const random = seeded(seed + 50);
  let kills = 0;
  const written: string[] = [];
  const store: MemoryScoreStore = new MemoryScoreStore({
    fault: async (operation, when) => {
      if (kills >= 40 || random() > 0.07) return;
      kills += 1;
      written.push(`${operation} ${when}`);
      killer.abort();
      store.crash();
      throw new MillraceError('WAREHOUSE_UNREACHABLE', 'killed');
    },
  });
  let killer = new AbortController();
  for (let life = 0; life < 100; life++) {
    killer = new AbortController();
    const before = kills;
    // Each life has a sink of its own: nothing but the store and the log is carried over.
    await runToEnd(ports(logOf(records, seed + life), store, seeded(life)), { abort: killer.signal }).catch(() => {});
    if (kills === before) break;
  }
  expect(kills).toBeGreaterThan(10);
  expect(new Set(written)).toContain('write before');
  expect(new Set(written)).toContain('write after');
  expect(contents(store)).toEqual(expected);
});

test.each([1, 2])(
  'operations that fail and are tried again change nothing, with 1 and with 3 partitions (seed %i)',
  async (seed) => {
    for (const partitions of [1, 3]) {
      const records = history({ random: seeded(seed), commits: 200, keys: 20, partitions });
      const random = seeded(seed + 9);
      const store = new MemoryScoreStore({
        fault: async (operation) => {
          if (random() < 0.2 && operation !== 'lease')
            throw new MillraceError('WAREHOUSE_UNREACHABLE', 'connection cut', { retryable: true });
        },
      });
      await runToEnd(ports(logOf(records, seed, partitions), store, seeded(1)));
      const calm = new MemoryScoreStore();
      await runToEnd(ports(logOf(records, seed, partitions), calm, seeded(1)));
      if (partitions === 1) expect(contents(store)).toEqual(contents(calm));
      const learned = (given: MemoryScoreStore): number => given.generation(topic).checkpoint!.examples;
      expect(learned(store)).toBe(learned(calm));
      const keys = (given: MemoryScoreStore): string[] => [...given.tables.get('public.fraud_scores')!.keys()].sort();
      expect(keys(store)).toEqual(keys(calm));
    }
  },
);

test('drained and started again at any record, it ends as if undisturbed', async () => {
  const records = history({ random: seeded(5), commits: 120, keys: 15 });
  const expected = await undisturbed(records);
  const store = new MemoryScoreStore();
  const random = seeded(77);
  for (let end = 0; end < records.length;) {
    end = Math.min(records.length, end + 1 + Math.floor(random() * 25));
    await runToEnd(ports(logOf(records.slice(0, end), end), store, seeded(1)));
  }
  expect(contents(store)).toEqual(expected);
});

test('metrics after any history of labels equal those folded again from the stored outcomes alone', async () => {
  const records = history({ random: seeded(8), commits: 300, keys: 12 });
  const store = new MemoryScoreStore();
  for (let end = 0; end < records.length;) {
    end = Math.min(records.length, end + 100);
    await runToEnd(ports(logOf(records.slice(0, end), end), store, seeded(1)));
  }
  const { checkpoint, partitions } = store.generation(topic);
  const again = openCountingMetrics(undefined, undefined);
  const outcomes = partitions.get(0)!.outcomes;
  expect(outcomes.length).toBeGreaterThan(50);
  for (const outcome of outcomes) again.fold(measuredOutcome(outcome, (label) => targetOf('binary', label)));
  expect(Buffer.from(again.save()).toString()).toBe(Buffer.from(checkpoint!.metrics).toString());
  // And what they count: every key's last word, counted once.
  expect((JSON.parse(Buffer.from(again.save()).toString()) as { live: number }).live).toBeGreaterThan(0);
});

test('a partition that somebody else has written drops the batch and goes on from what is stored', async () => {
  const records = history({ random: seeded(3), commits: 100, keys: 15 });
  const expected = await undisturbed(records);
  let thefts = 0;
  const store: MemoryScoreStore = new MemoryScoreStore({
    fault: async (operation, when) => {
      if (operation !== 'write' || when !== 'before' || thefts > 0 || store.generation(topic).partitions.size === 0)
        return;
      if (store.generation(topic).partitions.get(0)!.state.nextOffset < 50) return;
      thefts += 1;
      // The other one reads on to the middle of the log, under no lock that this one respects.
      await runToEnd(ports(logOf(records.slice(0, 200), 4), unlocked(store), seeded(2)));
    },
  });
  const reasons: (string | undefined)[] = [];
  await runToEnd(ports(logOf(records, 1), store, seeded(1)), { report: (report) => reasons.push(report.reason) });
  expect(thefts).toBe(1);
  expect(reasons).toContain('another sink has written this partition');
  expect(contents(store)).toEqual(expected);
});

test('a pipeline whose records cannot be used fails with its reason', async () => {
  const log = logOf(history({ random: seeded(3), commits: 10, keys: 5 }).slice(1), 1);
  await expect(runToEnd(ports(log, new MemoryScoreStore(), seeded(1)))).rejects.toThrow('no definition');
});

/** The same store, whose lock is always free. */
function unlocked(store: MemoryScoreStore): MemoryScoreStore {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'lease')
        return async () => ({ lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} });
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

test('a label is measured on what the model said, and on the segment, when it was scored: also of a row that changed or came back', async () => {
  const records = history({ random: seeded(11), commits: 300, keys: 6, definition: classes });
  const store = new MemoryScoreStore();
  await runToEnd(ports(logOf(records, 1), store, seeded(1)));
  const { outcomes } = store.generation(topic).partitions.get(0)!;
  const said = outcomes.map(({ score, answer }) => ({ score, ...(JSON.parse(answer!) as Answer) }));
  expect(said.length).toBeGreaterThan(100);
  for (const { score, prediction, outputs, segment } of said) {
    expect(['eur', 'usd', 'gbp']).toContain(segment);
    if (prediction === null) expect(score).toBe(0);
    else expect(outputs![prediction]).toBeCloseTo(score, 12);
  }
  // Labels of one row that followed each other were measured on one score.
  const replaced = outcomes.filter(({ prior }) => prior !== null);
  expect(replaced.length).toBeGreaterThan(10);
  const answers = new Set(
    outcomes.filter(({ prior }) => prior === null).map(({ score, answer }) => `${score} ${sorted(answer)}`),
  );
  for (const { score, answer } of replaced) expect(answers).toContain(`${score} ${sorted(answer)}`);
});

/** A label may be measured on an answer that was stored, whose keys then stand in another order. */
function sorted(answer: string | null): string {
  const { outputs, ...rest } = JSON.parse(answer!) as Answer;
  return JSON.stringify({ ...rest, outputs: Object.entries(outputs!).sort() });
}
