import { connect, type Socket } from 'node:net';
import { Kafka, Partitioners, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { KafkaLog } from '../../src/stream/kafka-log.ts';
import type { TopicName, TopicReader } from '../../src/stream/log.ts';
import { formatTopicName } from '../../src/stream/topic-name.ts';
import { numbered, record } from '../contract/log/log-contract.ts';
import { kafkaBrokers } from '../support/kafka.ts';

const brokers = await kafkaBrokers();
const caps = { maxRecords: 100_000, maxBytes: 64 * 1024 * 1024 };
let topics = 0;

describe('the Kafka log without a broker', () => {
  it('names the brokers and the flag, and may be tried again', async () => {
    await using log = await KafkaLog.open({ brokers: ['127.0.0.1:9'] });
    const opening = log.openWriter({ group: 'g', pipelineId: 1, generation: 1 }, 1);
    await expect(opening).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE', retryable: true });
    await expect(opening).rejects.toThrow(/127\.0\.0\.1:9/);
    await expect(opening).rejects.toMatchObject({ hint: expect.stringContaining('--brokers') });
  });
});

describe.skipIf(brokers === undefined)('the Kafka log', () => {
  it('has every record once, in order, though connections are cut while it publishes', async () => {
    const sockets = new Set<Socket>();
    const openSocket = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
      const socket = connect({ host, port }, onConnect);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    };
    const topic = newTopic();
    await using log = await KafkaLog.open({ brokers: brokers! });
    await using faulty = await KafkaLog.open({ brokers: brokers!, openSocket });
    await using writer = await faulty.openWriter(topic, 1);
    let cuts = 0;
    for (let round = 0; round < 20; round++) {
      const publishing = writer.publish(numbered(0, round * 500, round * 500 + 500, 'x'.repeat(500)));
      // After the request was written, before its answer was read.
      setImmediate(() => {
        for (const socket of sockets) {
          if (socket.bytesWritten === 0) continue;
          cuts++;
          socket.destroy(new Error('cut by the test'));
        }
      });
      await publishing;
    }
    expect(cuts).toBeGreaterThan(5);
    await using reader = await log.openReader(topic, caps);
    const positions = (await read(reader, 0, 10_000)).map(({ position }) => position.n);
    expect(positions.length).toBe(10_000);
    expect(positions.every((n, i) => n === i)).toBe(true);
    await log.remove(topic);
  });

  it('divides the partitions between two members, and gives them back when one leaves', async () => {
    const topic = newTopic();
    await using log = await KafkaLog.open({ brokers: brokers! });
    await using other = await KafkaLog.open({ brokers: brokers! });
    await (await log.openWriter(topic, 4))[Symbol.asyncDispose]();
    await using one = await log.openReader(topic, caps);
    await using two = await other.openReader(topic, caps);
    const stopOne = new AbortController();
    const stopTwo = new AbortController();
    const ofOne = one.assignments(stopOne.signal)[Symbol.asyncIterator]();
    expect([...(await ofOne.next()).value].sort()).toEqual([0, 1, 2, 3]);
    const ofTwo = two.assignments(stopTwo.signal)[Symbol.asyncIterator]();
    const [again, fresh] = await Promise.all([ofOne.next(), ofTwo.next()]);
    expect([...again.value, ...fresh.value].sort()).toEqual([0, 1, 2, 3]);
    expect(fresh.value.length).toBe(2);
    stopTwo.abort();
    await ofTwo.next();
    expect([...(await ofOne.next()).value].sort()).toEqual([0, 1, 2, 3]);
    stopOne.abort();
    await ofOne.next();
    await log.remove(topic);
  });

  it('shows what is committed to tools that look at the group', async () => {
    const topic = newTopic();
    await using log = await KafkaLog.open({ brokers: brokers! });
    await using writer = await log.openWriter(topic, 1);
    await writer.publish(numbered(0, 0, 5));
    await using reader = await log.openReader(topic, caps);
    const stop = new AbortController();
    const assigned = reader.assignments(stop.signal)[Symbol.asyncIterator]();
    await assigned.next();
    await reader.committed(0, 3);
    const admin = kafka().admin();
    await admin.connect();
    const name = formatTopicName(topic);
    const [offsets] = await admin.fetchOffsets({ groupId: name, topics: [name] });
    await admin.disconnect();
    expect(offsets!.partitions).toMatchObject([{ partition: 0, offset: '3' }]);
    stop.abort();
    await assigned.next();
    await log.remove(topic);
  });

  it('can be read by any consumer: key, JSON value and headers are text', async () => {
    const topic = newTopic();
    await using log = await KafkaLog.open({ brokers: brokers! });
    await using writer = await log.openWriter(topic, 1);
    await writer.publish([record(0, 7), record(0, 8, { kind: 'delete', key: '["1"]' })]);
    const consumer = kafka().consumer({ groupId: `${formatTopicName(topic)}-any` });
    await consumer.connect();
    await consumer.subscribe({ topics: [formatTopicName(topic)], fromBeginning: true });
    const seen = await new Promise<unknown[]>((resolve, reject) => {
      const all: unknown[] = [];
      const eachMessage = async ({
        message,
      }: {
        message: { key: Buffer | null; value: Buffer | null; headers?: object };
      }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
        all.push([
          message.key?.toString(),
          message.value && JSON.parse(message.value.toString()),
          Object.fromEntries(headers),
        ]);
        if (all.length === 2) resolve(all);
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    await consumer.disconnect();
    const headers = { generation: '1', commit_time: expect.any(String) };
    expect(seen).toEqual([
      [
        '["1"]',
        expect.objectContaining({ features: { n: 1 } }),
        { ...headers, kind: 'features', position: '16/B374D848:7' },
      ],
      ['["1"]', null, { ...headers, kind: 'delete', position: '16/B374D848:8' }],
    ]);
    await log.remove(topic);
  });

  it('stops at a record that somebody else wrote, naming where it is', async () => {
    const topic = newTopic();
    await using log = await KafkaLog.open({ brokers: brokers! });
    await using writer = await log.openWriter(topic, 1);
    await writer.publish(numbered(0, 0, 2));
    const producer = kafka().producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: formatTopicName(topic), messages: [{ value: 'hello' }] });
    await producer.disconnect();
    await using reader = await log.openReader(topic, caps);
    await expect(read(reader, 0, 3)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
      message: expect.stringMatching(new RegExp(`offset 2 of topic ${formatTopicName(topic)}, partition 0`)),
    });
    await log.remove(topic);
  });

  it('finds the tail behind the markers of a transaction', async () => {
    const topic = newTopic();
    await using log = await KafkaLog.open({ brokers: brokers! });
    await using writer = await log.openWriter(topic, 1);
    await writer.publish(numbered(0, 0, 5));
    const producer = kafka().producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionalId: `t-${formatTopicName(topic)}`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    for (let n = 5; n < 7; n++) {
      const transaction = await producer.transaction();
      const headers = { kind: 'delete', generation: '1', position: `16/B374D848:${n}`, commit_time: '1' };
      await transaction.send({ topic: formatTopicName(topic), messages: [{ key: '["1"]', value: null, headers }] });
      await transaction.commit();
    }
    await producer.disconnect();
    expect((await writer.tail(0))?.n).toBe(6);
    await log.remove(topic);
  });
});

function newTopic(): TopicName {
  return { group: `stream-${process.pid}-${Date.now().toString(36)}`, pipelineId: (topics += 1), generation: 1 };
}

function kafka(): Kafka {
  return new Kafka({ brokers: [...brokers!], logLevel: logLevel.NOTHING });
}

async function read(reader: TopicReader, partition: number, count: number) {
  const all = [];
  const stop = new AbortController();
  for await (const batch of reader.read(partition, 0, stop.signal)) {
    all.push(...batch.records);
    if (all.length >= count) break;
  }
  return all;
}
