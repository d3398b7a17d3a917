// The embedded stream: a log on disk for one machine, written by the connector's process and read by the sink's.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Position } from '../flow/position.ts';
import type { StoredRecord, StreamRecord } from '../flow/record.ts';
import { MillraceError } from '../runtime/errors.ts';
import { byPartition } from './by-partition.ts';
import { Doorbell, DoorbellButton } from './doorbell.ts';
import { EmbeddedStore } from './embedded-store.ts';
import type {
  Log,
  LogBatch,
  OffsetRange,
  ReadOptions,
  TopicName,
  TopicOwner,
  TopicReader,
  TopicWriter,
} from './log.ts';
import { assertOpen, offsetOutOfRange, topicChanged, topicMissing } from './log-errors.ts';
import { RecordBatchDecoder, RecordBatchEncoder, unnumberedBatch } from './record-batch.ts';
import { formatTopicName, topicsOf } from './topic-name.ts';

/** A block is read as a whole, so it is small beside a reader's batch; larger ones write no faster. */
const BLOCK_BYTES = 256 * 1024;
const DOORBELL = 'doorbell';
const REMOVED = '.removed-';

export interface EmbeddedLogOptions {
  /** Holds a folder for each topic. */
  readonly folder: string;
  /** Whose `committed` offsets these are; readers of one name share them. */
  readonly reader?: string;
}

export class EmbeddedLog implements Log {
  readonly #folder: string;
  readonly #reader: string;
  #closed = false;

  private constructor(folder: string, reader: string) {
    this.#folder = folder;
    this.#reader = reader;
  }

  static async open(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
    mkdirSync(options.folder, { recursive: true });
    return new EmbeddedLog(options.folder, options.reader ?? 'sink');
  }

  async openWriter(topic: TopicName, partitions: number): Promise<TopicWriter> {
    assertOpen(this.#closed);
    const name = formatTopicName(topic);
    const folder = path.join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    const store = await EmbeddedStore.open(folder, partitions);
    assert(store);
    if (store.partitions !== partitions) {
      await store[Symbol.asyncDispose]();
      throw topicChanged(name, partitions, store.partitions);
    }
    return new EmbeddedWriter(store, name, topic.generation);
  }

  async openReader(topic: TopicName, options: ReadOptions): Promise<TopicReader> {
    assertOpen(this.#closed);
    const name = formatTopicName(topic);
    const folder = path.join(this.#folder, name);
    // The doorbell is made last by the writer: where it stands, the topic is whole.
    const store = existsSync(path.join(folder, DOORBELL)) ? await EmbeddedStore.open(folder, undefined) : undefined;
    if (!store) throw topicMissing(name);
    return new EmbeddedReader(store, name, topic.generation, this.#reader, options);
  }

  async list(owner: TopicOwner): Promise<readonly TopicName[]> {
    assertOpen(this.#closed);
    return topicsOf(owner, this.#names());
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
      throw new MillraceError(
        'STATE_LOST',
        `the data folder was removed while it was in use: ${this.#folder} is gone`,
        {
          hint: 'Put it back if you have it. Else `millrace drop-slot`, and start again: every pipeline is built anew from its tables.',
          cause,
        },
      );
    }
  }

  /** Whoever still has it open keeps what was there, and finds out when it waits for more. */
  async remove(topic: TopicName): Promise<void> {
    assertOpen(this.#closed);
    const name = formatTopicName(topic);
    const folder = path.join(this.#folder, name);
    if (existsSync(folder)) renameSync(folder, path.join(this.#folder, `${REMOVED}${name}`));
    // One rename takes it away; what a kill leaves of the deletion goes with the next removal.
    for (const entry of readdirSync(this.#folder)) {
      if (entry.startsWith(REMOVED)) rmSync(path.join(this.#folder, entry), { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }
}

class EmbeddedWriter implements TopicWriter {
  readonly #store: EmbeddedStore;
  readonly #name: string;
  readonly #generation: number;
  readonly #encoder = new RecordBatchEncoder();
  readonly #button: DoorbellButton;
  #publishing = false;

  constructor(store: EmbeddedStore, name: string, generation: number) {
    this.#store = store;
    this.#name = name;
    this.#generation = generation;
    this.#button = new DoorbellButton(path.join(store.folder, DOORBELL));
  }

  get partitions(): number {
    return this.#store.partitions;
  }

  async publish(records: readonly StreamRecord[]): Promise<void> {
    assert(!this.#publishing, 'one publish at a time');
    if (records.length === 0) return;
    this.#publishing = true;
    try {
      await this.#store.append(this.#encode(records));
      this.#button.press();
    } finally {
      this.#publishing = false;
    }
  }

  #encode(records: readonly StreamRecord[]): { partition: number; bytes: Buffer }[] {
    const blocks: { partition: number; bytes: Buffer }[] = [];
    const options = unnumberedBatch(this.#generation);
    for (const [partition, own] of byPartition(records, this.partitions)) {
      for (let from = 0; from < own.length;) {
        const { bytes, count } = this.#encoder.encode(own, from, BLOCK_BYTES, options);
        blocks.push({ partition, bytes });
        from += count;
      }
    }
    return blocks;
  }

  async tail(partition: number): Promise<Position | undefined> {
    const { first, end } = this.#store.range(partition);
    if (first === end) return undefined;
    const block = this.#store.blockAt(partition, end)!;
    const place = { topic: this.#name, generation: this.#generation, partition, offset: block.first };
    const decoder = new RecordBatchDecoder(block.bytes, place);
    decoder.skipTo(end - 1);
    return decoder.next()?.position;
  }

  async trim(): Promise<void> {
    await this.#store.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#button[Symbol.dispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}

class EmbeddedReader implements TopicReader {
  readonly #store: EmbeddedStore;
  readonly #name: string;
  readonly #generation: number;
  readonly #reader: string;
  readonly #options: ReadOptions;
  readonly #doorbell: Doorbell;

  constructor(store: EmbeddedStore, name: string, generation: number, reader: string, options: ReadOptions) {
    this.#store = store;
    this.#name = name;
    this.#generation = generation;
    this.#reader = reader;
    this.#options = options;
    this.#doorbell = new Doorbell(path.join(store.folder, DOORBELL));
  }

  get partitions(): number {
    return this.#store.partitions;
  }

  async range(partition: number): Promise<OffsetRange> {
    return this.#store.range(partition);
  }

  async *read(partition: number, from: number, signal: AbortSignal): AsyncGenerator<LogBatch> {
    let offset = from;
    let decoder: RecordBatchDecoder | undefined;
    while (!signal.aborted) {
      const rings = this.#doorbell.rings;
      const range = this.#store.range(partition);
      if (offset < range.first || offset > range.end) throw offsetOutOfRange(this.#name, partition, offset, range);
      if (offset === range.end) {
        if (!existsSync(this.#store.folder)) throw topicMissing(this.#name);
        await this.#doorbell.wait(rings, signal);
        continue;
      }
      const batch = this.#batch(partition, offset, range.end, decoder);
      decoder = batch.decoder;
      offset += batch.records.length;
      yield { partition, records: batch.records, nextOffset: offset, endOffset: range.end };
    }
  }

  /** Records from `offset` on, over as many blocks as the caps allow; and the decoder of the block it stopped in. */
  #batch(partition: number, offset: number, end: number, current: RecordBatchDecoder | undefined) {
    const records: StoredRecord[] = [];
    let bytes = 0;
    let decoder = current;
    while (offset < end && records.length < this.#options.maxRecords) {
      if (decoder?.offset !== offset || decoder.done) decoder = this.#decoderAt(partition, offset);
      bytes += decoder.nextBytes;
      if (bytes > this.#options.maxBytes && records.length > 0) break;
      records.push(decoder.next()!);
      offset++;
    }
    return { records, decoder };
  }

  #decoderAt(partition: number, offset: number): RecordBatchDecoder {
    const block = this.#store.blockAt(partition, offset);
    const place = { topic: this.#name, generation: this.#generation, partition };
    if (!block)
      throw new MillraceError('STATE_CORRUPT', `${this.#name}, partition ${partition}: no block of ${offset}`);
    const decoder = new RecordBatchDecoder(block.bytes, { ...place, offset: block.first });
    decoder.skipTo(offset);
    if (decoder.done) {
      throw new MillraceError('STATE_CORRUPT', `${this.#name}, partition ${partition}: offset ${offset} is missing`, {
        hint: 'The files of the embedded stream are damaged. Rebuild the pipeline.',
      });
    }
    return decoder;
  }

  async *assignments(signal: AbortSignal): AsyncGenerator<readonly number[]> {
    if (signal.aborted) return;
    yield Array.from({ length: this.partitions }, (_, partition) => partition);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async committed(partition: number, offset: number): Promise<void> {
    await this.#store.setCommitted(this.#reader, partition, offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#doorbell[Symbol.dispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}
