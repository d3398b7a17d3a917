// The stream and the snapshots of the warehouse in memory. Pass test/contract/source like those of Postgres.

import assert from 'node:assert';
import type { Change, Relation, Row, Transaction } from '../../src/flow/change.ts';
import { formatLsn, type Lsn } from '../../src/flow/lsn.ts';
import type { TableName } from '../../src/flow/pipeline.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { AcknowledgedCheckpoint, BackfillRead, BackfillSnapshot, Source } from '../../src/source/source.ts';
import { away, nameOf, type Committed, type MemoryWarehouse, type Moment, type Tables } from './memory-warehouse.ts';
import type { Life } from './scheduler.ts';

/** Most changes in a chunk: large transactions come in many. */
const CHUNK = 4;
const SNAPSHOT_CHUNK = 7;

export class MemorySource implements Source {
  readonly #server: MemoryWarehouse;
  readonly #life: Life;
  readonly #cuts: number;
  readonly confirmedLsn: Lsn;
  #at: number;
  #reading = false;

  constructor({ server, life, from }: { server: MemoryWarehouse; life: Life; from: Lsn | undefined }) {
    if (server.slot === undefined) throw new MillraceError('SLOT_MISSING', 'no slot');
    const start = from ?? server.slot;
    if (start < server.slot)
      throw new MillraceError('STATE_LOST', `asked to begin at ${formatLsn(start)}, below ${formatLsn(server.slot)}`);
    this.#server = server;
    this.#life = life;
    this.#cuts = server.cuts;
    this.confirmedLsn = server.slot;
    const found = server.wal.findIndex((committed) => committed.commitLsn >= start);
    this.#at = found < 0 ? server.wal.length : found;
  }

  /** Never true without reason; false now and then with one, as when the next message is still on its way. */
  get pending(): boolean {
    return this.#at < this.#server.wal.length && this.#life.scheduler.chance(0.7);
  }

  get lagBytes(): number {
    const next = this.#server.wal[this.#at];
    return next ? Number(this.#server.endLsn - next.commitLsn) : 0;
  }

  async next(signal: AbortSignal): Promise<Transaction | undefined> {
    if (this.#reading) throw new Error('the transaction before was not read to its end');
    for (;;) {
      await this.#life.pause();
      if (signal.aborted) return undefined;
      this.#checkCut();
      const committed = this.#server.wal[this.#at];
      if (committed) {
        this.#at += 1;
        this.#reading = true;
        return this.#pulled(committed);
      }
      await this.#server.nextCommit(signal);
    }
  }

  #checkCut(): void {
    if (this.#cuts !== this.#server.cuts || this.#life.breaks()) throw away('the stream was cut');
  }

  #pulled({ xid, commitLsn, endLsn, commitTimeUs, published }: Committed): Transaction {
    const isRead = (): boolean => !this.#reading;
    return {
      xid,
      commitLsn,
      commitTimeUs,
      get endLsn(): Lsn {
        assert(isRead(), 'the end of a transaction is known when its changes were read');
        return endLsn;
      },
      changes: () => this.#chunks(published),
    };
  }

  async *#chunks(changes: readonly Change[]): AsyncGenerator<readonly Change[]> {
    for (let at = 0; at < changes.length;) {
      await this.#life.pause(5, 200);
      this.#checkCut();
      const size = this.#life.scheduler.between(1, CHUNK);
      yield changes.slice(at, at + size);
      at += size;
    }
    this.#reading = false;
  }

  acknowledge({ endLsn }: AcknowledgedCheckpoint): void {
    if (!this.#life.alive) return;
    this.#server.onAcknowledge(endLsn);
    if (endLsn > this.#server.slot!) this.#server.slot = endLsn;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export class MemorySnapshot implements BackfillSnapshot {
  readonly lsn: Lsn;
  readonly takenAtUs: number;
  readonly #server: MemoryWarehouse;
  readonly #tables: Tables;
  readonly #life: Life;

  constructor(given: Moment & { readonly server: MemoryWarehouse; readonly tables: Tables; readonly life: Life }) {
    this.lsn = given.lsn;
    this.takenAtUs = given.takenAtUs;
    this.#server = given.server;
    this.#tables = given.tables;
    this.#life = given.life;
  }

  includes(transaction: Pick<Transaction, 'commitLsn'>): boolean {
    return transaction.commitLsn < this.lsn;
  }

  async estimate(table: TableName): Promise<number> {
    return this.#tables.get(nameOf(table))!.size;
  }

  /** `orderBy` is column names here, perhaps with an alias before them; numbers in numeric order. */
  async *read(request: BackfillRead, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    signal.throwIfAborted();
    const relation: Relation = this.#server.relations.get(nameOf(request.table))!;
    const indexOf = (name: string): number => {
      const index = relation.columns.findIndex((column) => column.name === name);
      assert(index >= 0, `no column ${name}`);
      return index;
    };
    const order = request.orderBy.map((expression) => indexOf(expression.replaceAll('"', '').split('.').at(-1)!));
    const sorted = [...this.#tables.get(nameOf(request.table))!.values()].sort((a, b) =>
      order.reduce((result, index) => result || compareCells(a[index], b[index]), 0),
    );
    const columns = request.columns.map(indexOf);
    for (let at = 0; at < sorted.length; at += SNAPSHOT_CHUNK) {
      await this.#life.pause();
      signal.throwIfAborted();
      if (this.#life.breaks()) throw away('the snapshot was cut');
      yield sorted.slice(at, at + SNAPSHOT_CHUNK).map((row) => columns.map((index) => row[index]));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** NULLs last. */
function compareCells(a: string | null | undefined, b: string | null | undefined): number {
  if (a == null || b == null) return a == null ? (b == null ? 0 : 1) : -1;
  if (/^-?\d+$/.test(a) && /^-?\d+$/.test(b)) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}
