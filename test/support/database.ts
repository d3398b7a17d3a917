// A database for one test: `await using database = await createDatabase()`.

import pg from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Runs SQL (one or more statements) and gives the rows of the last. */
  query<T extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>;
  /** A further connection, closed with the database. */
  connect(): Promise<pg.Client>;
  [Symbol.asyncDispose](): Promise<void>;
}

let counter = 0;

export async function createDatabase(): Promise<TestDatabase> {
  const base = inject('postgresUrl');
  const name = `t_${process.pid}_${(counter += 1)}_${Date.now().toString(36)}`;
  await once(base, `create database ${name}`);
  const url = new URL(base);
  url.pathname = `/${name}`;
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };
  const main = await connect();
  return {
    url: url.href,
    name,
    connect,
    async query<T extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]> {
      const result = (await main.query<T>(sql, values)) as pg.QueryResult<T> | pg.QueryResult<T>[];
      return (Array.isArray(result) ? result.at(-1)! : result).rows;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await dropDatabase(base, name);
    },
  };
}

/** In a server of the caller's own, which may be away in between: each query has its own connection. It goes with its server. */
export async function databaseOn(server: string, name: string): Promise<TestDatabase> {
  const url = new URL(server);
  const query = async <T extends pg.QueryResultRow>(at: string, sql: string, values?: unknown[]): Promise<T[]> => {
    const client = new pg.Client({ connectionString: at });
    await client.connect();
    try {
      const result = (await client.query<T>(sql, values)) as pg.QueryResult<T> | pg.QueryResult<T>[];
      return (Array.isArray(result) ? result.at(-1)! : result).rows;
    } finally {
      await client.end();
    }
  };
  await query(server, `create database ${name}`);
  url.pathname = `/${name}`;
  const clients: pg.Client[] = [];
  return {
    url: url.href,
    name,
    query: (sql, values) => query(url.href, sql, values),
    async connect() {
      const client = new pg.Client({ connectionString: url.href });
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
    },
  };
}

/** Slots hold a database: those that a test left are dropped with it. */
async function dropDatabase(base: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: base });
  await client.connect();
  try {
    await client.query(
      `select pg_terminate_backend(active_pid) from pg_replication_slots where database = $1 and active`,
      [name],
    );
    for (let attempt = 0; attempt < 50; attempt++) {
      const left = await client.query(`select slot_name, active from pg_replication_slots where database = $1`, [name]);
      if (left.rowCount === 0) break;
      for (const slot of left.rows as { slot_name: string; active: boolean }[]) {
        if (!slot.active) await client.query('select pg_drop_replication_slot($1)', [slot.slot_name]).catch(() => {});
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await client.query(`drop database if exists ${name} with (force)`);
  } finally {
    await client.end();
  }
}

async function once(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
