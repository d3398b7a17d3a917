// How fast pgoutput is decoded, alone: messages recorded from a real slot, decoded in memory over and over.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { PgoutputDecoder } from '../src/source/pgoutput.ts';
import { startLocalPostgres } from '../src/warehouse/local-postgres.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

interface Recording {
  readonly bytes: Buffer;
  /** Where each message ends in `bytes`. */
  readonly ends: Int32Array;
  readonly rows: number;
}

const ROWS = 100_000;
const ROUNDS = 10;

/** pgbench's accounts (4 columns, 84 characters of filler), inserted and updated; payments (10 short columns), inserted. */
const SHAPES = [
  {
    name: 'pgbench accounts',
    table: `create table t (aid int primary key, bid int, abalance int, filler char(84))`,
    write: `insert into t select i, i / 1000, 0, '' from generate_series(1, ${ROWS / 2}) i; update t set abalance = aid * 7`,
  },
  {
    name: 'payments',
    table: `create table t (id bigint primary key, customer_id int, merchant text, amount numeric(12,2), currency text,
              country text, device text, online boolean, note text, created_at timestamptz)`,
    write: `insert into t select i, i % 5000, 'merchant ' || i % 300, (i % 9999) / 100.0, 'EUR', 'DE', 'phone', i % 2 = 0,
              case when i % 10 = 0 then 'Grüße' end, '2026-01-01'::timestamptz + i * interval '1.7 seconds' from generate_series(1, ${ROWS}) i`,
  },
] as const;

export async function measure(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    const recording = await record(shape.table, shape.write);
    decode(recording);
    const cpu = process.cpuUsage();
    const started = performance.now();
    for (let round = 0; round < ROUNDS; round++) decode(recording);
    const seconds = (performance.now() - started) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const rows = recording.rows * ROUNDS;
    figures.push(
      { name: `decode, ${shape.name}`, value: Math.round(rows / seconds), unit: 'rows/s' },
      {
        name: `decode, ${shape.name}, CPU`,
        value: (user + system) / 1e6 / (rows / 1e6),
        unit: 'CPU-s per million rows',
      },
    );
  }
  return figures;
}

/** Decodes all of it; the sum keeps the result from being optimised away. */
function decode({ bytes, ends }: Recording): number {
  const decoder = new PgoutputDecoder();
  let cells = 0;
  let at = 0;
  for (const end of ends) {
    const message = decoder.decode(bytes, at, end);
    if (message.kind === 'insert' || message.kind === 'update') cells += message.new!.length;
    at = end;
  }
  return cells;
}

async function record(table: string, write: string): Promise<Recording> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  try {
    await using server = await startLocalPostgres({ folder, port: 0, settings: { fsync: 'off' } });
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`${table}; create publication p for table t`);
    await client.query(`select pg_create_logical_replication_slot('s', 'pgoutput')`);
    await client.query(write);
    const found = await client.query<{ data: Buffer }>(
      `select data from pg_logical_slot_get_binary_changes('s', null, null, 'proto_version', '1', 'publication_names', 'p')`,
    );
    await client.end();
    const messages = found.rows.map(({ data }) => data);
    let end = 0;
    return {
      bytes: Buffer.concat(messages),
      ends: Int32Array.from(messages, ({ length }) => (end += length)),
      rows: messages.filter(([kind]) => kind === 0x49 || kind === 0x55).length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
