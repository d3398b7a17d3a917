// A topic that is an array for each partition: read in fetches of the sizes that a test gives, woken when it grows.

import type { StoredRecord, StreamRecord } from '../../src/flow/record.ts';
import type { Log, LogBatch, TopicName, TopicReader } from '../../src/stream/log.ts';

export class ArrayLog implements Log {
  readonly topic: TopicName;
  readonly partitions: StoredRecord[][];
  readonly committed: number[] = [];
  /** Records of the next fetch. */
  readonly #fetch: () => number;
  #waiters: (() => void)[] = [];

  constructor(topic: TopicName, partitions: number, fetch: () => number) {
    this.topic = topic;
    this.partitions = Array.from({ length: partitions }, () => []);
    this.#fetch = fetch;
  }

  append(records: readonly StreamRecord[]): void {
    for (const record of records) {
      const partition = this.partitions[record.partition]!;
      partition.push({ ...record, offset: partition.length });
    }
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async list(): Promise<readonly TopicName[]> {
    return [this.topic];
  }

  async openReader(): Promise<TopicReader> {
    return {
      partitions: this.partitions.length,
      range: async (partition) => ({ first: 0, end: this.partitions[partition]!.length }),
      read: (partition, from, signal) => this.#read(partition, from, signal),
      assignments: async function* (this: TopicReader) {
        yield Array.from({ length: this.partitions }, (_, index) => index);
      },
      committed: async (partition, offset) => {
        this.committed[partition] = offset;
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  openWriter(): never {
    throw new Error('written by append');
  }

  async remove(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#read(partition: number, from: number, signal: AbortSignal): AsyncIterable<LogBatch> {
    const stored = this.partitions[partition]!;
    let next = from;
    while (!signal.aborted) {
      if (next >= stored.length) {
        await new Promise<void>((resolve) => {
          this.#waiters.push(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        continue;
      }
      const records = stored.slice(next, next + this.#fetch());
      next += records.length;
      yield { partition, records, nextOffset: next, endOffset: stored.length };
    }
  }
}
