// What a command loads before it does anything: each library that is not needed costs every start of it tens of milliseconds.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../../src');

/** Packages that a file and what it imports load at once; types and `import()` do not count. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>();
  if (seen.has(file)) return found;
  seen.add(file);
  const text = readFileSync(path.join(root, file), 'utf8');
  for (const [, name] of text.matchAll(/^(?:import|export)\s+(?!type\s)(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm)) {
    if (name!.startsWith('.'))
      for (const one of packagesOf(path.posix.join(path.posix.dirname(file), name!), seen)) found.add(one);
    else if (!name!.startsWith('node:')) found.add(name!);
  }
  return found;
}

const expected: [string, string[]][] = [
  ['cli.ts', ['commander', 'picocolors']],
  ['commands/sql.ts', ['commander', 'pg', 'picocolors']],
  ['commands/status.ts', ['commander', 'pg', 'picocolors']],
  ['commands/drop-slot.ts', ['commander', 'pg', 'picocolors']],
  ['commands/up.ts', ['commander', 'pg', 'picocolors']],
  ['commands/migrate.ts', ['commander', 'pg', 'picocolors', 'postgrator']],
];
test.each(expected)('%s loads only what it needs: %j', (file, packages) => {
  expect([...packagesOf(file)].sort()).toEqual(packages);
});

test('the sink loads no library that only the connector needs, and Kafka only with brokers', () => {
  const packages = packagesOf('commands/sink.ts');
  expect(packages).toContain('pg');
  for (const name of ['kafkajs', 'lmdb', 'pg-copy-streams', 'postgrator']) expect(packages).not.toContain(name);
  expect(packagesOf('commands/connector.ts')).not.toContain('kafkajs');
});
