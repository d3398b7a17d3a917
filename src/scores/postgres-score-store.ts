// The score store over Postgres: set-based statements with binary arrays, one transaction a batch (docs/correctness.md, rule E).

import type pg from 'pg';
import { formatLsn, parseLsn } from '../flow/lsn.ts';
import type { SinkDefinition } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { SessionPool } from './session-pool.ts';
import type { ExpiryRange } from './expiry.ts';
import { applyWrites, deleteExpired } from './postgres-writes.ts';
import { readBatch } from './postgres-reads.ts';
import {
  insertCheckpoint,
  readCheckpoint,
  readExamples,
  readOutcomes,
  readVersion,
  upsertMetrics,
} from './postgres-learning.ts';
import { copyExamples, readStoredExamples, readTrained, saveTrained, showFigures } from './postgres-retraining.ts';
import type {
  Place,
  RetrainingFigures,
  RetrainingId,
  RetrainingRequest,
  StoredExample,
  StoredExamples,
  TrainedState,
} from './retraining.ts';
import type {
  Cursors,
  ExamplesAfter,
  GenerationId,
  LearnerCheckpoint,
  LearnerLease,
  MetricValue,
  OutcomesAfter,
  PartitionId,
  PartitionState,
  ReadRequest,
  ReadResult,
  ScoreStore,
  StoredVersion,
  WriteResult,
  WriteSet,
} from './score-store.ts';

interface OffsetRow {
  readonly next_offset: string;
  readonly position_lsn: string | null;
  readonly position_n: string | null;
  readonly scored_lsn: string | null;
  readonly scored_n: string | null;
  readonly definition: SinkDefinition | null;
  readonly clock_us: string | null;
  readonly phase: 'backfill' | 'live';
  readonly due_through_us: string | null;
  readonly expired_through_us: string | null;
  readonly expired_labelled_us: string | null;
  readonly alerting: Buffer | null;
  readonly written_by: string | null;
}

export class PostgresScoreStore implements ScoreStore {
  readonly #sessions: SessionPool;
  readonly #writer: string;
  #writes = 0;
  /** A retried set keeps its token, so that its own lost commit is known again. */
  readonly #tokens = new WeakMap<WriteSet, string>();
  /** Partitions that may have dead letters: where there are none, none is looked for. */
  readonly #withDeadLetters = new Set<string>();
  /** Partitions whose new keys may have rows that are not theirs: where there are none, rows are inserted without a look. */
  readonly #withOlderRows = new Set<string>();

  /** @param writer names this process in the offset row; must be unique (random) */
  constructor(url: string, writer: string) {
    this.#sessions = new SessionPool(url, 'millrace sink');
    this.#writer = writer;
  }

  async lease(id: GenerationId, waiting: () => void, signal: AbortSignal): Promise<LearnerLease | undefined> {
    if (signal.aborted) return undefined;
    const client = await this.#sessions.open();
    const lost = new AbortController();
    client.once('end', () =>
      lost.abort(
        new MillraceError('WAREHOUSE_UNREACHABLE', "the session of the learner's lock ended", { retryable: true }),
      ),
    );
    const stop = (): void => void this.#sessions.close(client);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const name = `millrace learner ${id.pipelineId}.${id.generation}`;
      const got = await client.query<{ got: boolean }>('select pg_try_advisory_lock(hashtextextended($1, 0)) as got', [
        name,
      ]);
      if (got.rows[0]?.got !== true) {
        waiting();
        await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [name]);
      }
    } catch (error) {
      await this.#sessions.close(client);
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    return { lost: lost.signal, [Symbol.asyncDispose]: () => this.#sessions.close(client) };
  }

  open(id: PartitionId, firstOffset: number): Promise<PartitionState> {
    return this.#sessions.use(async (client) => {
      const ids = [id.pipelineId, id.generation, id.partition];
      await client.query(
        `insert into millrace._offsets (pipeline_id, generation, partition, next_offset) values ($1, $2, $3, $4) on conflict do nothing`,
        [...ids, firstOffset],
      );
      const dead = await client.query(
        'select from millrace._dead_letters where pipeline_id = $1 and generation = $2 and partition = $3 limit 1',
        ids,
      );
      if (dead.rowCount) this.#withDeadLetters.add(partitionName(id));
      return stateOf((await readOffset(client, id, ''))!);
    });
  }

  read(id: PartitionId, definition: SinkDefinition, request: ReadRequest): Promise<ReadResult> {
    const deadLetters = this.#withDeadLetters.has(partitionName(id));
    return this.#sessions.use((client) => readBatch(client, id, definition, request, deadLetters));
  }

  async write(id: PartitionId, definition: SinkDefinition, writes: WriteSet): Promise<WriteResult> {
    let token = this.#tokens.get(writes);
    if (token === undefined) {
      this.#writes += 1;
      token = `${this.#writer}:${this.#writes}`;
      this.#tokens.set(writes, token);
    }
    if (writes.deadLetters.length > 0) this.#withDeadLetters.add(partitionName(id));
    const name = partitionName(id);
    return this.#sessions.use(async (client) => {
      try {
        return await transact(client, id, definition, writes, token!, !this.#withOlderRows.has(name));
      } catch (error) {
        // A key that had no row has one: an older generation's, or one that somebody else made. Then it is replaced.
        if (!isDuplicate(error) || this.#withOlderRows.has(name)) throw error;
        this.#withOlderRows.add(name);
        await client.query('rollback');
        return transact(client, id, definition, writes, token!, false);
      }
    });
  }

  expire(id: PartitionId, definition: SinkDefinition, range: ExpiryRange, limit: number): Promise<number> {
    return this.#sessions.use((client) => deleteExpired(client, id, definition, range, limit));
  }

  checkpoint(id: GenerationId): Promise<LearnerCheckpoint | undefined> {
    return this.#sessions.use((client) => readCheckpoint(client, id));
  }

  version(id: GenerationId, version: number): Promise<StoredVersion | undefined> {
    return this.#sessions.use((client) => readVersion(client, id, version));
  }

  beginRetraining(
    id: RetrainingId,
    definition: SinkDefinition,
    request: RetrainingRequest,
    { partition, state }: Place,
  ): Promise<StoredExamples | 'stolen'> {
    return this.#sessions.use(async (client) => {
      await client.query('begin isolation level repeatable read');
      const stored = await readOffset(client, { ...id, partition }, 'for update');
      const same = stored !== undefined && isExpected(stored, state);
      const copied = same ? await copyExamples(client, id, definition, request) : 'stolen';
      await client.query('commit');
      return copied;
    });
  }

  storedExamples(id: RetrainingId, from: number): Promise<readonly StoredExample[]> {
    return this.#sessions.use((client) => readStoredExamples(client, id, from));
  }

  saveTrained(id: RetrainingId, trained: TrainedState): Promise<void> {
    return this.#sessions.use((client) => saveTrained(client, id, trained));
  }

  trainedState(id: RetrainingId): Promise<TrainedState | undefined> {
    return this.#sessions.use((client) => readTrained(client, id));
  }

  showRetraining(id: RetrainingId, figures: RetrainingFigures): Promise<void> {
    return this.#sessions.use((client) => showFigures(client, id, figures));
  }

  async *examplesAfter(id: GenerationId, cursors: Cursors): AsyncIterable<ExamplesAfter> {
    yield* await this.#sessions.use((client) => readExamples(client, id, cursors));
  }

  async *outcomesAfter(id: GenerationId, cursors: Cursors): AsyncIterable<OutcomesAfter> {
    let after: OutcomesAfter | null = null;
    for (;;) {
      const read: OutcomesAfter[] = await this.#sessions.use((client) => readOutcomes(client, id, cursors, after));
      yield* read;
      after = read.at(-1) ?? null;
      if (after === null) return;
    }
  }

  saveCheckpoint(id: GenerationId, checkpoint: LearnerCheckpoint): Promise<WriteResult> {
    return this.#sessions.use(async (client) => {
      await client.query('begin');
      const saved = await insertCheckpoint(client, id, checkpoint);
      await client.query(saved ? 'commit' : 'rollback');
      return saved ? 'written' : 'stolen';
    });
  }

  async writeMetrics(id: GenerationId, values: readonly MetricValue[], atUs: number): Promise<void> {
    await this.#sessions.use(async (client) => {
      await client.query('begin');
      await upsertMetrics(client, id, values, atUs);
      await client.query('commit');
    });
  }

  async remove(id: GenerationId): Promise<void> {
    await this.#sessions.use(async (client) => {
      await client.query('begin');
      for (const table of [
        'offsets',
        'labels',
        'due',
        'examples',
        'outcomes',
        'models',
        'checkpoints',
        'metrics',
        'drift',
        'retrainings',
        'retraining_examples',
        'dead_letters',
        'alerts',
      ])
        await client.query(`delete from millrace._${table} where pipeline_id = $1 and generation = $2`, [
          id.pipelineId,
          id.generation,
        ]);
      await client.query('commit');
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sessions[Symbol.asyncDispose]();
  }
}

/** The offset row's lock and check, then everything that the batch changes (rule E). */
async function transact(
  client: pg.Client,
  id: PartitionId,
  definition: SinkDefinition,
  writes: WriteSet,
  token: string,
  insertsAreNew: boolean,
): Promise<WriteResult> {
  await client.query('begin');
  const stored = await readOffset(client, id, 'for update');
  if (stored?.written_by === token) {
    await client.query('rollback');
    return 'written';
  }
  if (stored === undefined || !isExpected(stored, writes.expected)) {
    await client.query('rollback');
    return 'stolen';
  }
  if (writes.checkpoint !== undefined && !(await insertCheckpoint(client, id, writes.checkpoint))) {
    await client.query('rollback');
    return 'stolen';
  }
  await applyWrites(client, id, definition, writes, insertsAreNew);
  await writeOffset(client, id, writes.next, token);
  await client.query('commit');
  return 'written';
}

/** unique_violation */
const isDuplicate = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '23505';

const partitionName = (id: PartitionId): string => `${id.pipelineId}.${id.generation}.${id.partition}`;

async function readOffset(client: pg.Client, id: PartitionId, lock: '' | 'for update'): Promise<OffsetRow | undefined> {
  const result = await client.query<OffsetRow>({
    name: `offset ${lock}`,
    text: `select next_offset, position_lsn, position_n, scored_lsn, scored_n, definition, clock_us, phase, due_through_us, expired_through_us, expired_labelled_us, alerting, written_by
      from millrace._offsets where pipeline_id = $1 and generation = $2 and partition = $3 ${lock}`,
    values: [id.pipelineId, id.generation, id.partition],
  });
  return result.rows[0];
}

function stateOf(row: OffsetRow): PartitionState {
  return {
    nextOffset: Number(row.next_offset),
    position: row.position_lsn === null ? undefined : { lsn: parseLsn(row.position_lsn), n: Number(row.position_n) },
    scored: row.scored_lsn === null ? undefined : { lsn: parseLsn(row.scored_lsn), n: Number(row.scored_n) },
    definition: row.definition ?? undefined,
    clockUs: row.clock_us === null ? undefined : Number(row.clock_us),
    phase: row.phase,
    dueThroughUs: row.due_through_us === null ? undefined : Number(row.due_through_us),
    expired:
      row.expired_through_us === null
        ? undefined
        : { throughUs: Number(row.expired_through_us), labelledThroughUs: Number(row.expired_labelled_us) },
    ...(row.alerting === null ? {} : { alerting: row.alerting }),
  };
}

function isExpected(row: OffsetRow, expected: PartitionState): boolean {
  const { position } = expected;
  return (
    Number(row.next_offset) === expected.nextOffset &&
    (position === undefined
      ? row.position_lsn === null
      : row.position_lsn === formatLsn(position.lsn) && Number(row.position_n) === position.n)
  );
}

async function writeOffset(client: pg.Client, id: PartitionId, next: PartitionState, token: string): Promise<void> {
  await client.query({
    name: 'write offset',
    text: `update millrace._offsets set next_offset = $4, position_lsn = $5, position_n = $6, definition = $7, clock_us = $8, phase = $9,
      due_through_us = $10, written_by = $11, scored_lsn = $12, scored_n = $13, expired_through_us = $14, expired_labelled_us = $15, alerting = $16, written_at = clock_timestamp() where pipeline_id = $1 and generation = $2 and partition = $3`,
    values: [
      id.pipelineId,
      id.generation,
      id.partition,
      next.nextOffset,
      next.position === undefined ? null : formatLsn(next.position.lsn),
      next.position?.n ?? null,
      next.definition === undefined ? null : JSON.stringify(next.definition),
      next.clockUs === undefined ? null : Math.round(next.clockUs),
      next.phase,
      next.dueThroughUs === undefined ? null : Math.round(next.dueThroughUs),
      token,
      next.scored === undefined ? null : formatLsn(next.scored.lsn),
      next.scored?.n ?? null,
      next.expired === undefined ? null : Math.round(next.expired.throughUs),
      next.expired === undefined ? null : Math.round(next.expired.labelledThroughUs),
      next.alerting === undefined ? null : Buffer.from(next.alerting),
    ],
  });
}
