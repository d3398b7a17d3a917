// Two warehouses with a group of the same name, and pipelines of the same name and number, share a broker, or a data folder by
// mistake: neither reads what the other wrote.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { startLocalPostgres } from '../../src/warehouse/local-postgres.ts';
import { databaseOn, type TestDatabase } from '../support/database.ts';
import { kafkaBrokers } from '../support/kafka.ts';
import { makeHistory } from './history.ts';
import { World, type WorldOptions } from './world.ts';

const brokers = await kafkaBrokers();
const first = makeHistory({ seed: 31, days: 2, paymentsPerDay: 150 });
const second = makeHistory({ seed: 32, days: 2, paymentsPerDay: 150 });
const LIMIT_MS = 240_000;

describe.skipIf(brokers === undefined)('on one broker', () => {
  test(
    'each scores its own rows, whichever of their processes start first',
    async () => {
      await using pair = await Pair.open({ partitions: 1, brokers });
      const { one, other } = pair;
      for (const transaction of first) await one.write(transaction);
      for (const transaction of second) await other.write(transaction);
      await one.catchUp('connector');
      // Of its own there is nothing yet, but a topic of the same group, pipeline and generation.
      await other.catchUp('sink');
      expect(await scoresOf(other)).toEqual([]);
      await other.catchUp('connector');
      await other.catchUp('sink');
      await one.catchUp('sink');
      for (const world of [one, other]) {
        const scores = await scoresOf(world);
        expect(scores.length).toBeGreaterThan(250);
        expect(scores).toEqual(await paymentsOf(world));
      }
      expect(await scoresOf(one)).not.toEqual(await scoresOf(other));
    },
    LIMIT_MS,
  );
});

describe.each([
  ['the embedded stream', undefined],
  ['Kafka', brokers],
] as const)('over %s', (name, streamed) => {
  test.skipIf(name === 'Kafka' && streamed === undefined)(
    'what another server, a copy of the database or a restored one has is read by none of their sinks, with the way out',
    async () => {
      await using pair = await Pair.open({ partitions: 1, brokers: streamed });
      const { one, other } = pair;
      for (const transaction of first) await one.write(transaction);
      await one.catchUp('connector');
      // Over the same data folder, too.
      await other.catchUp('sink');
      expect(await scoresOf(other)).toEqual([]);

      await one.database.query(`update millrace._groups set timeline = timeline + 1`);
      await expectRefusal(one, one.database.url, 'timeline');
      await one.database.query(`update millrace._groups set timeline = timeline - 1`);

      const copy = await copyOf(one.database);
      await expectRefusal(one, copy.href, 'database');
      const slot = `the replication slot millrace_${one.group} belongs to the database ${one.group}`;
      const connector = one.start('connector', { untilCaughtUp: true, env: { MILLRACE_WAREHOUSE: copy.href } });
      expect((await connector.ended).code).toBe(1);
      expect(connector.said).toContain(slot);
      const [scores] = await onceAt(copy, 'select count(*)::int as n from fraud_scores');
      expect(scores).toEqual({ n: 0 });
      await onceAt(new URL(inject('postgresUrl')), `drop database ${copy.pathname.slice(1)} with (force)`);
    },
    LIMIT_MS,
  );
});

async function expectRefusal(world: World, warehouse: string, part: string): Promise<void> {
  const sink = world.start('sink', { untilCaughtUp: true, env: { MILLRACE_WAREHOUSE: warehouse } });
  expect((await sink.ended).code, sink.said).toBe(1);
  expect(sink.said).toContain(`the topics of group ${world.group} were written for the ${part} `);
  expect(sink.said).toContain('Start a connector here, with an empty data folder');
}

/** One warehouse on the run's server, the other on a server of its own; group, data folder and broker are the same. */
class Pair {
  readonly one: World;
  readonly other: World;
  readonly #close: () => Promise<void>;

  private constructor(one: World, other: World, close: () => Promise<void>) {
    this.one = one;
    this.other = other;
    this.#close = close;
  }

  static async open(options: WorldOptions): Promise<Pair> {
    const folder = mkdtempSync(path.join(tmpdir(), 'millrace-two-'));
    const server = await startLocalPostgres({ folder, port: 0, settings: { fsync: 'off' } });
    const one = await World.open(options);
    const database = await databaseOn(server.url, one.group);
    // Kafka is all that two connectors can share.
    const shared = options.brokers ? {} : { folder: one.folder };
    const other = await World.open({ ...options, ...shared, database });
    for (const world of [one, other]) await world.createPipeline();
    return new Pair(one, other, async () => {
      await other[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
      await server.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

interface Amount {
  readonly id: number;
  readonly amount: number;
}

function scoresOf(world: World): Promise<Amount[]> {
  return world.database.query<Amount & object>(
    `select id::int, (features ->> 'amount')::float8 as amount from fraud_scores order by id`,
  );
}

function paymentsOf(world: World): Promise<Amount[]> {
  return world.database.query<Amount & object>(
    'select id::int, coalesce(amount, 0)::float8 as amount from payments order by id',
  );
}

/** As `create database … template` makes it: with every row, the group's among them. Ends the sessions that would be in its way. */
async function copyOf({ url, name }: TestDatabase): Promise<URL> {
  const copy = new URL(url);
  copy.pathname = `/${name}_copy`;
  const server = new URL(inject('postgresUrl'));
  await onceAt(server, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  await onceAt(server, `create database ${name}_copy template ${name}`);
  return copy;
}

async function onceAt(url: URL, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
