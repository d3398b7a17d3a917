// Postgres as the connector sees it, in memory: tables, a WAL in commit order, one slot, snapshots that cut the WAL exactly. What
// is committed is durable; everything else about it (being away, being slow, cutting a stream in the middle) is drawn from the seed.

import { PIPELINE_COLUMNS, PIPELINES_TABLE } from '../../src/catalog/pipeline-row.ts';
import type { ConnectorWarehouse, PipelineStatus, WarehouseIdentity } from '../../src/connector/ports.ts';
import type { Change, Relation, Row, Transaction } from '../../src/flow/change.ts';
import type { Lsn } from '../../src/flow/lsn.ts';
import type { PipelineDefinition, TableName } from '../../src/flow/pipeline.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { AcknowledgedCheckpoint, BackfillRead, BackfillSnapshot, Source } from '../../src/source/source.ts';
import type { Life, Scheduler } from './scheduler.ts';

export interface Committed {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  readonly commitTimeUs: number;
  readonly changes: readonly Change[];
}

export interface Faults {
  /** Chance that a call to the warehouse or a step of the stream fails, retryably. */
  readonly breaks: number;
}

const nameOf = (table: TableName): string => `${table.schema}.${table.name}`;

/** The server: outlives every process. */
export class MemoryWarehouse {
  readonly #scheduler: Scheduler;
  readonly #relations = new Map<string, Relation>();
  readonly #tables = new Map<string, Map<string, Row>>();
  readonly #wakers = new Set<() => void>();
  readonly wal: Committed[] = [];
  readonly facts = new Map<number, string>();
  readonly #started = new Set<string>();
  folderId: string | undefined;
  /** Confirmed position of the slot; undefined where there is no slot. */
  slot: Lsn | undefined;
  statuses: readonly PipelineStatus[] = [];
  #end: Lsn = 0x1000000n;
  #xid = 700;
  faults: Faults = { breaks: 0 };

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.createTable({ ...PIPELINES_TABLE }, [...PIPELINE_COLUMNS], ['id']);
  }

  createTable(table: TableName, columns: readonly string[], key: readonly string[]): void {
    const described = columns.map((name) => ({ name, typeOid: 25, typmod: -1, identity: key.includes(name) }));
    const relation: Relation = { oid: this.#relations.size + 1, ...table, replicaIdentity: 'd', columns: described };
    this.#relations.set(nameOf(table), relation);
    this.#tables.set(nameOf(table), new Map());
  }

  rows(table: TableName): readonly Row[] {
    return [...this.#tables.get(nameOf(table))!.values()];
  }

  /** One transaction: for each row its new cells, or with `gone` its key's. */
  commit(
    rows: readonly {
      readonly table: TableName;
      readonly cells: Readonly<Record<string, string | null>>;
      readonly gone?: boolean;
    }[],
    atUs = this.#scheduler.nowUs,
  ): Committed {
    const changes = rows.flatMap(({ table, cells, gone }) => this.#write(table, cells, gone === true));
    const commitLsn = this.#end;
    // Commit records touch: the next transaction may begin exactly where this one ends.
    this.#end += BigInt(this.#scheduler.between(1, 64) * 8);
    const committed = { xid: (this.#xid += 1), commitLsn, endLsn: this.#end, commitTimeUs: atUs, changes };
    this.wal.push(committed);
    for (const wake of this.#wakers) wake();
    return committed;
  }

  #write(table: TableName, cells: Readonly<Record<string, string | null>>, gone: boolean): Change[] {
    const relation = this.#relations.get(nameOf(table))!;
    const stored = this.#tables.get(nameOf(table))!;
    const key = relation.columns
      .filter((column) => column.identity)
      .map((column) => cells[column.name])
      .join('\u0000');
    const before = stored.get(key);
    if (gone) {
      if (!before) return [];
      stored.delete(key);
      const old = relation.columns.map((column, index) => (column.identity ? before[index] : undefined));
      return [{ kind: 'delete', relation, old, new: undefined }];
    }
    const row = relation.columns.map((column, index) =>
      column.name in cells ? cells[column.name]! : (before?.[index] ?? null),
    );
    stored.set(key, row);
    return [{ kind: before ? 'update' : 'insert', relation, old: undefined, new: row }];
  }

  /** As create_pipeline, pause, … leave it: the pipeline's whole row. */
  define(definition: PipelineDefinition): Committed {
    const { labels, features, scoreTable } = definition;
    const text = (value: string | number | undefined): string | null => (value === undefined ? null : String(value));
    const cells = {
      id: text(definition.id),
      name: definition.name,
      generation: text(definition.generation),
      revision: text(definition.revision),
      desired: definition.desired,
      features_schema: features.schema,
      features_name: features.name,
      labels_schema: text(labels?.schema),
      labels_name: text(labels?.name),
      key: JSON.stringify(definition.key),
      event_time: text(definition.eventTime),
      label_wait_us: text(definition.labelWaitUs),
      label_default: text(definition.labelDefault),
      model: JSON.stringify(definition.model),
      alert_when: text(definition.alertWhen),
      score_schema: scoreTable.schema,
      score_name: scoreTable.name,
      backfill: definition.backfill,
      also_on: '[]',
      clock: definition.clock,
      late_by_us: text(definition.lateByUs),
      append_only: definition.appendOnly ? 't' : 'f',
      keep_scores_for_us: text(definition.keepScoresForUs),
      timezone: definition.timezone,
      owner: definition.owner,
    };
    return this.commit([{ table: PIPELINES_TABLE, cells }]);
  }

  get endLsn(): Lsn {
    return this.#end;
  }

  /** Resolves at the next commit, or when the signal aborts. */
  nextCommit(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakers.delete(wake);
        resolve();
      };
      if (signal.aborted) return wake();
      signal.addEventListener('abort', wake, { once: true });
      this.#wakers.add(wake);
    });
  }

  /** What one process sees of it, for as long as it lives. */
  connectedFrom(life: Life): ConnectorWarehouse {
    const call = async <T>(work: () => T): Promise<T> => {
      await life.pause();
      if (this.#scheduler.chance(this.faults.breaks)) throw away('the warehouse is away');
      const result = work();
      await life.pause();
      return result;
    };
    return {
      identify: () => call(() => this.#identify()),
      prepareGroup: (folderId) =>
        call(() => {
          this.folderId = folderId;
          this.slot ??= this.#end;
        }),
      publish: () => call(() => {}),
      openSource: (from) => call(() => new MemorySource(this, this.#scheduler, life, from)),
      openSnapshot: () => call(() => new MemorySnapshot(this.#end, this.#scheduler.nowUs, this.#copy(), life)),
      describe: (definition) =>
        call(() => {
          this.#started.add(`${definition.id}/${definition.generation}`);
          return this.facts.get(definition.id)!;
        }),
      wasStarted: (id, generation) => call(() => this.#started.has(`${id}/${generation}`)),
      requestGeneration: (id, generation) => call(() => this.#requestGeneration(id, generation)),
      currentLsn: () => call(() => this.#end),
      heartbeat: () => call(() => void this.commit([])),
      report: (statuses) =>
        call(() => {
          this.statuses = statuses;
        }),
    };
  }

  #identify(): WarehouseIdentity {
    return {
      systemIdentifier: '7',
      timeline: 1,
      slot: 'millrace_main',
      slotExists: this.slot !== undefined,
      folderId: this.folderId,
      confirmedLsn: this.slot,
    };
  }

  #requestGeneration(id: number, generation: number): void {
    const relation = this.#relations.get(nameOf(PIPELINES_TABLE))!;
    const row = this.#tables.get(nameOf(PIPELINES_TABLE))!.get(String(id));
    if (!row) return;
    const cells = Object.fromEntries(relation.columns.map((column, index) => [column.name, row[index] ?? null]));
    if (Number(cells['generation']) >= generation) return;
    this.commit([
      {
        table: PIPELINES_TABLE,
        cells: { ...cells, generation: String(generation), revision: String(Number(cells['revision']) + 1) },
      },
    ]);
  }

  #copy(): ReadonlyMap<string, { readonly relation: Relation; readonly rows: readonly Row[] }> {
    return new Map(
      [...this.#tables].map(([name, rows]) => [
        name,
        { relation: this.#relations.get(name)!, rows: [...rows.values()] },
      ]),
    );
  }
}

function away(message: string): MillraceError {
  return new MillraceError('WAREHOUSE_UNREACHABLE', message, { retryable: true });
}

class MemorySource implements Source {
  readonly #server: MemoryWarehouse;
  readonly #scheduler: Scheduler;
  readonly #life: Life;
  readonly confirmedLsn: Lsn;
  #at: number;

  constructor(server: MemoryWarehouse, scheduler: Scheduler, life: Life, from: Lsn) {
    if (server.slot === undefined) throw new MillraceError('SLOT_MISSING', 'no slot');
    this.#server = server;
    this.#scheduler = scheduler;
    this.#life = life;
    this.confirmedLsn = server.slot;
    // As Postgres does: below the confirmed position nothing comes, and nobody says so.
    const start = from > server.slot ? from : server.slot;
    this.#at = server.wal.findIndex((committed) => committed.commitLsn >= start);
    if (this.#at < 0) this.#at = server.wal.length;
  }

  get pending(): boolean {
    return this.#at < this.#server.wal.length && this.#scheduler.chance(0.7);
  }

  get lagBytes(): number {
    return this.#at < this.#server.wal.length ? Number(this.#server.endLsn - this.#server.wal[this.#at]!.commitLsn) : 0;
  }

  async next(signal: AbortSignal): Promise<Transaction | undefined> {
    for (;;) {
      await this.#life.pause();
      if (signal.aborted) return undefined;
      if (this.#scheduler.chance(this.#server.faults.breaks)) throw away('the stream was cut between transactions');
      const committed = this.#server.wal[this.#at];
      if (committed) {
        this.#at += 1;
        return this.#pulled(committed);
      }
      await this.#server.nextCommit(signal);
    }
  }

  #pulled(committed: Committed): Transaction {
    const life = this.#life;
    const scheduler = this.#scheduler;
    const { breaks } = this.#server.faults;
    return {
      ...committed,
      async *changes() {
        for (let at = 0; at < committed.changes.length;) {
          await life.pause(5, 200);
          if (scheduler.chance(breaks)) throw away('the stream was cut in a transaction');
          const size = scheduler.between(1, 4);
          yield committed.changes.slice(at, at + size);
          at += size;
        }
      },
    };
  }

  acknowledge(checkpoint: AcknowledgedCheckpoint): void {
    if (!this.#life.alive) return;
    if (checkpoint.endLsn > this.#server.slot!) this.#server.slot = checkpoint.endLsn;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class MemorySnapshot implements BackfillSnapshot {
  readonly lsn: Lsn;
  readonly takenAtUs: number;
  readonly #tables: ReadonlyMap<string, { readonly relation: Relation; readonly rows: readonly Row[] }>;
  readonly #life: Life;

  constructor(
    lsn: Lsn,
    takenAtUs: number,
    tables: ReadonlyMap<string, { readonly relation: Relation; readonly rows: readonly Row[] }>,
    life: Life,
  ) {
    this.lsn = lsn;
    this.takenAtUs = takenAtUs;
    this.#tables = tables;
    this.#life = life;
  }

  includes(transaction: Pick<Transaction, 'commitLsn'>): boolean {
    return transaction.commitLsn < this.lsn;
  }

  async estimate(table: TableName): Promise<number> {
    return this.#tables.get(nameOf(table))!.rows.length;
  }

  /** `orderBy` is column names here, perhaps with an alias before them; numbers in numeric order. */
  async *read(request: BackfillRead): AsyncIterable<readonly Row[]> {
    const { relation, rows } = this.#tables.get(nameOf(request.table))!;
    const indexOf = (name: string): number => relation.columns.findIndex((column) => column.name === name);
    const order = request.orderBy.map((expression) => indexOf(expression.replaceAll('"', '').split('.').at(-1)!));
    const sorted = [...rows].sort((a, b) =>
      order.reduce((result, index) => result || compareCells(a[index], b[index]), 0),
    );
    const columns = request.columns.map(indexOf);
    for (let at = 0; at < sorted.length; at += 7) {
      await this.#life.pause();
      yield sorted.slice(at, at + 7).map((row) => columns.map((index) => row[index]));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function compareCells(a: string | null | undefined, b: string | null | undefined): number {
  if (a == null || b == null) return a == null ? (b == null ? 0 : 1) : -1;
  if (/^-?\d+$/.test(a) && /^-?\d+$/.test(b)) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}
