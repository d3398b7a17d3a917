// Sends one pipeline's records to its topic, in order, one call in flight, never twice: a record at or below a partition's
// tail is already there (it comes again after a restart from a checkpoint).

import { isAfter, type Position } from '../flow/position.ts';
import type { StreamRecord } from '../flow/record.ts';
import { BackOff } from '../runtime/back-off.ts';
import type { Clock } from '../runtime/clock.ts';
import { isRetryable } from '../runtime/errors.ts';
import { failPoint } from '../runtime/fail-points.ts';
import type { Logger } from '../runtime/logger.ts';
import type { TopicWriter } from '../stream/log.ts';

export interface PublisherOptions {
  readonly writer: TopicWriter;
  /** The higher of the topic's last record and the checkpoint's, for each partition. */
  readonly tails: readonly (Position | undefined)[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class Publisher {
  readonly #options: PublisherOptions;
  /** Last position that was handed over, by partition: what stands at or below is not sent again. */
  readonly #handedOver: (Position | undefined)[];
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  readonly #stop: AbortSignal;
  #buffer: StreamRecord[] = [];
  #inFlight: Promise<void> | undefined;
  #sending = 0;
  #failure: unknown;
  /** Why the topic cannot be written right now; undefined when it can. */
  trouble: string | undefined;
  published = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#stop = AbortSignal.any([options.signal, this.#closing.signal]);
    this.#handedOver = [...options.tails];
    this.#backOff = new BackOff({ firstMs: 100, capMs: 10_000, random: options.random });
  }

  /** Records that are not durable yet. */
  get backlog(): number {
    return this.#buffer.length + this.#sending;
  }

  /** Last position handed over, by partition: the tails once everything queued is durable. */
  get lastAdded(): readonly (Position | undefined)[] {
    return [...this.#handedOver];
  }

  /** Queues a record, unless the topic has it already. When enough wait they are sent: bytes are smaller than records. */
  add(record: StreamRecord): void {
    if (!isAfter(record.position, this.#handedOver[record.partition])) return;
    this.#handedOver[record.partition] = record.position;
    this.#buffer.push(record);
    if (this.#buffer.length >= SEND_AT_RECORDS) this.flush();
  }

  /** Starts sending what is queued, unless a call is in flight already (which then sends it too). */
  flush(): void {
    if (this.#inFlight || this.#buffer.length === 0 || this.#failure !== undefined) return;
    this.#inFlight = this.#send()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#inFlight = undefined;
      });
  }

  /** Resolves when no more than `limit` records wait. Rejects with what made sending impossible for good. */
  async room(limit: number): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.backlog <= limit) return;
      this.flush();
      await this.#inFlight;
    }
  }

  /** Resolves when everything that was added is durable. */
  drained(): Promise<void> {
    return this.room(0);
  }

  /** Lets go of what every reader has committed. */
  trim(): Promise<void> {
    return this.#options.writer.trim();
  }

  /** Gives up what is not durable yet: it will come again. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#inFlight;
    await this.#options.writer[Symbol.asyncDispose]();
  }

  async #send(): Promise<void> {
    while (this.#buffer.length > 0 && !this.#closing.signal.aborted) {
      const batch = this.#buffer.splice(0, MAX_PUBLISH_RECORDS);
      this.#sending = batch.length;
      await this.#publish(batch);
      this.#sending = 0;
      this.published += batch.length;
      failPoint('connector.published');
    }
  }

  /** Tries until it is there. After a failure nobody knows what arrived: the topic itself is asked. */
  async #publish(batch: readonly StreamRecord[]): Promise<void> {
    const { writer, clock, logger } = this.#options;
    let rest = batch;
    let askTail = false;
    for (;;) {
      try {
        if (askTail) rest = await this.#missing(rest);
        if (rest.length > 0) await writer.publish(rest);
        this.#backOff.succeeded();
        this.trouble = undefined;
        return;
      } catch (error) {
        if (!isRetryable(error) || this.#stop.aborted) throw error;
        askTail = true;
        this.trouble = error instanceof Error ? error.message : String(error);
        const waitMs = this.#backOff.next();
        logger.warn({ reason: this.trouble, waitMs }, 'publishing failed, trying again');
        await clock.sleep(waitMs, this.#stop);
        if (this.#stop.aborted) throw error;
      }
    }
  }

  async #missing(batch: readonly StreamRecord[]): Promise<readonly StreamRecord[]> {
    const tails = new Map<number, Position | undefined>();
    for (const { partition } of batch)
      if (!tails.has(partition)) tails.set(partition, await this.#options.writer.tail(partition));
    return batch.filter((record) => isAfter(record.position, tails.get(record.partition)));
  }
}

/** So many waiting records are worth a call. */
const SEND_AT_RECORDS = 1_000;
/** Bounds the memory and the time of one call. */
const MAX_PUBLISH_RECORDS = 10_000;
