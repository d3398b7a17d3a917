// The connector's folder in memory: what was committed but not yet durable is lost when the process dies.

import { decodeCheckpoint, encodeState } from '../../src/state/checkpoint-text.ts';
import type {
  FolderIdentity,
  GroupCheckpoint,
  PipelineCheckpoint,
  StateBatch,
  StateStore,
} from '../../src/state/state-store.ts';

interface Contents {
  identity: FolderIdentity | undefined;
  group: GroupCheckpoint | undefined;
  /** As they would be read back: text and back again. */
  checkpoints: Map<string, PipelineCheckpoint>;
  entries: Map<string, Map<string, string>>;
}

/** The disk: outlives every process. */
export class MemoryFolder {
  #durable: Contents = { identity: undefined, group: undefined, checkpoints: new Map(), entries: new Map() };
  /** Entries written in all, for tests that count. */
  written = 0;

  /** What a process sees. `flush` is awaited between a commit's being visible and its being durable. */
  open(flush: () => Promise<void> = async () => {}): StateStore {
    return new MemoryStore(this, copy(this.#durable), flush);
  }

  /** What a power cut would leave. */
  get durable(): Pick<StateStore, 'identity' | 'group' | 'checkpoints'> {
    const { identity, group, checkpoints } = this.#durable;
    return { identity, group, checkpoints: () => [...checkpoints.values()] };
  }

  /** @internal */
  persist(contents: Contents, written: number): void {
    this.#durable = contents;
    this.written += written;
  }
}

class MemoryStore implements StateStore {
  readonly #folder: MemoryFolder;
  readonly #flush: () => Promise<void>;
  #contents: Contents;
  #turn = Promise.resolve();

  constructor(folder: MemoryFolder, contents: Contents, flush: () => Promise<void>) {
    this.#folder = folder;
    this.#contents = contents;
    this.#flush = flush;
  }

  get identity(): FolderIdentity | undefined {
    return this.#contents.identity;
  }
  get group(): GroupCheckpoint | undefined {
    return this.#contents.group;
  }
  get bytes(): number {
    return 0;
  }

  checkpoints(): readonly PipelineCheckpoint[] {
    return [...this.#contents.checkpoints.values()];
  }

  setIdentity(identity: FolderIdentity): Promise<void> {
    return this.#inTurn(async () => {
      const next = { ...copy(this.#contents), identity };
      await this.#flush();
      this.#folder.persist(next, 0);
      this.#contents = copy(next);
    });
  }

  /** One transaction at a time, as in a database with one writer. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }

  *entries(pipelineId: number, generation: number, space: string): Iterable<readonly [key: string, value: string]> {
    const all = this.#contents.entries.get(`${pipelineId}/${generation}`) ?? new Map<string, string>();
    for (const [name, value] of all) {
      const [found, key] = JSON.parse(name) as [string, string];
      if (found === space) yield [key, value];
    }
  }

  commit(batch: StateBatch): Promise<void> {
    return this.#inTurn(() => this.#commit(batch));
  }

  async #commit(batch: StateBatch): Promise<void> {
    const next = copy(this.#contents);
    let written = 0;
    if (batch.group) next.group = batch.group;
    for (const { checkpoint, entries } of batch.pipelines) {
      const name = `${checkpoint.pipelineId}/${checkpoint.generation}`;
      next.checkpoints.set(name, decodeCheckpoint(encodeState(checkpoint)));
      const stored = next.entries.get(name) ?? new Map<string, string>();
      next.entries.set(name, stored);
      for (const { space, key, value } of entries) {
        written += 1;
        if (value === undefined) stored.delete(JSON.stringify([space, key]));
        else stored.set(JSON.stringify([space, key]), value);
      }
    }
    for (const { pipelineId, generation } of batch.remove ?? []) {
      next.checkpoints.delete(`${pipelineId}/${generation}`);
      next.entries.delete(`${pipelineId}/${generation}`);
    }
    await this.#flush();
    this.#folder.persist(next, written);
    this.#contents = copy(next);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function copy(contents: Contents): Contents {
  return {
    ...contents,
    checkpoints: new Map(contents.checkpoints),
    entries: new Map([...contents.entries].map(([name, entries]) => [name, new Map(entries)])),
  };
}
