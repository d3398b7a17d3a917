// Topics and score store as one incarnation of a process reaches them: every operation takes time, may fail before or after it
// took effect, and never comes back to a process that was killed.

import type { StreamRecord } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { LearnerLease, ScoreStore } from '../../src/scores/score-store.ts';
import type {
  Log,
  LogBatch,
  ReadOptions,
  TopicName,
  TopicOwner,
  TopicReader,
  TopicWriter,
} from '../../src/stream/log.ts';
import { MemoryLog, type MemoryLogStorage, type PublishFate } from './memory-log.ts';
import type { MemoryScoreStore } from './memory-score-store.ts';
import { away } from './memory-warehouse.ts';
import type { Life } from './scheduler.ts';

/** One operation, whose effect is a few promises away from the call: nothing else happens in between. */
async function reach<T>(life: Life, failure: (message: string) => Error, work: () => Promise<T>): Promise<T> {
  await life.pause();
  if (life.breaks()) throw failure('the request was lost');
  const result = await work();
  await life.pause();
  if (life.breaks()) throw failure('the answer was lost');
  return result;
}

const unreachable = (message: string): Error => new MillraceError('BROKER_UNREACHABLE', message, { retryable: true });

const FATES: readonly PublishFate[] = ['fails before', 'fails after', 'fails between'];

export function logFrom(life: Life, storage: MemoryLogStorage): Log {
  const log = new MemoryLog(storage, {
    fate: () => (life.breaks() ? life.scheduler.pick(FATES) : 'durable'),
    beforePublish: () => life.pause(),
  });
  const call = <T>(work: () => Promise<T>): Promise<T> => reach(life, unreachable, work);
  return {
    openWriter: async (topic: TopicName, partitions: number) =>
      new ReachedWriter(life, await call(() => log.openWriter(topic, partitions))),
    openReader: async (topic: TopicName, options: ReadOptions) =>
      new ReachedReader(life, await call(() => log.openReader(topic, options))),
    list: (owner: TopicOwner) => call(() => log.list(owner)),
    remove: (topic: TopicName) => call(() => log.remove(topic)),
    async [Symbol.asyncDispose]() {},
  };
}

class ReachedWriter implements TopicWriter {
  readonly #life: Life;
  readonly #writer: TopicWriter;

  constructor(life: Life, writer: TopicWriter) {
    this.#life = life;
    this.#writer = writer;
  }

  get partitions(): number {
    return this.#writer.partitions;
  }

  async publish(records: readonly StreamRecord[]): Promise<void> {
    await this.#writer.publish(records);
    await this.#life.pause();
  }

  tail(partition: number): ReturnType<TopicWriter['tail']> {
    return reach(this.#life, unreachable, () => this.#writer.tail(partition));
  }

  trim(): Promise<void> {
    return reach(this.#life, unreachable, () => this.#writer.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class ReachedReader implements TopicReader {
  readonly #life: Life;
  readonly #reader: TopicReader;

  constructor(life: Life, reader: TopicReader) {
    this.#life = life;
    this.#reader = reader;
  }

  get partitions(): number {
    return this.#reader.partitions;
  }

  range(partition: number): ReturnType<TopicReader['range']> {
    return reach(this.#life, unreachable, () => this.#reader.range(partition));
  }

  async *read(partition: number, from: number, signal: AbortSignal): AsyncGenerator<LogBatch> {
    for await (const batch of this.#reader.read(partition, from, signal)) {
      await this.#life.pause();
      if (this.#life.breaks()) throw unreachable('the fetch was cut');
      yield batch;
    }
  }

  assignments(signal: AbortSignal): AsyncIterable<readonly number[]> {
    return this.#reader.assignments(signal);
  }

  committed(partition: number, offset: number): Promise<void> {
    return reach(this.#life, unreachable, () => this.#reader.committed(partition, offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export function storeFrom(life: Life, store: MemoryScoreStore): ScoreStore {
  const call = <T>(work: () => Promise<T>): Promise<T> => reach(life, away, work);
  return {
    lease: async (id, waiting, signal) => {
      await call(async () => {});
      const lease = await store.lease(id, waiting, signal);
      return lease && losable(life, lease);
    },
    open: (id, firstOffset) => call(() => store.open(id, firstOffset)),
    read: (id, definition, request) => call(() => store.read(id, definition, request)),
    write: (id, definition, writes) => call(() => store.write(id, definition, writes)),
    expire: (id, definition, range, limit) => call(() => store.expire(id, definition, range, limit)),
    checkpoint: (id) => call(() => store.checkpoint(id)),
    version: (id, version) => call(() => store.version(id, version)),
    beginRetraining: (...given) => call(() => store.beginRetraining(...given)),
    storedExamples: (id, from) => call(() => store.storedExamples(id, from)),
    saveTrained: (id, trained) => call(() => store.saveTrained(id, trained)),
    trainedState: (id) => call(() => store.trainedState(id)),
    showRetraining: (id, figures) => call(() => store.showRetraining(id, figures)),
    async *examplesAfter(id, cursors) {
      await call(async () => {});
      yield* store.examplesAfter(id, cursors);
    },
    async *outcomesAfter(id, cursors) {
      await call(async () => {});
      yield* store.outcomesAfter(id, cursors);
    },
    saveCheckpoint: (id, checkpoint) => call(() => store.saveCheckpoint(id, checkpoint)),
    writeMetrics: (id, values) => call(() => store.writeMetrics(id, values)),
    remove: (id) => call(() => store.remove(id)),
    async [Symbol.asyncDispose]() {},
  };
}

/** A lock whose session may end by itself. */
function losable(life: Life, lease: LearnerLease): LearnerLease {
  const lost = new AbortController();
  const { scheduler } = life;
  if (life.breaks())
    scheduler.at(
      scheduler.nowUs + scheduler.between(1_000, 20_000_000),
      () => lost.abort(away('the session that held the lock ended')),
      () => life.alive,
    );
  return { lost: lost.signal, [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose]() };
}
