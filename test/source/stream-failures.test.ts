import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { prepareGroup } from '../../src/source/group.ts';
import { ReplicationSource } from '../../src/source/replication-source.ts';
import type { Source } from '../../src/source/source.ts';
import { slotError } from '../../src/source/slot.ts';
import { startLocalPostgres, type LocalPostgres } from '../../src/warehouse/local-postgres.ts';
import { createStream, never, readNext, show } from './stream-fixture.ts';

const outage = { code: 'WAREHOUSE_UNREACHABLE', retryable: true };

/** Reads until the source rejects. */
async function readOn(source: Source): Promise<void> {
  for (;;) await readNext(source);
}

test('a slot that another connector reads is named with its process, and may be tried again', async () => {
  await using stream = await createStream(`create table t (id int primary key)`);
  await stream.open();
  const [reader] = await stream.database.query<{ pid: number }>(
    `select active_pid as pid from pg_replication_slots where slot_name = $1`,
    [stream.slot],
  );
  await expect(stream.open()).rejects.toMatchObject({
    code: 'SLOT_IN_USE',
    retryable: true,
    message: `the replication slot ${stream.slot} is being read by the server process ${reader!.pid}`,
  });
  await stream.close();
  await stream.open();
});

test('a slot that was dropped behind our back stops the reader, then says that it is gone', async () => {
  await using stream = await createStream(`create table t (id int primary key)`);
  const source = await stream.open();
  const reading = readOn(source);
  const ended = expect(reading).rejects.toMatchObject(outage);
  await stream.database.query(
    `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`,
    [stream.slot],
  );
  await ended;
  await expect
    .poll(() =>
      stream.database.query(`select from pg_replication_slots where slot_name = $1 and not active`, [stream.slot]),
    )
    .toHaveLength(1);
  await stream.database.query(`select pg_drop_replication_slot($1)`, [stream.slot]);
  await expect(stream.open()).rejects.toMatchObject({
    code: 'SLOT_MISSING',
    retryable: false,
    hint: expect.stringContaining('millrace.rebuild') as string,
  });
});

test('a publication that was dropped under the slot is a lost slot', async () => {
  await using stream = await createStream(`create table t (id int primary key)`);
  await stream.database.query(`drop publication millrace_test`);
  await stream.database.query(`insert into t values (1)`);
  const source = await stream.open();
  await expect(readOn(source)).rejects.toMatchObject({ code: 'SLOT_LOST', retryable: false });
});

test('a connection that is cut gives what was received before, then a retryable error, in the middle of a transaction too', async () => {
  await using stream = await createStream(`create table t (id int primary key, v text)`);
  const source = await stream.open({ maxBufferedRows: 2_000 });
  await stream.database.query(`insert into t select i, repeat('x', 500) from generate_series(1, 100000) i`);
  const transaction = (await source.next(never))!;
  const { pid } = (
    await stream.database.query<{ pid: number }>(
      `select active_pid as pid from pg_replication_slots where slot_name = $1`,
      [stream.slot],
    )
  )[0]!;
  await stream.database.query(`select pg_terminate_backend($1)`, [pid]);
  let rows = 0;
  await expect(
    (async () => {
      for await (const chunk of transaction.changes()) rows += chunk.length;
    })(),
  ).rejects.toMatchObject(outage);
  expect(rows).toBeLessThan(100_000);
  expect(() => transaction.endLsn).toThrow();
  // Again from the checkpoint, which is where the slot stands: the whole transaction.
  const again = await stream.open();
  expect((await readNext(again)).changes).toHaveLength(100_000);
});

test('a source that is disposed rejects whoever waits', async () => {
  await using stream = await createStream(`create table t (id int primary key)`);
  const source = await stream.open();
  const waiting = expect(source.next(never)).rejects.toThrow('the source was closed');
  await source[Symbol.asyncDispose]();
  await waiting;
});

describe('a warehouse that is restarted', () => {
  for (const mode of ['fast', 'immediate'] as const)
    test(`${mode}, with WAL that is not acknowledged, lets go, and the stream goes on where the checkpoint is`, async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'millrace-restart-'));
      try {
        const first = await startLocalPostgres({ folder, port: 0 });
        await query(first, `create table t (id int primary key)`);
        const table = { table: { schema: 'public', name: 't' }, columns: ['id'] };
        const { slot } = await prepareGroup({ url: first.url, group: 'g', tables: [table], signal: never });
        const source = await ReplicationSource.open({ url: first.url, slot, publication: slot, from: undefined });
        await query(first, 'insert into t values (1)');
        const one = await readNext(source);
        source.acknowledge({ endLsn: one.transaction.endLsn });
        await query(first, 'insert into t values (2)');
        await readNext(source);
        const cut = expect(readOn(source)).rejects.toMatchObject(outage);
        await first.stop(mode);
        await cut;
        await source[Symbol.asyncDispose]();

        await using second = await startLocalPostgres({ folder, port: 0 });
        await using again = await ReplicationSource.open({
          url: second.url,
          slot,
          publication: slot,
          from: one.transaction.endLsn,
        });
        expect((await readNext(again)).changes.map(show)).toEqual(['insert t [2]']);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
});

test('WAL that Postgres has removed is a lost slot', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-lost-'));
  try {
    await using server = await startLocalPostgres({
      folder,
      port: 0,
      settings: { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB', fsync: 'off' },
    });
    const { slot } = await prepareGroup({ url: server.url, group: 'g', tables: [], signal: never });
    for (let round = 0; round < 4; round++)
      await query(
        server,
        `select pg_logical_emit_message(false, 'x', repeat('x', 1000000)) from generate_series(1, 20); select pg_switch_wal()`,
      );
    await query(server, 'checkpoint');
    await expect(
      ReplicationSource.open({ url: server.url, slot, publication: slot, from: undefined }),
    ).rejects.toMatchObject({
      code: 'SLOT_LOST',
      retryable: false,
      hint: expect.stringContaining('max_slot_wal_keep_size') as string,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('errors of the server are told apart by what can be done', () => {
  const error = (code: string, message: string): Error => Object.assign(new Error(message), { code });
  const kind = (code: string, message: string): unknown[] => {
    const { code: mapped, retryable } = slotError(error(code, message), 's');
    return [mapped, retryable];
  };
  expect(kind('55006', 'replication slot "s" is active for PID 77')).toEqual(['SLOT_IN_USE', true]);
  expect(kind('42704', 'replication slot "s" does not exist')).toEqual(['SLOT_MISSING', false]);
  expect(kind('42704', 'publication "s" does not exist')).toEqual(['SLOT_LOST', false]);
  expect(kind('58P01', 'requested WAL segment 000000010000000000000001 has already been removed')).toEqual([
    'SLOT_LOST',
    false,
  ]);
  expect(kind('55000', 'cannot read from logical replication slot "s"')).toEqual(['SLOT_LOST', false]);
  expect(kind('55000', 'can no longer get changes from replication slot "s"')).toEqual(['SLOT_LOST', false]);
  expect(kind('57P01', 'terminating connection due to administrator command')).toEqual(['WAREHOUSE_UNREACHABLE', true]);
});

async function query(server: LocalPostgres, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
