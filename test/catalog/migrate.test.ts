import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { migrate } from '../../src/catalog/migrate.ts';
import { checkSchema } from '../../src/catalog/schema-version.ts';
import { createDatabase } from '../support/database.ts';

const FILES = readdirSync('migrations').filter((file) => file.endsWith('.sql'));
const NEWEST = Number(FILES.at(-1)!.slice(0, 4));

/** A copy of the migrations that a test may change. */
function copyOfMigrations(): { readonly folder: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-migrations-[x]-'));
  cpSync('migrations', folder, { recursive: true });
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test('the files run once, in order; a second run finds nothing to do', async () => {
  await using database = await createDatabase();
  const first = await migrate(database.url);
  expect(first).toEqual({ version: NEWEST, applied: FILES });
  expect(await migrate(database.url)).toEqual({ version: NEWEST, applied: [] });
  await checkSchema(await database.connect());
});

test('several at once install the schema once', async () => {
  await using database = await createDatabase();
  const results = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url)));
  expect(results.map(({ applied }) => applied.length).sort()).toEqual([0, 0, 0, FILES.length]);
});

test('a schema that is not there is said to be missing, with the command that installs it', async () => {
  await using database = await createDatabase();
  await expect(checkSchema(await database.connect())).rejects.toMatchObject({
    code: 'SCHEMA_MISSING',
    message: 'the schema millrace is not installed in this database',
    hint: 'Run `millrace migrate`.',
  });
});

test('an older schema is brought up to date, and is said to be older until then', async () => {
  await using database = await createDatabase();
  using copy = copyOfMigrations();
  for (const file of FILES.slice(2)) rmSync(path.join(copy.folder, file));
  await migrate({ url: database.url, folder: copy.folder });
  await expect(checkSchema(await database.connect())).rejects.toMatchObject({
    code: 'SCHEMA_MISSING',
    message: `the schema millrace is at version 2, and this program needs ${NEWEST}`,
  });
  expect(await migrate(database.url)).toEqual({ version: NEWEST, applied: FILES.slice(2) });
});

test('whoever reads a score table for long is not waited for, and nobody waits behind him', async () => {
  await using database = await createDatabase();
  using copy = copyOfMigrations();
  for (const file of FILES.slice(4)) rmSync(path.join(copy.folder, file));
  await migrate({ url: database.url, folder: copy.folder });
  await database.query(`create table payments (id int primary key, amount float8);
    create view fraud_features as select id, amount from payments;
    select millrace.create_pipeline('fraud', features => 'fraud_features', model => '{"kind": "none"}')`);
  const reader = await database.connect();
  await reader.query('begin; select from fraud_scores');
  await expect(migrate({ url: database.url, lockTimeoutMs: 100 })).rejects.toMatchObject({
    code: 'WAREHOUSE_NOT_READY',
    message: 'a transaction uses a table that the schema needs changed',
    hint: expect.stringContaining('pg_stat_activity') as string,
  });
  await reader.query('commit');
  expect((await migrate(database.url)).applied).toEqual(FILES.slice(4));
});

test('a schema from a newer Millrace is refused', async () => {
  await using database = await createDatabase();
  using copy = copyOfMigrations();
  writeFileSync(path.join(copy.folder, '9999-later.sql'), 'select 1;');
  await migrate({ url: database.url, folder: copy.folder });
  await expect(migrate(database.url)).rejects.toMatchObject({ code: 'SCHEMA_NEWER' });
  await expect(checkSchema(await database.connect())).rejects.toMatchObject({
    code: 'SCHEMA_NEWER',
    message: `the schema millrace is at version 9999, and this program knows ${NEWEST}`,
    hint: 'Run the Millrace that migrated it, or a later one.',
  });
});

test('a file that changed since it was run is refused, whatever its line ends', async () => {
  await using database = await createDatabase();
  using copy = copyOfMigrations();
  writeFileSync(path.join(copy.folder, '9999-later.sql'), 'select 1;\r\nselect 2;\r\n');
  await migrate({ url: database.url, folder: copy.folder });
  writeFileSync(path.join(copy.folder, '9999-later.sql'), 'select 1;\nselect 2;\n');
  expect((await migrate({ url: database.url, folder: copy.folder })).applied).toEqual([]);
  writeFileSync(path.join(copy.folder, '9999-later.sql'), 'select 3;');
  await expect(migrate({ url: database.url, folder: copy.folder })).rejects.toMatchObject({
    code: 'SCHEMA_CHANGED',
    message: 'migration 9999 is not the file that was run on this database',
  });
});

test('a file that fails leaves everything as it was', async () => {
  await using database = await createDatabase();
  using copy = copyOfMigrations();
  writeFileSync(path.join(copy.folder, '9999-later.sql'), 'create table millrace.half (x int); select 1 / 0;');
  await expect(migrate({ url: database.url, folder: copy.folder })).rejects.toThrow('division by zero');
  expect(await database.query(`select to_regnamespace('millrace') as schema`)).toEqual([{ schema: null }]);
});

test('files that are misnamed, numbered twice or came too late are refused, never skipped', async () => {
  await using database = await createDatabase();
  using copy = copyOfMigrations();
  const attempt = (): Promise<unknown> => migrate({ url: database.url, folder: copy.folder });
  const wrong = path.join(copy.folder, '5-x.sql');
  writeFileSync(wrong, '');
  await expect(attempt()).rejects.toThrow('5-x.sql in');
  rmSync(wrong);
  const twice = path.join(copy.folder, '0001-again.sql');
  writeFileSync(twice, '');
  await expect(attempt()).rejects.toThrow('have the same number');
  rmSync(twice);
  const late = path.join(copy.folder, '9999-later.sql');
  rmSync(path.join(copy.folder, FILES.at(-1)!));
  writeFileSync(late, 'select 1;');
  await attempt();
  cpSync(path.join('migrations', FILES.at(-1)!), path.join(copy.folder, FILES.at(-1)!));
  await expect(attempt()).rejects.toThrow('came after later ones had been run');
});

test('a role that may create schemas installs it, and one that may not is told what it lacks', async () => {
  await using database = await createDatabase();
  const role = `${database.name}_installer`;
  const url = new URL(database.url);
  url.username = role;
  await database.query(`create role ${role} login`);
  try {
    await expect(migrate(url.href)).rejects.toMatchObject({
      code: 'WAREHOUSE_NOT_READY',
      hint: expect.stringContaining('grant create on database'),
    });
    await database.query(`grant create on database ${database.name} to ${role}`);
    expect((await migrate(url.href)).applied).toEqual(FILES);
    // A superuser who upgrades makes nothing of his own in it.
    using copy = copyOfMigrations();
    writeFileSync(path.join(copy.folder, '9999-later.sql'), 'create table millrace._later (x int);');
    await migrate({ url: database.url, folder: copy.folder });
    expect(
      await database.query(
        `select distinct pg_get_userbyid(relowner) = $1 as own from pg_class where relnamespace = 'millrace'::regnamespace`,
        [role],
      ),
    ).toEqual([{ own: true }]);
  } finally {
    await database[Symbol.asyncDispose]();
    const client = new pg.Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    await client.query(`drop role ${role}`);
    await client.end();
  }
});

test('a superuser installs it for the role that will run connector and sink', async () => {
  await using database = await createDatabase();
  const role = `${database.name}_service`;
  await database.query(`create role ${role}`);
  try {
    await migrate({ url: database.url, role });
    expect(await database.query(`select millrace._service() as service`)).toEqual([{ service: role }]);
    await expect(migrate({ url: database.url, role: 'postgres' })).rejects.toMatchObject({
      code: 'WAREHOUSE_NOT_READY',
      message: `the schema millrace belongs to role ${role}, not postgres`,
    });
  } finally {
    await database.query(`drop owned by ${role}; drop role ${role}`);
  }
});
