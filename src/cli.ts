#!/usr/bin/env node
// The command line. One file a command in commands/; exit codes and signals live there too.

import { readFileSync } from 'node:fs';
import { commandLine } from './commands/command-line.ts';
import { reportFailure } from './commands/exit.ts';
import { endWhenNobodyReads } from './commands/signals.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

endWhenNobodyReads(process.stdout);
try {
  await commandLine(version).parseAsync();
} catch (error) {
  const name = process.argv[2] ?? '';
  process.exitCode = reportFailure(error, name, process.argv.includes('--json'));
}
