// The example as a user runs it, against the numbers that River has on the same rows. It runs from the sources, so that it tests
// what stands here, not what was built last.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { kafkaBrokers } from '../support/kafka.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const ROWS = 1250;

interface Figures {
  readonly metrics: { readonly accuracy: number; readonly log_loss: number };
  readonly scores: { readonly sites: number; readonly accuracy: number; readonly log_loss: number };
}

interface Run {
  readonly figures: Figures;
  /** Every score as it was measured, in the order of the rows. */
  readonly measured: readonly number[];
}

const brokers = await kafkaBrokers();
let embedded: Promise<Run> | undefined;
const overEmbedded = (): Promise<Run> => (embedded ??= runExample());

test('over the embedded stream the phishing example is as good as River', async () => {
  expectRiver(await overEmbedded());
}, 300_000);

test.skipIf(brokers === undefined)(
  'over Kafka the phishing example gives the same scores, bit for bit',
  async () => {
    const kafka = await runExample(brokers);
    expectRiver(kafka);
    expect(kafka).toEqual(await overEmbedded());
  },
  600_000,
);

function expectRiver({ figures, measured }: Run): void {
  expect(figures.scores.sites).toBe(ROWS);
  for (const { accuracy, log_loss } of [figures.metrics, figures.scores]) {
    expect(Math.abs(accuracy - 0.8928)).toBeLessThanOrEqual(0.005);
    expect(Math.abs(log_loss - 0.33)).toBeLessThanOrEqual(0.01);
  }
  expect(measured.length).toBe(ROWS);
  // Nothing was known before the first.
  expect(measured[0]).toBe(0.5);
}

async function runExample(brokers?: readonly string[]): Promise<Run> {
  await using database = await createDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-test-phishing-'));
  try {
    const hooks = path.join(ROOT, 'test/support/typescript-hooks.mjs');
    const script = path.join(ROOT, 'examples/phishing/run.mjs');
    const args = ['--import', hooks, script, '--warehouse', database.url, '--data', folder];
    if (brokers) args.push('--brokers', brokers.join(','));
    const env = { ...process.env, MILLRACE_CLI: path.join(ROOT, 'src/cli.ts') };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 240_000 });
    const rows = await database.query<{ measured_score: number }>(
      'select measured_score from phishing_scores order by site',
    );
    return {
      figures: JSON.parse(stdout.trim().split('\n').at(-1)!) as Figures,
      measured: rows.map((row) => row.measured_score),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
