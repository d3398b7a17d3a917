// A database with the payments' tables and pipeline, a data folder (or topics in Kafka), and the two processes over them.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { migrate } from '../../src/catalog/migrate.ts';
import { lowestClaim } from '../../src/connector/attachment.ts';
import { parseLsn } from '../../src/flow/lsn.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { builtCommandLine } from './built-command-line.ts';
import { PIPELINE, SCHEMA, type HistoryTransaction } from './history.ts';
import { expelMembers } from './kafka-members.ts';
import { Life } from './life.ts';

/** Says in the very commit that a sink has written a batch. */
const COMMIT_NOTICE = `
  create function crash_test_notice() returns trigger language plpgsql as $$ begin notify crash_test; return null; end $$;
  create trigger crash_test_notice after update on millrace._offsets execute function crash_test_notice();`;

export type Stage = 'connector' | 'sink';

export interface WorldOptions {
  /** Its own; one of the run's server where not given. */
  readonly database?: TestDatabase;
  /** The data folder; a new one where not given. */
  readonly folder?: string;
  readonly partitions: number;
  /** Kafka; undefined: the embedded stream. */
  readonly brokers: readonly string[] | undefined;
}

export class World {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly options: WorldOptions;
  writer: pg.Client;
  readonly #cli = builtCommandLine();
  readonly #lives = new Set<Life>();

  private constructor(database: TestDatabase, writer: pg.Client, options: WorldOptions) {
    this.database = database;
    this.writer = writer;
    this.options = options;
    this.folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'millrace-crash-'));
  }

  static async open(options: WorldOptions): Promise<World> {
    const database = options.database ?? (await createDatabase());
    await migrate(database.url);
    await database.query(SCHEMA);
    await database.query(COMMIT_NOTICE);
    return new World(database, await database.connect(), options);
  }

  get group(): string {
    return this.database.name;
  }

  async createPipeline(): Promise<void> {
    await this.database.query(PIPELINE);
  }

  /** After the server was away. */
  async reconnect(): Promise<void> {
    this.writer = await this.database.connect();
  }

  /** Commits a transaction of the history. */
  async write(transaction: HistoryTransaction): Promise<void> {
    await this.writer.query(transaction.sql);
  }

  start(stage: Stage, options: { readonly untilCaughtUp: boolean; readonly env?: Record<string, string> }): Life {
    const { brokers, partitions } = this.options;
    const args = [stage, '--data', this.folder, '--group', this.group];
    if (brokers) args.push('--brokers', brokers.join(','));
    if (stage === 'connector') args.push('--partitions', String(partitions));
    if (options.untilCaughtUp) args.push('--until-caught-up');
    const life = new Life(this.#cli, args, { MILLRACE_WAREHOUSE: this.database.url, ...options.env });
    this.#lives.add(life);
    void life.ended.then(
      () => this.#lives.delete(life),
      () => this.#lives.delete(life),
    );
    return life;
  }

  /** Runs a stage over everything committed so far. Throws what it says unless it ends with 0. */
  async catchUp(stage: Stage): Promise<void> {
    const life = this.start(stage, { untilCaughtUp: true });
    const { code, signal } = await life.ended;
    if (code !== 0) throw new Error(`the ${stage} ended with ${code ?? signal}:\n${life.said}`);
  }

  /** Runs a stage that is to die at a fail point. Gives how often the point was hit; 0 if the run ended without. */
  async dieAt(stage: Stage, name: string, count: number): Promise<number> {
    const log = path.join(this.folder, 'hits');
    rmSync(log, { force: true });
    const env = { MILLRACE_FAIL_POINT: `${name}:${count}`, MILLRACE_FAIL_POINT_LOG: log };
    const life = this.start(stage, { untilCaughtUp: true, env });
    const { code, signal } = await life.ended;
    if (stage === 'sink') await this.sinkIsGone();
    const hits = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0;
    const died = signal === 'SIGKILL';
    if (died !== hits >= count || (!died && code !== 0))
      throw new Error(
        `armed with ${name}, the ${stage} ended with ${code ?? signal} after ${hits} hits:\n${life.said}`,
      );
    return hits;
  }

  /** Resolves when a sink next commits a batch. */
  async nextSinkCommit(): Promise<void> {
    const client = await this.database.connect();
    try {
      const notified = new Promise<void>((resolve) => client.once('notification', () => resolve()));
      await client.query('listen crash_test');
      await notified;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** The broker would find out after the session timeout; it is told, as if that were over. */
  async sinkIsGone(): Promise<void> {
    if (this.options.brokers) await expelMembers(this.options.brokers, this.group);
  }

  /**
   * After the connector has died: whether the slot stands at or below everything that the folder has. Gives both, or undefined
   * before the first start was over.
   */
  async slotAndFolder(): Promise<{ readonly confirmed: bigint; readonly lowest: bigint } | undefined> {
    const state = path.join(this.folder, this.group, 'state');
    if (!existsSync(state)) return undefined;
    // The slot last: a status that was sent before the death may arrive late.
    await using store = await openLmdbStore(state);
    const lowest = lowestClaim(store);
    const [slot] = await this.database.query<{ confirmed: string | null }>(
      'select confirmed_flush_lsn::text as confirmed from pg_replication_slots where slot_name = $1',
      [`millrace_${this.group}`],
    );
    if (lowest === undefined || !slot?.confirmed) return undefined;
    return { confirmed: parseLsn(slot.confirmed), lowest };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#lives].map((life) => life.kill()));
    await this.database[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
