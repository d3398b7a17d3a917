// Types as they are written in SQL, and the modifiers that go with them.

import { OID } from '../flow/types/type-oid.ts';
import type { TypeSyntax } from './syntax.ts';

const NAMES: Readonly<Record<string, number>> = {
  bool: OID.bool,
  boolean: OID.bool,
  int2: OID.int2,
  int4: OID.int4,
  int8: OID.int8,
  float4: OID.float4,
  float8: OID.float8,
  numeric: OID.numeric,
  text: OID.text,
  varchar: OID.varchar,
  bpchar: OID.bpchar,
  date: OID.date,
  timestamp: OID.timestamp,
  timestamptz: OID.timestamptz,
  interval: OID.interval,
  uuid: OID.uuid,
};

/** Undefined for a type that is not compiled. */
export function typeOidOf(type: TypeSyntax): number | undefined {
  if (type.schema !== undefined && type.schema !== 'pg_catalog') return undefined;
  return Object.hasOwn(NAMES, type.name) ? NAMES[type.name] : undefined;
}

export function typmodFrom(oid: number, modifiers: readonly number[]): number {
  const [first, second = 0] = modifiers;
  if (first === undefined || oid === OID.interval) return -1;
  switch (oid) {
    case OID.numeric:
      return ((first << 16) | (second & 0x7ff)) + 4;
    case OID.varchar:
    case OID.bpchar:
      return first + 4;
    default:
      return first;
  }
}

export function typeNameOf(oid: number): string {
  const found = Object.entries(NAMES).find(([, value]) => value === oid);
  return found?.[0] ?? `type ${oid}`;
}
