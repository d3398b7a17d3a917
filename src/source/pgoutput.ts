// Decodes pgoutput, protocol 1: what a logical replication slot sends for each message of a committed transaction.
// Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
//
//   message    := begin | relation | insert | update | delete | truncate | commit | type | origin | logical
//   begin      := 'B' commitLsn:u64 commitTime:i64 xid:u32
//   commit     := 'C' flags:u8 commitLsn:u64 endLsn:u64 commitTime:i64
//   relation   := 'R' oid:u32 schema:cstring name:cstring identity:char n:u16 { flags:u8 name:cstring type:u32 typmod:i32 } * n
//   insert     := 'I' oid:u32 'N' tuple
//   update     := 'U' oid:u32 [ ( 'K' | 'O' ) tuple ] 'N' tuple
//   delete     := 'D' oid:u32 ( 'K' | 'O' ) tuple
//   truncate   := 'T' n:u32 options:u8 { oid:u32 } * n
//   type       := 'Y' oid:u32 schema:cstring name:cstring
//   origin     := 'O' commitLsn:u64 name:cstring
//   logical    := 'M' flags:u8 lsn:u64 prefix:cstring length:u32 bytes
//   tuple      := n:u16 { 'n' | 'u' | 't' length:u32 bytes } * n
//
// Integers are big-endian, times are microseconds since 2000-01-01 UTC, an empty schema means pg_catalog.

import type { Cell, Change, Relation, RelationColumn } from '../flow/change.ts';
import type { Lsn } from '../flow/lsn.ts';

export interface Begin {
  readonly kind: 'begin';
  readonly xid: number;
  /** Where the commit record starts. */
  readonly commitLsn: Lsn;
  /** Microseconds since 1970 UTC. */
  readonly commitTimeUs: number;
}

export interface Commit {
  readonly kind: 'commit';
  readonly commitLsn: Lsn;
  /** Where the commit record ends. */
  readonly endLsn: Lsn;
}

/** Messages that change no row: descriptions of tables and types, replication origins, `pg_logical_emit_message`. */
export interface Remark {
  readonly kind: 'relation' | 'type' | 'origin' | 'message';
}

export type PgoutputMessage = Begin | Commit | Change | Remark;

const RELATION: Remark = { kind: 'relation' };
const TYPE: Remark = { kind: 'type' };
const ORIGIN: Remark = { kind: 'origin' };
const MESSAGE: Remark = { kind: 'message' };

/** Microseconds from 1970 to 2000, where Postgres starts counting. */
const POSTGRES_EPOCH_US = 946_684_800_000_000;

/** Rows up to this size become one string that the cells are cut from. Longer ones would be kept alive by any of their cells. */
const WHOLE_ROW_BYTES = 1_024;

/**
 * Decodes the messages of one replication connection, in order: it remembers the tables that were described. Throws on a
 * message that is cut short, unknown, or about a table that was not described; the connection is then of no more use.
 */
export class PgoutputDecoder {
  readonly #relations = new Map<number, Relation>();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Decodes the message that is `bytes[start, end)`. Nothing of the result refers to `bytes` afterwards. */
  decode(bytes: Buffer, start: number, end: number): PgoutputMessage {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const message = this.#message();
    if (this.#at !== end) throw malformed(`${end - this.#at} bytes too many`, bytes, start);
    return message;
  }

  #message(): PgoutputMessage {
    const kind = this.#u8();
    switch (kind) {
      case 0x49: // I
        return this.#insert();
      case 0x55: // U
        return this.#update();
      case 0x44: // D
        return this.#delete();
      case 0x42: // B
        return { kind: 'begin', commitLsn: this.#u64(), commitTimeUs: this.#time(), xid: this.#u32() };
      case 0x43: // C
        return this.#commit();
      case 0x52: // R
        return this.#describe();
      case 0x54: // T
        return this.#truncate();
      case 0x59: // Y
        this.#u32();
        this.#cstring();
        this.#cstring();
        return TYPE;
      case 0x4f: // O
        this.#skip(8);
        this.#cstring();
        return ORIGIN;
      case 0x4d: // M
        this.#skip(9);
        this.#cstring();
        this.#skip(this.#u32());
        return MESSAGE;
      default:
        throw malformed(`unknown message type 0x${kind.toString(16)}`, this.#bytes, this.#at - 1);
    }
  }

  #insert(): Change {
    const relation = this.#relation();
    this.#expect(0x4e);
    return { kind: 'insert', relation, old: undefined, new: this.#tuple() };
  }

  #update(): Change {
    const relation = this.#relation();
    let mark = this.#u8();
    if (mark === 0x4e) return { kind: 'update', relation, old: undefined, new: this.#tuple() };
    const old = this.#oldTuple(mark, relation);
    mark = this.#u8();
    if (mark !== 0x4e) throw malformed('an update without a new row', this.#bytes, this.#at - 1);
    const row = this.#tuple();
    // A large value that did not change is not sent again; where the old row came along (REPLICA IDENTITY FULL) it is known.
    for (let i = 0; i < row.length; i++) if (row[i] === undefined) row[i] = old[i];
    return { kind: 'update', relation, old, new: row };
  }

  #delete(): Change {
    const relation = this.#relation();
    return { kind: 'delete', relation, old: this.#oldTuple(this.#u8(), relation), new: undefined };
  }

  #commit(): Commit {
    this.#skip(1);
    const commitLsn = this.#u64();
    const endLsn = this.#u64();
    this.#skip(8);
    return { kind: 'commit', commitLsn, endLsn };
  }

  #truncate(): Change {
    const count = this.#u32();
    this.#skip(1);
    if (count * 4 !== this.#end - this.#at) throw malformed('a truncate of another length', this.#bytes, this.#at);
    return { kind: 'truncate', relations: Array.from({ length: count }, () => this.#relation()) };
  }

  /** Postgres describes a table again after any invalidation; the object changes only when the description did. */
  #describe(): Remark {
    const oid = this.#u32();
    const schema = this.#cstring() || 'pg_catalog';
    const name = this.#cstring();
    const replicaIdentity = String.fromCharCode(this.#u8()) as Relation['replicaIdentity'];
    const columns: RelationColumn[] = [];
    for (let left = this.#u16(); left > 0; left--) {
      const identity = (this.#u8() & 1) === 1;
      columns.push({ name: this.#cstring(), typeOid: this.#u32(), typmod: this.#u32() | 0, identity });
    }
    const relation: Relation = { oid, schema, name, replicaIdentity, columns };
    const known = this.#relations.get(oid);
    if (known === undefined || !sameDescription(known, relation)) this.#relations.set(oid, relation);
    return RELATION;
  }

  #relation(): Relation {
    const oid = this.#u32();
    const relation = this.#relations.get(oid);
    if (relation === undefined) throw malformed(`table ${oid} was not described`, this.#bytes, this.#at - 4);
    return relation;
  }

  /** `O` is the whole old row. `K` is sent in full width with NULL outside the identity, which means "not sent" there. */
  #oldTuple(mark: number, relation: Relation): Cell[] {
    if (mark !== 0x4b && mark !== 0x4f)
      throw malformed('an old row that is neither key nor whole', this.#bytes, this.#at - 1);
    const row = this.#tuple();
    if (mark === 0x4b) {
      const { columns } = relation;
      for (let i = 0; i < row.length; i++) if (!columns[i]?.identity) row[i] = undefined;
    }
    return row;
  }

  /**
   * One native call decodes the rest of the message; cells are cut out of that text. One call a cell costs about twice as much
   * (bench/decode.ts). Offsets in bytes and in text agree exactly when the text is as long as the bytes, as every multi-byte
   * character of a cell shortens it; a length byte above 0x7f becomes one replacement character and keeps the count.
   */
  #tuple(): Cell[] {
    const bytes = this.#bytes;
    const end = this.#end;
    const start = this.#at;
    const count = this.#u16();
    const whole = end - start <= WHOLE_ROW_BYTES ? bytes.toString('utf8', start, end) : '';
    const aligned = whole.length === end - start;
    const row = new Array<Cell>(count);
    let at = this.#at;
    for (let i = 0; i < count; i++) {
      const mark = at < end ? bytes[at]! : -1;
      at += 1;
      if (mark === 0x74) {
        const from = at + 4;
        const to = from + ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
        if (!(from <= to && to <= end)) throw malformed('a value is cut short', bytes, at);
        row[i] = aligned ? whole.substring(from - start, to - start) : bytes.toString('utf8', from, to);
        at = to;
      } else if (mark === 0x6e) row[i] = null;
      else if (mark === 0x75) row[i] = undefined;
      else
        throw malformed(mark < 0 ? 'a row is cut short' : `unknown value kind 0x${mark.toString(16)}`, bytes, at - 1);
    }
    this.#at = at;
    return row;
  }

  #expect(mark: number): void {
    if (this.#u8() !== mark)
      throw malformed(`no '${String.fromCharCode(mark)}' where one belongs`, this.#bytes, this.#at - 1);
  }

  #skip(count: number): void {
    if (this.#at + count > this.#end) throw malformed('it is cut short', this.#bytes, this.#at);
    this.#at += count;
  }

  #u8(): number {
    this.#skip(1);
    return this.#bytes[this.#at - 1]!;
  }

  #u16(): number {
    this.#skip(2);
    return (this.#bytes[this.#at - 2]! << 8) | this.#bytes[this.#at - 1]!;
  }

  #u32(): number {
    this.#skip(4);
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  #u64(): bigint {
    this.#skip(8);
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  /** Exact: microseconds stay below 2^53 until the year 2255. */
  #time(): number {
    return Number(BigInt.asIntN(64, this.#u64())) + POSTGRES_EPOCH_US;
  }

  #cstring(): string {
    const zero = this.#bytes.indexOf(0, this.#at);
    if (zero < 0 || zero >= this.#end) throw malformed('a name is cut short', this.#bytes, this.#at);
    const text = this.#bytes.toString('utf8', this.#at, zero);
    this.#at = zero + 1;
    return text;
  }
}

function sameDescription(a: Relation, b: Relation): boolean {
  return (
    a.schema === b.schema &&
    a.name === b.name &&
    a.replicaIdentity === b.replicaIdentity &&
    a.columns.length === b.columns.length &&
    a.columns.every((column, i) => {
      const other = b.columns[i]!;
      return (
        column.name === other.name &&
        column.typeOid === other.typeOid &&
        column.typmod === other.typmod &&
        column.identity === other.identity
      );
    })
  );
}

/** Says where, never what: the bytes are somebody's data. */
function malformed(what: string, bytes: Buffer, at: number): Error {
  return new Error(`a replication message cannot be decoded: ${what} (byte ${at} of ${bytes.length})`);
}
