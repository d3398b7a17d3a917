import { describe, expect, inject, test } from 'vitest';
import { slotState } from '../../src/source/slot.ts';
import { confirmedLsn, createStream, never, readNext, show, shown } from './stream-fixture.ts';

/** Before Postgres 15 a transaction comes also where nothing in it is published, like an ALTER. */
const SENDS_EMPTY = inject('postgresVersion') < 15;

describe('changes', () => {
  test('inserts, updates, deletes and truncates come in the order they were made', async () => {
    await using stream = await createStream(`create table t (id int primary key, v text)`);
    const source = await stream.open();
    await stream.database.query(`begin;
      insert into t values (1, 'a'), (2, null);
      update t set v = 'ä' where id = 1;
      update t set id = 3 where id = 2;
      delete from t where id = 3;
      truncate t;
      commit`);
    const { changes, transaction } = await readNext(source);
    expect(changes.map(show)).toEqual([
      'insert t [1,a]',
      'insert t [2,NULL]',
      'update t [1,ä]',
      'update t [2,-] -> [3,NULL]',
      'delete t [3,-]',
      'truncate t',
    ]);
    expect(transaction.endLsn).toBeGreaterThan(transaction.commitLsn);
    expect(Math.abs(transaction.commitTimeUs / 1000 - Date.now())).toBeLessThan(60_000);
  });

  test('a large value that an update left alone is "not sent", not NULL', async () => {
    await using stream = await createStream(`
      create table t (id int primary key, body text, n int);
      alter table t alter column body set storage external`);
    const source = await stream.open();
    await stream.database.query(`insert into t values (1, repeat('x', 10000), 1)`);
    await stream.database.query(`update t set n = 2`);
    await stream.database.query(`update t set body = null`);
    expect((await readNext(source)).changes.map(show)).toEqual(['insert t [1,10000 characters,1]']);
    expect((await readNext(source)).changes.map(show)).toEqual(['update t [1,-,2]']);
    expect((await readNext(source)).changes.map(show)).toEqual(['update t [1,NULL,2]']);
  });

  test('with REPLICA IDENTITY FULL the old row is whole, and fills in what was not sent', async () => {
    await using stream = await createStream(`
      create table t (id int, body text, n int);
      alter table t alter column body set storage external, replica identity full`);
    const source = await stream.open();
    await stream.database.query(`insert into t values (1, repeat('x', 10000), 1)`);
    await stream.database.query(`update t set n = 2`);
    await stream.database.query(`delete from t`);
    await readNext(source);
    const updated = (await readNext(source)).changes[0]!;
    expect(show(updated)).toBe('update t [1,10000 characters,1] -> [1,10000 characters,2]');
    expect(updated).toMatchObject({
      relation: { replicaIdentity: 'f', columns: [{ identity: true }, { identity: true }, { identity: true }] },
    });
    expect((await readNext(source)).changes.map(show)).toEqual(['delete t [1,10000 characters,2]']);
  });

  test('with REPLICA IDENTITY USING INDEX the old row has the columns of the index', async () => {
    await using stream = await createStream(`
      create table t (id int primary key, code text not null, n int);
      create unique index t_code on t (code);
      alter table t replica identity using index t_code`);
    const source = await stream.open();
    await stream.database.query(`insert into t values (1, 'a', 1)`);
    await stream.database.query(`update t set code = 'b'`);
    await stream.database.query(`delete from t`);
    const { changes } = await readNext(source);
    expect(changes[0]).toMatchObject({
      relation: { replicaIdentity: 'i', columns: [{ identity: false }, { identity: true }, { identity: false }] },
    });
    expect((await readNext(source)).changes.map(show)).toEqual(['update t [-,a,-] -> [1,b,1]']);
    expect((await readNext(source)).changes.map(show)).toEqual(['delete t [-,b,-]']);
  });

  test('rolled back transactions and subtransactions do not come', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    await stream.database.query(`begin; insert into t values (1); rollback`);
    await stream.database.query(
      `begin; insert into t values (2); savepoint s; insert into t values (3); rollback to s; insert into t values (4); commit`,
    );
    expect((await readNext(source)).changes.map(show)).toEqual(['insert t [2]', 'insert t [4]']);
  });

  test('a heartbeat is a transaction without changes', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    await stream.database.query(`select pg_logical_emit_message(true, 'millrace', '')`);
    await stream.database.query(`insert into t values (1)`);
    expect((await readNext(source)).changes).toEqual([]);
    expect((await readNext(source)).changes.map(show)).toEqual(['insert t [1]']);
  });

  test('a column that is added in mid-stream describes the table anew', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    await stream.database.query(`insert into t values (1)`);
    await stream.database.query(`alter table t add column v text default 'new'`);
    await stream.database.query(`insert into t values (2)`);
    const first = await readNext(source);
    if (SENDS_EMPTY) await readNext(source);
    const second = await readNext(source);
    expect([...first.changes, ...second.changes].map(show)).toEqual(['insert t [1]', 'insert t [2,new]']);
  });
});

describe('the acknowledgement', () => {
  test('moves the slot to the end of the checkpoint, exactly, and never without one', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const before = await confirmedLsn(stream);
    const first = await stream.open();
    expect(shown(first.confirmedLsn)).toBe(before);
    await stream.database.query(`insert into t values (1)`);
    await stream.database.query(`insert into t values (2)`);
    const one = await readNext(first);
    await readNext(first);
    await first[Symbol.asyncDispose]();
    expect(await confirmedLsn(stream)).toBe(before);

    const second = await stream.open();
    second.acknowledge({ endLsn: one.transaction.endLsn });
    await second[Symbol.asyncDispose]();
    expect(await confirmedLsn(stream)).toBe(shown(one.transaction.endLsn));
  });

  test('of the first of two transactions whose commit records touch lets the second come again, 50 of 50', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const [one, two] = [await stream.database.connect(), await stream.database.connect()];
    let from = (await stream.open()).confirmedLsn;
    let touching = 0;
    for (let round = 0; touching < 50; round++) {
      expect(round, 'rounds in which something came between the two').toBeLessThan(500);
      await stream.close();
      await one.query(`begin; insert into t values (${2 * round})`);
      await two.query(`begin; insert into t values (${2 * round + 1})`);
      await one.query('commit');
      await two.query('commit');
      const source = await stream.open({ from });
      const first = await readNext(source);
      const second = await readNext(source);
      source.acknowledge({ endLsn: first.transaction.endLsn });
      await stream.close();
      const again = await stream.open({ from: first.transaction.endLsn });
      const repeated = await readNext(again);
      expect(repeated.transaction.commitLsn).toBe(second.transaction.commitLsn);
      expect(repeated.changes.map(show)).toEqual([`insert t [${2 * round + 1}]`]);
      from = repeated.transaction.endLsn;
      again.acknowledge({ endLsn: from });
      if (second.transaction.commitLsn === first.transaction.endLsn) touching += 1;
    }
  });

  test('below the last one is a bug and is refused', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    expect(() => source.acknowledge({ endLsn: source.confirmedLsn - 1n })).toThrow('is below');
  });

  test('is compared with where the reader wants to begin: an older folder is refused, as Postgres would begin later in silence', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    const from = source.confirmedLsn - 1n;
    await source[Symbol.asyncDispose]();
    await expect(stream.open({ from })).rejects.toMatchObject({ code: 'STATE_LOST', retryable: false });
  });
});

describe('pulling', () => {
  test('the next transaction before the end of this one is a bug and is refused', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    await stream.database.query(`insert into t values (1)`);
    await stream.database.query(`insert into t values (2)`);
    await source.next(never);
    await expect(source.next(never)).rejects.toThrow('not read to its end');
  });

  test('an abort ends the wait without an error, and the source goes on', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    const source = await stream.open();
    const controller = new AbortController();
    const waiting = source.next(controller.signal);
    controller.abort();
    expect(await waiting).toBeUndefined();
    await stream.database.query(`insert into t values (1)`);
    expect((await readNext(source)).changes.map(show)).toEqual(['insert t [1]']);
  });

  test('pending says whether another transaction is here', async () => {
    await using stream = await createStream(`create table t (id int primary key)`);
    await stream.database.query(`insert into t values (1)`);
    await stream.database.query(`insert into t values (2)`);
    await stream.database.query(`select pg_logical_emit_message(true, 'millrace', '')`);
    const source = await stream.open();
    await readNext(source);
    await expect.poll(() => source.pending).toBe(true);
    await readNext(source);
    await readNext(source);
    expect(source.pending).toBe(false);
  });
});

test('a slow consumer keeps the buffer bounded while 200,000 rows stream past in one transaction', async () => {
  await using stream = await createStream(`create table t (id int primary key, v text)`);
  const source = await stream.open({ maxBufferedRows: 5_000, maxBufferedBytes: 2 ** 20 });
  await stream.database.query(`insert into t select i, 'value ' || i from generate_series(1, 200000) i`);
  const transaction = (await source.next(never))!;
  let next = 1;
  let chunks = 0;
  for await (const chunk of transaction.changes()) {
    expect(chunk.length).toBeLessThanOrEqual(1_000);
    for (const change of chunk) if (change.kind === 'insert' && change.new![0] === String(next)) next += 1;
    chunks += 1;
    // Lets the socket run as far as it wants between two chunks.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(next).toBe(200_001);
  expect(chunks).toBeGreaterThanOrEqual(200);
  const { peakRows, peakBytes } = source.buffered;
  // One read of 64 kB may go over the cap; a row takes more than 25 bytes.
  expect(peakRows).toBeLessThan(5_000 + 65_536 / 25);
  expect(peakBytes).toBeLessThan(2 ** 20 + 65_536);
  expect(peakRows).toBeGreaterThan(1_000);
});

test('a consumer that sits on a transaction for three times wal_sender_timeout is not cut off', async () => {
  await using stream = await createStream(`create table t (id int primary key, v text)`);
  await stream.database.query(`alter database ${stream.database.name} set wal_sender_timeout = '2s'`);
  const source = await stream.open({ maxBufferedRows: 100, maxBufferedBytes: 10_000 });
  await stream.database.query(`insert into t select i, repeat('x', 1000) from generate_series(1, 20000) i`);
  if (SENDS_EMPTY) await readNext(source);
  const transaction = (await source.next(never))!;
  // The buffer is full and the socket unread: only what is sent unasked can keep the connection.
  await new Promise((resolve) => setTimeout(resolve, 6_500));
  let rows = 0;
  for await (const chunk of transaction.changes()) rows += chunk.length;
  expect(rows).toBe(20_000);
  expect((await slotState(await stream.database.connect(), stream.slot))?.activePid).toBeGreaterThan(0);
});

test('the lag is the WAL between what was received and what the server is known to have', async () => {
  await using stream = await createStream(`create table t (id int primary key)`);
  await stream.database.query(`insert into t select generate_series(1, 10000)`);
  const source = await stream.open();
  expect(source.lagBytes).toBeGreaterThan(500_000);
  await readNext(source);
  source.observeServerEnd(source.confirmedLsn + 2n ** 40n);
  expect(source.lagBytes).toBeGreaterThan(2 ** 39);
});
