// The files of migrations/: what this program brings, and up to which version. Apart from running them, which needs a library.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type Postgrator from 'postgrator';
import { MillraceError } from '../runtime/errors.ts';

export type Migration = Postgrator.Migration;

/** The package's own folder. */
export const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
/** `0001-catalog.sql`: a version, and what it brings. */
const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/;

/** Version of the newest migration that this program has. */
export function newestVersion(): number {
  return newest(readMigrations(MIGRATIONS));
}

/** The files of a folder, in order. Throws SCHEMA_CHANGED where their names make no sequence. */
export function readMigrations(folder: string): Migration[] {
  const migrations = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => readMigration(folder, file));
  if (new Set(migrations.map(({ version }) => version)).size !== migrations.length) {
    throw new MillraceError('SCHEMA_CHANGED', `two migrations in ${folder} have the same number`, {
      hint: 'Number each file once, in the order in which they are to run.',
    });
  }
  return migrations;
}

function readMigration(folder: string, file: string): Migration {
  const parts = FILE_NAME.exec(file);
  if (!parts) {
    throw new MillraceError('SCHEMA_CHANGED', `${file} in ${folder} is not named like a migration`, {
      hint: 'Migrations are named like 0001-catalog.sql.',
    });
  }
  // Line ends may differ between checkouts; a migration is the same.
  const sql = readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n');
  return {
    version: Number(parts[1]),
    action: 'do',
    filename: path.join(folder, file),
    name: parts[2]!,
    md5: createHash('md5').update(sql).digest('hex'),
    getSql: () => sql,
  };
}

/** The highest version; 0 of none. */
export function newest(migrations: readonly Migration[]): number {
  return Math.max(0, ...migrations.map(({ version }) => version));
}

/** What checkSchema and migrate say of a schema that a later program has changed. */
export function newer(installed: number, known: number): MillraceError {
  return new MillraceError(
    'SCHEMA_NEWER',
    `the schema millrace is at version ${installed}, and this program knows ${known}`,
    {
      hint: 'Run the Millrace that migrated it, or a later one.',
    },
  );
}
