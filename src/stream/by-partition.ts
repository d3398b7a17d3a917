// Records in the order of publishing, taken apart by partition.

import assert from 'node:assert/strict';
import type { StreamRecord } from '../flow/record.ts';

/** Each partition's records, in order. One pass, and none at all where there is one partition. */
export function byPartition(
  records: readonly StreamRecord[],
  partitions: number,
): Iterable<[partition: number, records: readonly StreamRecord[]]> {
  for (const record of records) assert(record.partition < partitions, 'the partition exists');
  if (partitions === 1) return [[0, records]];
  const parts = new Map<number, StreamRecord[]>();
  for (const record of records) {
    const part = parts.get(record.partition);
    if (part) part.push(record);
    else parts.set(record.partition, [record]);
  }
  return parts;
}
