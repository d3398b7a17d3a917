// A connection to the brokers of one topic, of our own for each writer and for each partition that is read. kafkajs finds
// brokers, leaders and coordinators and moves requests; the requests that carry records are ours, because its producer's
// grouping is quadratic and its encoders nest, and because its consumer resets an offset that is out of range by itself,
// where we must stop. So it is `Cluster`, the layer below both, that is used here.

import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { KafkaConfig, Logger as KafkaLogger } from 'kafkajs';
import Cluster, { type Exchange, type InternalBroker, type SocketFactoryArguments } from 'kafkajs/src/cluster/index.js';
import { MillraceError } from '../runtime/errors.ts';
import { topicMissing } from './log-errors.ts';

export interface KafkaOptions {
  /** `host:port`, one or more. */
  readonly brokers: readonly string[];
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: KafkaConfig['sasl'];
  /** How a socket is made; tests cut connections with it. */
  readonly openSocket?: (options: SocketFactoryArguments) => Socket;
}

export const CLIENT_ID = 'millrace';
/** Few and short: whoever called tries again, with its own back-off, and says so in the status. */
export const RETRY = { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 };
export const CONNECTION_TIMEOUT_MS = 3_000;
export const REQUEST_TIMEOUT_MS = 30_000;
const METADATA_MAX_AGE_MS = 300_000;
/** A controller's or a transaction's: not ours, but a field that must be sent. */
const UNUSED_TRANSACTION_TIMEOUT_MS = 60_000;

export class KafkaConnection {
  readonly topic: string;
  readonly #cluster: Cluster;
  readonly #brokers: readonly string[];
  readonly #sockets = new Set<Socket>();
  #dropped = false;

  private constructor(topic: string, options: KafkaOptions, logger: KafkaLogger) {
    this.topic = topic;
    this.#brokers = options.brokers;
    const openSocket = options.openSocket ?? openNetworkSocket;
    this.#cluster = new Cluster({
      logger,
      brokers: options.brokers,
      clientId: CLIENT_ID,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      enforceRequestTimeout: true,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
      maxInFlightRequests: 1,
      retry: RETRY,
      ssl: options.ssl,
      sasl: options.sasl,
      socketFactory: (socketOptions) => {
        const socket = openSocket(socketOptions);
        // A request that was about to be sent when we were dropped would connect again.
        if (this.#dropped) socket.destroy(droppedError());
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return socket;
      },
    });
  }

  static async open(topic: string, options: KafkaOptions, logger: KafkaLogger): Promise<KafkaConnection> {
    const connection = new KafkaConnection(topic, options, logger);
    try {
      await connection.guard(async () => {
        await connection.#cluster.connect();
        await connection.#cluster.addTargetTopic(topic);
      });
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Partitions as the brokers last told. */
  get partitions(): number {
    return this.#cluster.findTopicPartitionMetadata(this.topic).length;
  }

  /** Sends to the broker that leads the partition. */
  async exchange<T>(partition: number, exchange: Exchange<T>): Promise<T> {
    return this.guard(async () => (await this.leader(partition)).connectionPool.send(exchange));
  }

  async leader(partition: number): Promise<InternalBroker> {
    await this.#cluster.refreshMetadataIfNecessary();
    const metadata = this.#cluster.findTopicPartitionMetadata(this.topic);
    const found = metadata.find(({ partitionId }) => partitionId === partition);
    if (!found) throw topicMissing(this.topic);
    return this.#cluster.findBroker({ nodeId: found.leader });
  }

  async newProducer(): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }> {
    return this.guard(async () => {
      const broker = await this.#cluster.findControllerBroker();
      const made = await broker.initProducerId({ transactionTimeout: UNUSED_TRANSACTION_TIMEOUT_MS });
      return { producerId: BigInt(made.producerId), producerEpoch: made.producerEpoch };
    });
  }

  /** Looks for brokers and leaders again, after a failure. */
  async refresh(): Promise<void> {
    await this.guard(async () => {
      if (!this.#cluster.isConnected()) await this.#cluster.connect();
      await this.#cluster.refreshMetadata();
    });
  }

  /** Gives kafkajs's failures their place among ours. */
  async guard<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw kafkaError(error, this.topic, this.#brokers);
    }
  }

  /**
   * Drops it now: requests in flight are rejected. kafkajs's own `disconnect` would wait for their answers, five seconds
   * where a fetch is held back; it lets go of a connection by itself when its socket fails.
   */
  destroy(): void {
    this.#dropped = true;
    for (const socket of this.#sockets) socket.destroy(droppedError());
  }

  /** Waits for the answers that are due, then ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.disconnect().catch(() => {});
    for (const socket of this.#sockets) socket.destroy();
  }
}

function droppedError(): Error {
  return new Error('dropped by its owner');
}

/** As kafkajs does it. */
function openNetworkSocket({ host, port, ssl, onConnect }: SocketFactoryArguments): Socket {
  if (!ssl) return connectPlain({ host, port }, onConnect).setKeepAlive(true, 60_000).setNoDelay(true);
  const servername = isIP(host) ? {} : { servername: host };
  const socket = connectTls({ host, port, ...servername, ...(ssl === true ? {} : ssl) }, onConnect);
  return socket.setKeepAlive(true, 60_000).setNoDelay(true);
}

/** A code that a broker answered with, in one of our own requests. */
export function brokerAnswered(topic: string, partition: number, code: number): MillraceError {
  if (code === 3 || code === 100) return topicMissing(topic);
  return new MillraceError(
    'BROKER_UNREACHABLE',
    `Kafka answered error ${code} for topic ${topic}, partition ${partition}`,
    {
      hint: 'Codes are listed at https://kafka.apache.org/protocol#protocol_error_codes. Millrace tries again.',
      retryable: true,
    },
  );
}

/** A failure of kafkajs as one of ours. */
export function kafkaError(error: unknown, topic: string, brokers: readonly string[]): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error;
  const type = findType(error);
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return topicMissing(topic);
  if (
    error.name === 'KafkaJSSASLAuthenticationError' ||
    /AUTHORIZATION_FAILED|AUTHENTICATION_FAILED/.test(type ?? '')
  ) {
    return new MillraceError('BROKER_UNREACHABLE', `Kafka at ${brokers.join(', ')} refuses us: ${error.message}`, {
      hint: 'Check the credentials, and the rights of that user on the topics named millrace.*.',
      cause: error,
    });
  }
  if (!error.name.startsWith('KafkaJS') && !('code' in error)) return error;
  return new MillraceError('BROKER_UNREACHABLE', `Kafka at ${brokers.join(', ')} cannot be used: ${error.message}`, {
    hint: 'Check that the brokers named by --brokers (MILLRACE_BROKERS) run and can be reached. Millrace tries again.',
    retryable: true,
    cause: error,
  });
}

/** Kafka's name for what went wrong; kafkajs hides it in the cause when it has given up retrying. */
function findType(error: Error): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; depth++, at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type;
  }
  return undefined;
}
