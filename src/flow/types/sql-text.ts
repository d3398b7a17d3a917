// Values to and from Postgres's text under the pinned session settings (datestyle ISO, intervalstyle postgres,
// extra_float_digits 1), and to JSON as `to_json` gives it. Chosen once for a column, by OID.

import { formatNumeric, parseNumeric, type NumericValue } from './decimal.ts';
import { formatFloat4, formatFloat8 } from './float-text.ts';
import { formatInterval, parseInterval, type Interval } from './interval.ts';
import type { SqlValue } from './sql-value.ts';
import { formatDate, formatTimestamp, formatTimestamptz, parseDate, parseTimestamp } from './timestamp.ts';
import { OID } from './type-oid.ts';

/** Reads the text that Postgres sends. Throws TypeError on text that the type never prints. */
export type Parse = (text: string) => Exclude<SqlValue, null>;
export type Print = (value: Exclude<SqlValue, null>) => string;

const parseFloatText: Parse = (text) =>
  text === 'NaN' ? NaN : text === 'Infinity' ? Infinity : text === '-Infinity' ? -Infinity : Number(text);

/** Text, and every type that is only carried, is its own value. */
export function parserOf(oid: number): Parse {
  switch (oid) {
    case OID.bool:
      return (text) => text === 't' || text === 'true';
    case OID.int2:
    case OID.int4:
      return Number;
    case OID.int8:
      return BigInt;
    case OID.float4:
      return (text) => Math.fround(parseFloatText(text) as number);
    case OID.float8:
      return parseFloatText;
    case OID.numeric:
      return (text) => {
        const value = parseNumeric(text);
        if (value === undefined) throw new TypeError('not a numeric as Postgres prints it');
        return value;
      };
    case OID.date:
      return parseDate;
    case OID.timestamp:
    case OID.timestamptz:
      return parseTimestamp;
    case OID.interval:
      return parseInterval;
    default:
      return (text) => text;
  }
}

/** As Postgres sends it: `t` and `f` for booleans. `timezone` decides how timestamptz is shown. */
export function printerOf(oid: number, timezone: string): Print {
  if (oid === OID.bool) return (value) => (value === true ? 't' : 'f');
  return textCastOf(oid, timezone);
}

/** As `value::text` gives it: like {@link printerOf}, but `true` and `false`. */
export function textCastOf(oid: number, timezone: string): Print {
  switch (oid) {
    case OID.bool:
      return (value) => (value === true ? 'true' : 'false');
    case OID.float4:
      return (value) => formatFloat4(value as number);
    case OID.float8:
      return (value) => formatFloat8(value as number);
    case OID.numeric:
      return (value) => formatNumeric(value as NumericValue);
    case OID.date:
      return (value) => formatDate(value as number);
    case OID.timestamp:
      return (value) => formatTimestamp(value as bigint);
    case OID.timestamptz:
      return (value) => formatTimestamptz(value as bigint, timezone);
    case OID.interval:
      return (value) => formatInterval(value as Interval);
    default:
      return String;
  }
}

/** Exactly what `to_json` gives: numbers as they print, NaN and infinities quoted, timestamps with T, int8 in full. */
export function jsonPrinterOf(oid: number, timezone: string): Print {
  switch (oid) {
    case OID.bool:
    case OID.int2:
    case OID.int4:
    case OID.int8:
    case OID.json:
    case OID.jsonb:
      return String;
    case OID.float4:
    case OID.float8:
    case OID.numeric: {
      const print = textCastOf(oid, timezone);
      return (value) => {
        const text = print(value);
        const last = text.charCodeAt(text.length - 1);
        return last >= 48 && last <= 57 ? text : `"${text}"`;
      };
    }
    case OID.date:
      return (value) => `"${formatDate(value as number)}"`;
    case OID.timestamp:
      return (value) => `"${formatTimestamp(value as bigint, 'T')}"`;
    case OID.timestamptz:
      return (value) => `"${formatTimestamptz(value as bigint, timezone, 'T')}"`;
    case OID.interval:
      return (value) => `"${formatInterval(value as Interval)}"`;
    default:
      return (value) => JSON.stringify(value);
  }
}

/**
 * Reads a value back from a record's features, parsed by JSON.parse: numbers beyond 2^53 and the last digits of a numeric
 * are those of a float8.
 */
export function jsonReaderOf(oid: number): (json: unknown) => SqlValue {
  const parse = parserOf(oid);
  return (json) => {
    if (json === null || json === undefined) return null;
    if (typeof json === 'boolean') return json;
    if (oid === OID.json || oid === OID.jsonb) return JSON.stringify(json);
    if (oid === OID.timestamp || oid === OID.timestamptz) return parse(String(json).replace('T', ' '));
    if (oid === OID.int8 && typeof json === 'number') return BigInt(Math.trunc(json));
    return parse(String(json));
  };
}
