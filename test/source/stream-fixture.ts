// What the tests of the stream share: a database with a publication of all tables and a slot, and ways to read it.

import type { Change, Transaction } from '../../src/flow/change.ts';
import { formatLsn, type Lsn } from '../../src/flow/lsn.ts';
import { ReplicationSource, type ReplicationSourceOptions } from '../../src/source/replication-source.ts';
import type { Source } from '../../src/source/source.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

export interface StreamFixture {
  readonly database: TestDatabase;
  readonly slot: string;
  open(options?: Partial<ReplicationSourceOptions>): Promise<ReplicationSource>;
  /** Closes what was opened, so that the slot is free. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Tables first (`sql`), then a publication of all tables, then the slot. */
export async function createStream(sql: string): Promise<StreamFixture> {
  const database = await createDatabase();
  const slot = `millrace_${database.name}`;
  const opened: ReplicationSource[] = [];
  const close = async (): Promise<void> => {
    for (const source of opened.splice(0)) await source[Symbol.asyncDispose]();
  };
  await database.query(sql);
  await database.query(`create publication millrace_test for all tables with (publish_via_partition_root = true)`);
  await database.query(`select pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  return {
    database,
    slot,
    async open(options = {}) {
      const source = await ReplicationSource.open({
        url: database.url,
        slot,
        publication: 'millrace_test',
        from: undefined,
        ...options,
      });
      opened.push(source);
      return source;
    },
    close,
    async [Symbol.asyncDispose]() {
      await close();
      await database[Symbol.asyncDispose]();
    },
  };
}

export const never: AbortSignal = new AbortController().signal;

/** A transaction, read to its end. */
export interface ReadTransaction {
  readonly transaction: Transaction;
  readonly changes: Change[];
}

export async function readNext(source: Source): Promise<ReadTransaction> {
  const transaction = await source.next(never);
  if (!transaction) throw new Error('aborted');
  const changes: Change[] = [];
  for await (const chunk of transaction.changes()) changes.push(...chunk);
  return { transaction, changes };
}

/** A change as a line: `update t [1,old] -> [1,new]`; `-` for what was not sent. */
export function show(change: Change): string {
  if (change.kind === 'truncate') return `truncate ${change.relations.map((relation) => relation.name).join()}`;
  const row = (cells: readonly (string | null | undefined)[] | undefined): string =>
    cells === undefined
      ? ''
      : ` [${cells.map((cell) => (cell === undefined ? '-' : cell === null ? 'NULL' : cell.length > 20 ? `${cell.length} characters` : cell)).join()}]`;
  const old = row(change.old);
  return `${change.kind} ${change.relation.name}${old}${old && change.new ? ' ->' : ''}${row(change.new)}`;
}

export async function confirmedLsn(fixture: StreamFixture): Promise<string> {
  const rows = await fixture.database.query<{ lsn: string }>(
    `select confirmed_flush_lsn::text as lsn from pg_replication_slots where slot_name = $1`,
    [fixture.slot],
  );
  return rows[0]!.lsn;
}

export const shown = (lsn: Lsn): string => formatLsn(lsn);
