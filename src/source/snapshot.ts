// Tables as they were at one exact point of the stream. A temporary slot exports a snapshot at its consistent point: the
// transactions that commit below it are in the snapshot, and those that commit at or above it are in every stream that begins
// there or earlier. An ordinary snapshot would not do: a commit is in the WAL before others can see it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Row, Transaction } from '../flow/change.ts';
import type { Lsn } from '../flow/lsn.ts';
import type { TableName } from '../flow/pipeline.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import { connect, connectReplication, takeSocket } from '../warehouse/connection.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../warehouse/quoting.ts';
import { CopyTextReader } from './copy-text.ts';
import { createSlot, type SlotWait } from './create-slot.ts';
import { sqlState } from './slot.ts';
import type { BackfillRead, BackfillSnapshot } from './source.ts';

/** Rows in a chunk, at most. */
const CHUNK_ROWS = 1_000;

/**
 * Takes a snapshot. Waits for the transactions that run now (see {@link SlotWait}); rejects as `createSlot` and `connect` do.
 * The publication must cover the tables before, or what is written from now on would be in neither.
 */
export async function openSnapshot(options: SlotWait): Promise<BackfillSnapshot> {
  const replication = await connectReplication({ url: options.url, applicationName: 'millrace snapshot' });
  try {
    const slot = `millrace_snapshot_${randomUUID().replaceAll('-', '')}`;
    const { consistentLsn, snapshotName } = await createSlot(replication, slot, 'temporary', options);
    const client = await connect({ url: options.url, applicationName: 'millrace backfill' });
    try {
      // Row security raises instead of hiding rows from us.
      await client.query(
        `begin isolation level repeatable read read only;
         set transaction snapshot ${quoteLiteral(snapshotName!)};
         set local row_security = off`,
      );
      const time = await client.query<{ us: string }>(
        `select (extract(epoch from transaction_timestamp()) * 1000000)::int8::text as us`,
      );
      return new ReplicationSnapshot(options.url, client, consistentLsn, Number(time.rows[0]!.us));
    } catch (error) {
      await client.end().catch(() => {});
      throw snapshotError(error);
    }
  } finally {
    // The transaction has the snapshot now; the slot would only keep WAL.
    await replication.end().catch(() => {});
  }
}

/** See {@link BackfillSnapshot}. Reads one table at a time; a read that does not get to its end closes the snapshot. */
class ReplicationSnapshot implements BackfillSnapshot {
  readonly lsn: Lsn;
  readonly takenAtUs: number;
  readonly #url: string;
  readonly #client: pg.Client;
  #state: 'idle' | 'reading' | 'closed' = 'idle';

  constructor(url: string, client: pg.Client, lsn: Lsn, takenAtUs: number) {
    this.#url = url;
    this.#client = client;
    this.lsn = lsn;
    this.takenAtUs = takenAtUs;
  }

  includes(transaction: Pick<Transaction, 'commitLsn'>): boolean {
    return transaction.commitLsn < this.lsn;
  }

  /** The planner's estimate: it counts partitions, and looks at the size of tables that were never analyzed. */
  async estimate(table: TableName): Promise<number> {
    assert(this.#state === 'idle', 'a snapshot reads one thing at a time');
    try {
      const plan = await this.#client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
        `explain (format json) select from ${quoteTable(table)}`,
      );
      return plan.rows[0]!['QUERY PLAN'][0].Plan['Plan Rows'];
    } catch (error) {
      this.#state = 'closed';
      throw snapshotError(error);
    }
  }

  async *read(request: BackfillRead, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    assert(this.#state === 'idle', 'a snapshot reads one thing at a time, and nothing after a read that was cut short');
    signal.throwIfAborted();
    this.#state = 'reading';
    let ended = false;
    try {
      await this.#client.query(`select set_config('timezone', $1, true)`, [request.timezone]);
      const copy = this.#client.query(copyTo(copyStatement(request)));
      const abort = (): void => void copy.destroy(signal.reason as Error);
      signal.addEventListener('abort', abort);
      try {
        yield* chunksOf(copy as AsyncIterable<Buffer>);
      } finally {
        signal.removeEventListener('abort', abort);
      }
      ended = true;
      this.#state = 'idle';
    } catch (error) {
      signal.throwIfAborted();
      throw snapshotError(error);
    } finally {
      if (!ended) await this.#cutShort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'reading') await this.#cutShort();
    else await this.#client.end().catch(() => {});
    this.#state = 'closed';
  }

  /** The server may be sorting a large table, and would notice that we have gone only when it sends. */
  async #cutShort(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const pid = (this.#client as unknown as { readonly processID: number | null }).processID;
    takeSocket(this.#client).destroy();
    try {
      const canceller = await connect({ url: this.#url, applicationName: 'millrace backfill' });
      await canceller.query('select pg_cancel_backend($1)', [pid]).finally(() => canceller.end());
    } catch {
      // A server that cannot be reached has nothing left to cancel.
    }
  }
}

function copyStatement(request: BackfillRead): string {
  const columns = request.columns.map(quoteIdentifier).join(', ');
  const from = request.from ?? quoteTable(request.table);
  const order = request.orderBy.map((expression) => `${expression} nulls last`).join(', ');
  return `copy (select ${columns} from ${from}${order ? ` order by ${order}` : ''}) to stdout`;
}

async function* chunksOf(copy: AsyncIterable<Buffer>): AsyncGenerator<readonly Row[]> {
  const reader = new CopyTextReader();
  let rows: Row[] = [];
  for await (const bytes of copy) {
    for (const row of reader.read(bytes)) {
      rows.push(row);
      if (rows.length < CHUNK_ROWS) continue;
      yield rows;
      rows = [];
    }
  }
  assert(reader.complete, 'a copy ends with a row');
  if (rows.length > 0) yield rows;
}

function snapshotError(error: unknown): Error {
  if (error instanceof MillraceError) return error;
  const code = sqlState(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code === '42501')
    return new MillraceError('WAREHOUSE_NOT_READY', `the backfill may not read a table: ${message}`, {
      hint: message.includes('row-level security')
        ? 'As a superuser: alter role ROLE bypassrls; for the role that Millrace connects as. It must see every row.'
        : 'Grant it: grant select on TABLE to ROLE; or make the role a member of the owner.',
      cause: error,
    });
  if (isRetryable(error) || !code)
    return new MillraceError('WAREHOUSE_UNREACHABLE', `the backfill's connection ended: ${message}`, {
      hint: 'The backfill starts over.',
      retryable: true,
      cause: error,
    });
  return new MillraceError('SQL_INVALID', `the backfill's query failed: ${message}`, {
    hint: 'Check the view.',
    cause: error,
  });
}
