// The source over logical replication. The socket is read as fast as the consumer pulls and a bounded buffer allows; what Postgres
// is told is only ever the end LSN of the last checkpoint. It is told again on a timer, so that a consumer that sits on a
// transaction for longer than wal_sender_timeout keeps its connection, also while the socket is not read.

import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import type { Change, Transaction } from '../flow/change.ts';
import { formatLsn, type Lsn } from '../flow/lsn.ts';
import { MillraceError } from '../runtime/errors.ts';
import { connectReplication, takeSocket } from '../warehouse/connection.ts';
import { quoteIdentifier, quoteLiteral } from '../warehouse/quoting.ts';
import { PgoutputDecoder, type Begin } from './pgoutput.ts';
import { FrameReader, queryFrame, statusFrame, TERMINATE_FRAME, type ServerError } from './replication-frames.ts';
import { slotError } from './slot.ts';
import type { AcknowledgedCheckpoint, Source } from './source.ts';
import { inspectStart, type StreamStart } from './stream-start.ts';
import { TransactionQueue, type QueueSize } from './transaction-queue.ts';

export interface ReplicationSourceOptions {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
  /** Where the last checkpoint ends. Undefined: where the slot stands. */
  readonly from: Lsn | undefined;
  readonly applicationName?: string;
  /** Rows in a chunk of `changes()`, at most. */
  readonly chunkRows?: number;
  /** The socket is not read while the buffer has more than this; one read (64 kB) may go over it. */
  readonly maxBufferedRows?: number;
  readonly maxBufferedBytes?: number;
}

/** A server that is shutting down asks again and again; one that streams asks once in half a wal_sender_timeout. */
const SHUTDOWN_QUESTIONS = 10;
const SHUTDOWN_WINDOW_MS = 1_000;
/** A read below this size emptied the socket: waiting a moment lets more arrive for the next, for less CPU a row. */
const FULL_READ_BYTES = 32_768;
const BURST_PAUSE_MS = 1;
/** How long a server may take to notice our goodbye. */
const GOODBYE_MS = 2_000;

/** See {@link Source}. Not thread-safe, one consumer. Once it has rejected it is of no more use: dispose it, open another. */
export class ReplicationSource implements Source {
  /**
   * Connects and starts the stream. Rejects with SLOT_MISSING, SLOT_IN_USE (retryable), SLOT_LOST, STATE_LOST (`from` is below
   * what the slot has already let go: Postgres would silently begin later), NOT_OUR_WAREHOUSE, or a retryable
   * WAREHOUSE_UNREACHABLE.
   */
  static async open(options: ReplicationSourceOptions): Promise<ReplicationSource> {
    const client = await connectReplication({
      url: options.url,
      applicationName: options.applicationName ?? `millrace source ${options.slot}`,
    });
    try {
      const start = await inspectStart(client, options);
      const source = new ReplicationSource(options, start, takeSocket(client));
      await source.#start();
      return source;
    } catch (error) {
      await client.end().catch(() => {});
      throw slotError(error, options.slot);
    }
  }

  readonly confirmedLsn: Lsn;
  readonly #options: ReplicationSourceOptions;
  readonly #socket: Duplex;
  readonly #queue: TransactionQueue;
  readonly #decoder = new PgoutputDecoder();
  readonly #frames: FrameReader;
  readonly #maxRows: number;
  readonly #maxBytes: number;
  readonly #statusIntervalMs: number;
  #acknowledged: Lsn;
  /** Everything below was received, or does not concern us. */
  #received: Lsn;
  #serverEnd: Lsn;
  #state: 'starting' | 'streaming' | 'failed' | 'closed' = 'starting';
  #failure: MillraceError | undefined;
  #started: PromiseWithResolvers | undefined;
  #current: StreamedTransaction | undefined;
  #statusTimer: NodeJS.Timeout | undefined;
  #burstTimer: NodeJS.Timeout | undefined;
  #questions = 0;
  #questionsSinceMs = 0;

  private constructor(options: ReplicationSourceOptions, start: StreamStart, socket: Duplex) {
    this.#options = options;
    this.#socket = socket;
    this.confirmedLsn = start.confirmedLsn;
    this.#acknowledged = start.confirmedLsn;
    this.#received = start.from;
    this.#serverEnd = start.serverEnd;
    this.#statusIntervalMs = start.statusIntervalMs;
    this.#maxRows = options.maxBufferedRows ?? 20_000;
    this.#maxBytes = options.maxBufferedBytes ?? 32 * 2 ** 20;
    this.#queue = new TransactionQueue(options.chunkRows ?? 1_000, () => this.#readOn());
    this.#frames = new FrameReader({
      onCopyBegin: () => this.#onCopyBegin(),
      onPayload: (bytes, from, end) => this.#onPayload(bytes, from, end),
      onKeepalive: (walEnd, replyNow) => this.#onKeepalive(walEnd, replyNow),
      onCopyEnd: () => this.#fail(connectionEnded('the server ended the stream')),
      onServerError: (error) => this.#onServerError(error),
    });
  }

  get pending(): boolean {
    return this.#queue.begun > 0;
  }

  get lagBytes(): number {
    return this.#serverEnd > this.#received ? Number(this.#serverEnd - this.#received) : 0;
  }

  /** What is decoded and not yet pulled. */
  get buffered(): QueueSize {
    return this.#queue.size;
  }

  /**
   * Tells where the server's WAL ends (a heartbeat's LSN, `pg_current_wal_lsn()`), for {@link lagBytes}: the stream itself only
   * says how far it has been sent.
   */
  observeServerEnd(lsn: Lsn): void {
    if (lsn > this.#serverEnd) this.#serverEnd = lsn;
  }

  async next(signal: AbortSignal): Promise<Transaction | undefined> {
    assert(this.#current === undefined || this.#current.ended, 'the transaction before was not read to its end');
    for (;;) {
      if (signal.aborted) return undefined;
      const item = this.#queue.take();
      if (item) {
        assert(item.kind === 'begin', 'a transaction begins with its begin');
        this.#current = new StreamedTransaction(item, this.#queue, () => this.#failure);
        return this.#current;
      }
      if (this.#failure) throw this.#failure;
      await this.#queue.wait(signal);
    }
  }

  acknowledge(checkpoint: AcknowledgedCheckpoint): void {
    assert(
      checkpoint.endLsn >= this.#acknowledged,
      `the acknowledgement ${formatLsn(checkpoint.endLsn)} is below ${formatLsn(this.#acknowledged)}`,
    );
    this.#acknowledged = checkpoint.endLsn;
    this.#repeatAcknowledgement();
  }

  /** Ends the session and waits until the server has let go of the slot, as far as it does so in {@link GOODBYE_MS}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return;
    const open = this.#state !== 'failed';
    this.#state = 'closed';
    this.#failure ??= connectionEnded('the source was closed');
    this.#stopTimers();
    this.#queue.clear();
    this.#queue.wake();
    const socket = this.#socket;
    if (socket.destroyed) return;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (open && socket.writable) {
      const limit = setTimeout(() => socket.destroy(), GOODBYE_MS);
      socket.end(TERMINATE_FRAME);
      // What still arrives is thrown away; unread, it would keep the server from seeing the goodbye.
      socket.resume();
      await closed;
      clearTimeout(limit);
    } else {
      socket.destroy();
      await closed;
    }
  }

  async #start(): Promise<void> {
    const { slot, publication } = this.#options;
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(slotError(error, slot)));
    socket.on('close', () => this.#fail(connectionEnded('the connection was cut')));
    socket.resume();
    this.#started = withResolvers();
    // Messages (heartbeats) make a transaction of their own, so the clock moves on a quiet database.
    socket.write(
      queryFrame(
        `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${formatLsn(this.#received)} ` +
          `(proto_version '1', publication_names ${quoteLiteral(quoteIdentifier(publication))}, messages 'true')`,
      ),
    );
    await this.#started.promise;
  }

  #onData(chunk: Buffer): void {
    if (this.#state === 'failed' || this.#state === 'closed') return;
    try {
      this.#frames.read(chunk);
    } catch (cause) {
      this.#fail(
        new MillraceError(
          'WAREHOUSE_UNREACHABLE',
          `the replication stream cannot be read: ${(cause as Error).message}`,
          {
            hint: 'Please report this. Trying again from the last checkpoint.',
            retryable: true,
            cause,
          },
        ),
      );
    }
    this.#queue.flush();
    if (this.#queue.rows > this.#maxRows || this.#queue.bytes > this.#maxBytes) this.#socket.pause();
    else if (chunk.length < FULL_READ_BYTES && this.#state === 'streaming') {
      this.#socket.pause();
      this.#burstTimer ??= setTimeout(() => {
        this.#burstTimer = undefined;
        this.#readOn();
      }, BURST_PAUSE_MS);
    }
  }

  /** Reads again, unless a pause is running or the buffer is more than half full. */
  #readOn(): void {
    if (this.#burstTimer !== undefined || this.#state !== 'streaming') return;
    if (this.#queue.rows * 2 <= this.#maxRows && this.#queue.bytes * 2 <= this.#maxBytes) this.#socket.resume();
  }

  #onCopyBegin(): void {
    this.#state = 'streaming';
    this.#statusTimer = setInterval(() => this.#repeatAcknowledgement(), this.#statusIntervalMs);
    this.#started?.resolve();
  }

  #onPayload(bytes: Buffer, from: number, end: number): void {
    this.#questions = 0;
    const message = this.#decoder.decode(bytes, from, end);
    switch (message.kind) {
      case 'relation':
      case 'type':
      case 'origin':
      case 'message':
        return;
      case 'commit':
        this.#reached(message.endLsn);
        break;
      case 'begin':
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        break;
    }
    this.#queue.push(message, end - from);
  }

  #onKeepalive(walEnd: Lsn, replyNow: boolean): void {
    this.#reached(walEnd);
    if (!replyNow) return;
    this.#repeatAcknowledgement();
    // A server that shuts down waits until all its WAL is acknowledged, for ever if need be. We acknowledge checkpoints only, so
    // it is us who must go; the slot keeps the rest.
    const now = performance.now();
    if (this.#questions === 0 || now - this.#questionsSinceMs > SHUTDOWN_WINDOW_MS) {
      this.#questions = 0;
      this.#questionsSinceMs = now;
    }
    this.#questions += 1;
    if (this.#questions >= SHUTDOWN_QUESTIONS) this.#fail(connectionEnded('the server is shutting down'));
  }

  #onServerError(error: ServerError): void {
    this.#fail(slotError(Object.assign(new Error(error.message), { code: error.code }), this.#options.slot));
  }

  #reached(lsn: Lsn): void {
    if (lsn > this.#received) this.#received = lsn;
    if (lsn > this.#serverEnd) this.#serverEnd = lsn;
  }

  #repeatAcknowledgement(): void {
    if (this.#state === 'streaming' && this.#socket.writable)
      this.#socket.write(statusFrame(this.#acknowledged, Date.now()));
  }

  /** What was received before is still handed out; then everything rejects with this. */
  #fail(failure: MillraceError): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.#state = 'failed';
    this.#stopTimers();
    this.#started?.reject(failure);
    this.#socket.destroy();
    this.#queue.wake();
  }

  #stopTimers(): void {
    clearInterval(this.#statusTimer);
    clearTimeout(this.#burstTimer);
    this.#burstTimer = undefined;
  }
}

class StreamedTransaction implements Transaction {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly commitTimeUs: number;
  readonly #queue: TransactionQueue;
  readonly #failure: () => MillraceError | undefined;
  #endLsn: Lsn | undefined;
  #read = false;

  constructor(begin: Begin, queue: TransactionQueue, failure: () => MillraceError | undefined) {
    this.xid = begin.xid;
    this.commitLsn = begin.commitLsn;
    this.commitTimeUs = begin.commitTimeUs;
    this.#queue = queue;
    this.#failure = failure;
  }

  get ended(): boolean {
    return this.#endLsn !== undefined;
  }

  get endLsn(): Lsn {
    assert(this.#endLsn !== undefined, 'the end of a transaction is known when its changes have been read');
    return this.#endLsn;
  }

  async *changes(): AsyncGenerator<readonly Change[]> {
    assert(!this.#read, 'the changes of a transaction are read once');
    this.#read = true;
    for (;;) {
      const item = this.#queue.take();
      if (item === undefined) {
        const failure = this.#failure();
        if (failure) throw failure;
        await this.#queue.wait();
      } else if (item.kind === 'changes') yield item.changes;
      else {
        assert(item.kind === 'commit', 'a transaction ends with its commit');
        this.#endLsn = item.endLsn;
        return;
      }
    }
  }
}

function connectionEnded(why: string): MillraceError {
  return new MillraceError('WAREHOUSE_UNREACHABLE', `the replication connection ended: ${why}`, {
    hint: 'Nothing is lost: the slot keeps what has not been acknowledged. Trying again.',
    retryable: true,
  });
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((onFulfilled, onRejected) => {
    resolve = onFulfilled;
    reject = onRejected;
  });
  return { promise, resolve, reject };
}
