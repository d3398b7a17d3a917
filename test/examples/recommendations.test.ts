// The example as a user runs it: the margins that its README states. It runs from the sources, so that it tests what stands here, not
// what was built last.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';

const ROOT = path.join(import.meta.dirname, '../..');

interface Figures {
  readonly impressions: number;
  readonly roc_auc: { readonly clicks: number; readonly linear_clicks: number; readonly best: number };
  readonly clicks: {
    readonly clicks: number;
    readonly linear_clicks: number;
    readonly any: number;
    readonly best: number;
  };
}

test('a factorization machine finds the tastes that a linear model cannot see', async () => {
  await using database = await createDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-test-recommendations-'));
  try {
    const hooks = path.join(ROOT, 'test/support/typescript-hooks.mjs');
    const script = path.join(ROOT, 'examples/recommendations/run.mjs');
    const args = ['--import', hooks, script, '--warehouse', database.url, '--data', folder];
    const env = { ...process.env, MILLRACE_CLI: path.join(ROOT, 'src/cli.ts') };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 280_000 });
    const { impressions, roc_auc, clicks } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Figures;
    expect(impressions).toBe(20_000);
    // What nobody knows beforehand is the same for all: the truth itself is right no more often than this.
    expect(roc_auc.best).toBeGreaterThan(0.87);
    expect(roc_auc.best).toBeLessThan(0.9);
    expect(roc_auc.clicks).toBeGreaterThan(roc_auc.linear_clicks + 0.1);
    expect(roc_auc.clicks).toBeGreaterThan(0.76);
    expect(roc_auc.linear_clicks).toBeGreaterThan(0.6);
    expect(clicks.clicks).toBeGreaterThan(clicks.linear_clicks + 0.1);
    expect(clicks.linear_clicks).toBeGreaterThan(clicks.any);
    expect(clicks.clicks).toBeLessThan(clicks.best);
    const [labelled] = await database.query(
      'select count(*)::int as rows, count(label)::int as labels from clicks_scores',
    );
    expect(labelled).toEqual({ rows: 22_000, labels: 20_000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 300_000);
