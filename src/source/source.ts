// The contract of the source: what the connector pulls from Postgres. Implemented over logical replication in this folder
// and in memory by the simulation; both pass test/contract/source.

import type { Row, Transaction } from '../flow/change.ts';
import type { Lsn } from '../flow/lsn.ts';
import type { TableName } from '../flow/pipeline.ts';

/** What must be durable before the slot may move: a commit, everything up to which is in topic and state. */
export interface AcknowledgedCheckpoint {
  /** End LSN of the last commit that the checkpoint covers; the slot is acknowledged to it, exactly. */
  readonly endLsn: Lsn;
}

export interface Source {
  /**
   * The next committed transaction, in commit order, or undefined when `signal` aborts. The one before must have been
   * read to its end. Rejects with a MillraceError; a retryable one means: call `reopen` from the last checkpoint.
   */
  next(signal: AbortSignal): Promise<Transaction | undefined>;
  /** True when `next` can answer without waiting for Postgres: a batch may grow. False: publish what is there. */
  readonly pending: boolean;
  /**
   * Moves the slot. Called only with a checkpoint that is flushed; never with what was merely received or published. The
   * one function that sends an acknowledgement other than the repetition of the last one.
   */
  acknowledge(checkpoint: AcknowledgedCheckpoint): void;
  /** The slot's confirmed position when the stream was opened: transactions ending at or below it do not come again. */
  readonly confirmedLsn: Lsn;
  /** WAL between the last transaction that was received and the end of the server's WAL, bytes. */
  readonly lagBytes: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Reading tables as they were at one exact point of the stream. */
export interface BackfillSnapshot {
  /** Consistent point: a transaction that commits at or above it is in the stream, one below is in the snapshot. */
  readonly lsn: Lsn;
  /** Microseconds since 1970 UTC. */
  readonly takenAtUs: number;
  /** "Is this transaction already in the rows that were read?" */
  includes(transaction: Pick<Transaction, 'commitLsn'>): boolean;
  /** Estimated rows of the table, for progress. */
  estimate(table: TableName): Promise<number>;
  /** Rows of one table in chunks, columns in the order asked for, sorted as asked. */
  read(request: BackfillRead, signal: AbortSignal): AsyncIterable<readonly Row[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface BackfillRead {
  readonly table: TableName;
  readonly columns: readonly string[];
  /** The table as written in the view's FROM, e.g. `public.payments p`; needed where `orderBy` names its alias. */
  readonly from?: string;
  /** SQL expressions over `from`, most significant first; NULLs last. Empty: any order. */
  readonly orderBy: readonly string[];
  readonly timezone: string;
}
