// The parts of kafkajs 2.2.4 that we use below its public interface, which has no types of their own. Why: kafka-connection.ts.

declare module 'kafkajs/src/cluster/index.js' {
  import type { Socket } from 'node:net';
  import type { ConnectionOptions } from 'node:tls';
  import type { KafkaConfig, Logger, RetryOptions } from 'kafkajs';

  export interface SocketFactoryArguments {
    readonly host: string;
    readonly port: number;
    readonly ssl?: ConnectionOptions | boolean;
    readonly onConnect: () => void;
  }

  export interface InternalBroker {
    readonly nodeId: number;
    readonly connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> };
    initProducerId(options: { transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>;
  }

  /** One request and how its answer is read. */
  export interface Exchange<T> {
    readonly request: {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      encode(): Promise<unknown>;
    };
    readonly response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
  }

  class Cluster {
    constructor(options: {
      logger: Logger;
      brokers: readonly string[];
      clientId: string;
      connectionTimeout: number;
      requestTimeout: number;
      enforceRequestTimeout: boolean;
      metadataMaxAge: number;
      allowAutoTopicCreation: boolean;
      maxInFlightRequests: number;
      retry: RetryOptions;
      socketFactory: (options: SocketFactoryArguments) => Socket;
      ssl?: ConnectionOptions | boolean | undefined;
      sasl?: KafkaConfig['sasl'] | undefined;
    });
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    isConnected(): boolean;
    refreshMetadata(): Promise<void>;
    refreshMetadataIfNecessary(): Promise<void>;
    addTargetTopic(topic: string): Promise<void>;
    findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[];
    findBroker(options: { nodeId: number }): Promise<InternalBroker>;
    findControllerBroker(): Promise<InternalBroker>;
  }

  export { Cluster as default };
}

declare module 'kafkajs/src/protocol/encoder.js' {
  class Encoder {
    constructor(initialSize?: number);
    writeInt8(value: number): this;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeInt64(value: number | string | bigint): this;
    writeString(value: string | null): this;
    writeBuffer(value: Buffer): this;
  }

  export { Encoder as default };
}
