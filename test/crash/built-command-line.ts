// The command line as it is shipped: dist/cli.js, built again where a source is newer.

import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Path of dist/cli.js. Throws what the compiler says. */
export function builtCommandLine(): string {
  const cli = path.join(ROOT, 'dist/cli.js');
  const builtMs = statSync(cli, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const info = statSync(path.join(ROOT, '.cache/build.tsbuildinfo'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (newestSourceMs() > Math.max(builtMs, info)) {
    const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
    const built = spawnSync(
      process.execPath,
      [tsc, '-p', 'tsconfig.build.json', '--incremental', '--tsBuildInfoFile', '.cache/build.tsbuildinfo'],
      { cwd: ROOT, encoding: 'utf8' },
    );
    if (built.status !== 0) throw new Error(`the build failed:\n${built.stdout}${built.stderr}`);
  }
  return cli;
}

function newestSourceMs(): number {
  const source = path.join(ROOT, 'src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return Math.max(...files.map((file) => statSync(path.join(source, file)).mtimeMs));
}
