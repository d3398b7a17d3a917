// Runs an example as a user does, but from the sources, so that what stands here is tested and not what was built last.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, type TestDatabase } from './database.ts';

const ROOT = path.join(import.meta.dirname, '../..');

export interface ExampleRun extends AsyncDisposable {
  /** The last line that the example printed, which is JSON. */
  readonly figures: unknown;
  /** The warehouse as the example left it. */
  readonly database: TestDatabase;
}

/** `name` is the example's folder. */
export async function runExample(name: string, brokers?: readonly string[]): Promise<ExampleRun> {
  const database = await createDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), `millrace-test-${name}-`));
  try {
    const hooks = path.join(ROOT, 'test/support/typescript-hooks.mjs');
    const script = path.join(ROOT, 'examples', name, 'run.mjs');
    const args = ['--import', hooks, script, '--warehouse', database.url, '--data', folder];
    if (brokers) args.push('--brokers', brokers.join(','));
    // Slots are the server's, and examples run side by side.
    const group = database.name.slice(0, 40);
    const env = { ...process.env, MILLRACE_CLI: path.join(ROOT, 'src/cli.ts'), MILLRACE_GROUP: group };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 240_000 });
    const figures: unknown = JSON.parse(stdout.trim().split('\n').at(-1)!);
    return { figures, database, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
