// What every example does: makes its tables, views and pipelines, runs `millrace up` beside while the example plays, and reports.
//
//   npm run build && node examples/NAME/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]
//
// Without --warehouse it starts a Postgres of its own in a folder that it removes afterwards; without --brokers the records go
// through the embedded stream.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';

/** The command line as it was built; a test may name another copy. */
const cli = path.resolve(process.env.MILLRACE_CLI ?? path.join(import.meta.dirname, '../dist/cli.js'));

/**
 * @param {object} example
 * @param {string} example.tables SQL
 * @param {string} example.views SQL, printed
 * @param {string} example.pipelines SQL, printed
 * @param {readonly string[]} example.names of the pipelines
 * @param {(warehouse: pg.Client) => Promise<void>} example.play changes the tables; called when the pipelines run. Resolves when
 *   what is to be reported is there
 * @param {(warehouse: pg.Client) => Promise<void>} example.report called when all has stopped
 */
export async function runExample({ tables, views, pipelines, names, play, report }) {
  if (!existsSync(cli)) {
    console.error('Build it first: npm run build');
    process.exit(2);
  }
  const { values: flags } = parseArgs({
    options: { warehouse: { type: 'string' }, brokers: { type: 'string' }, data: { type: 'string' } },
  });
  const temporary = [];
  const folder = flags.data ?? temporaryFolder(temporary);
  const server = flags.warehouse ? undefined : await startPostgres(temporaryFolder(temporary));
  const url = flags.warehouse ?? server.url;
  const warehouse = new pg.Client({ connectionString: url });
  try {
    await succeeds(millrace('migrate', '--warehouse', url));
    await warehouse.connect();
    console.log(`${views}\n${pipelines}\n`);
    await warehouse.query(tables + views + pipelines);
    const stream = flags.brokers ? ['--brokers', flags.brokers] : [];
    const up = millrace('up', '--warehouse', url, '--data', folder, ...stream);
    await Promise.race([running(warehouse, names).then(() => play(warehouse)), ended(up)]);
    up.kill('SIGTERM');
    await succeeds(up);
    await report(warehouse);
  } finally {
    await warehouse.end();
    await server?.stop('immediate');
    for (const one of temporary) rmSync(one, { recursive: true, force: true });
  }
}

/** Asks again until there are rows. */
export async function until(warehouse, sql) {
  for (;;) {
    const { rows } = await warehouse.query(sql);
    if (rows.length > 0) return rows;
    await sleep(100);
  }
}

async function running(warehouse, names) {
  for (const name of names) {
    const [{ state, reason }] = await until(
      warehouse,
      `select state, reason from millrace.status where pipeline = '${name}' and state in ('running', 'failed')`,
    );
    if (state === 'failed') throw new Error(`the pipeline ${name} failed: ${reason}`);
  }
}

function millrace(...args) {
  return spawn(process.execPath, [...process.execArgv, cli, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

async function succeeds(child) {
  const code = child.exitCode ?? (await once(child, 'exit'))[0];
  if (code !== 0) throw new Error(`millrace ended with exit code ${code}; what it said is above`);
}

/** Rejects when it ends: while it is needed it must not. */
async function ended(child) {
  const [code] = await once(child, 'exit');
  throw new Error(`millrace up ended early, with exit code ${code}`);
}

async function startPostgres(folder) {
  const module = path.join(path.dirname(cli), 'warehouse', `local-postgres${path.extname(cli)}`);
  const { startLocalPostgres } = await import(pathToFileURL(module).href);
  // A folder of its own, as it belongs to another user where we are root.
  return startLocalPostgres({ folder, port: 0 });
}

function temporaryFolder(made) {
  made.push(mkdtempSync(path.join(tmpdir(), 'millrace-example-')));
  return made.at(-1);
}
