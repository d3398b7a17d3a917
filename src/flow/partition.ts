// Which partition a key belongs to. The same hash as Kafka's default partitioner (murmur2 of the key's bytes), so that any
// other producer or consumer of the topic agrees.
// Source: Kafka clients, org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey.

import type { KeyText } from './record.ts';

/** The partition of a key, 0 to `partitions` - 1. Stable for ever: a key's records must stay together, in order. */
export function partitionOf(key: KeyText, partitions: number): number {
  if (partitions === 1) return 0;
  return (murmur2(key) & 0x7fffffff) % partitions;
}

let scratch = Buffer.allocUnsafe(256);

/** MurmurHash2, 32 bits, of the text's UTF-8 bytes, with Kafka's seed. A signed integer, as in Java. */
export function murmur2(text: string): number {
  if (scratch.length < text.length * 3) scratch = Buffer.allocUnsafe(text.length * 6);
  const length = scratch.write(text, 0, 'utf8');
  const bytes = scratch;
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const rest = length - whole;
  if (rest === 3) h ^= bytes[whole + 2]! << 16;
  if (rest >= 2) h ^= bytes[whole + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ bytes[whole]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}
