// Sessions of the score store: a few, made when needed, given back after use, dropped when they break.

import type pg from 'pg';
import { connect } from '../warehouse/connection.ts';

/** More are closed when they are given back. One batch uses two: it is read while the one before is written. */
const MAX_IDLE = 8;

/**
 * A batch joins a few thousand keys, given as arrays whose length the planner does not know, with a table of any size. Looking
 * each up in the index is right for all; a hash join over the whole table is what Postgres chooses when it guesses wrong.
 */
const SETTINGS = 'set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off; set jit = off';

export class SessionPool {
  readonly #url: string;
  readonly #applicationName: string;
  readonly #idle: pg.Client[] = [];
  readonly #open = new Set<pg.Client>();
  #closed = false;

  constructor(url: string, applicationName: string) {
    this.#url = url;
    this.#applicationName = applicationName;
  }

  /** Runs `work` on a session that nobody else uses meanwhile. A session whose work failed is not used again. */
  async use<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.#idle.pop() ?? (await this.open());
    try {
      const result = await work(client);
      if (this.#closed || this.#idle.length >= MAX_IDLE) await this.close(client);
      else this.#idle.push(client);
      return result;
    } catch (error) {
      await this.close(client);
      throw error;
    }
  }

  /** A session that the caller closes. */
  async open(): Promise<pg.Client> {
    const client = await connect({ url: this.#url, applicationName: this.#applicationName });
    this.#open.add(client);
    client.once('end', () => {
      this.#open.delete(client);
      const index = this.#idle.indexOf(client);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    await client.query(SETTINGS);
    return client;
  }

  async close(client: pg.Client): Promise<void> {
    this.#open.delete(client);
    await client.end().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open].map((client) => this.close(client)));
  }
}
