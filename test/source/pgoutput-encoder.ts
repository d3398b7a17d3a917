// The other side of src/source/pgoutput.ts: messages as Postgres would send them, for tests.

import type { Relation } from '../../src/flow/change.ts';

/** `n` NULL, `u` not sent, or a text. */
export type WireCell = string | null | undefined;

const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const char = (value: string): Buffer => Buffer.from(value, 'latin1');

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
}

const time = (us: number): Buffer => u64(BigInt(us) - 946_684_800_000_000n);

export const begin = (xid: number, commitLsn: bigint, commitTimeUs: number): Buffer =>
  Buffer.concat([char('B'), u64(commitLsn), time(commitTimeUs), u32(xid)]);

export const commit = (commitLsn: bigint, endLsn: bigint, commitTimeUs: number): Buffer =>
  Buffer.concat([char('C'), Buffer.from([0]), u64(commitLsn), u64(endLsn), time(commitTimeUs)]);

export const relation = (described: Relation): Buffer =>
  Buffer.concat([
    char('R'),
    u32(described.oid),
    text(described.schema === 'pg_catalog' ? '' : described.schema),
    text(described.name),
    char(described.replicaIdentity),
    u16(described.columns.length),
    ...described.columns.flatMap((column) => [
      Buffer.from([column.identity ? 1 : 0]),
      text(column.name),
      u32(column.typeOid),
      u32(column.typmod),
    ]),
  ]);

export const tuple = (cells: readonly WireCell[]): Buffer =>
  Buffer.concat([
    u16(cells.length),
    ...cells.map((cell) => {
      if (cell === null) return char('n');
      if (cell === undefined) return char('u');
      const bytes = Buffer.from(cell);
      return Buffer.concat([char('t'), u32(bytes.length), bytes]);
    }),
  ]);

export const insert = (oid: number, row: readonly WireCell[]): Buffer =>
  Buffer.concat([char('I'), u32(oid), char('N'), tuple(row)]);

export const update = (
  oid: number,
  old: { mark: 'K' | 'O'; row: readonly WireCell[] } | undefined,
  row: readonly WireCell[],
): Buffer =>
  Buffer.concat([char('U'), u32(oid), ...(old ? [char(old.mark), tuple(old.row)] : []), char('N'), tuple(row)]);

export const deletion = (oid: number, mark: 'K' | 'O', row: readonly WireCell[]): Buffer =>
  Buffer.concat([char('D'), u32(oid), char(mark), tuple(row)]);

export const truncate = (oids: readonly number[]): Buffer =>
  Buffer.concat([char('T'), u32(oids.length), Buffer.from([0]), ...oids.map(u32)]);

export const type = (oid: number, schema: string, name: string): Buffer =>
  Buffer.concat([char('Y'), u32(oid), text(schema), text(name)]);

export const origin = (lsn: bigint, name: string): Buffer => Buffer.concat([char('O'), u64(lsn), text(name)]);

export const logicalMessage = (lsn: bigint, prefix: string, content: Buffer): Buffer =>
  Buffer.concat([char('M'), Buffer.from([1]), u64(lsn), text(prefix), u32(content.length), content]);

/** One frame of a replication connection. */
export const frame = (kind: string, body: Buffer): Buffer => Buffer.concat([char(kind), u32(body.length + 4), body]);

export const xlogData = (payload: Buffer): Buffer =>
  frame('d', Buffer.concat([char('w'), u64(1n), u64(1n), u64(0n), payload]));

export const keepalive = (walEnd: bigint, replyNow: boolean): Buffer =>
  frame('d', Buffer.concat([char('k'), u64(walEnd), u64(0n), Buffer.from([replyNow ? 1 : 0])]));
