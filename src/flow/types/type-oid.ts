// OIDs of the built-in types that expressions are compiled for. They are fixed in every Postgres (pg_type.dat).

export const OID = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;

/**
 * OIDs of collations that are the same in every database; and `codePoint`, the compiler's own name for those that order as C
 * does but map case beyond ASCII (C.UTF-8).
 */
export const COLLATION = { none: 0, default: 100, c: 950, posix: 951, codePoint: -950 } as const;

const TEXTS: ReadonlySet<number> = new Set([OID.text, OID.varchar, OID.bpchar]);
/** Text with a length, a case, an order. */
export const isTextOid = (oid: number): boolean => TEXTS.has(oid);

const COMPUTED: ReadonlySet<number> = new Set([
  OID.bool,
  OID.int8,
  OID.int2,
  OID.int4,
  OID.text,
  OID.float4,
  OID.float8,
  OID.bpchar,
  OID.varchar,
  OID.date,
  OID.timestamp,
  OID.timestamptz,
  OID.interval,
  OID.numeric,
]);
/** Types that expressions compute with; values of all others are carried as their text. */
export const isComputedOid = (oid: number): boolean => COMPUTED.has(oid);
