// What a batch hands to the next one while it is being written must be that batch's own work: were what it was handed itself passed
// on, it would grow with every batch, and each batch would cost more than the one before.

import { expect, test } from 'vitest';
import type { RecordBody, StoredRecord } from '../../src/flow/record.ts';
import { foldBatch } from '../../src/scores/fold.ts';
import type { Overlay } from '../../src/scores/fold-request.ts';
import { PendingExamples } from '../../src/scores/pending-examples.ts';
import type { PartitionState, ReadResult } from '../../src/scores/score-store.ts';
import type { Scorer } from '../../src/scores/scorer.ts';
import { definition } from '../sink/history.ts';

const START_US = 1_700_000_000_000_000;
const MINUTE_US = 60_000_000;
const given = { ...definition, labelWaitUs: 100 * MINUTE_US, labelDefault: 'false' };
const NOTHING: ReadResult = {
  rows: new Map(),
  labels: new Map(),
  alerts: new Set(),
  deadLetters: new Set(),
  due: [],
  dueListed: new Set(),
};
const scorer: Scorer = {
  scores: true,
  learnsLabels: true,
  learnsArrivals: false,
  explains: 'none',
  segmentBy: undefined,
  version: 1,
  predict: (rows) => rows.map(() => ({ score: 0.5, prediction: 'false', outputs: null })),
  explain: () => '[]',
  accepts: () => true,
  learn: () => {},
  count: () => {},
};

/** One commit: the clock at a minute, then rows of that minute. */
function fold(state: PartitionState, overlay: Overlay | undefined, minute: number, keys: readonly number[]) {
  const clock: RecordBody = {
    kind: 'progress',
    clockUs: START_US + minute * MINUTE_US,
    phase: 'live',
    definition: undefined,
  };
  const rows = keys.map((key): RecordBody => ({
    kind: 'features',
    key: `["${key}"]`,
    eventTime: '',
    eventTimeUs: START_US + minute * MINUTE_US,
    features: '{"amount":1,"currency":"eur"}',
    late: false,
  }));
  const records = [clock, ...rows].map((body, n): StoredRecord => ({
    position: { lsn: BigInt(minute + 1), n },
    partition: 0,
    offset: n,
    commitTimeUs: START_US,
    body,
  }));
  return foldBatch({
    id: { pipelineId: 1, generation: 1, partition: 0 },
    state,
    definition: given,
    records,
    nextOffset: state.nextOffset + records.length,
    reads: NOTHING,
    overlay,
    scorer,
    pending: new PendingExamples(),
    alertWhen: undefined,
    nowUs: START_US,
  });
}

const first: PartitionState = {
  nextOffset: 0,
  position: undefined,
  scored: undefined,
  definition: given,
  clockUs: undefined,
  phase: 'live',
  dueThroughUs: undefined,
  expired: undefined,
};

test('a batch hands on the keys that it touched, and none that it was handed', () => {
  const one = fold(first, undefined, 1, [1, 2]);
  const two = fold(one.writes.next, one.overlay, 2, [2, 3]);
  const three = fold(two.writes.next, two.overlay, 3, [4]);
  expect([...one.overlay.entries.keys()]).toEqual(['["1"]', '["2"]']);
  expect([...two.overlay.entries.keys()]).toEqual(['["2"]', '["3"]']);
  expect([...three.overlay.entries.keys()]).toEqual(['["4"]']);
});

test('rows that come due while they are being written get their default label from the batch after', () => {
  const one = fold(first, undefined, 1, [1, 2]);
  const two = fold(one.writes.next, one.overlay, 101, []);
  expect(two.writes.labelled.map(({ key, label }) => [key, label])).toEqual([
    ['["1"]', 'false'],
    ['["2"]', 'false'],
  ]);
});
