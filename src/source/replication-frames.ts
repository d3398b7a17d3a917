// The frames of a replication connection after START_REPLICATION: a copy in both directions.
// Source: https://www.postgresql.org/docs/current/protocol-replication.html, protocol-message-formats.html
//
//   frame      := type:char length:u32 (counts itself) body
//   from the server: 'W' copy begins | 'd' data | 'c' copy ends | 'E' error | 'N' notice | 'S' setting | 'C' | 'Z'
//   data       := 'w' start:u64 end:u64 time:i64 payload
//               | 'k' end:u64 time:i64 replyNow:u8
//   to the server, in 'd':
//   status     := 'r' written:u64 flushed:u64 applied:u64 time:i64 replyNow:u8

import type { Lsn } from '../flow/lsn.ts';

/** What the reader calls for each frame, in order. Byte ranges are valid during the call only. */
export interface FrameHandler {
  onCopyBegin(): void;
  /** A message of the slot's output plugin: `bytes[start, end)`. */
  onPayload(bytes: Buffer, start: number, end: number): void;
  /** `walEnd`: everything below has been sent. */
  onKeepalive(walEnd: Lsn, replyNow: boolean): void;
  onCopyEnd(): void;
  onServerError(error: ServerError): void;
}

/** An ErrorResponse: its SQLSTATE and its message. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
}

/** Cuts what the socket gives, split anywhere, into frames. Keeps at most one unfinished frame. */
export class FrameReader {
  readonly #handler: FrameHandler;
  /** Unfinished frame: its bytes so far, in pieces, and how many it needs (5 until its length is known). */
  #pieces: Buffer[] = [];
  #have = 0;
  #need = 5;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#have > 0) {
      this.#pieces.push(chunk);
      this.#have += chunk.length;
      // Joined only when whole, so that a value of 1 GB in 64 kB pieces is copied once, not once a piece.
      if (this.#have < this.#need) return;
      bytes = Buffer.concat(this.#pieces, this.#have);
      this.#pieces = [];
      this.#have = 0;
    }
    let at = 0;
    this.#need = 5;
    while (at + 5 <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) {
        this.#need = end - at;
        break;
      }
      this.#frame(bytes, at, end);
      at = end;
    }
    if (at < bytes.length) {
      const rest = bytes.subarray(at);
      this.#pieces = [rest];
      this.#have = rest.length;
    }
  }

  /** Drops what is unfinished. */
  reset(): void {
    this.#pieces = [];
    this.#have = 0;
    this.#need = 5;
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    const body = at + 5;
    switch (bytes[at]) {
      case 0x64: // d
        if (bytes[body] === 0x77 && end - body >= 25) this.#handler.onPayload(bytes, body + 25, end);
        else if (bytes[body] === 0x6b && end - body >= 18)
          this.#handler.onKeepalive(bytes.readBigUInt64BE(body + 1), bytes[body + 17] === 1);
        else throw new Error(`unknown replication message 0x${bytes[body]?.toString(16)} of ${end - body} bytes`);
        return;
      case 0x57: // W
        this.#handler.onCopyBegin();
        return;
      case 0x63: // c
        this.#handler.onCopyEnd();
        return;
      case 0x45: // E
        this.#handler.onServerError(readServerError(bytes, body, end));
        return;
      case 0x4e: // N
      case 0x53: // S
      case 0x43: // C
      case 0x5a: // Z
        return;
      default:
        throw new Error(`unexpected message 0x${bytes[at]?.toString(16)} on a replication connection`);
    }
  }
}

function readServerError(bytes: Buffer, from: number, end: number): ServerError {
  const fields = new Map<string, string>();
  let at = from;
  while (at < end && bytes[at] !== 0) {
    const zero = bytes.indexOf(0, at + 1);
    if (zero < 0 || zero >= end) break;
    fields.set(String.fromCharCode(bytes[at]!), bytes.toString('utf8', at + 1, zero));
    at = zero + 1;
  }
  return { code: fields.get('C') ?? '', message: fields.get('M') ?? 'no message' };
}

/** `Q`: a simple query. */
export function queryFrame(sql: string): Buffer {
  const frame = Buffer.alloc(6 + Buffer.byteLength(sql));
  frame.write('Q', 0, 'latin1');
  frame.writeUInt32BE(frame.length - 1, 1);
  frame.write(sql, 5, 'utf8');
  return frame;
}

/**
 * Standby status: everything below `lsn` is safe, and nothing else. The same LSN three times, since "written" or "applied" above
 * "flushed" has no meaning for us and Postgres uses them in synchronous replication.
 */
export function statusFrame(lsn: Lsn, nowMs: number): Buffer {
  const frame = Buffer.alloc(39);
  frame.write('d', 0, 'latin1');
  frame.writeUInt32BE(38, 1);
  frame.write('r', 5, 'latin1');
  frame.writeBigUInt64BE(lsn, 6);
  frame.writeBigUInt64BE(lsn, 14);
  frame.writeBigUInt64BE(lsn, 22);
  frame.writeBigInt64BE(BigInt(nowMs - 946_684_800_000) * 1000n, 30);
  return frame;
}

/** `X`: the end of the session, which a server that streams also obeys. */
export const TERMINATE_FRAME: Buffer = Buffer.from([0x58, 0, 0, 0, 4]);
