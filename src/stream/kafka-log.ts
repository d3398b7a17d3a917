// The Kafka stream. Written with kafkajs below; see kafka-connection.ts for which part does what.

import { Kafka, type Admin, logLevel, type ITopicConfig } from 'kafkajs';
import { silentLogger, type Logger } from '../runtime/logger.ts';
import {
  CLIENT_ID,
  CONNECTION_TIMEOUT_MS,
  KafkaConnection,
  REQUEST_TIMEOUT_MS,
  RETRY,
  kafkaError,
  type KafkaOptions,
} from './kafka-connection.ts';
import { KafkaGroup } from './kafka-group.ts';
import { systemClock } from '../runtime/clock.ts';
import { isRetryable } from '../runtime/errors.ts';
import { KafkaReader } from './kafka-reader.ts';
import { KafkaWriter } from './kafka-writer.ts';
import { assertOpen, topicChanged, topicMissing } from './log-errors.ts';
import type { Log, OffsetRange, ReadOptions, TopicName, TopicOwner, TopicReader, TopicWriter } from './log.ts';
import { formatTopicName, topicsOf } from './topic-name.ts';

export interface KafkaLogOptions extends KafkaOptions {
  readonly logger?: Logger;
  /** Of new topics; the brokers' default where not given. Less than 2 in-sync replicas do not survive a broker's disk. */
  readonly replicationFactor?: number;
  /** Further settings of new topics, e.g. `retention.ms`: how long a sink may be away. */
  readonly topicSettings?: Readonly<Record<string, string>>;
}

/**
 * Settings without which we do not work: large feature rows; our own batches as they are; and the time of arrival, since
 * brokers refuse or delete early what has the commit time of long ago.
 */
const TOPIC_SETTINGS = {
  'cleanup.policy': 'delete',
  'compression.type': 'uncompressed',
  'max.message.bytes': String(32 * 1024 * 1024),
  'message.timestamp.type': 'LogAppendTime',
};

const BROKERS_DEFAULT = -1;
const KNOWN_ATTEMPTS = 100;
const KNOWN_WAIT_MS = 100;

export class KafkaLog implements Log {
  readonly #options: KafkaLogOptions;
  readonly #kafka: Kafka;
  #admin: Promise<Admin> | undefined;
  #closed = false;

  private constructor(options: KafkaLogOptions) {
    this.#options = options;
    const logger = options.logger ?? silentLogger;
    this.#kafka = new Kafka({
      brokers: [...options.brokers],
      clientId: CLIENT_ID,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      // What fails comes back as a rejection; what kafkajs says on the way there is for whoever debugs.
      logLevel: logger.isLevelEnabled('debug') ? logLevel.INFO : logLevel.NOTHING,
      logCreator: () => (entry) => logger.debug({ kafkajs: entry.log.message, namespace: entry.namespace }, 'kafkajs'),
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    });
  }

  /** Connects with the first use. */
  static async open(options: KafkaLogOptions): Promise<KafkaLog> {
    return new KafkaLog(options);
  }

  async openWriter(topic: TopicName, partitions: number): Promise<TopicWriter> {
    const name = formatTopicName(topic);
    await this.#create(name, partitions);
    assertOpen(this.#closed);
    const connection = await KafkaConnection.open(name, this.#options, this.#kafka.logger());
    if (connection.partitions !== partitions) {
      const found = connection.partitions;
      await connection[Symbol.asyncDispose]();
      throw topicChanged(name, partitions, found);
    }
    const range = (partition: number): Promise<OffsetRange> => this.#range(name, partition);
    return new KafkaWriter({ connection, partitions, generation: topic.generation, range });
  }

  async #create(name: string, partitions: number): Promise<void> {
    const settings = { ...TOPIC_SETTINGS, ...this.#options.topicSettings };
    const config: ITopicConfig = {
      topic: name,
      numPartitions: partitions,
      replicationFactor: this.#options.replicationFactor ?? BROKERS_DEFAULT,
      configEntries: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
    };
    // False when it exists; its partitions are compared after.
    const isNew = await this.#withAdmin(name, (admin) =>
      admin.createTopics({ topics: [config], waitForLeaders: false }),
    );
    if (isNew) await this.#whenKnown(name, partitions);
  }

  /** A new topic is known to its brokers a moment after it was made: until then its leaders answer that they are none. */
  async #whenKnown(name: string, partitions: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#range(name, partitions - 1);
        return;
      } catch (error) {
        if (!isRetryable(error) || attempt === KNOWN_ATTEMPTS) throw error;
        await systemClock.sleep(KNOWN_WAIT_MS);
      }
    }
  }

  async openReader(topic: TopicName, options: ReadOptions): Promise<TopicReader> {
    const name = formatTopicName(topic);
    const { topics } = await this.#withAdmin(name, (admin) => admin.fetchTopicMetadata({ topics: [name] }));
    const partitions = topics.find((one) => one.name === name)?.partitions.length ?? 0;
    if (partitions === 0) throw topicMissing(name);
    const { brokers, logger = silentLogger } = this.#options;
    return new KafkaReader({
      topic: name,
      partitions,
      generation: topic.generation,
      kafka: this.#options,
      logger: this.#kafka.logger(),
      group: new KafkaGroup({ kafka: this.#kafka, brokers, groupId: name, topic: name, logger }),
      caps: options,
      range: (partition) => this.#range(name, partition),
    });
  }

  async #range(name: string, partition: number): Promise<OffsetRange> {
    const offsets = await this.#withAdmin(name, (admin) => admin.fetchTopicOffsets(name));
    const found = offsets.find((one) => one.partition === partition);
    if (!found) throw topicMissing(name);
    return { first: Number(found.low), end: Number(found.high) };
  }

  async list(owner: TopicOwner): Promise<readonly TopicName[]> {
    return topicsOf(owner, await this.#withAdmin('millrace.*', (admin) => admin.listTopics()));
  }

  async remove(topic: TopicName): Promise<void> {
    const name = formatTopicName(topic);
    const names = await this.#withAdmin(name, (admin) => admin.listTopics());
    if (names.includes(name)) await this.#withAdmin(name, (admin) => admin.deleteTopics({ topics: [name] }));
  }

  async #withAdmin<T>(topic: string, action: (admin: Admin) => Promise<T>): Promise<T> {
    assertOpen(this.#closed);
    try {
      this.#admin ??= this.#connectAdmin();
      return await action(await this.#admin);
    } catch (error) {
      throw kafkaError(error, topic, this.#options.brokers);
    }
  }

  async #connectAdmin(): Promise<Admin> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      this.#admin = undefined;
      await admin.disconnect().catch(() => {});
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const admin = await this.#admin?.catch(() => undefined);
    this.#admin = undefined;
    await admin?.disconnect().catch(() => {});
  }
}
