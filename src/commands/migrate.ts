// `millrace migrate`: installs or upgrades the schema millrace.

import { migrate } from '../catalog/migrate.ts';
import { printJson } from './exit.ts';
import { warehouseOf, type CommonFlags } from './flags.ts';

export type Flags = Pick<CommonFlags, 'warehouse' | 'json'> & { readonly role?: string };

export async function runMigrate(flags: Flags): Promise<void> {
  const result = await migrate({ url: warehouseOf(flags), ...(flags.role === undefined ? {} : { role: flags.role }) });
  if (flags.json) printJson('migrate', result);
  else if (result.applied.length === 0)
    process.stdout.write(`The schema millrace is up to date (version ${result.version}).\n`);
  else process.stdout.write(`The schema millrace is at version ${result.version}: ran ${result.applied.join(', ')}.\n`);
}
