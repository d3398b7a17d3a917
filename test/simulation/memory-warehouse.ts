// Postgres as the connector sees it, in memory: tables, a WAL in commit order, a publication, one slot, snapshots that cut the WAL
// exactly. What is committed is durable; everything else about it (being away, being slow, cutting a stream in the middle) is
// drawn from the seed.

import { PIPELINE_COLUMNS, PIPELINES_TABLE, parsePipelineRow } from '../../src/catalog/pipeline-row.ts';
import { cellsByName } from '../../src/connector/control.ts';
import type { ConnectorWarehouse, GenerationId, PipelineStatus, WarehouseIdentity } from '../../src/connector/ports.ts';
import type { Change, Relation, Row, RowChange } from '../../src/flow/change.ts';
import type { Lsn } from '../../src/flow/lsn.ts';
import type { PipelineDefinition, TableName } from '../../src/flow/pipeline.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import { MemorySnapshot, MemorySource } from './memory-source.ts';
import type { Life, Scheduler } from './scheduler.ts';

export interface Committed {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  readonly commitTimeUs: number;
  readonly changes: readonly Change[];
  /** Of these, what the publication had at the time: what the stream gives. */
  readonly published: readonly Change[];
}

type Cells = Readonly<Record<string, string | null>>;

/** One statement: a row written (found by its key, or by `was` where that changes), deleted, or all of them. */
export type Write =
  | { readonly table: TableName; readonly cells: Cells; readonly was?: Cells }
  | { readonly table: TableName; readonly gone: Cells }
  | { readonly table: TableName; readonly truncate: true };

/** When a snapshot was taken. */
export interface Moment {
  readonly lsn: Lsn;
  readonly takenAtUs: number;
}

/** All that another run over the very same history needs: the WAL, and where in it each snapshot was taken. */
export interface Recording {
  readonly wal: readonly Committed[];
  readonly slot: Lsn;
  /** By `<pipeline id>/<generation>`, and `group` for the first start's. */
  readonly snapshots: ReadonlyMap<string, Moment>;
}

export const nameOf = (table: TableName): string => `${table.schema}.${table.name}`;

export type Tables = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/** The server: outlives every process. */
export class MemoryWarehouse {
  readonly #scheduler: Scheduler;
  readonly #recording: Recording | undefined;
  readonly relations = new Map<string, Relation>();
  readonly #tables = new Map<string, Map<string, Row>>();
  readonly #publication = new Set<string>([nameOf(PIPELINES_TABLE)]);
  readonly #wakers = new Set<() => void>();
  readonly #started = new Set<string>();
  readonly snapshots = new Map<string, Moment>();
  readonly wal: Committed[] = [];
  /** What `describe` answers, by pipeline's name. */
  readonly facts = new Map<string, string>();
  folderId: string | undefined;
  /** Whose topics are this warehouse's, as the connector has said. */
  claim: { readonly folderId: string; readonly unmarked: readonly GenerationId[] } | undefined;
  /** Confirmed position of the slot; undefined where there is no slot. */
  slot: Lsn | undefined;
  /** Where the slot was made. */
  slotMade: Lsn | undefined;
  statuses: readonly PipelineStatus[] = [];
  /** Called before the slot moves. */
  onAcknowledge: (endLsn: Lsn) => void = () => {};
  /** Streams opened before the last cut are broken. */
  cuts = 0;
  #end: Lsn = 0x1000000n;
  #xid = 700;

  constructor(scheduler: Scheduler, recording?: Recording) {
    this.#scheduler = scheduler;
    this.#recording = recording;
    this.createTable(
      PIPELINES_TABLE,
      PIPELINE_COLUMNS.map((name) => ({ name, typeOid: 25, typmod: -1, identity: name === 'id' })),
    );
    if (!recording) return;
    this.wal.push(...recording.wal);
    this.#end = this.wal.at(-1)?.endLsn ?? this.#end;
  }

  createTable(table: TableName, columns: Relation['columns']): void {
    this.relations.set(nameOf(table), { oid: this.relations.size + 1, ...table, replicaIdentity: 'd', columns });
    this.#tables.set(nameOf(table), new Map());
  }

  rows(table: TableName): Record<string, string | null>[] {
    const relation = this.relations.get(nameOf(table))!;
    return [...this.#tables.get(nameOf(table))!.values()].map(
      (row) => cellsByName(relation, row) as Record<string, string | null>,
    );
  }

  publish(tables: readonly TableName[]): void {
    for (const table of tables) this.#publication.add(nameOf(table));
  }

  /** One transaction. */
  commit(writes: readonly Write[]): Committed {
    const changes = writes.flatMap((write) => this.#write(write));
    const commitLsn = this.#end;
    // Commit records touch: the next transaction may begin exactly where this one ends.
    this.#end += BigInt(this.#scheduler.between(1, 64) * 8);
    // Commit times go back by microseconds without any clock change (docs/correctness.md, rule A).
    const commitTimeUs = this.#scheduler.nowUs - this.#scheduler.between(0, 40);
    const published = changes.filter((change) =>
      (change.kind === 'truncate' ? change.relations : [change.relation]).every((one) =>
        this.#publication.has(nameOf(one)),
      ),
    );
    const committed = { xid: (this.#xid += 1), commitLsn, endLsn: this.#end, commitTimeUs, changes, published };
    this.wal.push(committed);
    for (const wake of [...this.#wakers]) wake();
    return committed;
  }

  #write(write: Write): Change[] {
    const relation = this.relations.get(nameOf(write.table))!;
    const stored = this.#tables.get(nameOf(write.table))!;
    if ('truncate' in write) {
      stored.clear();
      return [{ kind: 'truncate', relations: [relation] }];
    }
    const keyOf = (cells: Cells): string => keyText(relation, (name) => cells[name]);
    if ('gone' in write) {
      const before = stored.get(keyOf(write.gone));
      if (!before) return [];
      stored.delete(keyOf(write.gone));
      return [{ kind: 'delete', relation, old: identityOf(relation, before), new: undefined }];
    }
    const { cells, was = cells } = write;
    const before = stored.get(keyOf(was));
    const row = relation.columns.map(({ name }, index) => (name in cells ? cells[name]! : (before?.[index] ?? null)));
    const moved = before !== undefined && keyOf(was) !== keyOf(cells);
    if (moved) stored.delete(keyOf(was));
    stored.set(keyOf(cells), row);
    const change: RowChange = {
      kind: before ? 'update' : 'insert',
      relation,
      old: moved ? identityOf(relation, before) : undefined,
      new: row,
    };
    return [change];
  }

  /** As create_pipeline, pause, … leave it: the pipeline's whole row, in one transaction with others. */
  define(definition: PipelineDefinition, more: readonly Write[] = []): Committed {
    return this.commit([{ table: PIPELINES_TABLE, cells: cellsOf(definition) }, ...more]);
  }

  /** The pipeline's row as it stands. */
  definition(id: number): PipelineDefinition | undefined {
    const row = this.rows(PIPELINES_TABLE).find((cells) => cells['id'] === String(id));
    return row && parsePipelineRow(row);
  }

  get endLsn(): Lsn {
    return this.#end;
  }

  /** Every table as a snapshot at `lsn` sees it: what committed below. */
  tablesAt(lsn: Lsn): Tables {
    const tables = new Map([...this.relations.keys()].map((name) => [name, new Map<string, Row>()]));
    for (const { commitLsn, changes } of this.wal) {
      if (commitLsn >= lsn) break;
      for (const change of changes) replay(tables, change);
    }
    return tables;
  }

  /** Resolves at the next commit, or when the signal aborts. */
  nextCommit(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      if (signal.aborted) return wake();
      signal.addEventListener('abort', wake, { once: true });
      this.#wakers.add(wake);
    });
  }

  /** Every open stream is cut. */
  cut(): void {
    this.cuts += 1;
    for (const wake of [...this.#wakers]) wake();
  }

  openSource(life: Life, from: Lsn | undefined): MemorySource {
    return new MemorySource({ server: this, life, from });
  }

  openSnapshot(life: Life, purpose: string): MemorySnapshot {
    const moment = this.#recording
      ? this.#recordedMoment(this.#recording, purpose)
      : { lsn: this.#end, takenAtUs: this.#scheduler.nowUs };
    this.snapshots.set(purpose, moment);
    return new MemorySnapshot({ ...moment, server: this, tables: this.tablesAt(moment.lsn), life });
  }

  /** A generation that was given up before it had a snapshot takes one right after its definition. */
  #recordedMoment(recording: Recording, purpose: string): Moment {
    const known = recording.snapshots.get(purpose);
    if (known) return known;
    const defines = (change: Change): boolean => {
      if (change.kind === 'truncate' || !change.new || nameOf(change.relation) !== nameOf(PIPELINES_TABLE))
        return false;
      const { id, generation } = parsePipelineRow(cellsByName(change.relation, change.new));
      return `${id}/${generation}` === purpose;
    };
    const { endLsn, commitTimeUs } = this.wal.find(({ changes }) => changes.some(defines))!;
    const group = recording.snapshots.get('group')!;
    return endLsn < group.lsn ? group : { lsn: endLsn, takenAtUs: commitTimeUs };
  }

  /** What one process sees of it, for as long as it lives. */
  connectedFrom(life: Life): ConnectorWarehouse {
    const call = async <T>(work: () => T): Promise<T> => {
      await life.pause();
      if (life.breaks()) throw away('the warehouse is away');
      const result = work();
      await life.pause();
      if (life.breaks()) throw away('the answer was lost');
      return result;
    };
    // A generation's views are described right before its snapshot is taken.
    let purpose = 'group';
    return {
      identify: () => call(() => this.#identify()),
      prepareGroup: (folderId) =>
        call(() => {
          this.folderId = folderId;
          this.slot ??= this.#recording?.slot ?? this.#end;
          this.slotMade ??= this.slot;
        }),
      claimTopics: (unmarked) =>
        call(() => {
          this.claim = { folderId: this.folderId!, unmarked };
        }),
      publish: (inputs) =>
        call(() => {
          this.publish(inputs.map(({ table }) => table));
        }),
      missing: (inputs) =>
        Promise.resolve(
          inputs
            .filter(({ table }) => !this.#publication.has(nameOf(table)))
            .map(({ table }) => ({ table, reason: 'has left the publication' })),
        ),
      openSource: (from) => call(() => this.openSource(life, from)),
      openSnapshot: () =>
        call(() => {
          const taken = purpose;
          purpose = 'group';
          return this.openSnapshot(life, taken);
        }),
      describe: (definition) =>
        call(() => {
          purpose = `${definition.id}/${definition.generation}`;
          this.#started.add(purpose);
          return this.facts.get(definition.name)!;
        }),
      wasStarted: (id, generation) => call(() => this.#started.has(`${id}/${generation}`)),
      requestGeneration: (id, generation) => call(() => this.#requestGeneration(id, generation)),
      currentLsn: () => call(() => this.#end),
      heartbeat: () =>
        call(() => {
          if (!this.#recording) this.commit([]);
        }),
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

  /** In a recording the answer stands in the WAL already. */
  #requestGeneration(id: number, generation: number): void {
    const definition = this.definition(id);
    if (this.#recording || !definition || definition.desired === 'dropped' || definition.generation >= generation)
      return;
    this.define({ ...definition, generation, revision: definition.revision + 1 });
  }
}

export function keyText(relation: Relation, cell: (name: string, index: number) => string | null | undefined): string {
  return JSON.stringify(relation.columns.flatMap(({ name, identity }, index) => (identity ? [cell(name, index)] : [])));
}

function identityOf(relation: Relation, row: Row): Row {
  return relation.columns.map(({ identity }, index) => (identity ? row[index] : undefined));
}

function replay(tables: ReadonlyMap<string, Map<string, Row>>, change: Change): void {
  if (change.kind === 'truncate') {
    for (const relation of change.relations) tables.get(nameOf(relation))!.clear();
    return;
  }
  const table = tables.get(nameOf(change.relation))!;
  if (change.old) table.delete(keyText(change.relation, (_, index) => change.old![index]));
  if (change.new)
    table.set(
      keyText(change.relation, (_, index) => change.new![index]),
      change.new,
    );
}

export function away(message: string): MillraceError {
  return new MillraceError('WAREHOUSE_UNREACHABLE', message, { retryable: true });
}

function cellsOf(definition: PipelineDefinition): Record<string, string | null> {
  const { labels, features, scoreTable } = definition;
  const text = (value: string | number | undefined): string | null => (value === undefined ? null : String(value));
  return {
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
    model: JSON.stringify({ ...definition.model, ...retrainOf(definition) }),
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
}

/** As the row has it (migrations/0014-retrain.sql). */
function retrainOf({ retrain, generation }: PipelineDefinition): object {
  return retrain === undefined ? {} : { _retrain: { command: retrain.command, generation, ...retrain.train } };
}
