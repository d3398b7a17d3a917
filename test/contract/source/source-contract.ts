// What every source must do, over Postgres or in memory: `sourceContract('name', makeWorld)` in a test file makes these tests.

import { describe, expect, test } from 'vitest';
import type { Change, Row, Transaction } from '../../../src/flow/change.ts';
import type { Lsn } from '../../../src/flow/lsn.ts';
import type { BackfillSnapshot, Source } from '../../../src/source/source.ts';

/** One change to the world's only table, `public.t (id integer primary key, v text)`. */
export type Write =
  | { readonly kind: 'insert'; readonly id: number; readonly v: string | null }
  | { readonly kind: 'update'; readonly id: number; readonly to: number; readonly v: string | null }
  | { readonly kind: 'delete'; readonly id: number }
  | { readonly kind: 'truncate' };

/** A warehouse with one table, and a slot that begins before everything that is committed. */
export interface SourceWorld extends AsyncDisposable {
  /** One transaction; none are heartbeats. */
  commit(writes: readonly Write[]): Promise<void>;
  /** Only one source is open at a time. `from` undefined: where the slot stands. */
  open(from?: Lsn): Promise<Source>;
  openSnapshot(): Promise<BackfillSnapshot>;
  /** Cuts the source's connection. */
  cut(): Promise<void>;
}

const never = new AbortController().signal;
const table = { schema: 'public', name: 't' };
const inserting = (from: number, to: number): Write[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ kind: 'insert', id: from + i, v: `v${from + i}` }));

export function sourceContract(name: string, makeWorld: () => Promise<SourceWorld>): void {
  describe(name, () => {
    test('gives whole transactions in commit order, with their changes in the order they were made', async () => {
      await using world = await makeWorld();
      await world.commit([...inserting(1, 2), { kind: 'update', id: 1, to: 1, v: null }]);
      await world.commit([]);
      await world.commit([
        { kind: 'update', id: 2, to: 3, v: 'moved' },
        { kind: 'delete', id: 1 },
        { kind: 'truncate' },
      ]);
      await using source = await world.open();
      const transactions = [await readNext(source), await readNext(source), await readNext(source)];
      expect(transactions.map(({ changes }) => changes.map(show))).toEqual([
        ['insert [1,v1]', 'insert [2,v2]', 'update [1,NULL]'],
        [],
        ['update [2,-] -> [3,moved]', 'delete [1,-]', 'truncate'],
      ]);
      for (const [i, { transaction }] of transactions.entries()) {
        expect(transaction.endLsn).toBeGreaterThan(transaction.commitLsn);
        if (i > 0) expect(transaction.commitLsn).toBeGreaterThanOrEqual(transactions[i - 1]!.transaction.endLsn);
      }
    });

    test('describes its table once for as long as the description stays', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 2));
      await using source = await world.open();
      const { changes } = await readNext(source);
      const [a, b] = changes.map((change) => (change.kind === 'truncate' ? undefined : change.relation));
      expect(a).toBe(b);
      expect(a).toMatchObject({
        schema: 'public',
        name: 't',
        replicaIdentity: 'd',
        columns: [
          { name: 'id', typeOid: 23, identity: true },
          { name: 'v', typeOid: 25, identity: false },
        ],
      });
    });

    test('gives a large transaction in more than one chunk, and its end only at the end', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 5_000));
      await using source = await world.open();
      const transaction = (await source.next(never))!;
      let rows = 0;
      let chunks = 0;
      for await (const chunk of transaction.changes()) {
        expect(() => transaction.endLsn).toThrow();
        rows += chunk.length;
        chunks += 1;
      }
      expect(rows).toBe(5_000);
      expect(chunks).toBeGreaterThan(1);
      expect(transaction.endLsn).toBeGreaterThan(0n);
    });

    test('refuses the next transaction before the end of this one', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 1));
      await world.commit(inserting(2, 2));
      await using source = await world.open();
      await source.next(never);
      await expect(source.next(never)).rejects.toThrow('not read to its end');
    });

    test('ends a wait with undefined when the signal aborts, and loses nothing by it', async () => {
      await using world = await makeWorld();
      await using source = await world.open();
      const controller = new AbortController();
      const waiting = source.next(controller.signal);
      controller.abort();
      expect(await waiting).toBeUndefined();
      expect(await source.next(controller.signal)).toBeUndefined();
      await world.commit(inserting(1, 1));
      expect((await readNext(source)).changes.map(show)).toEqual(['insert [1,v1]']);
      expect(source.pending).toBe(false);
    });

    test('begins again at the acknowledgement, with the first transaction that is not in it', async () => {
      await using world = await makeWorld();
      for (let i = 1; i <= 3; i++) await world.commit(inserting(i, i));
      let acknowledged: Lsn;
      {
        await using source = await world.open();
        const first = await readNext(source);
        await readNext(source);
        await readNext(source);
        acknowledged = first.transaction.endLsn;
        source.acknowledge({ endLsn: acknowledged });
      }
      {
        await using source = await world.open();
        expect(source.confirmedLsn).toBe(acknowledged);
        expect((await readNext(source)).changes.map(show)).toEqual(['insert [2,v2]']);
      }
      await using source = await world.open(acknowledged);
      expect((await readNext(source)).changes.map(show)).toEqual(['insert [2,v2]']);
    });

    test('gives everything again where nothing was acknowledged', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 1));
      for (let round = 0; round < 3; round++) {
        await using source = await world.open();
        expect((await readNext(source)).changes.map(show)).toEqual(['insert [1,v1]']);
      }
    });

    test('begins after a checkpoint that is ahead of the acknowledgement', async () => {
      await using world = await makeWorld();
      for (let i = 1; i <= 2; i++) await world.commit(inserting(i, i));
      let checkpoint: Lsn;
      {
        await using source = await world.open();
        checkpoint = (await readNext(source)).transaction.endLsn;
      }
      await using source = await world.open(checkpoint);
      expect((await readNext(source)).changes.map(show)).toEqual(['insert [2,v2]']);
    });

    test('refuses to begin below the acknowledgement', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 1));
      let confirmed: Lsn;
      {
        await using source = await world.open();
        const { transaction } = await readNext(source);
        source.acknowledge({ endLsn: transaction.endLsn });
        confirmed = transaction.endLsn;
      }
      await expect(world.open(confirmed - 1n)).rejects.toMatchObject({ code: 'STATE_LOST' });
    });

    test('rejects with a retryable error when the connection is cut, and what was not acknowledged comes again', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 1));
      {
        await using source = await world.open();
        await readNext(source);
        const waiting = expect(source.next(never)).rejects.toMatchObject({ retryable: true });
        await world.cut();
        await waiting;
      }
      await using source = await world.open();
      expect((await readNext(source)).changes.map(show)).toEqual(['insert [1,v1]']);
    });

    test('reads a snapshot that meets the stream at its LSN', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 3));
      await using snapshot = await world.openSnapshot();
      await world.commit(inserting(4, 4));
      expect(await snapshot.estimate(table)).toBeGreaterThanOrEqual(0);
      const rows: Row[] = [];
      const request = { table, columns: ['v', 'id'], orderBy: ['id'], timezone: 'UTC' };
      for await (const chunk of snapshot.read(request, never)) rows.push(...chunk);
      expect(rows).toEqual([
        ['v1', '1'],
        ['v2', '2'],
        ['v3', '3'],
      ]);
      await using source = await world.open();
      expect(snapshot.includes((await readNext(source)).transaction)).toBe(true);
      expect(snapshot.includes((await readNext(source)).transaction)).toBe(false);
    });

    test('reads nothing of a snapshot after the signal aborted', async () => {
      await using world = await makeWorld();
      await world.commit(inserting(1, 3));
      await using snapshot = await world.openSnapshot();
      const request = { table, columns: ['id'], orderBy: [], timezone: 'UTC' };
      const reading = async (): Promise<void> => {
        for await (const chunk of snapshot.read(request, AbortSignal.abort(new Error('enough'))))
          expect(chunk).toEqual([]);
      };
      await expect(reading()).rejects.toThrow('enough');
    });
  });
}

async function readNext(source: Source): Promise<{ readonly transaction: Transaction; readonly changes: Change[] }> {
  const transaction = await source.next(never);
  if (!transaction) throw new Error('aborted');
  const changes: Change[] = [];
  for await (const chunk of transaction.changes()) changes.push(...chunk);
  return { transaction, changes };
}

function show(change: Change): string {
  if (change.kind === 'truncate') return 'truncate';
  const row = (cells: Row): string => `[${cells.map((cell) => (cell === undefined ? '-' : (cell ?? 'NULL'))).join()}]`;
  return [change.kind, change.old && row(change.old), change.old && change.new && '->', change.new && row(change.new)]
    .filter(Boolean)
    .join(' ');
}
