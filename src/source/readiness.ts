// Is this Postgres set up for us? Asked before anything is made, so that what is missing is said with the statement that mends it.

import type { ClientBase } from 'pg';
import { MillraceError } from '../runtime/errors.ts';
import { quoteIdentifier } from '../warehouse/quoting.ts';

interface ServerFacts {
  readonly version: number;
  readonly wal_level: string;
  readonly recovery: boolean;
  readonly role: string;
  readonly database: string;
  readonly may_replicate: boolean;
  readonly may_create: boolean;
  readonly max_slots: number;
  readonly slots: number;
  readonly max_senders: number;
  readonly senders: number;
}

/**
 * Rejects with WAREHOUSE_NOT_READY and what to do.
 * @param slots how many replication slots, and connections, must be free
 */
export async function checkReadiness(client: ClientBase, slots: number): Promise<void> {
  const facts = await serverFacts(client);
  const role = quoteIdentifier(facts.role);
  if (facts.version < 140_000)
    throw notReady(
      `Postgres ${Math.floor(facts.version / 10_000)} is too old: 14 or newer is needed`,
      'Upgrade the server.',
    );
  if (facts.recovery)
    throw notReady('this server is a standby', 'Give the primary in --warehouse (or MILLRACE_WAREHOUSE).');
  if (facts.wal_level !== 'logical')
    throw notReady(
      `wal_level is ${facts.wal_level}, and must be logical`,
      'As a superuser: alter system set wal_level = logical; then restart Postgres. (Amazon RDS: rds.logical_replication = 1 in the parameter group, then reboot.)',
    );
  if (!facts.may_replicate)
    throw notReady(
      `the role ${facts.role} may not replicate`,
      `As a superuser: alter role ${role} replication. (Amazon RDS: grant rds_replication to ${role}.)`,
    );
  if (!facts.may_create)
    throw notReady(
      `the role ${facts.role} may not create a publication in the database ${facts.database}`,
      `As its owner: grant create on database ${quoteIdentifier(facts.database)} to ${role}.`,
    );
  if (facts.max_slots - facts.slots < slots)
    throw notReady(
      `${facts.slots} of ${facts.max_slots} replication slots are in use, and ${slots} must be free`,
      `Drop one that is not used (select slot_name, active from pg_replication_slots), or: alter system set max_replication_slots = ${facts.slots + slots}; then restart Postgres.`,
    );
  if (facts.max_senders - facts.senders < slots)
    throw notReady(
      `${facts.senders} of ${facts.max_senders} replication connections are in use, and ${slots} must be free`,
      `alter system set max_wal_senders = ${facts.senders + slots}; then restart Postgres.`,
    );
}

async function serverFacts(client: ClientBase): Promise<ServerFacts> {
  const found = await client.query<ServerFacts>(
    `select current_setting('server_version_num')::int as version,
            current_setting('wal_level') as wal_level,
            pg_is_in_recovery() as recovery,
            current_user as role,
            current_database() as database,
            r.rolreplication or r.rolsuper or exists (
              select from pg_roles p where p.rolname = 'rds_replication' and pg_has_role(p.oid, 'usage')) as may_replicate,
            has_database_privilege(current_database(), 'create') as may_create,
            current_setting('max_replication_slots')::int as max_slots,
            (select count(*)::int from pg_replication_slots) as slots,
            current_setting('max_wal_senders')::int as max_senders,
            (select count(*)::int from pg_stat_replication) as senders
       from pg_roles r where r.rolname = current_user`,
  );
  return found.rows[0]!;
}

function notReady(message: string, hint: string): MillraceError {
  return new MillraceError('WAREHOUSE_NOT_READY', message, { hint });
}
