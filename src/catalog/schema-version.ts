// Is the schema millrace there, and one that this program knows?

import type pg from 'pg';
import { MillraceError } from '../runtime/errors.ts';
import { newer, newestVersion } from './migration-files.ts';

/** Rejects with SCHEMA_MISSING (none, or an older one: migrate) or SCHEMA_NEWER. Every command but `migrate` begins with it. */
export async function checkSchema(client: pg.ClientBase): Promise<void> {
  const installed = await installedVersion(client);
  const known = newestVersion();
  if (installed > known) throw newer(installed, known);
  if (installed === known) return;
  throw new MillraceError(
    'SCHEMA_MISSING',
    installed === 0
      ? 'the schema millrace is not installed in this database'
      : `the schema millrace is at version ${installed}, and this program needs ${known}`,
    { hint: 'Run `millrace migrate`.' },
  );
}

/** 0 where there is none. */
async function installedVersion(client: pg.ClientBase): Promise<number> {
  const found = await client.query<{ there: boolean }>(
    `select to_regclass('millrace._migrations') is not null as there`,
  );
  if (!found.rows[0]!.there) return 0;
  const version = await client.query<{ version: string }>(
    'select coalesce(max(version), 0) as version from millrace._migrations',
  );
  return Number(version.rows[0]!.version);
}
