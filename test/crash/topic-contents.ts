// Everything that a topic holds, as any reader of it sees it.

import path from 'node:path';
import { topicOwner } from '../../src/commands/topic-owner.ts';
import type { StoredRecord } from '../../src/flow/record.ts';
import { EmbeddedLog } from '../../src/stream/embedded-log.ts';
import { KafkaLog } from '../../src/stream/kafka-log.ts';
import type { World } from './world.ts';

/** The records of each partition, in the order of their offsets. */
export async function topicContents(world: World): Promise<readonly StoredRecord[][]> {
  const { brokers } = world.options;
  await using log = brokers
    ? await KafkaLog.open({ brokers })
    : await EmbeddedLog.open({ folder: path.join(world.folder, world.group, 'stream') });
  const client = await world.database.connect();
  const [topic] = await log.list((await topicOwner(client, world.group))!);
  await using reader = await log.openReader(topic!, { maxRecords: 10_000, maxBytes: 64 * 2 ** 20 });
  const partitions: StoredRecord[][] = [];
  for (let partition = 0; partition < reader.partitions; partition++) {
    const records: StoredRecord[] = [];
    const { first, end } = await reader.range(partition);
    if (first < end) {
      const stop = new AbortController();
      for await (const batch of reader.read(partition, first, stop.signal)) {
        records.push(...batch.records);
        if (batch.nextOffset >= end) break;
      }
      stop.abort();
    }
    partitions.push(records);
  }
  return partitions;
}
