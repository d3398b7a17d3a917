// A session in the warehouse. Every session of ours pins the settings that decide how values are printed and names are found,
// so that text read on one connection means the same as on any other.

import type { Duplex } from 'node:stream';
import pg from 'pg';
import { MillraceError } from '../runtime/errors.ts';

export interface ConnectOptions {
  readonly url: string;
  /** `millrace <what>`, as pg_stat_activity shows it. */
  readonly applicationName: string;
  /** TimeZone of the session; UTC unless a view's own is needed. */
  readonly timezone?: string;
}

/** Settings of every session, replication included. */
export const PINNED_SETTINGS: Readonly<Record<string, string>> = {
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  search_path: 'pg_catalog',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
};

/** Text for every type: what a value means is decided by the OID that comes with it, not by the driver. */
export const TEXT_ONLY: pg.CustomTypesConfig = {
  getTypeParser: () => (text: string | Buffer) => text as never,
} as pg.CustomTypesConfig;

/** Connects and pins the session. Rejects with WAREHOUSE_UNREACHABLE; the URL's password never appears. */
export function connect(options: ConnectOptions): Promise<pg.Client> {
  return open(options, {});
}

/**
 * A connection that takes replication commands as well as SQL (simple queries only, without parameters). Rejects as
 * {@link connect} does, and with WAREHOUSE_NOT_READY where the role may not replicate.
 */
export async function connectReplication(options: ConnectOptions): Promise<pg.Client> {
  try {
    return await open(options, { replication: 'database' });
  } catch (error) {
    throw (error instanceof MillraceError && replicationRefused(error.cause)) || error;
  }
}

function replicationRefused(cause: unknown): MillraceError | undefined {
  const code = cause instanceof pg.DatabaseError ? cause.code : undefined;
  if (code === '42501')
    return new MillraceError('WAREHOUSE_NOT_READY', 'the role may not replicate', {
      hint: 'As a superuser: alter role ROLE replication. (Amazon RDS: grant rds_replication to ROLE.)',
      cause,
    });
  if (code === '53300')
    return new MillraceError('WAREHOUSE_NOT_READY', `no replication connection is free: ${(cause as Error).message}`, {
      hint: 'Raise max_wal_senders (alter system set max_wal_senders = …, then restart), or stop another reader.',
      retryable: true,
      cause,
    });
  return undefined;
}

async function open(options: ConnectOptions, more: { readonly replication?: 'database' }): Promise<pg.Client> {
  if (!/^(postgres(ql)?:\/\/|socket:)/.test(options.url))
    throw new MillraceError('USAGE', 'the warehouse given is not a URL of Postgres', {
      hint: 'Give --warehouse (or MILLRACE_WAREHOUSE) as postgres://user:password@host:5432/database.',
    });
  const settings = { ...PINNED_SETTINGS, timezone: options.timezone ?? 'UTC' };
  const config: pg.ClientConfig & { readonly replication?: 'database' } = {
    connectionString: options.url,
    application_name: options.applicationName,
    keepAlive: true,
    // A host that vanished is noticed by TCP, as a server that decodes a huge transaction may say nothing for long.
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: 10_000,
    options: startupOptions(settings),
    ...more,
  };
  const client = new pg.Client(config);
  // A connection that breaks while idle must not end the process: the next query says so.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (cause) {
    throw unreachable(options.url, cause);
  }
  return client;
}

/** `-c name=value …` for the startup packet: no round trip, and it holds for replication connections too. */
export function startupOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\ ]/g, '\\$&')}`)
    .join(' ');
}

/**
 * Takes an idle connection's socket away from the driver, for a protocol that the driver does not speak (a copy in both
 * directions). From now on only the caller reads and writes it; the driver must not be asked for anything again.
 */
export function takeSocket(client: pg.Client): Duplex {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  stream.removeAllListeners('data');
  return stream;
}

/** The error for a connection that could not be made: where to, why, and what to look at. */
export function unreachable(url: string, cause: unknown): MillraceError {
  const reason =
    cause instanceof AggregateError
      ? cause.errors.map(String).join('; ')
      : cause instanceof Error
        ? cause.message
        : String(cause);
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const refused = code.startsWith('28') || code === '3D000';
  return new MillraceError('WAREHOUSE_UNREACHABLE', `cannot connect to ${describeUrl(url)}: ${reason}`, {
    hint: refused
      ? 'Check user, password and database in --warehouse (or MILLRACE_WAREHOUSE), and pg_hba.conf on the server.'
      : 'Check that Postgres runs there and that --warehouse (or MILLRACE_WAREHOUSE) names its host and port.',
    retryable: !refused,
    cause,
  });
}

/** Host, port and database of a URL, without user and password. */
export function describeUrl(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname || 'localhost'}:${port || '5432'}${pathname}`;
  } catch {
    return 'the warehouse (its URL cannot be read)';
  }
}
