import fc from 'fast-check';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { partitionOf, murmur2 } from '../../src/flow/partition.ts';
import type { RecordBody, StreamRecord } from '../../src/flow/record.ts';
import { crc32c } from '../../src/stream/crc32c.ts';
import { RecordBatchDecoder, RecordBatchEncoder, unnumberedBatch } from '../../src/stream/record-batch.ts';
import { decodeMessage, encodeValue } from '../../src/stream/record-format.ts';

const require = createRequire(import.meta.url);
const place = { topic: 'millrace.g.1.1', generation: 1, partition: 3, offset: 42 };

const text = fc.string({ unit: 'grapheme' });
const key = fc.array(text, { minLength: 1, maxLength: 3 }).map((columns) => JSON.stringify(columns));
const json = fc.dictionary(text, fc.oneof(text, fc.double(), fc.boolean())).map((object) => JSON.stringify(object));
const micros = fc.integer({ min: -1e15, max: 4e15 });
const body: fc.Arbitrary<RecordBody> = fc.oneof(
  fc.record({
    kind: fc.constant('features' as const),
    key,
    eventTime: fc.option(text),
    eventTimeUs: fc.option(micros),
    features: json,
    late: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({
    kind: fc.constant('label' as const),
    key,
    label: fc.oneof(text, fc.constant(null), fc.constant(undefined)),
    labelAtUs: fc.option(micros),
    weight: fc.double({ min: 0, max: 1e9, noNaN: true }).map((weight) => weight + 0),
  }),
  fc.record({
    kind: fc.constant('dead_letter' as const),
    key: fc.option(key),
    table: text,
    row: json,
    code: text,
    message: text,
  }),
  fc.constant({ kind: 'truncate' as const }),
);
const streamRecord: fc.Arbitrary<StreamRecord> = fc.record({
  position: fc.record({ lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), n: fc.nat() }),
  partition: fc.constant(place.partition),
  commitTimeUs: micros,
  body,
});

describe('the record format', () => {
  it('gives back any record that it wrote, in batches of any size', () => {
    const encoder = new RecordBatchEncoder();
    fc.assert(
      fc.property(
        fc.array(streamRecord, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 2_000 }),
        (sent, maxBytes) => {
          const got: StreamRecord[] = [];
          for (let from = 0; from < sent.length;) {
            const { bytes, count } = encoder.encode(sent, from, maxBytes, unnumberedBatch(1));
            const decoder = new RecordBatchDecoder(bytes, { ...place, offset: from });
            for (let record = decoder.next(); record; record = decoder.next()) {
              const { offset, ...rest } = record;
              expect(offset).toBe(got.length);
              got.push(rest);
            }
            from += count;
          }
          expect(got).toEqual(sent);
        },
      ),
    );
  });

  it('writes batches that another implementation reads (kafkajs)', async () => {
    const Decoder = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => unknown;
    const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: unknown) => Promise<{
      producerId: string;
      firstSequence: number;
      records: { key: Buffer | null; value: Buffer | null; offset: string; headers: Record<string, Buffer> }[];
    }>;
    const sent: StreamRecord[] = [1, 2, 3].map((n) => ({
      position: { lsn: 0x16b374d848n, n },
      partition: 0,
      commitTimeUs: 7,
      body: {
        kind: 'features',
        key: `["ä${n}"]`,
        eventTime: null,
        eventTimeUs: null,
        features: '{"x":10.50}',
        late: false,
      },
    }));
    const numbers = { producerId: 4_000n, producerEpoch: 2, baseSequence: 9, generation: 1, timestampMs: 1_000 };
    const { bytes } = new RecordBatchEncoder().encode(sent, 0, 1e6, numbers);
    const batch = await decodeBatch(new Decoder(bytes));
    expect(batch).toMatchObject({ producerId: '4000', firstSequence: 9 });
    expect(batch.records.map(({ offset }) => offset)).toEqual(['0', '1', '2']);
    const second = batch.records[1]!;
    expect(second.key?.toString()).toBe('["ä2"]');
    expect(second.value?.toString()).toBe('{"event_time":null,"event_time_us":null,"features":{"x":10.50}}');
    expect(Object.fromEntries(Object.entries(second.headers).map(([name, value]) => [name, value.toString()]))).toEqual(
      {
        kind: 'features',
        generation: '1',
        position: '16/B374D848:2',
        commit_time: '7',
      },
    );
  });

  it('reads a weight that was once written though JSON has no number for it, as one that is not learned', () => {
    for (const weight of ['NaN', 'Infinity', '-Infinity']) {
      const [value, position] = [`{"label":"a,\\"weight\\":NaN}","label_at_us":7,"weight":${weight}}`, '0/1:1'];
      const message = {
        kind: 'label',
        key: '[1]',
        value,
        position,
        commitTime: '7',
        generation: String(place.generation),
      };
      expect(decodeMessage(message, { ...place, offset: 3 }).body).toEqual({
        kind: 'label',
        key: '[1]',
        label: 'a,"weight":NaN}',
        labelAtUs: 7,
        weight: -1,
      });
    }
  });

  it('writes values that are JSON, and a tombstone for a delete', () => {
    fc.assert(
      fc.property(body, (one) => {
        const value = encodeValue(one);
        if (one.kind === 'delete') expect(value).toBeNull();
        else expect(typeof JSON.parse(value!)).toBe('object');
      }),
    );
  });

  it.each([
    ['no features', { value: '{"event_time":null}' }],
    ['no JSON', { value: 'hello' }],
    ['another kind', { kind: 'order' }],
    ['no position', { position: '' }],
    ['a position that is none', { position: 'G/1:1' }],
    ['no commit time', { commitTime: '' }],
    ['another generation', { generation: '2' }],
    ['no key', { key: null }],
  ])('refuses a message with %s, and names topic, partition and offset but no value', (_, wrong) => {
    const message = {
      kind: 'features',
      generation: '1',
      position: '0/1:1',
      commitTime: '1',
      key: '["secret"]',
      value: '{"event_time":null,"event_time_us":null,"features":{}}',
    };
    expect(decodeMessage(message, place).offset).toBe(42);
    const attempt = (): unknown => decodeMessage({ ...message, ...wrong }, place);
    expect(attempt).toThrow(/offset 42 of topic millrace\.g\.1\.1, partition 3/);
    expect(attempt).toThrow(expect.objectContaining({ code: 'RECORD_INVALID' }));
    expect(attempt).not.toThrow(/secret|hello/);
  });

  it('refuses a block in which any byte has changed', () => {
    const record: StreamRecord = {
      position: { lsn: 1n, n: 1 },
      partition: 0,
      commitTimeUs: 1,
      body: { kind: 'truncate' },
    };
    const { bytes } = new RecordBatchEncoder().encode([record], 0, 1e6, unnumberedBatch(1));
    for (let at = 16; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      expect(() => new RecordBatchDecoder(damaged, place)).toThrow(expect.objectContaining({ code: 'RECORD_INVALID' }));
    }
    expect(() => new RecordBatchDecoder(bytes.subarray(0, -1), place)).toThrow();
  });
});

describe('the checksum', () => {
  it('is CRC-32C: the check value of "123456789", and kafkajs\'s for any bytes', () => {
    const reference = require('kafkajs/src/protocol/recordBatch/crc32C/crc32C.js') as (bytes: Buffer) => number;
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc32c(bytes, 0, bytes.length)).toBe(reference(Buffer.from(bytes)));
      }),
    );
  });
});

describe('the partition of a key', () => {
  it("is that of Kafka's default partitioner", () => {
    const reference = require('kafkajs/src/producer/partitioners/default/murmur2.js') as (key: string) => number;
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 50 }), (one, partitions) => {
        expect(murmur2(one)).toBe(reference(one));
        expect(partitionOf(one, partitions)).toBe((reference(one) & 0x7fffffff) % partitions);
      }),
    );
  });

  it('does not change: a key stays where it was', () => {
    expect(['["1"]', '["2"]', '["berlin","2026-01-31"]', '["ключ"]'].map((one) => partitionOf(one, 4))).toEqual([
      3, 2, 0, 1,
    ]);
  });
});
