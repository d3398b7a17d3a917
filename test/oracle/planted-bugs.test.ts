import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

test(
  'five bugs, planted one at a time in a copy of the operators, are all found by the oracle',
  { timeout: 900_000 },
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [path.join(root, 'scripts/planted-bugs.mjs')], {
      cwd: root,
      env: { ...process.env, MILLRACE_TEST_POSTGRES: inject('postgresUrl') },
    });
    console.log(stdout);
    expect(stdout.match(/^found /gm)).toHaveLength(5);
  },
);
