import { expect, test } from 'vitest';
import { readStatus, reportSink, reportStatus, type ConnectorReport } from '../../src/catalog/status.ts';
import { openShop, type Shop } from './shop.ts';

function report(pipelineId: number, changes: Partial<ConnectorReport> = {}): ConnectorReport {
  return {
    pipelineId,
    generation: 1,
    state: 'running',
    reason: undefined,
    hint: undefined,
    backfillDone: undefined,
    backfillTotal: undefined,
    lagBytes: 0,
    lagMs: 0,
    rowsPerSecond: 0,
    retainedWalBytes: 0,
    stateKeys: 0,
    stateBytes: 0,
    ...changes,
  };
}

const WELL = { reason: undefined, hint: undefined, lagRecords: 0, lagMs: 0, rowsPerSecond: 0 };

async function shopWithPipelines(): Promise<Shop> {
  const shop = await openShop();
  await shop.query(
    `select millrace.create_pipeline('a', 'fraud_features'), millrace.create_pipeline('b', 'fraud_features')`,
  );
  return shop;
}

/** As if the last reports had come a minute ago. */
const AGE = `update millrace._status set connector_seen_at = connector_seen_at - interval '1 minute', sink_seen_at = sink_seen_at - interval '1 minute'`;

test('reports of many pipelines are one statement, and each side keeps its own columns', async () => {
  await using shop = await shopWithPipelines();
  const client = await shop.connect();
  await reportStatus(client, [
    report(2, { state: 'backfilling', backfillDone: 10, backfillTotal: 99.6 }),
    report(1, {
      lagBytes: 1e12,
      lagMs: 20,
      rowsPerSecond: 1.5,
      retainedWalBytes: 7,
      stateKeys: 3,
      stateBytes: 400,
      walBudgetBytes: 100,
      walBudgetLeftSeconds: 90,
    }),
    report(77),
  ]);
  await reportSink(client, [{ pipelineId: 1, ...WELL, lagRecords: 5, lagMs: 31, rowsPerSecond: 2 }]);
  const [a, b, ...rest] = await readStatus(client);
  expect(rest).toEqual([]);
  expect(a).toMatchObject({
    pipeline: 'a',
    pipelineId: 1,
    state: 'running',
    reason: null,
    lagBytes: 1e12,
    lagMs: 31,
    lagRecords: 5,
    rowsPerSecond: 1.5,
    scoresPerSecond: 2,
    retainedWalBytes: 7,
    walBudgetBytes: 100,
    walBudgetLeft: '00:01:30',
    stateKeys: 3,
    stateBytes: 400,
    deadLetters: 0,
  });
  expect(b).toMatchObject({
    pipeline: 'b',
    state: 'backfilling',
    backfillDone: 10,
    backfillTotal: 100,
    sinkSeenAt: null,
  });
  await reportStatus(client, [report(2)]);
  expect((await readStatus(client))[1]).toMatchObject({ state: 'running', backfillDone: null });
});

test('a connector that is silent for 30 seconds is waited for, and its last word is told as such', async () => {
  await using shop = await shopWithPipelines();
  const client = await shop.connect();
  expect((await readStatus(client))[0]).toMatchObject({
    state: 'waiting for a connector',
    reason: 'no connector has picked it up yet',
    hint: 'Start `millrace up` (or `millrace connector`).',
  });
  await reportStatus(client, [report(1), report(2, { state: 'failed', reason: 'no', hint: 'do' })]);
  await shop.query(AGE);
  const [a, b] = await readStatus(client);
  expect(a).toMatchObject({ state: 'waiting for a connector', hint: 'Start `millrace up` (or `millrace connector`).' });
  expect(a!.reason).toMatch(/^the connector was last seen at 20.*; it was running then$/);
  // What needs a person stays in sight.
  expect(b).toMatchObject({ state: 'failed', reason: 'no', hint: 'do' });
  await shop.query(`select millrace.pause('a'), millrace.rebuild('b')`);
  expect((await readStatus(client)).map(({ state }) => state)).toEqual(['paused', 'waiting for a connector']);
});

test('a rebuild of a failed pipeline is no longer failed', async () => {
  await using shop = await shopWithPipelines();
  const client = await shop.connect();
  await reportStatus(client, [report(1, { state: 'failed', reason: 'no', hint: 'do' })]);
  await shop.query(`select millrace.rebuild('a')`);
  expect((await readStatus(client))[0]).toMatchObject({ state: 'starting', reason: null, hint: null, generation: 2 });
});

test('a sink that is stuck or silent makes a running pipeline degraded, with its reason', async () => {
  await using shop = await shopWithPipelines();
  const client = await shop.connect();
  await reportStatus(client, [report(1), report(2)]);
  await reportSink(client, [
    { ...WELL, pipelineId: 1, reason: 'stuck', hint: 'unstick' },
    { ...WELL, pipelineId: 2 },
  ]);
  expect((await readStatus(client)).map(({ state, reason, hint }) => [state, reason, hint])).toEqual([
    ['degraded', 'stuck', 'unstick'],
    ['running', null, null],
  ]);
  await shop.query(AGE);
  await reportStatus(client, [report(1), report(2)]);
  await reportSink(client, [{ ...WELL, pipelineId: 1 }]);
  const [a, b] = await readStatus(client);
  expect(a).toMatchObject({ state: 'running', reason: null });
  expect(b).toMatchObject({ state: 'degraded', hint: 'Start `millrace up` (or `millrace sink`).' });
  expect(b!.reason).toMatch(/^the sink was last seen at /);
});

test('dead letters are counted as they stand', async () => {
  await using shop = await shopWithPipelines();
  await shop.query(`insert into millrace._dead_letters (pipeline_id, generation, partition, position_lsn, position_n, source_table, source_row, code, message, committed_at)
    values (1, 1, 0, '0/1', 0, 't', '{}', 'DATA', 'm', now()), (1, 1, 0, '0/1', 1, 't', '{}', 'DATA', 'm', now()), (2, 9, 0, '0/1', 0, 't', '{}', 'DATA', 'm', now())`);
  expect((await readStatus(await shop.connect())).map(({ deadLetters }) => deadLetters)).toEqual([2, 0]);
});

test("two reporters in opposite order never stand in each other's way", async () => {
  await using shop = await shopWithPipelines();
  const [one, other] = [await shop.connect(), await shop.connect()];
  for (let round = 0; round < 50; round++) {
    await Promise.all([
      reportStatus(one, [report(1), report(2)]),
      reportSink(other, [
        { ...WELL, pipelineId: 2 },
        { ...WELL, pipelineId: 1 },
      ]),
    ]);
  }
  expect(await readStatus(one)).toHaveLength(2);
});
