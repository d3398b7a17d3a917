// The group's replication slot: looking at it, dropping it.

import type { ClientBase } from 'pg';
import { parseLsn, type Lsn } from '../flow/lsn.ts';
import { MillraceError } from '../runtime/errors.ts';
import { quoteLiteral } from '../warehouse/quoting.ts';

/** A slot as pg_replication_slots has it. */
export interface SlotState {
  readonly slot: string;
  readonly database: string;
  readonly plugin: string;
  /** Process that reads it right now. */
  readonly activePid: number | undefined;
  readonly confirmedLsn: Lsn;
  readonly restartLsn: Lsn | undefined;
  /** `reserved`, `extended`, `unreserved`, `lost`; see max_slot_wal_keep_size. */
  readonly walStatus: string;
  /** WAL that Postgres keeps for it. */
  readonly retainedBytes: number;
  /** WAL that still can be written before Postgres gives the slot up; undefined where it never does. */
  readonly safeBytes: number | undefined;
}

/** The slot's name, and its publication's, for a group. Postgres allows lower case, digits and underscores, 63 in all. */
export function slotName(group: string): string {
  if (!/^[a-z0-9_]{1,54}$/.test(group))
    throw new MillraceError('USAGE', `the group name ${JSON.stringify(group)} is not possible`, {
      hint: 'A group name has lower case letters, digits and underscores, at most 54.',
    });
  return `millrace_${group}`;
}

/** Undefined where there is none. `client` may be a replication connection. */
export async function slotState(client: ClientBase, slot: string): Promise<SlotState | undefined> {
  const found = await client.query<Record<string, string | null>>(
    `select slot_name, database, plugin, active_pid::text, confirmed_flush_lsn::text as confirmed, restart_lsn::text as restart,
            coalesce(wal_status, 'lost') as wal_status, safe_wal_size::text as safe,
            (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end - restart_lsn)::text as retained
       from pg_replication_slots where slot_name = ${quoteLiteral(slot)}`,
  );
  const row = found.rows[0];
  if (!row) return undefined;
  return {
    slot,
    database: row['database'] ?? '',
    plugin: row['plugin'] ?? '',
    activePid: optional(row['active_pid'], Number),
    confirmedLsn: optional(row['confirmed'], parseLsn) ?? 0n,
    restartLsn: optional(row['restart'], parseLsn),
    walStatus: row['wal_status'] ?? 'lost',
    retainedBytes: Number(row['retained'] ?? 0),
    safeBytes: optional(row['safe'], Number),
  };
}

function optional<T>(text: string | null | undefined, read: (text: string) => T): T | undefined {
  return text === null || text === undefined ? undefined : read(text);
}

/** Gives the WAL back. Nothing happens where there is no such slot; rejects with SLOT_IN_USE where somebody reads it. */
export async function dropSlot(client: ClientBase, slot: string): Promise<boolean> {
  try {
    const dropped = await client.query(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1',
      [slot],
    );
    return (dropped.rowCount ?? 0) > 0;
  } catch (error) {
    if (sqlState(error) === '42704') return false;
    throw slotError(error, slot);
  }
}

/** SQLSTATE of an error of the driver. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function slotMissing(slot: string): MillraceError {
  return new MillraceError('SLOT_MISSING', `the replication slot ${slot} does not exist`, {
    hint: 'Changes since it was dropped cannot be had any more. Rebuild the pipelines: select millrace.rebuild(name).',
  });
}

export function slotNotOurs(state: SlotState, database: string): MillraceError {
  return new MillraceError(
    'NOT_OUR_WAREHOUSE',
    `the replication slot ${state.slot} belongs to the database ${state.database} and plugin ${state.plugin}, not to ${database} and pgoutput`,
    { hint: 'Slot names are shared by all databases of a server: give this one another --group.' },
  );
}

export function slotInUse(slot: string, pid: number | undefined): MillraceError {
  const reader = pid === undefined ? 'another connector' : `the server process ${pid}`;
  return new MillraceError('SLOT_IN_USE', `the replication slot ${slot} is being read by ${reader}`, {
    hint: 'One connector reads a group. This one waits until the other has ended; or give it another --group.',
    retryable: true,
  });
}

export function slotLost(slot: string, why: string, cause?: unknown): MillraceError {
  return new MillraceError('SLOT_LOST', `the replication slot ${slot} can no longer be read: ${why}`, {
    hint: `Rebuild the pipelines: select millrace.rebuild(name). If max_slot_wal_keep_size is set, raise it above what a stop may cost.`,
    cause,
  });
}

/** What an error of the server means for us; passes by itself unless it says otherwise. */
export function slotError(error: unknown, slot: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const code = sqlState(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code === '55006') {
    const pid = /PID (\d+)/.exec(message)?.[1];
    return slotInUse(slot, pid === undefined ? undefined : Number(pid));
  }
  if (code === '42704' && message.includes('slot')) return slotMissing(slot);
  if (code === '42704' && message.includes('publication'))
    return slotLost(
      slot,
      `${message} (a publication that was dropped is lost to the slot, even when made again)`,
      error,
    );
  // An invalidated slot (max_slot_wal_keep_size, idle_replication_slot_timeout), and WAL that is not there any more.
  if (code === '58P01' || (code === '55000' && /slot/.test(message))) return slotLost(slot, message, error);
  if (code === '42501')
    return new MillraceError('WAREHOUSE_NOT_READY', `the role may not read the replication slot ${slot}: ${message}`, {
      hint: 'As a superuser: alter role ROLE replication. (Amazon RDS: grant rds_replication to ROLE.)',
      cause: error,
    });
  return new MillraceError('WAREHOUSE_UNREACHABLE', `the replication connection ended: ${message}`, {
    hint: 'Nothing is lost: the slot keeps what has not been acknowledged. Trying again.',
    retryable: true,
    cause: error,
  });
}
