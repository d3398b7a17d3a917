import { expect, test } from 'vitest';
import { Publisher } from '../../src/connector/publisher.ts';
import type { Position } from '../../src/flow/position.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { TopicWriter } from '../../src/stream/log.ts';

const record = (n: number, partition = 0): StreamRecord => ({
  position: { lsn: 1n, n },
  partition,
  commitTimeUs: 0,
  body: { kind: 'delete', key: '["1"]' },
});

/** A topic of which some calls fail, before or after the records arrived. */
class Topic implements TopicWriter {
  readonly partitions = 2;
  readonly records: StreamRecord[] = [];
  readonly faults: ('before' | 'after' | 'for good')[] = [];
  calls = 0;
  async publish(records: readonly StreamRecord[]): Promise<void> {
    this.calls += 1;
    const fault = this.faults.shift();
    if (fault !== 'before' && fault !== 'for good') this.records.push(...records);
    if (fault) throw new MillraceError('BROKER_UNREACHABLE', 'away', { retryable: fault !== 'for good' });
  }
  async tail(partition: number): Promise<Position | undefined> {
    return this.records.findLast((one) => one.partition === partition)?.position;
  }
  async trim(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

const instantly: Clock = { nowUs: () => 0, sleep: async () => {} };

function publisherOf(topic: Topic, tails: (Position | undefined)[] = [undefined, undefined]): Publisher {
  return new Publisher({
    writer: topic,
    tails,
    clock: instantly,
    random: () => 0.5,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
}

test('records arrive in order, and what the topic has already is not sent again', async () => {
  const topic = new Topic();
  const publisher = publisherOf(topic, [{ lsn: 1n, n: 1 }, undefined]);
  for (const [n, partition] of [
    [0, 0],
    [1, 0],
    [1, 1],
    [2, 0],
  ] as const)
    publisher.add(record(n, partition));
  await publisher.drained();
  expect(topic.records.map((one) => [one.position.n, one.partition])).toEqual([
    [1, 1],
    [2, 0],
  ]);
});

test.each(['before', 'after'] as const)(
  'a call that fails %s the records arrived neither loses nor repeats one',
  async (fault) => {
    const topic = new Topic();
    topic.faults.push(fault, fault);
    const publisher = publisherOf(topic);
    for (let n = 0; n < 10; n++) publisher.add(record(n, n % 2));
    await publisher.drained();
    expect(topic.records.map((one) => one.position.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(publisher.trouble).toBeUndefined();
  },
);

test('what cannot pass by itself is given to whoever waits for room', async () => {
  const topic = new Topic();
  topic.faults.push('for good');
  const publisher = publisherOf(topic);
  publisher.add(record(0));
  await expect(publisher.drained()).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
});
