// The stream in memory, for the simulation: a publish takes effect synchronously, fails or stalls on command, and is lost if
// it still stalls at `crash()`; what is in the log is durable, as in the real ones. Passes test/contract/log like them.

import type { Position } from '../../src/flow/position.ts';
import type { StoredRecord, StreamRecord } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type {
  Log,
  LogBatch,
  OffsetRange,
  ReadOptions,
  TopicName,
  TopicOwner,
  TopicReader,
  TopicWriter,
} from '../../src/stream/log.ts';
import { assertOpen, offsetOutOfRange, topicChanged, topicMissing } from '../../src/stream/log-errors.ts';
import { formatTopicName, topicsOf } from '../../src/stream/topic-name.ts';

/** What the next publishes meet; asked once for each. */
export type PublishFate =
  | 'durable'
  /** Rejects, and nothing is there. */
  | 'fails before'
  /** Rejects, and everything is there: the acknowledgement was lost. */
  | 'fails after'
  /** Rejects, and a first part is there. */
  | 'fails between';

export interface MemoryLogOptions {
  readonly fate?: () => PublishFate;
  /** Awaited before each publish takes effect: the simulation's scheduler decides when it resolves. */
  readonly beforePublish?: () => Promise<void>;
}

/** A partition: `base` is the offset of `records[0]`. */
interface MemoryPartition {
  base: number;
  readonly records: StoredRecord[];
}

interface MemoryTopic {
  readonly name: string;
  readonly partitions: readonly MemoryPartition[];
  readonly committed: Map<number, number>;
  readonly waiting: Set<() => void>;
  removed: boolean;
}

/** What outlives a process: shared by every {@link MemoryLog} over it. */
export class MemoryLogStorage {
  readonly topics = new Map<string, MemoryTopic>();
  /** Counts crashes: what was opened before one is dead. */
  epoch = 0;

  /** All processes die at once: what was open is dead, and publishes that have not taken effect never will. */
  crash(): void {
    this.epoch++;
    for (const topic of this.topics.values()) wakeAll(topic);
  }
}

export class MemoryLog implements Log {
  readonly #storage: MemoryLogStorage;
  readonly #options: MemoryLogOptions;
  #closed = false;

  constructor(storage: MemoryLogStorage, options: MemoryLogOptions = {}) {
    this.#storage = storage;
    this.#options = options;
  }

  async openWriter(topic: TopicName, partitions: number): Promise<TopicWriter> {
    assertOpen(this.#closed);
    const name = formatTopicName(topic);
    let found = this.#storage.topics.get(name);
    if (!found) {
      const made = Array.from({ length: partitions }, () => ({ base: 0, records: [] }));
      found = { name, partitions: made, committed: new Map(), waiting: new Set(), removed: false };
      this.#storage.topics.set(name, found);
    }
    if (found.partitions.length !== partitions) throw topicChanged(name, partitions, found.partitions.length);
    return new MemoryWriter(found, this.#storage, this.#options);
  }

  async openReader(topic: TopicName, options: ReadOptions): Promise<TopicReader> {
    assertOpen(this.#closed);
    const name = formatTopicName(topic);
    const found = this.#storage.topics.get(name);
    if (!found) throw topicMissing(name);
    return new MemoryReader(found, this.#storage, options);
  }

  async list(owner: TopicOwner): Promise<readonly TopicName[]> {
    assertOpen(this.#closed);
    return topicsOf(owner, [...this.#storage.topics.keys()]);
  }

  async remove(topic: TopicName): Promise<void> {
    assertOpen(this.#closed);
    const name = formatTopicName(topic);
    const found = this.#storage.topics.get(name);
    if (!found) return;
    found.removed = true;
    this.#storage.topics.delete(name);
    wakeAll(found);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }
}

class MemoryWriter implements TopicWriter {
  readonly #topic: MemoryTopic;
  readonly #storage: MemoryLogStorage;
  readonly #epoch: number;
  readonly #options: MemoryLogOptions;

  constructor(topic: MemoryTopic, storage: MemoryLogStorage, options: MemoryLogOptions) {
    this.#topic = topic;
    this.#storage = storage;
    this.#epoch = storage.epoch;
    this.#options = options;
  }

  get partitions(): number {
    return this.#topic.partitions.length;
  }

  async publish(records: readonly StreamRecord[]): Promise<void> {
    const fate = this.#options.fate?.() ?? 'durable';
    await this.#options.beforePublish?.();
    if (this.#storage.epoch !== this.#epoch) throw unreachable('the process was killed');
    if (fate === 'fails before') throw unreachable('the request was lost');
    const count = fate === 'fails between' ? records.length >> 1 : records.length;
    for (let i = 0; i < count; i++) {
      const record = records[i]!;
      const partition = this.#topic.partitions[record.partition]!;
      partition.records.push({ ...record, offset: partition.base + partition.records.length });
    }
    wakeAll(this.#topic);
    if (fate !== 'durable') throw unreachable('the acknowledgement was lost');
  }

  async tail(partition: number): Promise<Position | undefined> {
    return this.#topic.partitions[partition]!.records.at(-1)?.position;
  }

  /** Like the embedded log: below what was committed, and never the last record. */
  async trim(): Promise<void> {
    for (const [index, partition] of this.#topic.partitions.entries()) {
      const below = Math.min(this.#topic.committed.get(index) ?? 0, partition.base + partition.records.length - 1);
      if (below <= partition.base) continue;
      partition.records.splice(0, below - partition.base);
      partition.base = below;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class MemoryReader implements TopicReader {
  readonly #topic: MemoryTopic;
  readonly #storage: MemoryLogStorage;
  readonly #epoch: number;
  readonly #options: ReadOptions;

  constructor(topic: MemoryTopic, storage: MemoryLogStorage, options: ReadOptions) {
    this.#topic = topic;
    this.#storage = storage;
    this.#epoch = storage.epoch;
    this.#options = options;
  }

  get partitions(): number {
    return this.#topic.partitions.length;
  }

  async range(partition: number): Promise<OffsetRange> {
    return rangeOf(this.#topic.partitions[partition]!);
  }

  async *read(partition: number, from: number, signal: AbortSignal): AsyncGenerator<LogBatch> {
    const log = this.#topic.partitions[partition]!;
    let offset = from;
    while (!signal.aborted) {
      if (this.#storage.epoch !== this.#epoch) throw unreachable('the process was killed');
      const range = rangeOf(log);
      if (offset < range.first || offset > range.end)
        throw offsetOutOfRange(this.#topic.name, partition, offset, range);
      if (offset === range.end) {
        if (this.#topic.removed) throw topicMissing(this.#topic.name);
        await this.#more(signal);
        continue;
      }
      const records = this.#take(log, offset);
      offset += records.length;
      yield { partition, records, nextOffset: offset, endOffset: range.end };
    }
  }

  #take(log: MemoryPartition, offset: number): StoredRecord[] {
    const taken: StoredRecord[] = [];
    let bytes = 0;
    for (let i = offset - log.base; i < log.records.length && taken.length < this.#options.maxRecords; i++) {
      const record = log.records[i]!;
      bytes += record.body.kind === 'features' ? record.body.features.length + 100 : 200;
      if (taken.length > 0 && bytes > this.#options.maxBytes) break;
      taken.push(record);
    }
    return taken;
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#topic.waiting.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.#topic.waiting.add(wake);
    });
  }

  async *assignments(signal: AbortSignal): AsyncGenerator<readonly number[]> {
    if (signal.aborted) return;
    yield this.#topic.partitions.map((_, partition) => partition);
    while (!signal.aborted) await this.#more(signal);
  }

  async committed(partition: number, offset: number): Promise<void> {
    this.#topic.committed.set(partition, Math.max(offset, this.#topic.committed.get(partition) ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function rangeOf(partition: MemoryPartition): OffsetRange {
  return { first: partition.base, end: partition.base + partition.records.length };
}

function wakeAll(topic: MemoryTopic): void {
  for (const wake of [...topic.waiting]) wake();
}

function unreachable(what: string): MillraceError {
  return new MillraceError('BROKER_UNREACHABLE', what, { retryable: true });
}
