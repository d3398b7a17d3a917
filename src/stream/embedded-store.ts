// One topic of the embedded stream on disk: an LMDB environment in a folder of its own, which two processes have open.
//
//   meta                          -> {format, partitions}
//   end, partition                -> one past the last offset
//   block, partition, offset      -> a record batch (record-batch.ts); `offset` is its first record's
//   reader, name, partition       -> everything below is in the warehouse
//
// A publish is one transaction of whole blocks, so a crash leaves all of it or nothing. Commits are synced before they are
// visible (`overlappingSync` off): with lmdb's default a reader in the other process could score records, and move its
// offset, that a power cut then takes from the log.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { MillraceError } from '../runtime/errors.ts';
import type { OffsetRange } from './log.ts';
import { batchCount } from './record-batch.ts';

const FORMAT = 1;
const FILE = 'log.mdb';

type StoreKey = ['meta'] | ['end', number] | ['block', number, number] | ['reader', string, number];

export interface Block {
  readonly first: number;
  readonly bytes: Buffer;
}

export class EmbeddedStore {
  readonly partitions: number;
  readonly folder: string;
  readonly #db: RootDatabase<Buffer, StoreKey>;

  private constructor(folder: string, db: RootDatabase<Buffer, StoreKey>, partitions: number) {
    this.folder = folder;
    this.#db = db;
    this.partitions = partitions;
  }

  /** The topic in `folder`; created there with `create` partitions, or undefined if it is not there. */
  static async open(folder: string, create: number | undefined): Promise<EmbeddedStore | undefined> {
    const file = path.join(folder, FILE);
    if (create === undefined && !existsSync(file)) return undefined;
    const db = open<Buffer, StoreKey>({
      path: file,
      noSubdir: true,
      encoding: 'binary',
      cache: false,
      overlappingSync: false,
    });
    try {
      const meta = db.get(['meta']);
      if (meta) return new EmbeddedStore(folder, db, readMeta(meta, folder));
      if (create === undefined) {
        await db.close();
        return undefined;
      }
      await db.put(['meta'], Buffer.from(JSON.stringify({ format: FORMAT, partitions: create })));
      await db.flushed;
      return new EmbeddedStore(folder, db, create);
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  /** Appends whole blocks in one transaction; resolves when it is on disk. */
  async append(blocks: readonly { readonly partition: number; readonly bytes: Buffer }[]): Promise<void> {
    await this.#db.transaction(() => {
      const ends = new Map<number, number>();
      for (const { partition, bytes } of blocks) {
        const first = ends.get(partition) ?? this.#end(partition);
        void this.#db.put(['block', partition, first], bytes);
        ends.set(partition, first + batchCount(bytes));
      }
      for (const [partition, end] of ends) void this.#db.put(['end', partition], encodeOffset(end));
    });
    await this.#db.flushed;
  }

  /** As the last commit of any process left it. */
  range(partition: number): OffsetRange {
    this.#db.resetReadTxn();
    const end = this.#end(partition);
    for (const key of this.#db.getKeys({
      start: ['block', partition, 0],
      end: ['block', partition, Infinity],
      limit: 1,
    })) {
      return { first: key[2] as number, end };
    }
    return { first: end, end };
  }

  /** The block that holds `offset`; the last one for an offset at the end; undefined where there is none. */
  blockAt(partition: number, offset: number): Block | undefined {
    const range = { start: ['block', partition, offset], end: ['block', partition, -1], reverse: true, limit: 1 };
    for (const { key, value } of this.#db.getRange(range as object)) return { first: key[2] as number, bytes: value };
    return undefined;
  }

  /** Says how far a reader of that name has come; never back. */
  async setCommitted(reader: string, partition: number, offset: number): Promise<void> {
    await this.#db.transaction(() => {
      const before = this.#db.get(['reader', reader, partition]);
      if (before && decodeOffset(before) >= offset) return;
      void this.#db.put(['reader', reader, partition], encodeOffset(offset));
    });
    await this.#db.flushed;
  }

  /**
   * Drops blocks that lie wholly below what every known reader has committed. The last block of a partition stays: it holds
   * the tail. Without a reader nothing is dropped, and a reader that has not spoken of a partition holds all of it.
   */
  async trim(): Promise<void> {
    await this.#db.transaction(() => {
      const readers = new Map<string, Map<number, number>>();
      for (const { key, value } of this.#db.getRange({ start: ['reader', '', 0], end: ['reader', '\uffff', 0] })) {
        const [, name, partition] = key as ['reader', string, number];
        if (!readers.has(name)) readers.set(name, new Map());
        readers.get(name)!.set(partition, decodeOffset(value));
      }
      if (readers.size === 0) return;
      for (let partition = 0; partition < this.partitions; partition++) {
        const committed = Math.min(...[...readers.values()].map((offsets) => offsets.get(partition) ?? 0));
        this.#trimPartition(partition, committed);
      }
    });
    await this.#db.flushed;
  }

  #trimPartition(partition: number, committed: number): void {
    let before: number | undefined;
    const doomed: number[] = [];
    for (const key of this.#db.getKeys({ start: ['block', partition, 0], end: ['block', partition, Infinity] })) {
      const first = key[2] as number;
      if (first > committed) break;
      if (before !== undefined) doomed.push(before);
      before = first;
    }
    for (const first of doomed) void this.#db.remove(['block', partition, first]);
  }

  #end(partition: number): number {
    const value = this.#db.get(['end', partition]);
    return value ? decodeOffset(value) : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db.close();
  }
}

function readMeta(meta: Buffer, folder: string): number {
  const { format, partitions } = JSON.parse(meta.toString()) as { format: number; partitions: number };
  if (format !== FORMAT) {
    throw new MillraceError('STATE_CORRUPT', `the embedded topic in ${folder} has format ${format}, not ${FORMAT}`, {
      hint: 'It was written by another version of Millrace. Use that version, or rebuild the pipeline.',
    });
  }
  return partitions;
}

function encodeOffset(offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(offset);
  return bytes;
}

function decodeOffset(bytes: Buffer): number {
  return bytes.readDoubleBE(0);
}
