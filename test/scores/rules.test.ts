// The rules of docs/correctness.md, C, E and J, one by one, on histories that are written out.

import { expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { Emission, ProgressEmission, StreamRecord } from '../../src/flow/record.ts';
import type { Alert, Example, Outcome, ScoreRow } from '../../src/scores/score-store.ts';
import { MemoryScoreStore, type MemoryGeneration } from '../simulation/memory-score-store.ts';
import { ArrayLog } from '../sink/array-log.ts';
import { definition, ports, runToEnd, seeded } from '../sink/history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };
const MINUTE_US = 60_000_000;
const START_US = 1_700_000_000_000_000;

const features = (key: number, amount: number, minute = 0): Emission => ({
  kind: 'features',
  key: `["${key}"]`,
  eventTime: new Date((START_US + minute * MINUTE_US) / 1000).toISOString(),
  eventTimeUs: START_US + minute * MINUTE_US,
  features: `{"amount":${amount},"currency":"eur"}`,
  late: false,
});
const label = (key: number, value: string | null | undefined): Emission => ({
  kind: 'label',
  key: `["${key}"]`,
  label: value,
  labelAtUs: null,
  weight: 1,
});
const remove = (key: number): Emission => ({ kind: 'delete', key: `["${key}"]` });
const clock = (minute: number): ProgressEmission => ({
  kind: 'progress',
  clockUs: START_US + minute * MINUTE_US,
  phase: 'live',
  definition: undefined,
});
const broken = (key: number): Emission => ({
  kind: 'dead_letter',
  key: `["${key}"]`,
  table: 'public.payments',
  row: '{}',
  code: 'DATA',
  message: 'division by zero',
});

interface Outcomes {
  readonly row: (key: number) => ScoreRow | undefined;
  readonly generation: MemoryGeneration;
  readonly outcomes: readonly Outcome[];
  readonly examples: readonly Example[];
  readonly alerts: readonly Alert[];
}

/** Runs commits (each a list of records), live, in batches of one record; the labels' and alerts' end. */
async function after(...commits: (Emission | ProgressEmission)[][]): Promise<Outcomes> {
  return afterWith({}, ...commits);
}

async function afterWith(
  change: Partial<SinkDefinition>,
  ...commits: (Emission | ProgressEmission)[][]
): Promise<Outcomes> {
  const records: StreamRecord[] = [];
  const given = {
    ...definition,
    model: { kind: 'logistic', save_every: 1_000_000 },
    alertWhen: 'score > 0.4',
    ...change,
  };
  const opening: ProgressEmission = { ...clock(0), definition: given };
  for (const [index, commit] of [[opening], ...commits].entries())
    for (const [n, body] of commit.entries())
      records.push({ position: { lsn: BigInt(index + 1), n }, partition: 0, commitTimeUs: START_US, body });
  const log = new ArrayLog(topic, 1, () => 1);
  log.append(records);
  const store = new MemoryScoreStore();
  const examples: Example[] = [];
  const keeping = new Proxy(store, {
    get(target, name) {
      if (name === 'write')
        return async (...given: Parameters<MemoryScoreStore['write']>) => {
          examples.push(...given[2].examples);
          return target.write(...given);
        };
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await runToEnd({
    ...ports(log, keeping, seeded(1)),
    compileAlert: async () => (score) => score !== null && score > 0.4,
  });
  const generation = store.generation(topic);
  return {
    row: (key) => store.tables.get('public.fraud_scores')?.get(`["${key}"]`),
    generation,
    outcomes: generation.partitions.get(0)!.outcomes,
    examples,
    alerts: [...generation.alerts.values()],
  };
}

test('a transaction that updates a row and reveals its label gives an example with the features from before', async () => {
  const end = await after([features(1, 10)], [label(1, 'true'), features(1, 99)]);
  expect(end.examples.map((example) => example.features)).toEqual(['{"amount":10,"currency":"eur"}']);
  expect(end.row(1)).toMatchObject({
    label: 'true',
    features: '{"amount":99,"currency":"eur"}',
    measuredFeatures: '{"amount":10,"currency":"eur"}',
  });
});

test('a label that comes before its row waits for it, and is measured on the score that the row then gets', async () => {
  const end = await after([label(1, 'true')], [features(1, 10)]);
  expect(end.row(1)).toMatchObject({ label: 'true', measuredScore: end.row(1)!.score });
  expect(end.outcomes).toMatchObject([{ label: 'true', prior: null }]);
  expect(end.examples).toHaveLength(1);
});

test('a label that changes replaces its outcome and is learned again, on the features of the first time', async () => {
  const end = await after([features(1, 10)], [label(1, 'true')], [features(1, 50)], [label(1, 'false')]);
  expect(end.outcomes).toMatchObject([
    { label: 'true', prior: null },
    { label: 'false', prior: 'true' },
  ]);
  expect(new Set(end.outcomes.map((outcome) => outcome.score)).size).toBe(1);
  expect(end.examples.map((example) => example.features)).toEqual(Array(2).fill('{"amount":10,"currency":"eur"}'));
});

test('a label said twice counts once; withdrawn or NULL it leaves metrics and the row', async () => {
  for (const gone of [null, undefined]) {
    const end = await after([features(1, 10)], [label(1, 'true')], [label(1, 'true')], [label(1, gone)]);
    expect(end.outcomes).toMatchObject([
      { label: 'true', prior: null },
      { label: null, prior: 'true' },
    ]);
    expect(end.examples).toHaveLength(1);
    expect(end.row(1)).toMatchObject({ label: null, labelledAtUs: null });
    expect(end.generation.labels.size).toBe(0);
  }
});

test('a deleted row loses its score and alert, its outcome stays counted, and coming back it is not counted again', async () => {
  const gone = await after([features(1, 10)], [label(1, 'true')], [remove(1)]);
  expect(gone.row(1)).toBeUndefined();
  expect(gone.alerts).toEqual([]);
  expect(gone.outcomes).toHaveLength(1);
  const back = await after([features(1, 10)], [label(1, 'true')], [remove(1)], [features(1, 20)]);
  expect(back.row(1)).toMatchObject({ label: 'true', measuredScore: back.outcomes[0]!.score });
  expect(back.outcomes).toHaveLength(1);
  expect(back.examples).toHaveLength(1);
});

test('the default label is set at the progress record that reaches event time and wait, not before', async () => {
  const before = await after([features(1, 10)], [clock(0.9)]);
  expect(before.row(1)).toMatchObject({ label: null });
  const due = await after([features(1, 10)], [features(2, 10, 0.5)], [clock(1)]);
  expect(due.row(1)).toMatchObject({ label: 'false' });
  expect(due.row(2)).toMatchObject({ label: null });
  expect(due.outcomes).toMatchObject([{ label: 'false', prior: null, at: { lsn: 4n, n: 0, i: 0 } }]);
});

test('a row that comes when it is overdue gets its default label at the next progress record', async () => {
  const waiting = await after([clock(10)], [features(1, 10)]);
  expect(waiting.row(1)).toMatchObject({ label: null });
  const set = await after([clock(10)], [features(1, 10)], [clock(11)]);
  expect(set.row(1)).toMatchObject({ label: 'false' });
  expect(set.generation.partitions.get(0)!.due.size).toBe(0);
});

test('default labels are set in the order of event time, then key', async () => {
  const end = await after([features(3, 1, 0.2), features(2, 1), features(1, 1, 0.2)], [clock(5)]);
  expect(end.outcomes.map(({ at, eventTimeUs }) => [at.i, (eventTimeUs! - START_US) / MINUTE_US])).toEqual([
    [0, 0],
    [1, 0.2],
    [2, 0.2],
  ]);
});

test('a label that comes after the default replaces it', async () => {
  const end = await after([features(1, 10)], [clock(5)], [label(1, 'true')]);
  expect(end.outcomes).toMatchObject([
    { label: 'false', prior: null },
    { label: 'true', prior: 'false' },
  ]);
});

test('a row that meets alert_when has one alert until it stops meeting it', async () => {
  const twice = await after([features(1, 10)], [features(1, 11)]);
  expect(twice.alerts).toMatchObject([{ key: '["1"]', position: { lsn: 2n, n: 0 } }]);
  const deleted = await after([features(1, 10)], [remove(1)], [features(1, 11)]);
  expect(deleted.alerts).toMatchObject([{ position: { lsn: 4n, n: 0 } }]);
});

test('a dead letter removes the score; the next score of its key removes it', async () => {
  const dead = await after([features(1, 10)], [broken(1)]);
  expect(dead.row(1)).toBeUndefined();
  expect(dead.generation.partitions.get(0)!.deadLetters).toHaveLength(1);
  for (const cure of [features(1, 11), remove(1)]) {
    const cured = await after([features(1, 10)], [broken(1)], [cure]);
    expect(cured.generation.partitions.get(0)!.deadLetters).toEqual([]);
  }
});

test('an example of a commit is not learned before the last score of that commit, and before the first of the next', async () => {
  const score = async (...commits: (Emission | ProgressEmission)[][]): Promise<number> =>
    (await after(...commits)).row(9)!.score!;
  const untaught = await score([features(1, 10)], [features(9, 10)]);
  const sameCommit = await score([features(1, 10)], [label(1, 'true'), features(9, 10)]);
  const nextCommit = await score([features(1, 10)], [label(1, 'true')], [features(9, 10)]);
  expect(sameCommit).toBe(untaught);
  expect(nextCommit).toBeGreaterThan(untaught);
});

test('a truncate takes every row of the partition and leaves outcomes and labels', async () => {
  const end = await after(
    [features(1, 10), features(2, 10)],
    [label(1, 'true')],
    [{ kind: 'truncate' }, features(3, 1)],
  );
  expect([end.row(1), end.row(2)]).toEqual([undefined, undefined]);
  expect(end.row(3)).toBeDefined();
  expect(end.alerts).toMatchObject([{ key: '["3"]' }]);
  expect(end.outcomes).toHaveLength(1);
  expect(end.generation.labels.size).toBe(1);
});

const keep = (minutes: number, more: Partial<SinkDefinition> = {}): Partial<SinkDefinition> => ({
  keepScoresForUs: minutes * MINUTE_US,
  ...more,
});

test('a row goes with its alert when keep_scores_for is over, not before; its outcome stays counted', async () => {
  const before = await afterWith(keep(5), [features(1, 10)], [clock(4.9)]);
  expect(before.row(1)).toMatchObject({ label: 'false' });
  expect(before.alerts).toHaveLength(1);
  const end = await afterWith(keep(5), [features(1, 10), features(2, 10, 1)], [clock(5)]);
  expect(end.row(1)).toBeUndefined();
  expect(end.row(2)).toBeDefined();
  expect(end.alerts).toMatchObject([{ key: '["2"]' }]);
  expect(end.outcomes).toHaveLength(2);
});

test('a row whose label is awaited is kept until label_wait is over; with its label it goes at once', async () => {
  const waits = keep(1, { labelWaitUs: 10 * MINUTE_US });
  expect((await afterWith(waits, [features(1, 10)], [clock(9.9)])).row(1)).toMatchObject({ label: null });
  const labelled = await afterWith(waits, [features(1, 10)], [clock(5)], [label(1, 'true')]);
  expect(labelled.row(1)).toBeUndefined();
  expect(labelled.outcomes).toMatchObject([{ label: 'true' }]);
  expect(labelled.examples).toHaveLength(1);
  expect(labelled.generation.labels.get('["1"]')).toMatchObject({ measuredLsn: 2n });
  const due = await afterWith(waits, [features(1, 10)], [clock(10)]);
  expect(due.row(1)).toBeUndefined();
  expect(due.outcomes).toMatchObject([{ label: 'false' }]);
});

test('without label_wait a label is awaited for as long as scores are kept', async () => {
  const open = keep(5, { labelWaitUs: undefined, labelDefault: undefined });
  expect((await afterWith(open, [features(1, 10)], [clock(4.9)])).row(1)).toBeDefined();
  expect((await afterWith(open, [features(1, 10)], [clock(5)])).row(1)).toBeUndefined();
});

test('a row that comes back after it expired is not kept, and what was learned from it is not learned again', async () => {
  const end = await afterWith(
    keep(5),
    [features(1, 10)],
    [label(1, 'true')],
    [clock(5)],
    [features(1, 20)],
    [clock(6)],
  );
  expect(end.row(1)).toBeUndefined();
  expect(end.alerts).toEqual([]);
  expect(end.outcomes).toHaveLength(1);
  expect(end.examples).toHaveLength(1);
});

test('a label that changes after its row expired still replaces its outcome', async () => {
  const end = await afterWith(keep(5), [features(1, 10)], [label(1, 'true')], [clock(5)], [label(1, 'false')]);
  expect(end.outcomes).toMatchObject([
    { label: 'true', prior: null },
    { label: 'false', prior: 'true' },
  ]);
});

test('a shorter keep_scores_for takes effect where it is said, a longer one brings nothing back', async () => {
  const change = (minutes: number, revision: number): ProgressEmission => ({
    ...clock(10),
    definition: { ...definition, alertWhen: undefined, keepScoresForUs: minutes * MINUTE_US, revision },
  });
  const rows = [features(1, 10), features(2, 10, 8)];
  const end = await afterWith(keep(60), rows, [clock(10)], [change(5, 2)], [change(60, 3)], [features(1, 11)]);
  expect(end.row(1)).toBeUndefined();
  expect(end.row(2)).toBeDefined();
});
