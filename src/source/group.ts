// A group in its warehouse: publication first, then the slot, each where it is missing.

import type { ClientBase } from 'pg';
import { parseLsn, type Lsn } from '../flow/lsn.ts';
import { MillraceError } from '../runtime/errors.ts';
import { failPoint } from '../runtime/fail-points.ts';
import { connect, connectReplication } from '../warehouse/connection.ts';
import { createSlot, type SlotWait } from './create-slot.ts';
import { ensurePublication } from './publication.ts';
import type { PublishedColumns } from './published-tables.ts';
import { checkReadiness } from './readiness.ts';
import { slotLost, slotName, slotNotOurs, slotState, type SlotState } from './slot.ts';

export interface GroupOptions extends SlotWait {
  readonly group: string;
  /** What the pipelines read; more can follow with `ensurePublication`. */
  readonly tables: readonly PublishedColumns[];
}

/** Which server and database this is: a difference to what a data folder was made for stops the group. */
export interface WarehouseFacts {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly database: string;
  readonly databaseOid: number;
}

/**
 * Makes publication and slot, or finds them. May be called again at any time, after a cut at any point too. Rejects as
 * `checkReadiness`, `ensurePublication` and `createSlot` do; with SLOT_LOST where the slot is there and its publication is not,
 * which making it again would not mend.
 */
export async function prepareGroup(options: GroupOptions): Promise<SlotState> {
  const slot = slotName(options.group);
  const client = await connect({ url: options.url, applicationName: `millrace group ${options.group}` });
  try {
    const found = await slotState(client, slot);
    await checkReadiness(client, found ? 0 : 2);
    if (found) await checkFound(client, found);
    await ensurePublication(client, slot, options.tables);
    failPoint('connector.publication_made');
    if (found) return found;
    const replication = await connectReplication({ url: options.url, applicationName: `millrace slot ${slot}` });
    try {
      await createSlot(replication, slot, 'kept', options);
    } finally {
      await replication.end().catch(() => {});
    }
    return (await slotState(client, slot))!;
  } finally {
    await client.end().catch(() => {});
  }
}

async function checkFound(client: ClientBase, found: SlotState): Promise<void> {
  const here = await client.query<{ database: string; published: boolean }>(
    `select current_database()::text as database, exists (select from pg_publication where pubname = $1) as published`,
    [found.slot],
  );
  const { database, published } = here.rows[0]!;
  if (found.database !== database || found.plugin !== 'pgoutput') throw slotNotOurs(found, database);
  if (found.walStatus === 'lost') throw slotLost(found.slot, 'Postgres has removed WAL that it needs');
  if (!published)
    throw slotLost(found.slot, 'its publication was dropped, and making it again would not bring it back');
}

/** System identifier, current timeline and database. The primary only. */
export async function identifyWarehouse(client: ClientBase): Promise<WarehouseFacts> {
  try {
    // The control file has the timeline of the last checkpoint, which after a promotion is still the old one.
    const found = await client.query<{ system: string; timeline: string; database: string; oid: number }>(
      `select system_identifier::text as system, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline,
              datname::text as database, oid
         from pg_control_system(), pg_database where datname = current_database()`,
    );
    const { system, timeline, database, oid } = found.rows[0]!;
    return { systemIdentifier: system, timeline: Number.parseInt(timeline, 16), database, databaseOid: oid };
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === '55000')) throw cause;
    throw new MillraceError('WAREHOUSE_NOT_READY', 'this server is a standby', {
      hint: 'Give the primary in --warehouse (or MILLRACE_WAREHOUSE).',
      cause,
    });
  }
}

/** Where the server's WAL ends. */
export async function currentLsn(client: ClientBase): Promise<Lsn> {
  const found = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
  return parseLsn(found.rows[0]!.lsn);
}

/**
 * A transaction without changes, which the stream shows: moves clock and slot while nobody writes. Gives its LSN; the stream
 * has caught up with everything before once it has shown it.
 */
export async function heartbeat(client: ClientBase): Promise<Lsn> {
  const found = await client.query<{ lsn: string }>(
    `select pg_logical_emit_message(true, 'millrace', '')::text as lsn`,
  );
  return parseLsn(found.rows[0]!.lsn);
}
