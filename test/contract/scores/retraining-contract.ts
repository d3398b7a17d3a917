// What every score store must do for retrainings.

import { expect, test } from 'vitest';
import type { StoredExample, StoredExamples } from '../../../src/scores/retraining.ts';
import type { ScoreStore } from '../../../src/scores/score-store.ts';
import { definition } from '../../sink/history.ts';
import { rowOf, writesOf, type Opened } from './score-store-contract.ts';

const id = { pipelineId: 1, generation: 1, partition: 0 };
const command = { pipelineId: 1, generation: 1, command: 4 };
const request = { model: '{"kind":"linear"}', examples: 1_000, patience: 300, atUs: 1_767_225_600_000_000 };
const YEAR_US = 1_767_225_600_000_000;

/** A labelled row, so many seconds into the year. */
function labelled(key: string, seconds: number | null, some: Parameters<typeof rowOf>[1] = {}) {
  const eventTimeUs = seconds === null ? null : YEAR_US + seconds * 1e6;
  return rowOf(key, {
    eventTime: eventTimeUs === null ? null : new Date(eventTimeUs / 1000).toISOString(),
    eventTimeUs,
    features: `{"a":${key}.0}`,
    label: 'true',
    labelledAtUs: YEAR_US,
    measuredScore: 0.5,
    measuredLsn: 7n,
    position: { lsn: 7n, n: Number(key) },
    ...some,
  });
}

async function all(store: ScoreStore, from = 0): Promise<StoredExample[]> {
  const found: StoredExample[] = [];
  for (;;) {
    const some = await store.storedExamples(command, from + found.length);
    if (some.length === 0) return found;
    found.push(...some);
  }
}

async function begin(
  store: ScoreStore,
  ...given: Rest<Parameters<ScoreStore['beginRetraining']>>
): Promise<StoredExamples> {
  const begun = await store.beginRetraining(command, ...given);
  if (begun === 'stolen') throw new Error('nobody else has the partition');
  return begun;
}

type Rest<T extends readonly unknown[]> = T extends [unknown, ...infer R] ? R : never;

export function retrainingContract(name: string, open: () => Promise<Opened>): void {
  test(`${name}: labelled rows that have not expired are copied in the order of their times, as they were measured, with their weights`, async () => {
    await using opened = await open();
    const { store } = opened;
    const state = await store.open(id, 0);
    const writes = writesOf(state, {
      upserts: [
        labelled('1', 30),
        labelled('2', null),
        labelled('3', 20, { measuredFeatures: '{"a":  3.50}', label: 'false' }),
        // At the same time: the earlier commit first, then the earlier record.
        labelled('4', 40, { measuredLsn: 9n }),
        labelled('5', 40, { position: { lsn: 8n, n: 9 } }),
        labelled('6', 40, { position: { lsn: 8n, n: 2 } }),
        rowOf('7', {}),
        labelled('8', 10),
      ],
      labels: [
        {
          ...{ key: '["1"]', label: 'true', labelAtUs: null, weight: 2.5 },
          ...{ measuredScore: 0.5, measuredAnswer: null, measuredLsn: 7n },
        },
      ],
    });
    const expired = { throughUs: YEAR_US, labelledThroughUs: YEAR_US + 10e6 };
    await store.write(id, definition, { ...writes, next: { ...writes.next, expired } });
    const place = { partition: 0, state: await store.open(id, 0) };
    const { count, start } = await begin(store, definition, request, place);
    const example = (features: string, label = 'true', weight = 1): StoredExample => ({ features, label, weight });
    const expected = [
      example('{"a":2.0}'),
      example('{"a":  3.50}', 'false'),
      example('{"a":1.0}', 'true', 2.5),
      example('{"a":6.0}'),
      example('{"a":5.0}'),
      example('{"a":4.0}'),
    ];
    expect(count).toBe(expected.length);
    expect(start).toEqual([{ ...writes.next.position, i: 2_147_483_647 }]);
    expect(await all(store)).toEqual(expected);
    expect(await all(store, 4)).toEqual(expected.slice(4));
    // The newest, where there are more; what an earlier attempt has copied goes.
    expect((await begin(store, definition, { ...request, examples: 2 }, place)).count).toBe(2);
    expect(await all(store)).toEqual(expected.slice(4));
    const other = { ...id, generation: 2 };
    const elsewhere = { partition: 0, state: await store.open(other, 0) };
    expect(await store.beginRetraining({ ...other, command: 4 }, definition, request, elsewhere)).toEqual({
      count: 0,
      start: [],
    });
    // Somebody else has gone on.
    expect(await store.beginRetraining(command, definition, request, { partition: 0, state })).toBe('stolen');
    expect(await all(store)).toEqual(expected.slice(4));
  });

  test(`${name}: what the training came to is kept, never less, and the examples that it has go`, async () => {
    await using opened = await open();
    const { store } = opened;
    const state = await store.open(id, 0);
    const rows = Array.from({ length: 1_203 }, (_, index) => labelled(String(index + 1), index));
    await store.write(id, definition, writesOf(state, { upserts: rows }));
    const place = { partition: 0, state: await store.open(id, 0) };
    await begin(store, definition, { ...request, examples: 10_000 }, place);
    const examples = await all(store);
    expect(examples.map(({ features }) => features)).toEqual(rows.map(({ features }) => features));
    expect(await store.trainedState(command)).toBeUndefined();
    await store.saveTrained(command, { trained: 700, state: Uint8Array.of(7) });
    await store.saveTrained(command, { trained: 600, state: Uint8Array.of(6) });
    const kept = (await store.trainedState(command))!;
    expect([kept.trained, ...kept.state]).toEqual([700, 7]);
    expect(await all(store, 700)).toEqual(examples.slice(700));
    expect(await all(store, 1)).toEqual([]);
    // Begun again, it is from the beginning.
    await begin(store, definition, request, place);
    expect(await store.trainedState(command)).toBeUndefined();
    expect(await store.storedExamples(command, 0)).not.toEqual([]);
  });

  test(`${name}: an end is written with its batch, once and for all`, async () => {
    await using opened = await open();
    const { store } = opened;
    const first = writesOf(await store.open(id, 0), { upserts: [labelled('1', 1)] });
    await store.write(id, definition, first);
    await begin(store, definition, request, { partition: 0, state: await store.open(id, 0) });
    await store.saveTrained(command, { trained: 1, state: Uint8Array.of(1) });
    await store.showRetraining(command, { trained: 1, judged: 3, loss: 0.5, servingLoss: 0.25 });
    const end = {
      ...{
        trained: 1,
        judged: 300,
        loss: 0.1 + 0.2,
        servingLoss: 1 / 3,
        command: 4,
        model: '{"kind":"linear"}',
        patience: 300,
      },
      ...{ state: 'dropped' as const, reason: 'no better', version: null, endedAtUs: YEAR_US + 1 },
    };
    // Refused: it was never begun.
    const refused = {
      ...end,
      command: 5,
      state: 'refused' as const,
      trained: 0,
      judged: 0,
      loss: null,
      servingLoss: null,
    };
    const second = writesOf(first.next, { retrainings: [end, refused] });
    await store.write(id, definition, second);
    await store.write(id, definition, writesOf(second.next, { retrainings: [end] }));
    await store.showRetraining(command, { trained: 9, judged: 9, loss: 9, servingLoss: 9 });
    await store.saveTrained(command, { trained: 9, state: Uint8Array.of(9) });
    expect(await opened.ends()).toEqual([end, refused]);
    expect(await store.storedExamples(command, 0)).toEqual([]);
    expect(await store.trainedState(command)).toBeUndefined();
    await store.remove(id);
    expect(await opened.ends()).toEqual([]);
  });
}
