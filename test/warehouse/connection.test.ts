import { expect, inject, test } from 'vitest';
import { connect } from '../../src/warehouse/connection.ts';
import { createDatabase } from '../support/database.ts';

test('a session prints values the same way whatever the database is set to', async () => {
  await using database = await createDatabase();
  await database.query(
    `alter database ${database.name} set datestyle = 'German'; alter database ${database.name} set timezone = 'Asia/Tokyo'`,
  );
  const client = await connect({ url: database.url, applicationName: 'millrace test', timezone: 'Europe/Berlin' });
  const shown = await client.query<{ t: string }>(`select '2026-01-02 03:04:05+00'::timestamptz::text as t`);
  await client.end();
  expect(shown.rows).toEqual([{ t: '2026-01-02 04:04:05+01' }]);
});

test('an unreachable warehouse is named with host and port, without its password, and may be tried again', async () => {
  const attempt = connect({ url: 'postgres://me:secret@127.0.0.1:1/db', applicationName: 'millrace test' });
  await expect(attempt).rejects.toMatchObject({ code: 'WAREHOUSE_UNREACHABLE', retryable: true });
  await expect(attempt).rejects.toThrow('127.0.0.1:1/db');
  await expect(attempt).rejects.not.toThrow('secret');
});

test('a database that does not exist is not tried again', async () => {
  const url = new URL(inject('postgresUrl'));
  url.pathname = '/nowhere';
  await expect(connect({ url: url.href, applicationName: 'millrace test' })).rejects.toMatchObject({
    retryable: false,
  });
});
