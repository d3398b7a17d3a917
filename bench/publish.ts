// Publishing and reading on each adapter, and the record format alone. Kafka is measured where a broker can be had: a running
// one named by MILLRACE_TEST_BROKERS, else one that is started for it. The peer is kafkajs's own producer, same records,
// settings and broker.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Kafka, Partitioners, logLevel } from 'kafkajs';
import type { StreamRecord } from '../src/flow/record.ts';
import { EmbeddedLog } from '../src/stream/embedded-log.ts';
import { KafkaLog } from '../src/stream/kafka-log.ts';
import type { Log, TopicName } from '../src/stream/log.ts';
import { RecordBatchDecoder, RecordBatchEncoder, unnumberedBatch } from '../src/stream/record-batch.ts';
import { encodePosition, encodeValue, keyOf } from '../src/stream/record-format.ts';
import { formatTopicName } from '../src/stream/topic-name.ts';
import { startKafka } from '../test/support/kafka-start.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly peer?: number;
  readonly ratio?: number;
}

const RECORDS = 200_000;
const CHUNK = 5_000;
const PEER_RECORDS = 50_000;

export async function measure(): Promise<Figure[]> {
  const records = makeRecords(RECORDS);
  const figures = format(records);
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-bench-log-'));
  try {
    await using log = await EmbeddedLog.open({ folder });
    figures.push(...(await adapter('embedded', log, records)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const kafka = await startKafka();
  if ('missing' in kafka) {
    console.error(`Kafka is not measured: ${kafka.missing}.`);
    return figures;
  }
  try {
    await using log = await KafkaLog.open({ brokers: kafka.brokers });
    const [publish, perRecord, ...rest] = await adapter('kafka', log, records);
    const peer = await stockProducer(kafka.brokers, records.slice(0, PEER_RECORDS));
    figures.push({ ...publish!, peer, ratio: publish!.value / peer }, perRecord!, ...rest);
  } finally {
    await kafka.stop();
  }
  return figures;
}

/** Encoding and decoding alone, after a round to warm up. */
function format(records: readonly StreamRecord[]): Figure[] {
  let encodeUs = 0;
  let decodeUs = 0;
  for (let round = 0; round < 3; round++) {
    const encoder = new RecordBatchEncoder();
    const blocks: { first: number; bytes: Buffer }[] = [];
    encodeUs = perRecordUs(records.length, () => {
      for (let from = 0; from < records.length;) {
        const { bytes, count } = encoder.encode(records, from, 256 * 1024, unnumberedBatch(1));
        blocks.push({ first: from, bytes });
        from += count;
      }
    });
    decodeUs = perRecordUs(records.length, () => {
      for (const { first, bytes } of blocks) {
        const decoder = new RecordBatchDecoder(bytes, { topic: 't', generation: 1, partition: 0, offset: first });
        while (decoder.next());
      }
    });
  }
  return [
    { name: 'record encode', value: encodeUs, unit: 'µs/record' },
    { name: 'record decode', value: decodeUs, unit: 'µs/record' },
  ];
}

async function adapter(name: string, log: Log, records: readonly StreamRecord[]): Promise<Figure[]> {
  const topic: TopicName = { group: `bench-${process.pid}`, pipelineId: 1, generation: 1 };
  await using writer = await log.openWriter(topic, 1);
  await writer.publish(records.slice(0, CHUNK));
  const publishMs = await elapsedMs(async () => {
    for (let i = 0; i < records.length; i += CHUNK) await writer.publish(records.slice(i, i + CHUNK));
  });
  await using reader = await log.openReader(topic, { maxRecords: CHUNK, maxBytes: 8 * 1024 * 1024 });
  const count = records.length + CHUNK;
  const stop = new AbortController();
  const readMs = await elapsedMs(async () => {
    for await (const batch of reader.read(0, 0, stop.signal)) if (batch.nextOffset >= count) break;
  });
  stop.abort();
  await log.remove(topic);
  return [...rates(`${name} publish`, publishMs, records.length), ...rates(`${name} read`, readMs, count)];
}

/** The same records through kafkajs's producer, records a second. */
async function stockProducer(brokers: readonly string[], records: readonly StreamRecord[]): Promise<number> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  await using log = await KafkaLog.open({ brokers });
  const topic: TopicName = { group: `bench-peer-${process.pid}`, pipelineId: 1, generation: 1 };
  await (await log.openWriter(topic, 1))[Symbol.asyncDispose]();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const ms = await elapsedMs(async () => {
    for (let i = 0; i < records.length; i += CHUNK) {
      const messages = records.slice(i, i + CHUNK).map((record) => ({
        key: keyOf(record.body),
        value: encodeValue(record.body),
        headers: {
          kind: record.body.kind,
          generation: '1',
          position: encodePosition(record.position),
          commit_time: String(record.commitTimeUs),
        },
      }));
      await producer.send({ topic: formatTopicName(topic), acks: -1, messages });
    }
  });
  await producer.disconnect();
  await log.remove(topic);
  return (records.length / ms) * 1_000;
}

function rates(name: string, ms: number, count: number): Figure[] {
  return [
    { name, value: (count / ms) * 1_000, unit: 'records/s' },
    { name: `${name} time`, value: (ms * 1_000) / count, unit: 'µs/record' },
  ];
}

async function elapsedMs(action: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function perRecordUs(count: number, action: () => void): number {
  const start = performance.now();
  action();
  return ((performance.now() - start) * 1_000) / count;
}

/** As the demo's payments: ten features, four records a transaction. */
function makeRecords(count: number): StreamRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    position: { lsn: 0x16b374d848n + BigInt(i >> 2), n: i & 3 },
    partition: 0,
    commitTimeUs: 1_767_225_600_000_000 + i,
    body: {
      kind: 'features',
      key: `["${i}"]`,
      eventTime: '2026-01-01 00:00:00.123456+00',
      eventTimeUs: 1_767_225_600_123_456,
      features:
        `{"amount":${i % 500}.50,"currency":"eur","payments_1h":3,"amount_vs_usual":1.0342342342,` +
        '"seconds_since_last":1234.123456,"hour":13,"country":"DE","merchant_risk":0.0123,"age_days":400,"night":false}',
      late: false,
    },
  }));
}
