// Log sequence numbers: byte offsets in Postgres's write-ahead log, printed as two hexadecimal halves.
// Source: https://www.postgresql.org/docs/current/datatype-pg-lsn.html

/** A 64-bit offset in the write-ahead log. */
export type Lsn = bigint;

/** Reads `16/B374D848`. Throws on anything else. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (!match) throw new TypeError(`not an LSN: ${JSON.stringify(text)}`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** Prints as Postgres does: upper case, no leading zeros. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}
