// One Postgres server for the whole run; test files take databases from it (database.ts). MILLRACE_PG_BIN says of which programs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startLocalPostgres } from '../../src/warehouse/local-postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser, database postgres. */
    postgresUrl: string;
    /** Its major version. */
    postgresVersion: number;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['MILLRACE_TEST_POSTGRES'];
  if (given) {
    project.provide('postgresUrl', given);
    project.provide('postgresVersion', await majorVersion(given));
    return async () => {};
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-test-pg-'));
  // fsync off: the tests kill our processes, never this machine.
  const server = await startLocalPostgres({
    folder,
    port: 0,
    settings: { fsync: 'off', shared_buffers: '256MB', max_wal_size: '4GB' },
  });
  project.provide('postgresUrl', server.url);
  project.provide('postgresVersion', server.version);
  return async () => {
    await server.stop('immediate');
    rmSync(folder, { recursive: true, force: true });
  };
}

async function majorVersion(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`);
    return Math.floor(Number(found.rows[0]!.version) / 10_000);
  } finally {
    await client.end();
  }
}
