// `millrace migrate`: installs or upgrades the schema millrace.

import { Command, Option } from 'commander';
import { migrate } from '../catalog/migrate.ts';
import { printJson } from './exit.ts';
import { warehouseOf, withFlags, type CommonFlags } from './flags.ts';

type Flags = Pick<CommonFlags, 'warehouse' | 'json'> & { readonly role?: string };

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description('Install or upgrade the schema millrace (plain SQL: no extension, no superuser)')
    .addOption(
      new Option('--role <name>', 'role that will own the schema, if not the one that connects').env('MILLRACE_ROLE'),
    )
    .addHelpText('after', '\nExample:\n  millrace migrate --warehouse postgres://millrace:secret@localhost:5432/shop');
  return withFlags(command, 'warehouse', 'json').action(runMigrate);
}

async function runMigrate(flags: Flags): Promise<void> {
  const result = await migrate({ url: warehouseOf(flags), ...(flags.role === undefined ? {} : { role: flags.role }) });
  if (flags.json) printJson('migrate', result);
  else if (result.applied.length === 0)
    process.stdout.write(`The schema millrace is up to date (version ${result.version}).\n`);
  else process.stdout.write(`The schema millrace is at version ${result.version}: ran ${result.applied.join(', ')}.\n`);
}
