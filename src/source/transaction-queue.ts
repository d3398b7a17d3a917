// Decoded messages between the socket, which fills it, and the consumer, who pulls. Counts rows and bytes, so that the socket can
// be paused; wakes the one consumer that waits.

import assert from 'node:assert/strict';
import type { Change } from '../flow/change.ts';
import type { Begin, Commit } from './pgoutput.ts';

export interface Changes {
  readonly kind: 'changes';
  readonly changes: Change[];
  bytes: number;
}

export type QueueItem = Begin | Commit | Changes;

/** What is in the queue, and how much was at most. `bytes` are those of the wire. */
export interface QueueSize {
  readonly rows: number;
  readonly bytes: number;
  readonly peakRows: number;
  readonly peakBytes: number;
}

export class TransactionQueue {
  readonly #chunkRows: number;
  readonly #onTaken: () => void;
  #items: (QueueItem | undefined)[] = [];
  #head = 0;
  #begins = 0;
  #rows = 0;
  #bytes = 0;
  #peakRows = 0;
  #peakBytes = 0;
  #wake: (() => void) | undefined;

  /**
   * @param chunkRows rows in a chunk, at most
   * @param onTaken called when the consumer has taken a chunk
   */
  constructor(chunkRows: number, onTaken: () => void) {
    this.#chunkRows = chunkRows;
    this.#onTaken = onTaken;
  }

  get size(): QueueSize {
    return { rows: this.#rows, bytes: this.#bytes, peakRows: this.#peakRows, peakBytes: this.#peakBytes };
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Transactions that have begun in the queue: their first message is here. */
  get begun(): number {
    return this.#begins;
  }

  get empty(): boolean {
    return this.#head === this.#items.length;
  }

  /** `bytes`: length of the message on the wire. The consumer is not woken before {@link flush}. */
  push(message: Begin | Commit | Change, bytes: number): void {
    if (message.kind === 'begin') this.#begins += 1;
    if (message.kind === 'begin' || message.kind === 'commit') {
      this.#items.push(message);
      return;
    }
    const last = this.empty ? undefined : this.#items.at(-1);
    if (last?.kind === 'changes' && last.changes.length < this.#chunkRows) {
      last.changes.push(message);
      last.bytes += bytes;
    } else this.#items.push({ kind: 'changes', changes: [message], bytes });
    this.#rows += 1;
    this.#bytes += bytes;
  }

  /** Ends a burst of pushes: whoever waits may look. */
  flush(): void {
    if (this.#rows > this.#peakRows) this.#peakRows = this.#rows;
    if (this.#bytes > this.#peakBytes) this.#peakBytes = this.#bytes;
    if (!this.empty) this.wake();
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  take(): QueueItem | undefined {
    if (this.empty) return undefined;
    const item = this.#items[this.#head]!;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    // The array is cut now and then instead of shifted each time, which would move all of it.
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 4_096 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    if (item.kind === 'begin') this.#begins -= 1;
    if (item.kind === 'changes') {
      this.#rows -= item.changes.length;
      this.#bytes -= item.bytes;
      this.#onTaken();
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#begins = 0;
    this.#rows = 0;
    this.#bytes = 0;
  }

  /** Resolves at the next {@link flush} that leaves something, at {@link wake}, or when `signal` aborts. One waits at a time. */
  wait(signal?: AbortSignal): Promise<void> {
    assert(this.#wake === undefined, 'two consumers wait for the same source');
    return new Promise((resolve) => {
      const done = (): void => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = (): void => {
        this.#wake = undefined;
        done();
      };
      this.#wake = done;
      signal?.addEventListener('abort', aborted);
    });
  }
}
