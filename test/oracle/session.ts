// The Postgres side of the oracle: applies a transaction, hands back what its triggers noted, and decodes what the slot sends.

import pg from 'pg';
import type { Change } from '../../src/flow/change.ts';
import { PgoutputDecoder } from '../../src/source/pgoutput.ts';
import { connect, TEXT_ONLY } from '../../src/warehouse/connection.ts';
import type { TestDatabase } from '../support/database.ts';
import { createTables, type TableOptions } from './tables.ts';

export interface LoggedChange {
  readonly table: string;
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE';
  readonly old: Readonly<Record<string, unknown>> | undefined;
  readonly new: Readonly<Record<string, unknown>> | undefined;
}

export interface DecodedTransaction {
  readonly commitTimeUs: number;
  readonly changes: readonly Change[];
}

export interface AppliedTransaction {
  /** As the triggers saw it, in order. Empty where Postgres rejected the transaction. */
  readonly log: readonly LoggedChange[];
  /** As the slot gives it; several only where the history itself commits several times. */
  readonly decoded: readonly DecodedTransaction[];
}

type Texts = (string | null)[];

/** One database with a slot, in which histories run one after another. */
export class OracleSession {
  readonly #database: TestDatabase;
  readonly #writer: pg.Client;
  readonly #slot: pg.Client;
  readonly #name: string;
  #commits = 0;

  private constructor(database: TestDatabase, writer: pg.Client, slot: pg.Client, name: string) {
    this.#database = database;
    this.#writer = writer;
    this.#slot = slot;
    this.#name = name;
  }

  static async open(database: TestDatabase): Promise<OracleSession> {
    const writer = await connect({ url: database.url, applicationName: 'millrace oracle' });
    const slot = await connect({ url: database.url, applicationName: 'millrace oracle slot' });
    const name = `oracle_${database.name}`;
    return new OracleSession(database, writer, slot, name);
  }

  get url(): string {
    return this.#database.url;
  }

  /** Tables anew and a slot that starts after them. */
  async reset(options: TableOptions): Promise<void> {
    await this.#dropSlot();
    await this.#writer.query(createTables(options));
    await this.#writer.query(
      'drop publication if exists oracle; create publication oracle for table shop.payments, shop.items, shop.chargebacks',
    );
    await this.#slot.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [this.#name]);
  }

  /** Sets the session in which views are made and asked. */
  async timezone(zone: string): Promise<void> {
    await this.#writer.query(`set timezone = '${zone}'`);
  }

  /** Runs SQL outside the history. */
  async query(sql: string): Promise<Texts[]> {
    const result = await this.#writer.query<Texts>({ text: sql, rowMode: 'array', types: TEXT_ONLY });
    const last = (
      Array.isArray(result) ? (result as pg.QueryArrayResult<Texts>[]).at(-1)! : result
    ) as pg.QueryArrayResult<Texts>;
    return last.rows;
  }

  /** Like {@link query}, but undefined where Postgres raises a data error. */
  async attempt(sql: string): Promise<Texts[] | undefined> {
    try {
      return await this.query(sql);
    } catch (error) {
      if (isDataError(error)) return undefined;
      throw error;
    }
  }

  /** One transaction of the history, then everything it changed. */
  async apply(statements: readonly string[]): Promise<AppliedTransaction> {
    try {
      await this.#writer.query(`begin; ${statements.join('; ')}; commit`);
    } catch (error) {
      await this.#writer.query('rollback');
      if (!(error instanceof pg.DatabaseError)) throw error;
      if (error.code !== '23505') throw new Error(`${error.message} in: ${statements.join('; ')}`, { cause: error });
    }
    const logged = await this.#writer.query<{
      tbl: string;
      op: LoggedChange['op'];
      old: string | null;
      new: string | null;
    }>({
      text: 'with taken as (delete from shop.change_log returning *) select tbl, op, old::text as old, new::text as new from taken order by n',
      types: TEXT_ONLY,
    });
    return {
      log: logged.rows.map((row) => ({
        table: row.tbl,
        op: row.op,
        old: readObject(row.old),
        new: readObject(row.new),
      })),
      decoded: await this.decode(),
    };
  }

  /** What the slot has had to say since it was last asked. */
  async decode(): Promise<DecodedTransaction[]> {
    const result = await this.#slot.query<{ data: Buffer }>(
      `select data from pg_logical_slot_get_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'oracle')`,
      [this.#name],
    );
    const decoder = new PgoutputDecoder();
    const transactions: DecodedTransaction[] = [];
    let changes: Change[] = [];
    let commitTimeUs = 0;
    for (const { data } of result.rows) {
      const message = decoder.decode(data, 0, data.length);
      if (message.kind === 'begin') {
        changes = [];
        commitTimeUs = message.commitTimeUs;
      } else if (message.kind === 'commit') {
        transactions.push({ commitTimeUs, changes });
        this.#commits++;
      } else if (
        message.kind === 'insert' ||
        message.kind === 'update' ||
        message.kind === 'delete' ||
        message.kind === 'truncate'
      ) {
        changes.push(message);
      }
    }
    return transactions;
  }

  /** Transactions decoded so far. */
  get commits(): number {
    return this.#commits;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dropSlot();
    await this.#writer.end();
    await this.#slot.end();
  }

  async #dropSlot(): Promise<void> {
    await this.#slot.query(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1',
      [this.#name],
    );
  }
}

/** SQLSTATE class 22, and what raises like it: the row is to blame, not the view. */
export function isDataError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && /^(22|2200|0A000|P0001|54000)/.test(error.code ?? '');
}

/** Every value as the text of its jsonb, so that 1.0 and 1.00 differ and nothing is rounded. */
function readObject(text: string | null): Record<string, unknown> | undefined {
  if (text === null) return undefined;
  return Object.fromEntries(topLevelJson(text));
}

/** The members of a JSON object with their values' text, exactly as written. Nested values are one text. */
export function topLevelJson(text: string): [name: string, value: string][] {
  const members: [string, string][] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== '{') throw new TypeError(`not a JSON object: ${text}`);
  at = skipSpace(text, at + 1);
  while (text[at] !== '}') {
    const nameEnd = endOfValue(text, at);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    at = skipSpace(text, nameEnd);
    if (text[at] !== ':') throw new TypeError(`no colon at ${at}: ${text}`);
    at = skipSpace(text, at + 1);
    const end = endOfValue(text, at);
    members.push([name, text.slice(at, end)]);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
    else if (text[at] !== '}') throw new TypeError(`no comma at ${at}: ${text}`);
  }
  if (skipSpace(text, at + 1) !== text.length) throw new TypeError(`more after the object: ${text}`);
  return members;
}

function skipSpace(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
  return at;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const c = text[at]!;
    if (c === '"') {
      at++;
      while (text[at] !== '"') {
        if (at >= text.length) throw new TypeError(`a string without end: ${text}`);
        at += text[at] === '\\' ? 2 : 1;
      }
    } else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') {
      if (depth === 0) return at;
      depth--;
    } else if (depth === 0 && (c === ',' || c === ':' || c === ' ')) return at;
    at++;
    if (depth === 0 && (c === '"' || c === '}' || c === ']')) return at;
  }
  return at;
}
