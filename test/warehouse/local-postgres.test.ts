import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/warehouse/local-postgres.ts';

test('the embedded server programs start, serve, and keep their data over a crash', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-local-'));
  try {
    const first = await startLocalPostgres({ folder, port: 0, programs: 'embedded' });
    await ask(first.url, 'create table kept as select 7 as n');
    await first.stop('immediate');
    await using second = await startLocalPostgres({ folder, port: 0, programs: 'embedded' });
    expect(await ask(second.url, 'select n, current_setting($$wal_level$$) as wal_level from kept')).toEqual([
      { n: 7, wal_level: 'logical' },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a server that was left behind in the folder is stopped, not fought with', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-local-'));
  try {
    const left = await startLocalPostgres({ folder, port: 0 });
    await ask(left.url, 'create table kept as select 7 as n');
    await using second = await startLocalPostgres({ folder, port: 0 });
    expect(await ask(second.url, 'select n from kept')).toEqual([{ n: 7 }]);
    await left.stop();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}
