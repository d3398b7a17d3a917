// Deletes what has expired, behind the batches: a bounded number of rows at a time, so that a long past does not stand in the
// way of new rows. Where it stops, a later start goes on from the state of the partition.

import { rangesOf, type Expired, type ExpiryRange } from '../scores/expiry.ts';

/** Rows of one transaction. */
export const EXPIRE_ROWS = 5_000;

export interface RowExpiryOptions {
  /** Deletes at most so many rows, in its turn among the writes; resolves to how many there were. */
  readonly expire: (range: ExpiryRange, limit: number) => Promise<number>;
  /** Stop after the deletion in hand. */
  readonly stop: AbortSignal;
  readonly failed: () => void;
}

export class RowExpiry {
  readonly #options: RowExpiryOptions;
  #done: Expired | undefined;
  #wanted: Expired | undefined;
  #running: Promise<void> | undefined;

  constructor(options: RowExpiryOptions) {
    this.#options = options;
  }

  /** To be called when what says so is stored. */
  through(expired: Expired | undefined): void {
    this.#wanted = expired;
    // Only where there is something to do: it then ends after this assignment, and takes it back.
    if (this.#running !== undefined || expired === undefined || isSame(expired, this.#done)) return;
    this.#running = this.#run();
    this.#running.catch(this.#options.failed);
  }

  /** Resolves when everything is deleted, or it was stopped; rejects with what made a deletion fail. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { expire, stop } = this.#options;
    while (this.#wanted !== undefined && !isSame(this.#wanted, this.#done)) {
      const wanted = this.#wanted;
      for (const range of rangesOf(wanted, this.#done)) {
        let gone = EXPIRE_ROWS;
        while (gone === EXPIRE_ROWS) {
          if (stop.aborted) return;
          gone = await expire(range, EXPIRE_ROWS);
        }
      }
      this.#done = wanted;
    }
    this.#running = undefined;
  }
}

function isSame(a: Expired, b: Expired | undefined): boolean {
  return a.throughUs === b?.throughUs && a.labelledThroughUs === b.labelledThroughUs;
}
