// Wakes readers in other processes when a log has grown, at no cost while nothing happens: the writer writes one byte to a
// file, and the operating system tells whoever watches it.

import { closeSync, openSync, watch, writeSync, type FSWatcher } from 'node:fs';

/**
 * File systems exist that tell nobody (some network and container mounts). There a reader still looks again this often; it
 * is one lookup in mapped memory.
 */
const SAFETY_CHECK_MS = 5_000;

/** The writer's side. */
export class DoorbellButton {
  readonly #file: number;

  constructor(path: string) {
    closeSync(openSync(path, 'a'));
    this.#file = openSync(path, 'r+');
  }

  /** Synchronous, since it takes some microseconds only. Always the same byte: the file does not grow. */
  press(): void {
    writeSync(this.#file, '!', 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** The readers' side: one watcher, however many wait. */
export class Doorbell {
  readonly #watcher: FSWatcher;
  #rings = 0;
  readonly #waiting = new Set<() => void>();

  constructor(path: string) {
    this.#watcher = watch(path, () => this.#ring());
    this.#watcher.on('error', () => this.#ring());
  }

  /**
   * Take this before looking at the log and give it to {@link wait} after: a ring in between is then not missed.
   */
  get rings(): number {
    return this.#rings;
  }

  /** Resolves at once if it rang since `rings` was taken, else at the next ring, the safety check, or the abort. */
  async wait(rings: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== rings || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, SAFETY_CHECK_MS);
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.add(wake);
    });
  }

  #ring(): void {
    this.#rings++;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Wakes all who wait. */
  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#ring();
  }
}
