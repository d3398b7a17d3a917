// A Postgres of its own with the demo's tables, views and pipeline, and the built command line to run on it.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrate } from '../src/catalog/migrate.ts';
import { FEATURES, LABELS, PIPELINE, TABLES } from '../src/commands/demo/schema.ts';
import { quoteLiteral } from '../src/warehouse/quoting.ts';
import { startLocalPostgres, type LocalPostgres } from '../src/warehouse/local-postgres.ts';

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url));

export interface PaymentsWarehouse {
  readonly server: LocalPostgres;
  readonly client: pg.Client;
  /** One more connection, ended with the warehouse. */
  connect(): Promise<pg.Client>;
  /** Starts a command of Millrace on it; what it logs goes nowhere unless MILLRACE_BENCH_LOG is set. */
  millrace(command: string, ...flags: string[]): ChildProcess;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `node --cpu-prof .cache/bench/bench/run.js end-to-end` profiles what it starts, too. Everything is durable as in production (fsync and synchronous_commit are on); removed when disposed. */
export async function openPaymentsWarehouse(more: Readonly<Record<string, string>> = {}): Promise<PaymentsWarehouse> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  // Postgres runs as another user where we are root.
  chmodSync(folder, 0o755);
  const settings = { shared_buffers: '256MB', max_wal_size: '8GB', ...more, ...settingsAsked() };
  const server = await startLocalPostgres({ folder: path.join(folder, 'postgres'), port: 0, settings });
  await migrate(server.url);
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url, application_name: 'bench' });
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  };
  const client = await connect();
  for (const sql of [TABLES, FEATURES, LABELS, pipeline()]) await client.query(sql);
  const output = process.env['MILLRACE_BENCH_LOG'] ? 2 : 'ignore';
  return {
    server,
    client,
    connect,
    millrace: (command, ...flags) =>
      spawn(
        process.execPath,
        [
          ...process.execArgv,
          CLI,
          command,
          '--warehouse',
          server.url,
          '--data',
          path.join(folder, 'millrace'),
          ...flags,
        ],
        { stdio: ['ignore', output, output] },
      ),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((one) => one.end().catch(() => {})));
      await server.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for its end; rejects unless it is a good one. */
export async function succeeded(child: ChildProcess): Promise<void> {
  const code = child.exitCode ?? ((await once(child, 'exit'))[0] as number | null);
  if (code !== 0) throw new Error(`millrace ended with exit code ${code}; MILLRACE_BENCH_LOG=1 shows what it said`);
}

/** Other server settings, `{"name": "value"}`, for trying. */
function settingsAsked(): Record<string, string> {
  return JSON.parse(process.env['MILLRACE_BENCH_POSTGRES'] ?? '{}') as Record<string, string>;
}

/** The demo's, with another model where one is asked for. */
function pipeline(): string {
  const model = process.env['MILLRACE_BENCH_MODEL'];
  return model === undefined ? PIPELINE : PIPELINE.replace(/\);$/, `, model => ${quoteLiteral(model)});`);
}
