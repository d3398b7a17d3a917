import { describe, expect, test } from 'vitest';
import type { Row } from '../../src/flow/change.ts';
import type { ReplicationSource } from '../../src/source/replication-source.ts';
import { openSnapshot } from '../../src/source/snapshot.ts';
import type { BackfillRead, BackfillSnapshot } from '../../src/source/source.ts';
import { heartbeat } from '../../src/source/group.ts';
import { createDatabase } from '../support/database.ts';
import { createStream, never, readNext } from './stream-fixture.ts';

const request = (columns: string[], more: Partial<BackfillRead> = {}): BackfillRead => ({
  table: { schema: 'public', name: 't' },
  columns,
  orderBy: [],
  timezone: 'UTC',
  ...more,
});

async function readAll(snapshot: BackfillSnapshot, asked: BackfillRead): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const chunk of snapshot.read(asked, never)) rows.push(...chunk);
  return rows;
}

test('snapshot and stream together have each row once while writers hammer, in 40 rounds', async () => {
  await using stream = await createStream(`create table t (id int primary key, v int)`);
  const { database } = stream;
  let id = 0;
  let stopped = false;
  const writers = Array.from({ length: 4 }, async () => {
    const client = await database.connect();
    while (!stopped) {
      const a = (id += 1);
      await client.query(
        `begin; insert into t values (${a}, 0); update t set v = v + 1 where id = ${Math.ceil(a / 2)}; commit`,
      );
    }
  });
  const snapshots: { readonly lsn: bigint; readonly rows: Map<string, string> }[] = [];
  for (let round = 0; round < 40; round++) {
    await using snapshot = await openSnapshot({ url: database.url, signal: never });
    const rows = await readAll(snapshot, request(['id', 'v']));
    snapshots.push({ lsn: snapshot.lsn, rows: new Map(rows.map((row) => [row[0]!, row[1]!])) });
  }
  stopped = true;
  await Promise.all(writers);
  const beat = await heartbeat(await database.connect());

  const source = await stream.open();
  let atTheCut = 0;
  for (let reached = 0n; reached < beat;) {
    const { transaction, changes } = await readNext(source);
    reached = transaction.commitLsn;
    for (const snapshot of snapshots) {
      if (transaction.commitLsn === snapshot.lsn) atTheCut += 1;
      if (transaction.commitLsn < snapshot.lsn) continue;
      for (const change of changes) {
        if (change.kind === 'truncate') throw new Error('no truncate was made');
        const [key, v] = change.new as [string, string];
        // A transaction that is in both, or in neither, is seen here. Millions of rows: no `expect` for each.
        const before = snapshot.rows.get(key);
        const expectedBefore = change.kind === 'insert' ? undefined : String(Number(v) - 1);
        if (before !== expectedBefore)
          throw new Error(`row ${key} was ${before} and becomes ${v} by an ${change.kind}`);
        snapshot.rows.set(key, v);
      }
    }
  }
  const table = await database.query<{ id: string; v: string }>('select id::text, v::text from t order by id');
  const expected = new Map(table.map((row) => [row.id, row.v]));
  for (const snapshot of snapshots) expect(snapshot.rows).toEqual(expected);
  expect(table.length).toBeGreaterThan(100);
  console.log(
    `snapshot: ${table.length} transactions in ${snapshots.length} rounds, ${atTheCut} commits at a consistent point`,
  );
});

describe('reading', () => {
  test('gives what Postgres prints, in the order asked for, NULLs last, in the time zone asked for', async () => {
    await using database = await createDatabase();
    await database.query(`create table t (id int primary key, at timestamptz, note text, n numeric(10,2));
      insert into t values (1, null, E'a\\tb\\\\c\\nd', 1), (2, '2026-01-02 00:00+00', null, 10.5), (3, '2026-01-01 00:00+00', '\\N', null), (4, '2026-01-01 00:00+00', '', 0)`);
    await using snapshot = await openSnapshot({ url: database.url, signal: never });
    const rows = await readAll(
      snapshot,
      request(['id', 'at', 'note', 'n'], { from: 'public.t x', orderBy: ['x.at', 'x.id'], timezone: 'Asia/Tokyo' }),
    );
    expect(rows).toEqual([
      ['3', '2026-01-01 09:00:00+09', '\\N', null],
      ['4', '2026-01-01 09:00:00+09', '', '0.00'],
      ['2', '2026-01-02 09:00:00+09', null, '10.50'],
      ['1', null, 'a\tb\\c\nd', '1.00'],
    ]);
  });

  test('comes in chunks, and one table after another', async () => {
    await using database = await createDatabase();
    await database.query(`create table t as select i as id from generate_series(1, 2500) i; analyze t`);
    await using snapshot = await openSnapshot({ url: database.url, signal: never });
    await database.query('truncate t');
    expect(await snapshot.estimate({ schema: 'public', name: 't' })).toBeGreaterThanOrEqual(0);
    for (let round = 0; round < 2; round++) {
      const lengths: number[] = [];
      for await (const chunk of snapshot.read(request(['id']), never)) lengths.push(chunk.length);
      // Truncated after the snapshot: Postgres shows such a table empty to older snapshots.
      expect(lengths).toEqual([]);
    }
  });

  test('does not see what was committed later', async () => {
    await using database = await createDatabase();
    await database.query(`create table t as select i as id from generate_series(1, 2500) i; analyze t`);
    await using snapshot = await openSnapshot({ url: database.url, signal: never });
    await database.query('insert into t values (0); delete from t where id > 100');
    const lengths: number[] = [];
    for await (const chunk of snapshot.read(request(['id']), never)) lengths.push(chunk.length);
    expect(lengths).toEqual([1_000, 1_000, 500]);
    expect(await snapshot.estimate({ schema: 'public', name: 't' })).toBeGreaterThan(0);
    expect(Math.abs(snapshot.takenAtUs / 1_000 - Date.now())).toBeLessThan(60_000);
  });

  test('can be aborted while the server sorts, and leaves no session and no slot behind', async () => {
    await using database = await createDatabase();
    await database.query(`create table t as select i as id from generate_series(1, 10) i`);
    await using snapshot = await openSnapshot({ url: database.url, signal: never });
    const controller = new AbortController();
    const read = readEnd(snapshot, request(['id'], { orderBy: ['pg_sleep(30)::text'] }), controller.signal);
    await expect
      .poll(() =>
        database.query(
          `select from pg_stat_activity where application_name = 'millrace backfill' and wait_event = 'PgSleep'`,
        ),
      )
      .toHaveLength(1);
    controller.abort(new Error('enough'));
    await expect(read).rejects.toThrow('enough');
    await expect
      .poll(() =>
        database.query(`select from pg_stat_activity where application_name = 'millrace backfill' and datname = $1`, [
          database.name,
        ]),
      )
      .toEqual([]);
    expect(await database.query('select from pg_replication_slots where database = $1', [database.name])).toEqual([]);
  });

  test('that is left in the middle closes the snapshot', async () => {
    await using database = await createDatabase();
    await database.query(`create table t as select i as id from generate_series(1, 100000) i`);
    await using snapshot = await openSnapshot({ url: database.url, signal: never });
    for await (const chunk of snapshot.read(request(['id']), never)) {
      expect(chunk).toHaveLength(1_000);
      break;
    }
    await expect(readAll(snapshot, request(['id']))).rejects.toThrow('one thing at a time');
  });

  test('under row security raises rather than sees less', async () => {
    await using database = await createDatabase();
    const role = `r_rls_${database.name}`;
    await database.query(`create table t (id int primary key); alter table t enable row level security;
      create role ${role} login replication; grant select on t to ${role}`);
    try {
      const url = new URL(database.url);
      url.username = role;
      await using snapshot = await openSnapshot({ url: url.href, signal: never });
      await expect(readAll(snapshot, request(['id']))).rejects.toMatchObject({
        code: 'WAREHOUSE_NOT_READY',
        hint: expect.stringContaining('bypassrls') as string,
      });
    } finally {
      await database.query(`drop owned by ${role}; drop role ${role}`);
    }
  });
});

test('a transaction that the slot of the group has not confirmed is either in the snapshot or in the stream', async () => {
  await using stream = await createStream(`create table t (id int primary key)`);
  await stream.database.query('insert into t values (1)');
  await using snapshot = await openSnapshot({ url: stream.database.url, signal: never });
  await stream.database.query('insert into t values (2)');
  const source: ReplicationSource = await stream.open();
  expect(snapshot.includes((await readNext(source)).transaction)).toBe(true);
  expect(snapshot.includes((await readNext(source)).transaction)).toBe(false);
  expect(await readAll(snapshot, request(['id']))).toEqual([['1']]);
});

async function readEnd(snapshot: BackfillSnapshot, asked: BackfillRead, signal: AbortSignal): Promise<void> {
  for await (const chunk of snapshot.read(asked, signal)) expect(chunk).toBeDefined();
}
