// Installs and upgrades the schema millrace: the files of migrations/, in order, each once, all in one transaction.
// postgrator keeps the versions and checksums. What it leaves to its caller is here: the transaction, the lock that lets two
// run at once, a schema that is newer than this program, and file names (it would skip a misnamed file without a word).

import path from 'node:path';
import type pg from 'pg';
import Postgrator from 'postgrator';
import { MillraceError } from '../runtime/errors.ts';
import { connect } from '../warehouse/connection.ts';
import { quoteIdentifier } from '../warehouse/quoting.ts';
import { MIGRATIONS, newer, newest, readMigrations, type Migration } from './migration-files.ts';

/** Any number of our own; advisory locks are per database. */
const LOCK = 7_166_431_001;

export interface MigrateOptions {
  readonly url: string;
  /**
   * Role that will own the schema, and that connector and sink run as. Default: the role that connects. Another one can be
   * named by a superuser or a member of it.
   */
  readonly role?: string;
  /** Where the files are; the package's own unless a test says otherwise. */
  readonly folder?: string;
  /** So long it waits for a table that somebody uses; whoever comes after it waits behind it. */
  readonly lockTimeoutMs?: number;
}

export interface MigrateResult {
  /** Of the schema, afterwards. */
  readonly version: number;
  /** Names of the files that were run now, in order; empty when the schema was up to date. */
  readonly applied: readonly string[];
}

/**
 * Brings the schema to this program's version; all or nothing. Any number may run at once: the others wait, then find it
 * done. Rejects with SCHEMA_NEWER, SCHEMA_CHANGED, WAREHOUSE_NOT_READY (the role may not create a schema, a
 * table is in use) or
 * WAREHOUSE_UNREACHABLE.
 */
export async function migrate(options: MigrateOptions | string): Promise<MigrateResult> {
  const given: MigrateOptions = typeof options === 'string' ? { url: options } : options;
  const { url, role, folder = MIGRATIONS, lockTimeoutMs = 5_000 } = given;
  const migrations = readMigrations(folder);
  const client = await connect({ url, applicationName: 'millrace migrate' });
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await client.query(`select set_config('lock_timeout', $1, true)`, [String(lockTimeoutMs)]);
    await prepare(client, role);
    const applied = await run(client, migrations);
    await client.query('commit');
    return { version: newest(migrations), applied };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw explain(error);
  } finally {
    await client.end();
  }
}

/** Makes schema and version table where they are missing, in the name of `role`, and goes on as that role. */
async function prepare(client: pg.Client, role: string | undefined): Promise<void> {
  const found = await client.query<{ owner: string }>(
    `select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = 'millrace'`,
  );
  const owner = found.rows[0]?.owner;
  if (owner !== undefined && role !== undefined && owner !== role) {
    throw new MillraceError('WAREHOUSE_NOT_READY', `the schema millrace belongs to role ${owner}, not ${role}`, {
      hint: `Migrate as ${owner}: leave out the role, or name this one.`,
    });
  }
  const target = owner ?? role;
  if (owner === undefined) {
    await client.query(`create schema millrace${role === undefined ? '' : ` authorization ${quoteIdentifier(role)}`}`);
  }
  // So that what a superuser or a member creates belongs to the schema's owner, like the rest.
  if (target !== undefined) await client.query(`set local role ${quoteIdentifier(target)}`);
  await client.query(`create table if not exists millrace._migrations (
    version bigint primary key, name text not null, md5 text not null, run_at timestamptz not null)`);
}

/** postgrator over files that were read by us: its own pattern would be applied to the path that the package stands in. */
class Migrator extends Postgrator {
  migrations: Migration[];

  constructor(client: pg.Client, migrations: readonly Migration[]) {
    super({ driver: 'pg', schemaTable: 'millrace._migrations', execQuery: (sql) => client.query(sql) });
    this.migrations = [...migrations];
  }

  override getMigrations(): Promise<Migration[]> {
    return Promise.resolve(this.migrations);
  }
}

/** Runs what is missing, on a client in a transaction; gives the files' names. */
async function run(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  const result = await client.query<{ version: string }>('select version from millrace._migrations');
  const done = new Set(result.rows.map(({ version }) => Number(version)));
  const installed = Math.max(0, ...done);
  if (installed > newest(migrations)) throw newer(installed, newest(migrations));
  const missed = migrations.find(({ version }) => version < installed && !done.has(version));
  if (missed) {
    throw new MillraceError('SCHEMA_CHANGED', `migration ${missed.version} came after later ones had been run`, {
      hint: 'Use a released Millrace; one under development wants a fresh database.',
    });
  }
  const applied = await new Migrator(client, migrations).migrate();
  return applied.map(({ filename }) => path.basename(filename));
}

function explain(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MillraceError) return error;
  const changed = /MD5 checksum failed for migration \[(\d+)\]/.exec(error.message);
  if (changed) {
    return new MillraceError(
      'SCHEMA_CHANGED',
      `migration ${changed[1]} is not the file that was run on this database`,
      {
        hint: 'Migrations never change once they were run. Use an unmodified Millrace of the version that migrated it, or a later one.',
        cause: error,
      },
    );
  }
  if ('code' in error && error.code === '42501') {
    return new MillraceError('WAREHOUSE_NOT_READY', `the schema millrace cannot be installed: ${error.message}`, {
      hint: "Migrate as the schema's owner; for the first time, as a role with CREATE on the database (grant create on database … to …) or as a superuser.",
      cause: error,
    });
  }
  if ('code' in error && error.code === '55P03') {
    return new MillraceError('WAREHOUSE_NOT_READY', 'a transaction uses a table that the schema needs changed', {
      hint: 'Nothing was changed. Run `millrace migrate` again when it has ended; who it is: select pid, xact_start, query from pg_stat_activity order by xact_start. A running `millrace up` or `millrace sink` is to be stopped first.',
      cause: error,
    });
  }
  return error;
}
