import { Kafka, logLevel } from 'kafkajs';
import { describe } from 'vitest';
import { KafkaLog } from '../../../src/stream/kafka-log.ts';
import { formatTopicName } from '../../../src/stream/topic-name.ts';
import { kafkaBrokers } from '../../support/kafka.ts';
import { logContract } from './log-contract.ts';

const brokers = await kafkaBrokers();

describe.skipIf(brokers === undefined)('over a real broker', () => {
  logContract('kafka', async () => {
    const log = await KafkaLog.open({ brokers: brokers! });
    return {
      log,
      another: () => KafkaLog.open({ brokers: brokers! }),
      async dropBelow(topic, offset) {
        const name = formatTopicName(topic);
        const admin = new Kafka({ brokers: [...brokers!], logLevel: logLevel.NOTHING }).admin();
        await admin.connect();
        const offsets = await admin.fetchTopicOffsets(name);
        const partitions = offsets.map(({ partition }) => ({ partition, offset: String(offset) }));
        await admin.deleteTopicRecords({ topic: name, partitions });
        await admin.disconnect();
      },
      async [Symbol.asyncDispose]() {
        await log[Symbol.asyncDispose]();
      },
    };
  });
});
