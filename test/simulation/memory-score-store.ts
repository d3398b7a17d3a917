// The score store in memory: what was written whole stays, what was in flight at a crash is lost. Knows no rule of the sink; it
// passes test/contract/scores as the one over Postgres does.

import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import { comparePositions } from '../../src/flow/position.ts';
import type { KeyText } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { ExpiryRange } from '../../src/scores/expiry.ts';
import { isAboveItem } from '../../src/scores/item-position.ts';
import { isExpired } from '../../src/scores/expiry.ts';
import type {
  Place,
  RetrainingFigures,
  RetrainingId,
  RetrainingRequest,
  StoredExample,
  StoredExamples,
  TrainedState,
} from '../../src/scores/retraining.ts';
import type {
  Alert,
  Cursors,
  DeadLetter,
  Drift,
  Example,
  ExamplesAfter,
  GenerationId,
  LabelEntry,
  LearnerCheckpoint,
  LearnerLease,
  MetricValue,
  ModelVersion,
  Outcome,
  OutcomesAfter,
  PartitionId,
  PartitionState,
  ReadRequest,
  ReadResult,
  ScoreRow,
  ScoreStore,
  StoredVersion,
  WriteResult,
  WriteSet,
} from '../../src/scores/score-store.ts';
import { MemoryRetrainings } from './memory-retrainings.ts';

interface Placed {
  readonly generation: number;
  readonly partition: number;
}

export interface MemoryPartition {
  state: PartitionState;
  writtenBy: WriteSet | undefined;
  readonly due: Map<KeyText, number>;
  examples: (readonly Example[])[];
  outcomes: Outcome[];
  deadLetters: DeadLetter[];
}

export interface MemoryGeneration {
  readonly partitions: Map<number, MemoryPartition>;
  readonly labels: Map<KeyText, LabelEntry>;
  readonly alerts: Map<KeyText, Alert & { readonly id: number; readonly partition: number }>;
  readonly versions: ModelVersion[];
  /** By what a row of millrace._drift is known by. */
  readonly drift: Map<string, Drift>;
  readonly retrainings: MemoryRetrainings;
  checkpoint: LearnerCheckpoint | undefined;
  metrics: readonly MetricValue[];
}

export interface MemoryScoreOptions {
  /** Awaited before an operation takes effect and after it did; may reject, as a network would. */
  readonly fault?: (operation: string, when: 'before' | 'after') => Promise<void>;
}

export class MemoryScoreStore implements ScoreStore {
  readonly #options: MemoryScoreOptions;
  /** By score table, then key. */
  readonly tables = new Map<string, Map<KeyText, ScoreRow & Placed>>();
  readonly generations = new Map<string, MemoryGeneration>();
  readonly #leases = new Set<string>();
  #waiters: (() => void)[] = [];
  #alertId = 0;
  /** Counts crashes: an operation that began before one has no effect. */
  #life = 0;

  constructor(options: MemoryScoreOptions = {}) {
    this.#options = options;
  }

  /** The process is killed: locks are free, what is in flight never happens. */
  crash(): void {
    this.#life += 1;
    this.#leases.clear();
    this.#wake();
  }

  generation(id: GenerationId): MemoryGeneration {
    const name = `${id.pipelineId}.${id.generation}`;
    let found = this.generations.get(name);
    if (found === undefined) {
      found = {
        partitions: new Map(),
        labels: new Map(),
        alerts: new Map(),
        versions: [],
        drift: new Map(),
        retrainings: new MemoryRetrainings(),
        checkpoint: undefined,
        metrics: [],
      };
      this.generations.set(name, found);
    }
    return found;
  }

  table(definition: SinkDefinition): Map<KeyText, ScoreRow & Placed> {
    const name = `${definition.scoreTable.schema}.${definition.scoreTable.name}`;
    let found = this.tables.get(name);
    if (found === undefined) this.tables.set(name, (found = new Map()));
    return found;
  }

  async lease(id: GenerationId, waiting: () => void, signal: AbortSignal): Promise<LearnerLease | undefined> {
    const name = `${id.pipelineId}.${id.generation}`;
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    let said = false;
    while (this.#leases.has(name) && !signal.aborted) {
      if (!said) waiting();
      said = true;
      if (signal.aborted) break;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    signal.removeEventListener('abort', wake);
    if (signal.aborted) return undefined;
    this.#leases.add(name);
    const life = this.#life;
    return {
      lost: new AbortController().signal,
      [Symbol.asyncDispose]: async () => {
        if (life !== this.#life) return;
        this.#leases.delete(name);
        this.#wake();
      },
    };
  }

  open(id: PartitionId, firstOffset: number): Promise<PartitionState> {
    return this.#during('open', () => this.#partition(id, firstOffset).state);
  }

  read(id: PartitionId, definition: SinkDefinition, request: ReadRequest): Promise<ReadResult> {
    return this.#during('read', () => {
      const { labels, alerts } = this.generation(id);
      const { due, deadLetters } = this.#partition(id, 0);
      const table = this.table(definition);
      const own = (row: (ScoreRow & Placed) | undefined): boolean => row?.generation === id.generation;
      const result = {
        rows: new Map<KeyText, ScoreRow>(),
        labels: new Map<KeyText, LabelEntry>(),
        alerts: new Set<KeyText>(),
        deadLetters: new Set<KeyText>(),
        due: [] as ScoreRow[],
        dueListed: new Set<KeyText>(),
      };
      const dead = new Set(deadLetters.map((letter) => letter.key));
      for (const key of request.keys) {
        const row = table.get(key);
        if (own(row)) result.rows.set(key, { ...row!, eventTime: null });
        const label = labels.get(key);
        if (label !== undefined) result.labels.set(key, label);
        if (alerts.has(key)) result.alerts.add(key);
        if (dead.has(key)) result.deadLetters.add(key);
      }
      if (request.due === undefined) return result;
      const { fromUs, throughUs } = request.due;
      for (const [key, eventTimeUs] of due) if (eventTimeUs <= throughUs) result.dueListed.add(key);
      for (const row of table.values()) {
        if (!own(row) || row.partition !== id.partition || row.label !== null || row.eventTimeUs === null) continue;
        const inRange = row.eventTimeUs <= throughUs && (fromUs === undefined || row.eventTimeUs > fromUs);
        if (inRange || result.dueListed.has(row.key)) result.due.push({ ...row, eventTime: null });
      }
      return result;
    });
  }

  write(id: PartitionId, definition: SinkDefinition, writes: WriteSet): Promise<WriteResult> {
    return this.#during('write', () => {
      const partition = this.#partition(id, 0);
      const { state } = partition;
      if (partition.writtenBy === writes) return 'written';
      if (
        !isSame(state, writes.expected) ||
        (writes.checkpoint !== undefined && !this.#saveCheckpoint(id, writes.checkpoint))
      )
        return 'stolen';
      partition.writtenBy = writes;
      partition.state = writes.next;
      this.#writeRows(id, definition, writes);
      this.#writeRest(id, partition, writes);
      return 'written';
    });
  }

  expire(id: PartitionId, definition: SinkDefinition, range: ExpiryRange, limit: number): Promise<number> {
    return this.#during('expire', () => {
      const { fromUs, throughUs, labelledOnly } = range;
      const table = this.table(definition);
      const gone = [...table.values()]
        .filter(({ generation, partition }) => generation === id.generation && partition === id.partition)
        .filter(({ eventTimeUs }) => eventTimeUs !== null && eventTimeUs <= throughUs)
        .filter(({ eventTimeUs }) => fromUs === undefined || eventTimeUs! > fromUs)
        .filter(({ label }) => !labelledOnly || label !== null)
        .sort((a, b) => a.eventTimeUs! - b.eventTimeUs!)
        .slice(0, limit);
      for (const { key } of gone) {
        table.delete(key);
        this.generation(id).alerts.delete(key);
      }
      return gone.length;
    });
  }

  /** Alerts so far, those closed since included. */
  get alertsRaised(): number {
    return this.#alertId;
  }

  checkpoint(id: GenerationId): Promise<LearnerCheckpoint | undefined> {
    return this.#during('checkpoint', () => this.generation(id).checkpoint);
  }

  version(id: GenerationId, version: number): Promise<StoredVersion | undefined> {
    return this.#during('version', () => this.generation(id).versions.find((one) => one.version === version));
  }

  beginRetraining(
    id: RetrainingId,
    definition: SinkDefinition,
    request: RetrainingRequest,
    place: Place,
  ): Promise<StoredExamples | 'stolen'> {
    return this.#during('beginRetraining', () => {
      if (!isSame(this.#partition({ ...id, partition: place.partition }, 0).state, place.state)) return 'stolen';
      const { labels, retrainings, partitions } = this.generation(id);
      const rows = [...this.table(definition).values()].filter(
        (row) =>
          row.generation === id.generation &&
          row.label !== null &&
          !isExpired(row, partitions.get(row.partition)?.state.expired),
      );
      const start: StoredExamples['start'][number][] = [];
      for (const [number, { state }] of partitions)
        if (state.position !== undefined) start[number] = { ...state.position, i: 2_147_483_647 };
      return { count: retrainings.begin(id.command, request, rows, labels), start };
    });
  }

  storedExamples(id: RetrainingId, from: number): Promise<readonly StoredExample[]> {
    return this.#during('storedExamples', () => this.generation(id).retrainings.examples(id.command, from));
  }

  saveTrained(id: RetrainingId, trained: TrainedState): Promise<void> {
    return this.#during('saveTrained', () => this.generation(id).retrainings.save(id.command, trained));
  }

  trainedState(id: RetrainingId): Promise<TrainedState | undefined> {
    return this.#during('trainedState', () => this.generation(id).retrainings.all.get(id.command)?.kept);
  }

  showRetraining(id: RetrainingId, figures: RetrainingFigures): Promise<void> {
    return this.#during('showRetraining', () => this.generation(id).retrainings.show(id.command, figures));
  }

  async *examplesAfter(id: GenerationId, cursors: Cursors): AsyncIterable<ExamplesAfter> {
    yield* await this.#during('examplesAfter', () =>
      this.#partitions(id).map(([partition, { examples }]) => ({
        partition,
        examples: examples.flat().filter((example) => isAboveItem(example.at, cursors[partition])),
      })),
    );
  }

  async *outcomesAfter(id: GenerationId, cursors: Cursors): AsyncIterable<OutcomesAfter> {
    yield* await this.#during('outcomesAfter', () =>
      this.#partitions(id).map(([partition, { outcomes }]) => ({
        partition,
        outcomes: outcomes.filter((outcome) => isAboveItem(outcome.at, cursors[partition])),
      })),
    );
  }

  saveCheckpoint(id: GenerationId, checkpoint: LearnerCheckpoint): Promise<WriteResult> {
    return this.#during('saveCheckpoint', () => (this.#saveCheckpoint(id, checkpoint) ? 'written' : 'stolen'));
  }

  writeMetrics(id: GenerationId, values: readonly MetricValue[]): Promise<void> {
    return this.#during('writeMetrics', () => {
      this.generation(id).metrics = values;
    });
  }

  remove(id: GenerationId): Promise<void> {
    return this.#during('remove', () => {
      this.generations.delete(`${id.pipelineId}.${id.generation}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #writeRows(id: PartitionId, definition: SinkDefinition, writes: WriteSet): void {
    const table = this.table(definition);
    const remove = (test: (row: Placed) => boolean): void => {
      for (const [key, row] of table) if (test(row)) table.delete(key);
    };
    if (writes.truncate) remove((row) => row.generation === id.generation && row.partition === id.partition);
    for (const key of writes.deletes) if (table.get(key)?.generation === id.generation) table.delete(key);
    for (const row of [...writes.inserts, ...writes.upserts]) {
      if ((table.get(row.key)?.generation ?? 0) > id.generation) continue;
      table.set(row.key, { ...row, generation: id.generation, partition: id.partition });
    }
    for (const { key, label, labelledAtUs, measuredScore, measuredLsn } of writes.labelled) {
      const row = table.get(key);
      if (row?.generation === id.generation)
        table.set(key, { ...row, label, labelledAtUs, measuredScore, measuredLsn });
    }
    if (writes.supersede) remove((row) => row.generation < id.generation);
  }

  #writeRest(id: PartitionId, partition: MemoryPartition, writes: WriteSet): void {
    const { labels, alerts, versions, drift, retrainings } = this.generation(id);
    if (writes.truncate) {
      partition.due.clear();
      partition.deadLetters = [];
      for (const [key, alert] of alerts) if (alert.partition === id.partition) alerts.delete(key);
    }
    for (const key of writes.labelDeletes) labels.delete(key);
    for (const entry of writes.labels) labels.set(entry.key, entry);
    if (writes.dueClear) partition.due.clear();
    for (const key of writes.dueDeletes) partition.due.delete(key);
    for (const { key, eventTimeUs } of writes.dueAdds) partition.due.set(key, eventTimeUs);
    if (writes.examples.length > 0) partition.examples.push(writes.examples);
    partition.outcomes.push(...writes.outcomes);
    const cleared = new Set<KeyText | null>(writes.deadLetterClears);
    partition.deadLetters = partition.deadLetters.filter((letter) => !cleared.has(letter.key));
    partition.deadLetters.push(...writes.deadLetters);
    for (const key of writes.alertCloses) alerts.delete(key);
    for (const alert of writes.alerts)
      alerts.set(alert.key, { ...alert, id: (this.#alertId += 1), partition: id.partition });
    for (const version of writes.versions) {
      versions.push(version);
      const promoted = new Set(versions.flatMap((one) => (one.promoted === null ? [] : [one.version, one.promoted])));
      const kept = versions.filter((one) => one.version > version.version - version.keep || promoted.has(one.version));
      versions.splice(0, versions.length, ...kept);
    }
    for (const end of writes.retrainings) retrainings.end(end);
    for (const one of writes.drift) {
      const name = JSON.stringify([
        one.partition,
        String(one.at.lsn),
        one.at.n,
        one.at.i,
        one.signal,
        one.feature,
        one.detector,
      ]);
      if (!drift.has(name)) drift.set(name, one);
    }
  }

  #saveCheckpoint(id: GenerationId, checkpoint: LearnerCheckpoint): boolean {
    const generation = this.generation(id);
    if ((generation.checkpoint?.serial ?? 0) !== checkpoint.serial - 1) return false;
    generation.checkpoint = checkpoint;
    for (const [number, partition] of generation.partitions) {
      const cursor = checkpoint.cursors[number];
      if (cursor === undefined) continue;
      partition.examples = partition.examples.filter((block) => isAboveItem(block.at(-1)!.at, cursor));
    }
    return true;
  }

  #partition(id: PartitionId, firstOffset: number): MemoryPartition {
    const { partitions } = this.generation(id);
    let found = partitions.get(id.partition);
    if (found === undefined) {
      found = {
        state: {
          nextOffset: firstOffset,
          position: undefined,
          scored: undefined,
          definition: undefined,
          clockUs: undefined,
          phase: 'backfill',
          dueThroughUs: undefined,
          expired: undefined,
        },
        writtenBy: undefined,
        due: new Map(),
        examples: [],
        outcomes: [],
        deadLetters: [],
      };
      partitions.set(id.partition, found);
    }
    return found;
  }

  #partitions(id: GenerationId): [number, MemoryPartition][] {
    return [...this.generation(id).partitions].sort(([a], [b]) => a - b);
  }

  async #during<T>(operation: string, work: () => T): Promise<T> {
    const life = this.#life;
    await this.#options.fault?.(operation, 'before');
    if (life !== this.#life)
      throw new MillraceError('WAREHOUSE_UNREACHABLE', 'the process that asked is gone', { retryable: false });
    const result = work();
    await this.#options.fault?.(operation, 'after');
    return result;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** A partition stands where it was expected to. */
function isSame(a: PartitionState, b: PartitionState): boolean {
  const [at, expected] = [a.position, b.position];
  return (
    a.nextOffset === b.nextOffset &&
    (at === undefined || expected === undefined ? at === expected : comparePositions(at, expected) === 0)
  );
}
