// What every stream adapter must do. Each test runs with 1 and with 4 partitions.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatPosition } from '../../../src/flow/position.ts';
import { partitionOf } from '../../../src/flow/partition.ts';
import type { RecordBody, StoredRecord, StreamRecord } from '../../../src/flow/record.ts';
import type { Log, ReadOptions, TopicName, TopicOwner, TopicReader } from '../../../src/stream/log.ts';

export interface LogHarness extends AsyncDisposable {
  readonly log: Log;
  /** Another opening of the same storage, as another process has it. */
  another(): Promise<Log>;
  /** Takes away the records below `offset` from every partition, as retention or trimming does. */
  dropBelow(topic: TopicName, offset: number): Promise<void>;
}

const LARGE: ReadOptions = { maxRecords: 100_000, maxBytes: 64 * 1024 * 1024 };
const MB = 1024 * 1024;
const MARK = '0123456789ab';
let pipelines = 0;

export function logContract(name: string, open: () => Promise<LogHarness>): void {
  describe.each([1, 4])(`${name} log with %i partition(s)`, (partitions) => {
    let harness: LogHarness;
    let topic: TopicName;
    const abort = new AbortController();

    beforeEach(async () => {
      harness = await open();
      topic = {
        group: `contract-${process.pid}-${Date.now().toString(36)}`,
        mark: MARK,
        pipelineId: (pipelines += 1),
        generation: 1,
      };
    });
    afterEach(async () => {
      await harness.log.remove(topic).catch(() => {});
      await harness[Symbol.asyncDispose]();
    });

    const last = partitions - 1;
    const everyPartition = Array.from({ length: partitions }, (_, partition) => partition);

    it('gives back every kind of record as it was published', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      const bodies = everyKind();
      const sent = bodies.map((body, n) => record(last, n, body));
      await writer.publish(sent);
      const got = await take(reader, last, 0, sent.length);
      expect(got.map(withoutOffset)).toEqual(sent);
      expect(got.map(({ offset }) => offset)).toEqual(sent.map((_, i) => i));
    });

    it('carries features verbatim: 10.50, an int8 above 2^53, spaces and any letters', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      const texts = [
        '{"amount":10.50,"big":9223372036854775807,"tiny":1e-400}',
        '{ "name" : "Ωß漢字 🦀 \\u0000 \\" ,\\"features\\":1}" , "n":null }',
        '{"a":",\\"features\\":","features":{"features":{}}}',
        '{}',
      ];
      const key = '["ключ 🔑","a\\"b"]';
      const eventTime = ',"features":';
      await writer.publish(texts.map((text, n) => record(last, n, { ...features(key, text), eventTime })));
      const got = await take(reader, last, 0, texts.length);
      expect(got.map(({ body }) => body)).toEqual(texts.map((text) => ({ ...features(key, text), eventTime })));
    });

    it('keeps the order within each partition over many publishes, and numbers offsets without gaps', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, { maxRecords: 7, maxBytes: MB });
      const sent = records(500, partitions);
      for (let i = 0; i < sent.length; i += 61) await writer.publish(sent.slice(i, i + 61));
      for (const partition of everyPartition) {
        const own = sent.filter((one) => one.partition === partition);
        expect(own.length).toBeGreaterThan(50);
        const got = await take(reader, partition, 0, own.length);
        expect(got.map(withoutOffset)).toEqual(own);
        expect(got.map(({ offset }) => offset)).toEqual(own.map((_, i) => i));
      }
    });

    it('knows the position of the last record of each partition, and none of an empty one', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      for (const partition of everyPartition) expect(await writer.tail(partition)).toBeUndefined();
      await writer.publish([record(last, 1), record(last, 2)]);
      await writer.publish([record(last, 3), record(last, 4)]);
      expect(formatPosition((await writer.tail(last))!)).toBe('16/B374D848:4');
      if (partitions > 1) expect(await writer.tail(0)).toBeUndefined();
    });

    it('rejects every call once it is closed, and is closed a second time without harm', async () => {
      const used = await harness.another();
      await (await used.openWriter(topic, partitions))[Symbol.asyncDispose]();
      for (const log of [used, await harness.another()]) {
        await Promise.all([log[Symbol.asyncDispose](), log[Symbol.asyncDispose]()]);
        await log[Symbol.asyncDispose]();
        await expect(log.openWriter(topic, partitions)).rejects.toThrow('the log is closed');
        await expect(log.openReader(topic, LARGE)).rejects.toThrow('the log is closed');
        await expect(log.list(ownerOf(topic))).rejects.toThrow('the log is closed');
        await expect(log.remove(topic)).rejects.toThrow('the log is closed');
      }
      expect(await harness.log.list(ownerOf(topic))).toEqual([topic]);
    });

    it('has a range of offsets that grows with what is published', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      expect(await reader.range(last)).toEqual({ first: 0, end: 0 });
      await writer.publish([record(last, 0), record(last, 1)]);
      expect(await reader.range(last)).toEqual({ first: 0, end: 2 });
      if (partitions > 1) expect(await reader.range(0)).toEqual({ first: 0, end: 0 });
    });

    it('can be read from any offset', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, { maxRecords: 3, maxBytes: MB });
      await writer.publish(numbered(last, 0, 10));
      await writer.publish(numbered(last, 10, 20));
      for (const from of [0, 1, 9, 10, 11, 19]) {
        const got = await take(reader, last, from, 20 - from);
        expect(got.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 - from }, (_, i) => from + i));
        expect(got.map(({ position }) => position.n)).toEqual(got.map(({ offset }) => offset));
      }
    });

    it('lets a reader at the end wait, and wakes it when something is published', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      const other = await harness.another();
      await using _closeOther = other;
      await using reader = await other.openReader(topic, LARGE);
      await writer.publish([record(last, 0)]);
      const stop = new AbortController();
      const reading = reader.read(last, 0, stop.signal)[Symbol.asyncIterator]();
      expect((await reading.next()).value).toMatchObject({ nextOffset: 1, endOffset: 1 });
      for (let n = 1; n < 6; n++) {
        const next = reading.next();
        await writer.publish([record(last, n)]);
        expect((await next).value).toMatchObject({ nextOffset: n + 1, records: [{ offset: n, position: { n } }] });
      }
      stop.abort();
      expect((await reading.next()).done).toBe(true);
    });

    it('gives batches no larger than the caps, but always one record', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await writer.publish(numbered(last, 0, 100, 'x'.repeat(1_000)));
      await using small = await harness.log.openReader(topic, { maxRecords: 7, maxBytes: MB });
      const counts = (await batches(small, last, 0, 100)).map((batch) => batch.records.length);
      expect(Math.max(...counts)).toBeLessThanOrEqual(7);
      await using narrow = await harness.log.openReader(topic, { maxRecords: 1_000, maxBytes: 5_000 });
      const narrowCounts = (await batches(narrow, last, 0, 100)).map((batch) => batch.records.length);
      expect(Math.max(...narrowCounts)).toBeLessThanOrEqual(4);
      expect(Math.max(...narrowCounts)).toBeGreaterThan(1);
      await using tiny = await harness.log.openReader(topic, { maxRecords: 1_000, maxBytes: 1 });
      expect((await batches(tiny, last, 95, 5)).map((batch) => batch.records.length)).toEqual([1, 1, 1, 1, 1]);
    });

    it('says in each batch where to read on and where the log ends', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, { maxRecords: 4, maxBytes: MB });
      await writer.publish(numbered(last, 0, 10));
      const got = await batches(reader, last, 0, 10);
      for (const batch of got) {
        expect(batch.partition).toBe(last);
        expect(batch.nextOffset).toBe(batch.records.at(-1)!.offset + 1);
        expect(batch.endOffset).toBe(10);
      }
    });

    it('carries records of a megabyte', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, { maxRecords: 2, maxBytes: MB });
      const sent = numbered(last, 0, 3, 'ä'.repeat(MB / 2));
      await writer.publish(sent);
      await writer.publish([record(last, 3)]);
      expect((await take(reader, last, 0, 4)).slice(0, 3).map(withoutOffset)).toEqual(sent);
      expect(formatPosition((await writer.tail(last))!)).toBe('16/B374D848:3');
    });

    it('publishes 50,000 records at once', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      const sent = records(50_000, partitions);
      await writer.publish(sent);
      for (const partition of everyPartition) {
        const own = sent.filter((one) => one.partition === partition);
        const got = await take(reader, partition, 0, own.length);
        expect(got.length).toBe(own.length);
        expect(got.every((one, i) => one.position.n === own[i]!.position.n && one.offset === i)).toBe(true);
      }
    });

    it('gives two readers the same records', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      const other = await harness.another();
      await using _closeOther = other;
      await using first = await harness.log.openReader(topic, LARGE);
      await using second = await other.openReader(topic, { maxRecords: 3, maxBytes: MB });
      await writer.publish(numbered(last, 0, 20));
      const [one, two] = await Promise.all([take(first, last, 0, 20), take(second, last, 0, 20)]);
      expect(two).toEqual(one);
    });

    it('reads all partitions of one reader at the same time', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, { maxRecords: 10, maxBytes: MB });
      const got = Promise.all(everyPartition.map((partition) => take(reader, partition, 0, 30)));
      for (const partition of everyPartition) await writer.publish(numbered(partition, 0, 30));
      for (const part of await got)
        expect(part.map(({ offset }) => offset)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    });

    it('keeps what was published when it is opened again', async () => {
      await (async () => {
        await using writer = await harness.log.openWriter(topic, partitions);
        await writer.publish(numbered(last, 0, 5));
      })();
      const other = await harness.another();
      await using _closeOther = other;
      await using writer = await other.openWriter(topic, partitions);
      expect(formatPosition((await writer.tail(last))!)).toBe('16/B374D848:4');
      await writer.publish(numbered(last, 5, 8));
      await using reader = await other.openReader(topic, LARGE);
      expect((await take(reader, last, 0, 8)).map(({ position }) => position.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it('refuses a topic that has another number of partitions', async () => {
      await (await harness.log.openWriter(topic, partitions))[Symbol.asyncDispose]();
      await expect(harness.log.openWriter(topic, partitions + 1)).rejects.toMatchObject({
        code: 'TOPIC_CHANGED',
        retryable: false,
      });
    });

    it('has readers of a topic that is not there yet try again', async () => {
      await expect(harness.log.openReader(topic, LARGE)).rejects.toMatchObject({ retryable: true });
    });

    it('stops a reader whose offset is beyond the end', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      await writer.publish([record(last, 0)]);
      await expect(take(reader, last, 2, 1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', retryable: false });
      expect((await take(reader, last, 0, 1)).length).toBe(1);
    });

    it('stops a reader whose records were removed, and keeps the tail and the records above', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      for (const partition of everyPartition) await writer.publish(numbered(partition, 0, 5));
      for (const partition of everyPartition) await writer.publish(numbered(partition, 5, 9));
      await harness.dropBelow(topic, 5);
      await using reader = await harness.log.openReader(topic, LARGE);
      expect(await reader.range(last)).toEqual({ first: 5, end: 9 });
      await expect(take(reader, last, 4, 1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', retryable: false });
      expect((await take(reader, last, 5, 4)).map(({ offset }) => offset)).toEqual([5, 6, 7, 8]);
      expect(formatPosition((await writer.tail(last))!)).toBe('16/B374D848:8');
    });

    it('stops a reader that is reading when the records it needs next are removed', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, { maxRecords: 1, maxBytes: MB });
      for (let n = 0; n < 3_000; n += 100) {
        for (const partition of everyPartition)
          await writer.publish(numbered(partition, n, n + 100, 'x'.repeat(1_000)));
      }
      const reading = reader.read(last, 0, abort.signal)[Symbol.asyncIterator]();
      expect((await reading.next()).value).toMatchObject({ nextOffset: 1 });
      await harness.dropBelow(topic, 2_900);
      // What the reader already holds may still come; then it must stop, and not jump.
      await expect(
        (async () => {
          let expected = 1;
          for (;;) {
            const { value } = await reading.next();
            expect(value.records[0].offset).toBe(expected);
            expected = value.nextOffset;
            if (expected === 3_000) throw new Error('all were read');
          }
        })(),
      ).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    });

    it('lets a reader that aborts go at once, and read again', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      await writer.publish([record(last, 0)]);
      for (let round = 0; round < 3; round++) {
        const stop = new AbortController();
        const reading = reader.read(last, 0, stop.signal)[Symbol.asyncIterator]();
        expect((await reading.next()).value.records.length).toBe(1);
        const waiting = reading.next();
        stop.abort();
        expect((await waiting).done).toBe(true);
      }
    });

    it('assigns every partition to a reader that is alone, and ends when it aborts', async () => {
      await using _writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      const stop = new AbortController();
      let seen = 0;
      for await (const assigned of reader.assignments(stop.signal)) {
        expect([...assigned].sort()).toEqual(everyPartition);
        seen++;
        stop.abort();
      }
      expect(seen).toBe(1);
    });

    it('takes a committed offset, also twice', async () => {
      await using writer = await harness.log.openWriter(topic, partitions);
      await using reader = await harness.log.openReader(topic, LARGE);
      await writer.publish(numbered(last, 0, 4));
      await reader.committed(last, 2);
      await reader.committed(last, 4);
      await writer.trim();
      expect(formatPosition((await writer.tail(last))!)).toBe('16/B374D848:3');
    });

    it('lists the topics of a group, and forgets one that is removed', async () => {
      await (await harness.log.openWriter(topic, partitions))[Symbol.asyncDispose]();
      const next = { ...topic, generation: 2 };
      await (await harness.log.openWriter(next, partitions))[Symbol.asyncDispose]();
      const other = { ...topic, group: `${topic.group}-b` };
      await (await harness.log.openWriter(other, partitions))[Symbol.asyncDispose]();
      const listed = await harness.log.list(ownerOf(topic));
      expect([...listed].sort((a, b) => a.generation - b.generation)).toEqual([topic, next]);
      await harness.log.remove(next);
      await harness.log.remove(other);
      expect(await harness.log.list(ownerOf(topic))).toEqual([topic]);
      await harness.log.remove(next);
    });

    it("keeps the topics of two warehouses apart that have a group's name, a pipeline and a generation in common", async () => {
      const foreign = { ...topic, mark: 'ba9876543210' };
      await using writer = await harness.log.openWriter(topic, partitions);
      await using other = await harness.log.openWriter(foreign, partitions);
      await writer.publish([record(last, 1)]);
      await other.publish([record(last, 7), record(last, 8)]);
      expect(await harness.log.list(ownerOf(topic))).toEqual([topic]);
      expect(await harness.log.list(ownerOf(foreign))).toEqual([foreign]);
      await using reader = await harness.log.openReader(topic, LARGE);
      expect((await take(reader, last, 0, 1)).map(({ position }) => position.n)).toEqual([1]);
      await harness.log.remove(foreign);
      expect(await harness.log.list(ownerOf(topic))).toEqual([topic]);
    });

    it('lists a topic without a mark to whom it is said to belong, and to nobody else', async () => {
      const { mark: _, ...unmarked } = topic;
      await (await harness.log.openWriter(unmarked, partitions))[Symbol.asyncDispose]();
      expect(await harness.log.list({ ...ownerOf(topic), unmarked: [unmarked] })).toEqual([unmarked]);
      expect(await harness.log.list({ ...ownerOf(topic), unmarked: [{ ...unmarked, generation: 2 }] })).toEqual([]);
      expect(await harness.log.list({ ...ownerOf(topic), group: 'other', unmarked: [unmarked] })).toEqual([]);
      expect(await harness.log.list(ownerOf(topic))).toEqual([]);
      await harness.log.remove(unmarked);
    });

    it('starts a removed topic anew', async () => {
      await (async () => {
        await using writer = await harness.log.openWriter(topic, partitions);
        await writer.publish(numbered(last, 0, 5));
      })();
      await harness.log.remove(topic);
      await using writer = await harness.log.openWriter(topic, partitions);
      expect(await writer.tail(last)).toBeUndefined();
    });
  });
}

function ownerOf({ group, mark }: TopicName): TopicOwner {
  return { group, mark: mark!, unmarked: [] };
}

/** Records of one partition, positions `from` to `to` - 1. */
export function numbered(partition: number, from: number, to: number, padding = ''): StreamRecord[] {
  return Array.from({ length: to - from }, (_, i) =>
    record(partition, from + i, features(`["${from + i}"]`, `{"n":${from + i},"padding":"${padding}"}`)),
  );
}

/** Records spread over the partitions by their keys. */
export function records(count: number, partitions: number): StreamRecord[] {
  return Array.from({ length: count }, (_, n) => {
    const key = `["${n % 200}"]`;
    return record(partitionOf(key, partitions), n, features(key, `{"amount":${n}.50}`));
  });
}

export function record(partition: number, n: number, body: RecordBody = features('["1"]', '{"n":1}')): StreamRecord {
  return { position: { lsn: 0x16b374d848n, n }, partition, commitTimeUs: 1_767_225_600_000_001 + n, body };
}

function features(key: string, text: string): RecordBody & { kind: 'features' } {
  const at = { eventTime: '2026-01-01 00:00:00+00', eventTimeUs: 1_767_225_600_000_000 };
  return { kind: 'features', key, ...at, features: text, late: false };
}

function everyKind(): RecordBody[] {
  const key = '["7","berlin"]';
  return [
    { kind: 'progress', clockUs: 1, phase: 'backfill', definition: undefined },
    { kind: 'features', key, eventTime: null, eventTimeUs: null, features: '{"a":1.0}', late: true },
    { kind: 'label', key, label: 'true', labelAtUs: null, weight: 1 },
    { kind: 'label', key, label: null, labelAtUs: 5, weight: 0.25 },
    { kind: 'label', key, label: undefined, labelAtUs: null, weight: 1 },
    { kind: 'delete', key },
    { kind: 'dead_letter', key, table: 'public.t', row: '{"x":1.50,"row":{}}', code: '22012', message: 'a "b", 1/0' },
    { kind: 'dead_letter', key: null, table: 'public.t', row: '{}', code: '22012', message: '' },
    { kind: 'truncate' },
    {
      kind: 'progress',
      clockUs: 1_767_225_600_000_000,
      phase: 'live',
      definition: {
        pipelineId: 1,
        generation: 1,
        revision: 2,
        name: 'fraud',
        scoreTable: { schema: 'public', name: 'fraud_scores' },
        key: [{ name: 'id', typeOid: 20, type: 'bigint' }],
        eventTime: undefined,
        features: [],
        label: undefined,
        labelWaitUs: undefined,
        labelDefault: undefined,
        model: { kind: 'logistic', l2: 0.1 },
        alertWhen: 'score > 0.9',
        keepScoresForUs: undefined,
        timezone: 'UTC',
      },
    },
  ];
}

function withoutOffset({ offset: _, ...rest }: StoredRecord): StreamRecord {
  return rest;
}

async function batches(reader: TopicReader, partition: number, from: number, count: number) {
  const stop = new AbortController();
  const got = [];
  let left = count;
  for await (const batch of reader.read(partition, from, stop.signal)) {
    got.push(batch);
    left -= batch.records.length;
    if (left <= 0) break;
  }
  stop.abort();
  return got;
}

/** The next `count` records, at least. */
async function take(reader: TopicReader, partition: number, from: number, count: number): Promise<StoredRecord[]> {
  return (await batches(reader, partition, from, count)).flatMap((batch) => [...batch.records]);
}
