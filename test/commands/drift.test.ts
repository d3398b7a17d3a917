// Drift as a person sees it: in SQL, after the command line has run a pipeline whose world has changed.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runCli, type CliResult } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const SHOP = `
  create table orders (id bigint primary key, total float8 not null, channel text, placed_at timestamptz not null, returned boolean);
  create view order_features as select id, placed_at, total, channel from orders;
  create view order_labels as select id, returned as label from orders where returned is not null;`;

/** A fraction that looks random: high totals are returned, or low ones. */
const orders = (from: number, to: number, returned: string, channel: string): string =>
  `insert into orders select n, x * 100, ${channel}, timestamptz '2026-01-01' + n * interval '1 minute', ${returned}
     from (select n, (n * 0.6180339887) - floor(n * 0.6180339887) as x from generate_series(${from}, ${to}) n) o`;

test('millrace.drift shows that the loss has risen and a feature has moved, once, with what was done', async () => {
  await using database = await createDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-drift-'));
  const run = (...args: string[]): Promise<CliResult> =>
    runCli(args, {
      MILLRACE_WAREHOUSE: database.url,
      MILLRACE_DATA: folder,
      MILLRACE_GROUP: database.name.slice(0, 40),
    });
  const catchUp = async (): Promise<void> => expect(await run('up', '--until-caught-up')).toMatchObject({ code: 0 });
  try {
    await run('migrate');
    await database.query(SHOP);
    await database.query(orders(1, 500, 'x > 0.5', `'web'`));
    await database.query(
      `select millrace.create_pipeline('returns', features => 'order_features', event_time => 'placed_at', key => 'id', labels => 'order_labels',
         model => '{"kind": "logistic", "drift": {"warm_up": 300, "every": 1, "window": 200, "action": "challenger"}}')`,
    );
    await catchUp();
    // A commit is scored before any of it is learned.
    for (let n = 500; n < 1000; n += 50) await database.query(orders(n + 1, n + 50, 'x > 0.5', `'web'`));
    await catchUp();
    expect(await database.query('select * from millrace.drift')).toEqual([]);
    for (let n = 1000; n < 2000; n += 50) await database.query(orders(n + 1, n + 50, 'x < 0.5', `'app'`));
    await catchUp();
    const noticed = await database.query<{ signal: string; feature: string | null; action: string }>(
      'select * from millrace.drift order by examples, signal',
    );
    const [loss] = noticed.filter(({ signal }) => signal === 'loss');
    expect(loss).toMatchObject({ pipeline: 'returns', feature: null, detector: 'adwin', backfill: false });
    expect(loss!.action).toBe('challenger learns');
    expect(noticed.filter(({ signal }) => signal === 'features')).toMatchObject([
      { feature: 'channel', detector: 'psi', from_value: 0, action: 'alarm' },
    ]);
    const saved = await database.query(`select from millrace.models where reason like 'drift: %'`);
    expect(saved.length).toBeGreaterThanOrEqual(2);
    const drawn = await run('sql', 'select * from millrace.drift');
    expect(drawn).toMatchObject({ code: 0, stdout: expect.stringContaining('challenger learns') as string });
    // Drift is no reason to call a pipeline degraded.
    expect(await database.query('select state from millrace.status')).toEqual([{ state: 'running' }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
