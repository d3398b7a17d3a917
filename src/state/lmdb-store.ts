// State and checkpoints over LMDB: one environment in the folder, one database for each pipeline generation's entries. A commit
// is one LMDB transaction, and is done when it is on the disk, not when it is visible.
// Source: https://github.com/kriszyp/lmdb-js#readme ("flushed", "transaction").

import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import { MillraceError } from '../runtime/errors.ts';
import { decodeCheckpoint, encodeState } from './checkpoint-text.ts';
import { lockFolder, type FolderLock } from './folder-lock.ts';
import type { FolderIdentity, GroupCheckpoint, PipelineCheckpoint, StateBatch, StateStore } from './state-store.ts';

/** LMDB's keys end at 1,978 bytes; longer ones are kept as their beginning and a hash, the whole key beside the value. */
const MAX_KEY_BYTES = 1500;
const MAX_DATABASES = 4096;

type EntryKey = [space: string, key: string];

/** Opens the folder, and locks it. Rejects with STATE_LOCKED while another process has it, STATE_CORRUPT where it cannot be read. */
export async function openLmdbStore(folder: string): Promise<StateStore> {
  mkdirSync(folder, { recursive: true });
  const lock = lockFolder(folder);
  try {
    return new LmdbStore(folder, lock);
  } catch (cause) {
    lock.release();
    if (cause instanceof MillraceError) throw cause;
    throw corrupt(folder, cause);
  }
}

class LmdbStore implements StateStore {
  readonly #file: string;
  readonly #lock: FolderLock;
  readonly #root: RootDatabase<string, string>;
  readonly #databases = new Map<string, Database<string, EntryKey>>();
  #checkpoints = new Map<string, PipelineCheckpoint>();
  #identity: FolderIdentity | undefined;
  #group: GroupCheckpoint | undefined;

  constructor(folder: string, lock: FolderLock) {
    this.#lock = lock;
    this.#file = path.join(folder, 'state.mdb');
    this.#root = open<string, string>({ path: this.#file, maxDbs: MAX_DATABASES, encoding: 'string' });
    for (const { key, value } of this.#root.getRange({ start: 'checkpoint/', end: 'checkpoint0' })) {
      this.#checkpoints.set(
        key,
        read(this.#file, () => decodeCheckpoint(value)),
      );
    }
    this.#identity = this.#meta('identity') as FolderIdentity | undefined;
    this.#group = this.#meta('group') as GroupCheckpoint | undefined;
  }

  get identity(): FolderIdentity | undefined {
    return this.#identity;
  }

  get group(): GroupCheckpoint | undefined {
    return this.#group;
  }

  get bytes(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }

  checkpoints(): readonly PipelineCheckpoint[] {
    return [...this.#checkpoints.values()];
  }

  async setIdentity(identity: FolderIdentity): Promise<void> {
    await this.#root.put('identity', encodeState(identity));
    await this.#root.flushed;
    this.#identity = identity;
  }

  *entries(pipelineId: number, generation: number, space: string): Iterable<readonly [key: string, value: string]> {
    const range = this.#database(pipelineId, generation).getRange({ start: [space, ''] });
    for (const { key, value } of range) {
      if (key[0] !== space) return;
      yield read(this.#file, () => unpack(key[1], value));
    }
  }

  async commit(batch: StateBatch): Promise<void> {
    const checkpoints = new Map(this.#checkpoints);
    // Databases are opened before, as that is a transaction of its own.
    for (const { checkpoint } of batch.pipelines) this.#database(checkpoint.pipelineId, checkpoint.generation);
    await this.#root.transaction(() => {
      if (batch.group) void this.#root.put('group', encodeState(batch.group));
      for (const { checkpoint, entries } of batch.pipelines) {
        const database = this.#database(checkpoint.pipelineId, checkpoint.generation);
        for (const { space, key, value } of entries) {
          const [stored, text] = pack(key, value);
          if (text === undefined) void database.remove([space, stored]);
          else void database.put([space, stored], text);
        }
        const name = checkpointKey(checkpoint.pipelineId, checkpoint.generation);
        checkpoints.set(name, checkpoint);
        void this.#root.put(name, encodeState(checkpoint));
      }
      for (const { pipelineId, generation } of batch.remove ?? []) {
        checkpoints.delete(checkpointKey(pipelineId, generation));
        void this.#root.remove(checkpointKey(pipelineId, generation));
      }
    });
    await this.#root.flushed;
    this.#checkpoints = checkpoints;
    if (batch.group) this.#group = batch.group;
    // What no checkpoint names is garbage: losing power before it is gone loses nothing.
    for (const { pipelineId, generation } of batch.remove ?? []) await this.#drop(pipelineId, generation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
    this.#lock.release();
  }

  async #drop(pipelineId: number, generation: number): Promise<void> {
    const database = this.#database(pipelineId, generation);
    this.#databases.delete(databaseName(pipelineId, generation));
    await database.drop();
  }

  #database(pipelineId: number, generation: number): Database<string, EntryKey> {
    const name = databaseName(pipelineId, generation);
    let database = this.#databases.get(name);
    if (!database) {
      database = this.#root.openDB<string, EntryKey>({ name, encoding: 'string' });
      this.#databases.set(name, database);
    }
    return database;
  }

  #meta(key: string): unknown {
    const text = this.#root.get(key);
    return text === undefined ? undefined : read(this.#file, () => decodeCheckpoint(text) as unknown);
  }
}

const checkpointKey = (pipelineId: number, generation: number): string => `checkpoint/${pipelineId}/${generation}`;
const databaseName = (pipelineId: number, generation: number): string => `entries/${pipelineId}/${generation}`;

/** The stored key and text; a text begins with `=`, or with `+` and the whole key where that was too long. */
function pack(key: string, value: string | undefined): [string, string | undefined] {
  if (key.length * 3 <= MAX_KEY_BYTES || Buffer.byteLength(key) <= MAX_KEY_BYTES)
    return [key, value === undefined ? undefined : `=${value}`];
  const short = `${key.slice(0, 300)}\u0001${createHash('sha256').update(key).digest('hex')}`;
  return [short, value === undefined ? undefined : `+${JSON.stringify([key, value])}`];
}

function unpack(stored: string, text: string): readonly [key: string, value: string] {
  return text.startsWith('=') ? [stored, text.slice(1)] : (JSON.parse(text.slice(1)) as [string, string]);
}

function read<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw corrupt(file, cause);
  }
}

function corrupt(file: string, cause: unknown): MillraceError {
  return new MillraceError(
    'STATE_CORRUPT',
    `the state in ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      hint: 'Restore the data folder from the volume it was on; if that is not possible, `millrace drop-slot`, remove the folder, and start again from the tables.',
      cause,
    },
  );
}
