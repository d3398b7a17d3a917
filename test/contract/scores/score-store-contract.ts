// What every score store must do. `open` gives a store on an empty warehouse, and another session of the same warehouse.

import { expect, test } from 'vitest';
import type { RetrainingEnd } from '../../../src/scores/retraining.ts';
import type {
  Drift,
  ItemPosition,
  LearnerCheckpoint,
  ModelVersion,
  Outcome,
  PartitionState,
  ScoreRow,
  ScoreStore,
  WriteSet,
} from '../../../src/scores/score-store.ts';
import { definition } from '../../sink/history.ts';

export interface Opened extends AsyncDisposable {
  readonly store: ScoreStore;
  /** What is stored of pipeline 1, generation 1. */
  drift(): Promise<readonly Drift[]>;
  /** Retrainings of it that have ended, by command. */
  ends(): Promise<readonly RetrainingEnd[]>;
}

const id = { pipelineId: 1, generation: 1, partition: 0 };

export function scoreStoreContract(name: string, open: () => Promise<Opened>): void {
  test(`${name}: a partition starts where it is told, and a second time where it stands`, async () => {
    await using opened = await open();
    const { store } = opened;
    expect(await store.open(id, 7)).toMatchObject({ nextOffset: 7, position: undefined, phase: 'backfill' });
    expect(await store.open(id, 99)).toMatchObject({ nextOffset: 7 });
  });

  test(`${name}: what is written is read again, bit for bit`, async () => {
    await using opened = await open();
    const { store } = opened;
    const state = await store.open(id, 0);
    const row = rowOf('1', {
      score: 0.1 + 0.2,
      features: '{"a":10.50,  "b":"ü\\n"}',
      measuredScore: 5e-324,
      measuredLsn: 5n,
    });
    const writes = writesOf(state, { upserts: [row, rowOf('2', {})], labels: [labelOf('1')] });
    expect(await store.write(id, definition, writes)).toBe('written');
    const read = await store.read(id, definition, { keys: ['["1"]', '["2"]', '["3"]'], due: undefined });
    expect(read.rows.get('["1"]')).toMatchObject({ ...row, eventTime: null });
    expect([...read.rows.keys()].sort()).toEqual(['["1"]', '["2"]']);
    expect([...read.labels.values()]).toEqual([labelOf('1')]);
    expect(await store.open(id, 0)).toEqual(writes.next);
  });

  test(`${name}: what a model says beside the score is read again, of new rows, of those that were replaced, and of due ones`, async () => {
    await using opened = await open();
    const { store } = opened;
    const said = (row: Pick<ScoreRow, 'outputs' | 'measuredAnswer'> | undefined): unknown =>
      row && [row.outputs, row.measuredAnswer].map((text) => (text === null ? null : (JSON.parse(text) as unknown)));
    const outputs = (a: number): string => JSON.stringify({ a, __proto: 1e-7, 'b"': 1 - a });
    const bare = rowOf('1', { prediction: 'a', outputs: outputs(0.1 + 0.2) });
    const state = await store.open(id, 0);
    const first = writesOf(state, { inserts: [bare, rowOf('2', { outputs: outputs(1) })] });
    await store.write(id, definition, first);
    const measuredAnswer = JSON.stringify({ prediction: 'a', outputs: { a: 1 }, segment: 'x' });
    const again = rowOf('2', { outputs: outputs(0.25), measuredAnswer, position: { lsn: 0x1_0000_0002n, n: 0 } });
    await store.write(id, definition, {
      ...writesOf(first.next, { upserts: [again] }),
      next: { ...first.next, nextOffset: 9 },
    });
    const range = { fromUs: undefined, throughUs: 1_767_225_600_000_001 };
    const read = await store.read(id, definition, { keys: ['["1"]', '["2"]'], due: range });
    expect(said(read.rows.get('["1"]'))).toEqual(said(bare));
    expect(said(read.rows.get('["2"]'))).toEqual(said(again));
    const due = new Map(read.due.map((row) => [row.key, row]));
    expect(said(due.get('["1"]'))).toEqual(said(bare));
    expect(due.get('["1"]')!.prediction).toBe('a');
    expect(said(due.get('["2"]'))).toEqual(said(again));
  });

  test(`${name}: the same writes again are known, others on the same ground are refused whole`, async () => {
    await using opened = await open();
    const { store } = opened;
    const state = await store.open(id, 0);
    const writes = writesOf(state, { upserts: [rowOf('1', {})] });
    expect(await store.write(id, definition, writes)).toBe('written');
    expect(await store.write(id, definition, writes)).toBe('written');
    expect(await store.write(id, definition, writesOf(state, { upserts: [rowOf('9', {})] }))).toBe('stolen');
    expect((await store.read(id, definition, { keys: ['["9"]'], due: undefined })).rows.size).toBe(0);
  });

  test(`${name}: a label changes its row and leaves features and score; a delete takes the row`, async () => {
    await using opened = await open();
    const { store } = opened;
    const first = writesOf(await store.open(id, 0), { upserts: [rowOf('1', { score: 0.25 }), rowOf('2', {})] });
    await store.write(id, definition, first);
    const label = { key: '["1"]', label: 'true', labelledAtUs: 5_000_000, measuredScore: 0.25, measuredLsn: 0n };
    await store.write(id, definition, writesOf(first.next, { labelled: [label], deletes: ['["2"]'] }));
    const { rows } = await store.read(id, definition, { keys: ['["1"]', '["2"]'], due: undefined });
    expect(rows.get('["1"]')).toMatchObject({ ...label, score: 0.25, features: '{"a":1}' });
    expect(rows.has('["2"]')).toBe(false);
  });

  test(`${name}: rows that are new are inserted, bare or labelled; one that is there all the same is replaced`, async () => {
    await using opened = await open();
    const { store } = opened;
    const bare = rowOf('1', { score: 0.1 + 0.2, features: '{"a":10.50,  "b":"ü\\n"}', eventTimeUs: null });
    const labelled = rowOf('2', { label: 'true', measuredScore: 5e-324, measuredLsn: 5n, explanation: '[]' });
    const first = writesOf(await store.open(id, 0), { inserts: [bare, labelled] });
    expect(await store.write(id, definition, first)).toBe('written');
    const again = rowOf('1', { score: 0.75, late: true });
    const second = writesOf(first.next, { inserts: [again, rowOf('3', {})], examples: [] });
    expect(await store.write(id, definition, second)).toBe('written');
    expect(await store.write(id, definition, second)).toBe('written');
    const { rows } = await store.read(id, definition, { keys: ['["1"]', '["2"]', '["3"]'], due: undefined });
    expect(rows.get('["1"]')).toMatchObject({ ...again, eventTime: null });
    expect(rows.get('["2"]')).toMatchObject({ ...labelled, eventTime: null });
    expect(rows.get('["3"]')).toMatchObject({ ...rowOf('3', {}), eventTime: null });
  });

  test(`${name}: due are unlabelled rows in the range, its start excluded, and those that are listed`, async () => {
    await using opened = await open();
    const { store } = opened;
    const at = (key: string, eventTimeUs: number, label: string | null = null): ScoreRow =>
      rowOf(key, { eventTimeUs, eventTime: new Date(eventTimeUs / 1000).toISOString(), label });
    const day = 86_400_000_000;
    const rows = [
      at('1', 1 * day),
      at('2', 2 * day),
      at('3', 2 * day + 1000, 'true'),
      at('4', 3 * day),
      at('5', 3 * day + 1000),
    ];
    const first = writesOf(await store.open(id, 0), { upserts: rows, dueAdds: [{ key: '["1"]', eventTimeUs: day }] });
    await store.write(id, definition, first);
    const ask = async (fromUs: number | undefined, throughUs: number): Promise<string[]> => {
      const read = await store.read(id, definition, { keys: [], due: { fromUs, throughUs } });
      return read.due.map((row) => row.key).sort();
    };
    expect(await ask(undefined, 3 * day)).toEqual(['["1"]', '["2"]', '["4"]']);
    expect(await ask(2 * day, 3 * day)).toEqual(['["1"]', '["4"]']);
    await store.write(id, definition, writesOf(first.next, { dueDeletes: ['["1"]'] }));
    expect(await ask(2 * day, 3 * day + 1000)).toEqual(['["4"]', '["5"]']);
  });

  test(`${name}: what a label looks at of a due row is read as it was written, bit for bit`, async () => {
    await using opened = await open();
    const { store } = opened;
    const time = { eventTime: '2026-01-01 00:00:00.000001+00', eventTimeUs: 1_767_225_600_000_001 };
    const rows = [
      rowOf('1', { ...time, score: 0.1 + 0.2, features: '{"a":10.50,  "b":"ü\\n"}', modelVersion: 2 ** 40 }),
      rowOf('2', { ...time, score: null, position: { lsn: 0xffff_ffff_ffff_fffen, n: 2 ** 40 } }),
      rowOf('3', {
        eventTime: '1969-12-31 23:59:59.999999+00',
        eventTimeUs: -1,
        score: 5e-324,
        modelVersion: null,
        measuredScore: 1 / 3,
        measuredFeatures: '{"a":"€"}',
        measuredLsn: 0x1_0000_0000n,
      }),
      rowOf('4', { eventTime: '-infinity', eventTimeUs: -(2 ** 63), measuredLsn: 0n }),
    ];
    await store.write(id, definition, writesOf(await store.open(id, 0), { upserts: rows }));
    const { due } = await store.read(id, definition, { keys: [], due: { fromUs: undefined, throughUs: 2e15 } });
    expect(due).toHaveLength(rows.length);
    for (const written of rows) {
      const {
        key,
        score,
        modelVersion,
        eventTimeUs,
        features,
        measuredScore,
        measuredFeatures,
        measuredLsn,
        position,
      } = written;
      expect(due.find((row) => row.key === key)).toMatchObject({
        ...{ key, score, modelVersion, eventTimeUs, features },
        ...{ measuredScore, measuredFeatures, measuredLsn, position },
      });
    }
  });

  test(`${name}: a truncate takes rows, alerts and dead letters of the partition, and what comes after it stays`, async () => {
    await using opened = await open();
    const { store } = opened;
    const first = writesOf(await store.open(id, 0), {
      upserts: [rowOf('1', {})],
      alerts: [alertOf('1')],
      deadLetters: [letterOf('2', 1)],
    });
    await store.write(id, definition, first);
    const keys = ['["1"]', '["2"]', '["3"]'];
    const before = await store.read(id, definition, { keys, due: undefined });
    expect([...before.alerts, ...before.deadLetters]).toEqual(['["1"]', '["2"]']);
    await store.write(id, definition, writesOf(first.next, { truncate: true, upserts: [rowOf('3', {})] }));
    const read = await store.read(id, definition, { keys, due: undefined });
    expect([...read.rows.keys()]).toEqual(['["3"]']);
    expect([...read.alerts, ...read.deadLetters]).toEqual([]);
  });

  test(`${name}: what expires is the oldest of the range, of one partition's generation, with its alerts`, async () => {
    await using opened = await open();
    const { store } = opened;
    const day = 86_400_000_000;
    const at = (key: string, days: number, label: string | null = null): ScoreRow =>
      rowOf(key, { eventTimeUs: days * day, eventTime: new Date(days * 86_400_000).toISOString(), label });
    const undated = rowOf('9', { eventTime: null, eventTimeUs: null });
    const rows = [at('1', 1), at('2', 2, 'true'), at('3', 3), at('4', 4, 'true'), at('5', 5, 'true'), undated];
    const alerts = ['2', '3', '5'].map(alertOf);
    const first = writesOf(await store.open(id, 0), { upserts: rows, alerts });
    await store.write(id, definition, first);
    const other = { ...id, partition: 1 };
    const elsewhere = writesOf(await store.open(other, 0), { upserts: [at('7', 2)] });
    await store.write(other, definition, elsewhere);
    const keys = ['1', '2', '3', '4', '5', '7', '9'].map((key) => `["${key}"]`);
    const left = async (): Promise<string> => {
      const { rows, alerts } = await store.read(id, definition, { keys, due: undefined });
      return [...[...rows.keys()].sort(), ...[...alerts].sort().map((key) => `alert ${key}`)]
        .join(' ')
        .replaceAll(/[[\]"]/g, '');
    };
    const expire = (fromUs: number | undefined, throughUs: number, labelledOnly: boolean, limit: number) =>
      store.expire(id, definition, { fromUs, throughUs, labelledOnly }, limit);
    expect(await left()).toBe('1 2 3 4 5 7 9 alert 2 alert 3 alert 5');
    expect(
      await store.expire(
        { ...id, generation: 2 },
        definition,
        { fromUs: undefined, throughUs: 9 * day, labelledOnly: false },
        9,
      ),
    ).toBe(0);
    expect(await expire(2 * day, 4 * day, true, 10)).toBe(1);
    expect(await left()).toBe('1 2 3 5 7 9 alert 2 alert 3 alert 5');
    expect(await expire(undefined, 5 * day - 1, false, 2)).toBe(2);
    expect(await left()).toBe('3 5 7 9 alert 3 alert 5');
    expect(await expire(undefined, 5 * day - 1, false, 2)).toBe(1);
    expect(await expire(undefined, 5 * day - 1, false, 2)).toBe(0);
    expect(await left()).toBe('5 7 9 alert 5');
  });

  test(`${name}: a checkpoint follows the one before, takes its examples away, and is given back`, async () => {
    await using opened = await open();
    const { store } = opened;
    const example = (n: number, score: number | null = null, prediction: string | null = null) => {
      const learned = { features: '{"a":1}', label: 'true', weight: 2 };
      return { at: { lsn: 1n, n, i: 0 }, ...learned, score, prediction };
    };
    const first = writesOf(await store.open(id, 0), { examples: [example(0)] });
    await store.write(id, definition, first);
    await store.write(id, definition, writesOf(first.next, { examples: [example(1), example(2, 0.1 + 0.2, 'ü')] }));
    const checkpoint = checkpointOf(1, { lsn: 1n, n: 1, i: 0 });
    expect(await store.saveCheckpoint(id, checkpoint)).toBe('written');
    expect(await store.saveCheckpoint(id, checkpoint)).toBe('stolen');
    expect(await store.saveCheckpoint(id, checkpointOf(3, undefined))).toBe('stolen');
    const read = await store.checkpoint(id);
    expect({ ...read, state: [...read!.state], metrics: [...read!.metrics] }).toEqual({
      ...checkpoint,
      state: [...checkpoint.state],
      metrics: [...checkpoint.metrics],
    });
    const left: unknown[] = [];
    for await (const { examples } of store.examplesAfter(id, checkpoint.cursors)) left.push(...examples);
    expect(left).toEqual([example(2, 0.1 + 0.2, 'ü')]);
  });

  test(`${name}: outcomes above the cursors are given back whole, by partition and in order, however many`, async () => {
    await using opened = await open();
    const { store } = opened;
    const outcomeOf = (n: number, i: number): Outcome => ({
      at: { lsn: 0x1_0000_0001n, n, i },
      score: 1 / n,
      answer: n % 7 === 0 ? null : `{"prediction":"${i}","outputs":null,"segment":"x"}`,
      label: n % 3 === 0 ? null : 'true',
      prior: n % 5 === 0 ? 'false' : null,
      backfill: n % 2 === 0,
      modelVersion: n,
      eventTimeUs: n % 11 === 0 ? null : n,
    });
    const written: Outcome[][] = [[], []];
    for (const partition of [1, 0]) {
      let state = await store.open({ ...id, partition }, 0);
      for (let n = 1; n <= 100; n++) {
        const outcomes = [outcomeOf(n, 0), outcomeOf(n, 1)];
        written[partition]!.push(...outcomes);
        const writes = writesOf(state, { outcomes });
        expect(await store.write({ ...id, partition }, definition, writes)).toBe('written');
        state = writes.next;
      }
    }
    const above = async (...cursors: (ItemPosition | undefined)[]): Promise<Outcome[][]> => {
      const read: Outcome[][] = [[], []];
      let last = -1;
      for await (const { partition, outcomes } of store.outcomesAfter(id, cursors)) {
        expect(partition).toBeGreaterThanOrEqual(last);
        last = partition;
        read[partition]!.push(...outcomes);
      }
      return read;
    };
    expect(await above()).toEqual(written);
    const cursor = written[0]!.findIndex(({ at }) => at.n === 40 && at.i === 0);
    expect(await above(written[0]![cursor]!.at)).toEqual([written[0]!.slice(cursor + 1), written[1]]);
    expect(await above(written[0]!.at(-1)!.at, written[1]!.at(-1)!.at)).toEqual([[], []]);
  });

  test(`${name}: what was noticed is kept once, as it was first written`, async () => {
    await using opened = await open();
    const { store } = opened;
    const loss = driftOf({ signal: 'loss', to: 0.1 + 0.2 });
    const shifted = driftOf({ signal: 'features', feature: 'a', detector: 'psi', from: 0 });
    const first = writesOf(await store.open(id, 0), { drift: [loss, shifted] });
    await store.write(id, definition, first);
    const later = driftOf({ signal: 'loss', at: { lsn: 1n, n: 4, i: 1 }, partition: 1 });
    const again = { ...loss, noticedAtUs: loss.noticedAtUs + 1, modelVersion: 9 };
    await store.write(id, definition, writesOf(first.next, { drift: [again, later] }));
    const kept = await opened.drift();
    expect(kept).toHaveLength(3);
    for (const one of [loss, shifted, later]) expect(kept).toContainEqual(one);
    await store.remove(id);
    expect(await opened.drift()).toEqual([]);
  });

  test(`${name}: a version's state is read again, and those that are neither new nor promoted go`, async () => {
    await using opened = await open();
    const { store } = opened;
    const first = writesOf(await store.open(id, 0), { versions: [1, 2, 3].map((n) => versionOf(n, {})) });
    await store.write(id, definition, first);
    const found = (await store.version(id, 2))!;
    expect([...found.state]).toEqual([2, 0, 255]);
    expect(found.options).toEqual({ model: { kind: 'logistic', l2: 0.1 }, asked: { kind: 'linear' } });
    expect(await store.version({ ...id, generation: 2 }, 2)).toBeUndefined();
    const promotion = versionOf(4, { promoted: 1, reason: 'version 1 promoted', race: '[{"candidate":"last"}]' });
    const second = writesOf(first.next, { versions: [promotion, versionOf(5, { keep: 2 })] });
    await store.write(id, definition, second);
    const kept = async (): Promise<boolean[]> => {
      const states = await Promise.all([1, 2, 3, 4, 5].map((n) => store.version(id, n)));
      return states.map((state) => state !== undefined);
    };
    expect(await kept()).toEqual([true, false, false, true, true]);
    await store.write(id, definition, writesOf(second.next, { versions: [versionOf(9, { keep: 2 })] }));
    expect(await kept()).toEqual([true, false, false, true, false]);
  });

  test(`${name}: the learner's lock is had by one, and passes to the next when it is given back`, async () => {
    await using opened = await open();
    const { store } = opened;
    const signal = new AbortController().signal;
    const first = await store.lease(id, () => {}, signal);
    let second: Awaited<ReturnType<ScoreStore['lease']>>;
    let next: Promise<void> | undefined;
    await new Promise<void>((waits) => {
      next = store.lease(id, waits, signal).then((lease) => void (second = lease));
    });
    expect(second).toBeUndefined();
    const again = new AbortController();
    expect(await store.lease(id, () => again.abort(), again.signal)).toBeUndefined();
    await first![Symbol.asyncDispose]();
    await next;
    expect(second!.lost.aborted).toBe(false);
    await second![Symbol.asyncDispose]();
  });
}

export function rowOf(key: string, some: Partial<ScoreRow>): ScoreRow {
  return {
    key: `["${key}"]`,
    score: 0.5,
    prediction: 'false',
    outputs: null,
    explanation: null,
    modelVersion: 1,
    eventTime: '2026-01-01 00:00:00+00',
    eventTimeUs: 1_767_225_600_000_000,
    scoredAtUs: 1_767_225_600_000_001,
    features: '{"a":1}',
    label: null,
    labelledAtUs: null,
    measuredScore: null,
    measuredFeatures: null,
    measuredAnswer: null,
    measuredLsn: null,
    late: false,
    position: { lsn: 0x1_0000_0001n, n: 3 },
    ...some,
  };
}

const labelOf = (key: string) => ({
  key: `["${key}"]`,
  label: 'true',
  labelAtUs: 1_767_225_600_000_001,
  weight: 0.1,
  measuredScore: 0.3,
  measuredAnswer: '{"prediction":"b","outputs":{"a":0.3,"b":0.7},"segment":null}',
  measuredLsn: 9n,
});

const driftOf = (some: Partial<Drift>): Drift => ({
  partition: 0,
  at: { lsn: 1n, n: 3, i: 0 },
  signal: 'loss',
  feature: null,
  detector: 'adwin',
  from: 0.1,
  to: 0.4,
  action: 'alarm',
  examples: 1234,
  modelVersion: 2,
  noticedAtUs: 1_767_225_600_000_001,
  ...some,
});

const versionOf = (version: number, some: Partial<ModelVersion>): ModelVersion => ({
  version,
  kind: 'logistic',
  examples: version * 10,
  state: Uint8Array.from([version, 0, 255]),
  cursors: [{ lsn: 1n, n: 3, i: 0 }],
  metrics: '{"all accuracy":0.5}',
  reason: `${version * 10} examples`,
  race: null,
  options: { model: { kind: 'logistic', l2: 0.1 }, asked: { kind: 'linear' } },
  keep: 20,
  promoted: null,
  savedAtUs: 1_767_225_600_000_001,
  ...some,
});

const alertOf = (key: string) => ({
  key: `["${key}"]`,
  position: { lsn: 1n, n: 0 },
  score: 0.9,
  prediction: 'true',
  modelVersion: 1,
  eventTimeUs: null,
  alertedAtUs: 1_767_225_600_000_000,
});

const letterOf = (key: string, n: number) => ({
  key: `["${key}"]`,
  position: { lsn: 1n, n },
  table: 'public.t',
  row: '{"id":2}',
  code: 'DATA',
  message: 'division by zero',
  commitTimeUs: 1_767_225_600_000_000,
});

function checkpointOf(serial: number, cursor: LearnerCheckpoint['cursors'][number]): LearnerCheckpoint {
  return {
    serial,
    version: 1,
    kind: 'logistic',
    examples: 2,
    state: Uint8Array.of(1, 2, 3),
    cursors: cursor === undefined ? [] : [cursor],
    metrics: Uint8Array.of(4),
    metricCursors: [],
  };
}

export function writesOf(expected: PartitionState, some: Partial<WriteSet>): WriteSet {
  const n = (expected.position?.n ?? 0) + 1;
  return {
    expected,
    next: {
      nextOffset: expected.nextOffset + 1,
      position: { lsn: 0x1_0000_0001n, n },
      scored: { lsn: 0x1_0000_0001n, n },
      definition: JSON.parse(JSON.stringify(definition)) as typeof definition,
      clockUs: 1_767_225_600_000_000,
      phase: 'live',
      dueThroughUs: undefined,
      expired: { throughUs: 1_000_000, labelledThroughUs: 2_000_000 },
    },
    truncate: false,
    supersede: false,
    drift: [],
    inserts: [],
    upserts: [],
    labelled: [],
    deletes: [],
    labels: [],
    labelDeletes: [],
    dueClear: false,
    dueDeletes: [],
    dueAdds: [],
    examples: [],
    outcomes: [],
    deadLetterClears: [],
    deadLetters: [],
    alertCloses: [],
    alerts: [],
    versions: [],
    retrainings: [],
    checkpoint: undefined,
    ...some,
  };
}
