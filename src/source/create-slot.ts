// Making slots: the group's own, which stays, and temporary ones, which give a snapshot at an exact point of the stream.
// Source: https://www.postgresql.org/docs/current/protocol-replication.html, CREATE_REPLICATION_SLOT (the form of 14, which all take)

import type pg from 'pg';
import { parseLsn, type Lsn } from '../flow/lsn.ts';
import { MillraceError } from '../runtime/errors.ts';
import { connect } from '../warehouse/connection.ts';
import { quoteIdentifier } from '../warehouse/quoting.ts';
import { blockingTransactions, describeBlocking, type BlockingTransaction } from './blocking-transactions.ts';
import { slotError, sqlState } from './slot.ts';

/** How a slot is waited for. */
export interface SlotWait {
  readonly url: string;
  /** Ends the wait; the slot is then not there. */
  readonly signal: AbortSignal;
  /** Told each second whom it waits for. */
  readonly onWait?: (blocking: readonly BlockingTransaction[]) => void;
  /** The wait in all; a day unless given. */
  readonly waitLimitMs?: number;
}

export interface CreatedSlot {
  /** A transaction that commits at or above this is in the slot's stream. */
  readonly consistentLsn: Lsn;
  /** Name of the exported snapshot, which holds exactly the transactions that commit below; null unless temporary. */
  readonly snapshotName: string | null;
}

const WATCH_INTERVAL_MS = 1_000;
const WAIT_LIMIT_MS = 24 * 3_600_000;

/**
 * Creates the slot over an idle replication connection. `kind` `kept` survives us; `temporary` goes with the connection and
 * exports its snapshot, valid until the connection's next command. Rejects with the signal's reason; with a retryable
 * WAREHOUSE_NOT_READY that names the transactions it waited for; or as `slotError` says.
 */
export async function createSlot(
  replication: pg.Client,
  slot: string,
  kind: 'kept' | 'temporary',
  wait: SlotWait,
): Promise<CreatedSlot> {
  wait.signal.throwIfAborted();
  const limitMs = wait.waitLimitMs ?? WAIT_LIMIT_MS;
  const own = await replication.query<{ pid: string }>('select pg_backend_pid()::text as pid');
  const pid = Number(own.rows[0]!.pid);
  // The limit is one for the whole wait: a short one, tried again and again, would start over each time and may never get there.
  await replication.query(`set lock_timeout = ${limitMs}`);
  await using watch = await watchWait(pid, wait);
  try {
    const form = kind === 'kept' ? 'LOGICAL pgoutput NOEXPORT_SNAPSHOT' : 'TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT';
    const created = await replication.query<{ consistent_point: string; snapshot_name: string | null }>(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} ${form}`,
    );
    const row = created.rows[0]!;
    return { consistentLsn: parseLsn(row.consistent_point), snapshotName: row.snapshot_name };
  } catch (error) {
    wait.signal.throwIfAborted();
    if (sqlState(error) === '55P03') throw waitedTooLong(slot, limitMs, watch.last, error);
    if (sqlState(error) === '53400') throw slotsExhausted(error);
    throw slotError(error, slot);
  }
}

interface Watch extends AsyncDisposable {
  readonly last: readonly BlockingTransaction[];
}

/** Looks each second from another session whom `pid` waits for, and cancels it there when the signal aborts. */
async function watchWait(pid: number, wait: SlotWait): Promise<Watch> {
  const client = await connect({ url: wait.url, applicationName: 'millrace slot' });
  let last: readonly BlockingTransaction[] = [];
  // A look that fails says nothing about the wait, which goes on and reports for itself.
  const look = async (): Promise<void> => {
    const blocking = await blockingTransactions(client, pid);
    if (blocking.length === 0) return;
    last = blocking;
    wait.onWait?.(blocking);
  };
  const timer = setInterval(() => void look().catch(() => {}), WATCH_INTERVAL_MS);
  const cancel = (): void => void client.query('select pg_cancel_backend($1)', [pid]).catch(() => {});
  wait.signal.addEventListener('abort', cancel);
  return {
    get last() {
      return last;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      wait.signal.removeEventListener('abort', cancel);
      await client.end().catch(() => {});
    },
  };
}

function waitedTooLong(
  slot: string,
  limitMs: number,
  blocking: readonly BlockingTransaction[],
  cause: unknown,
): MillraceError {
  const names = blocking.length === 0 ? 'a running transaction' : blocking.map(describeBlocking).join('; ');
  return new MillraceError(
    'WAREHOUSE_NOT_READY',
    `the replication slot ${slot} could not be made within ${limitMs} ms, as it waits for ${names} to end`,
    {
      hint: 'Commit or roll back there, or end it: select pg_terminate_backend(PID).',
      retryable: true,
      cause,
    },
  );
}

function slotsExhausted(cause: unknown): MillraceError {
  return new MillraceError('WAREHOUSE_NOT_READY', `no replication slot is free: ${(cause as Error).message}`, {
    hint: 'Drop one that is not used (select slot_name, active from pg_replication_slots), or: alter system set max_replication_slots = …; then restart Postgres.',
    cause,
  });
}
