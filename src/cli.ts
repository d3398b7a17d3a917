#!/usr/bin/env node
// The command line. One file a command in commands/; exit codes and signals live there too.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { connectorCommand } from './commands/connector.ts';
import { demoCommand } from './commands/demo.ts';
import { dropSlotCommand } from './commands/drop-slot.ts';
import { reportFailure } from './commands/exit.ts';
import { migrateCommand } from './commands/migrate.ts';
import { sinkCommand } from './commands/sink.ts';
import { sqlCommand } from './commands/sql.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { validateCommand } from './commands/validate.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('millrace')
  .description(
    'Turns a SQL view into a live model: tails Postgres, computes the view as rows change, learns online, writes scores back.',
  )
  .version(version)
  .showHelpAfterError('(add --help for the flags and an example)')
  .exitOverride();
const commands = [
  demoCommand(),
  upCommand(),
  connectorCommand(),
  sinkCommand(),
  migrateCommand(),
  statusCommand(),
  validateCommand(),
  sqlCommand(),
  dropSlotCommand(),
];
for (const command of commands) program.addCommand(command.exitOverride());

try {
  await program.parseAsync();
} catch (error) {
  const name = process.argv[2] ?? '';
  process.exitCode = reportFailure(error, name, process.argv.includes('--json'));
}
