// Membership in a topic's consumer group: which partitions this process is to read. kafkajs's consumer joins, sends
// heartbeats and takes part in rebalances with every partition paused, so it never fetches.

import type { Consumer, Kafka } from 'kafkajs';
import type { Logger } from '../runtime/logger.ts';
import { kafkaError } from './kafka-connection.ts';

const SESSION_TIMEOUT_MS = 15_000;
const REBALANCE_TIMEOUT_MS = 15_000;
const HEARTBEAT_MS = 1_000;
/** How often the paused consumer looks whether a heartbeat is due. */
const LOOK_MS = 250;

export interface KafkaGroupOptions {
  readonly kafka: Kafka;
  readonly brokers: readonly string[];
  readonly groupId: string;
  readonly topic: string;
  readonly logger: Logger;
}

export class KafkaGroup {
  readonly #options: KafkaGroupOptions;
  #consumer: Consumer | undefined;

  constructor(options: KafkaGroupOptions) {
    this.#options = options;
  }

  /** Joins with the first pull; again whenever the group divides the partitions anew. One iteration at a time. */
  async *assignments(signal: AbortSignal): AsyncGenerator<readonly number[]> {
    if (signal.aborted) return;
    const { kafka, groupId, topic, brokers } = this.#options;
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: LOOK_MS,
      allowAutoTopicCreation: false,
    });
    this.#consumer = consumer;
    let latest: readonly number[] | undefined;
    let failure: unknown;
    let wake = (): void => {};
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      consumer.pause([{ topic }]);
      latest = payload.memberAssignment[topic] ?? [];
      wake();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      // After a crash that may pass kafkajs starts its consumer again by itself.
      if (payload.restart) return;
      failure = payload.error;
      wake();
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({ autoCommit: false, eachBatch: async () => {} });
      while (!signal.aborted) {
        if (failure !== undefined) throw failure;
        if (latest) {
          const assigned = latest;
          latest = undefined;
          yield assigned;
          continue;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } catch (error) {
      if (!signal.aborted) throw kafkaError(error, topic, brokers);
    } finally {
      signal.removeEventListener('abort', onAbort);
      await this[Symbol.asyncDispose]();
    }
  }

  /**
   * For tools that show a group's lag; nothing is read from there. So a failure (a rebalance just now, a member that has
   * left) costs nothing: the next batch commits again. Without membership there is nothing to commit as.
   */
  async commit(partition: number, offset: number): Promise<void> {
    const { topic, logger } = this.#options;
    try {
      await this.#consumer?.commitOffsets([{ topic, partition, offset: String(offset) }]);
    } catch (error) {
      logger.debug({ topic, partition, err: error }, 'offset not shown to the consumer group');
    }
  }

  /** Leaves the group, so that others take over at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.disconnect().catch(() => {});
  }
}
