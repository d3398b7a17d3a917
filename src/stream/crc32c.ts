// CRC-32C (Castagnoli), the checksum of Kafka's record batches. Sixteen bytes a step with sixteen tables, read as four words
// ("slicing", Kounavis and Berry 2005), since the byte-at-a-time loop costs more than the rest of the encoding.

import { endianness } from 'node:os';

const POLYNOMIAL = 0x82f63b78;
const TABLES = 16;

/** All tables in one; made at the first use: nothing runs at import. `words`: a word is read as it lies, lowest byte first. */
let made: { readonly table: Int32Array; readonly words: boolean } | undefined;

/** The checksum of `bytes[start, end)`, unsigned. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  const { table: t, words } = (made ??= { table: makeTables(), words: endianness() === 'LE' });
  let crc = -1;
  let i = start;
  for (; i < end && ((bytes.byteOffset + i) & 3) !== 0; i++) crc = t[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  const steps = words ? (end - i) >>> 4 : 0;
  const view = new Int32Array(bytes.buffer, steps > 0 ? bytes.byteOffset + i : 0, steps * 4);
  for (let w = 0; w < view.length; w += 4) {
    const a = view[w]! ^ crc;
    const b = view[w + 1]!;
    const c = view[w + 2]!;
    const d = view[w + 3]!;
    crc =
      t[0xf00 + (a & 0xff)]! ^
      t[0xe00 + ((a >>> 8) & 0xff)]! ^
      t[0xd00 + ((a >>> 16) & 0xff)]! ^
      t[0xc00 + (a >>> 24)]! ^
      t[0xb00 + (b & 0xff)]! ^
      t[0xa00 + ((b >>> 8) & 0xff)]! ^
      t[0x900 + ((b >>> 16) & 0xff)]! ^
      t[0x800 + (b >>> 24)]! ^
      t[0x700 + (c & 0xff)]! ^
      t[0x600 + ((c >>> 8) & 0xff)]! ^
      t[0x500 + ((c >>> 16) & 0xff)]! ^
      t[0x400 + (c >>> 24)]! ^
      t[0x300 + (d & 0xff)]! ^
      t[0x200 + ((d >>> 8) & 0xff)]! ^
      t[0x100 + ((d >>> 16) & 0xff)]! ^
      t[d >>> 24]!;
  }
  for (i += steps * 16; i < end; i++) crc = t[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Table n, at 256 n: what a byte becomes with n zero bytes behind it. */
function makeTables(): Int32Array {
  const tables = new Int32Array(TABLES * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[n] = crc;
  }
  for (let n = 256; n < tables.length; n++) {
    const before = tables[n - 256]!;
    tables[n] = tables[before & 0xff]! ^ (before >>> 8);
  }
  return tables;
}
