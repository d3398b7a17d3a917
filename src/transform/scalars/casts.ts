// Casts between the compiled types. Rounding: float to integer half to even, numeric to integer half away from zero.

import { trimBpchar } from '../../flow/types/comparison.ts';
import {
  applyNumericTypmod,
  Decimal,
  decimalFromInteger,
  numericFromFloat,
  numericToNumber,
  parseNumeric,
  roundNumeric,
  type NumericValue,
} from '../../flow/types/decimal.ts';
import { parseFloat8 } from '../../flow/types/float-text.ts';
import { parseInterval, roundHalfEven } from '../../flow/types/interval.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { textCastOf } from '../../flow/types/sql-text.ts';
import {
  dateFromUs,
  isFiniteUs,
  localFromZoned,
  parseDate,
  parseTimestamp,
  usFromDate,
  zonedFromLocal,
} from '../../flow/types/timestamp.ts';
import { isComputedOid, isTextOid, OID } from '../../flow/types/type-oid.ts';
import { checkInt2, checkInt4, checkInt8, noOverflow } from './number-functions.ts';
import { dataError, type Compute, type Environment } from './scalar-function.ts';

const { bool, int2, int4, int8, float4, float8, numeric, text, varchar, bpchar, date, timestamp, timestamptz } = OID;

/** Undefined where there is no such cast here. The typmod of the target is applied by {@link typmodOf}. */
export function castOf(from: number, to: number, environment: Environment): Compute | undefined {
  const source = from === varchar ? text : from;
  const target = to === varchar ? text : to;
  if (source === target) return (value: SqlValue) => value;
  if (isTextOid(target)) {
    if (source === bpchar) return trimBpchar;
    if (source === text) return (value: string) => value;
    return isComputedOid(source) ? (textCastOf(source, environment.timezone) as Compute) : undefined;
  }
  if (isTextOid(source)) return textInput(target);
  return numberCast(source, target) ?? timeCast(source, target, environment.timezone);
}

const INTEGER_CHECKS: Readonly<Record<number, (value: number) => number>> = { [int2]: checkInt2, [int4]: checkInt4 };

function numberCast(from: number, to: number): Compute | undefined {
  const check = INTEGER_CHECKS[to];
  switch (from) {
    case bool:
      return to === int4 ? (value: boolean) => (value ? 1 : 0) : undefined;
    case int2:
    case int4:
      if (check) return check;
      if (to === int8) return (value: number) => BigInt(value);
      if (to === numeric) return decimalFromInteger;
      if (to === float8) return (value: number) => value;
      if (to === float4) return Math.fround;
      return to === bool && from === int4 ? (value: number) => value !== 0 : undefined;
    case int8: {
      const message = to === int2 ? 'smallint out of range' : 'integer out of range';
      if (check)
        return (value: bigint) => (BigInt.asIntN(32, value) === value ? check(Number(value)) : dataError(message));
      if (to === numeric) return decimalFromInteger;
      if (to === float8) return Number;
      return to === float4 ? (value: bigint) => Math.fround(Number(value)) : undefined;
    }
    case float4:
    case float8:
      if (check) return (value: number) => check(Number.isFinite(value) ? roundHalfEven(value) : NaN);
      if (to === int8) return int8FromFloat;
      if (to === numeric) return (value: number) => numericFromFloat(value, from === float4 ? 6 : 15);
      if (to === float8) return (value: number) => value;
      return to === float4 ? float4FromFloat : undefined;
    case numeric:
      if (check) return (value: NumericValue) => check(Number(wholeOf(value, to === int2 ? 'smallint' : 'integer')));
      if (to === int8) return (value: NumericValue) => checkInt8(wholeOf(value, 'bigint'));
      if (to === float8) return floatFromNumeric;
      return to === float4 ? (value: NumericValue) => float4FromFloat(floatFromNumeric(value)) : undefined;
    default:
      return undefined;
  }
}

function int8FromFloat(value: number): bigint {
  const rounded = Math.abs(value) >= 2 ** 52 ? value : roundHalfEven(value);
  return rounded >= -(2 ** 63) && rounded < 2 ** 63 ? BigInt(rounded) : dataError('bigint out of range');
}

/** Raises for a value beyond 1.8e308, and for one that is not zero but nearer to it than 5e-324. */
function floatFromNumeric(value: NumericValue): number {
  const result = numericToNumber(value);
  const lost = typeof value !== 'number' && (!Number.isFinite(result) || (result === 0 && value.unscaled !== 0));
  return lost ? dataError('value out of range') : result;
}

function float4FromFloat(value: number): number {
  const result = noOverflow(Math.fround(value), value, 0);
  return result === 0 && value !== 0 ? dataError('value out of range: underflow') : result;
}

function wholeOf(value: NumericValue, type: string): bigint {
  const rounded = roundNumeric(value, 0);
  if (rounded instanceof Decimal) return BigInt(rounded.unscaled);
  return dataError(`cannot convert ${Number.isNaN(rounded) ? 'NaN' : 'infinity'} to ${type}`);
}

function timeCast(from: number, to: number, timezone: string): Compute | undefined {
  if (from === date) {
    if (to === timestamp) return usFromDate;
    return to === timestamptz ? (days: number) => zonedFromLocal(usFromDate(days), timezone) : undefined;
  }
  if (from === timestamp) {
    if (to === date) return dateFromUs;
    return to === timestamptz ? (us: bigint) => zonedFromLocal(us, timezone) : undefined;
  }
  if (from !== timestamptz) return undefined;
  if (to === timestamp) return (us: bigint) => localFromZoned(us, timezone);
  return to === date ? (us: bigint) => dateFromUs(localFromZoned(us, timezone)) : undefined;
}

/** Text to a type whose input is simple enough to be the same here; dates and the like only as constants. */
function textInput(to: number): Compute | undefined {
  const invalid = (type: string): never => dataError(`invalid input syntax for type ${type}`);
  const integer =
    (type: string) =>
    (value: string): bigint => {
      const trimmed = value.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '');
      return /^[+-]?\d+$/.test(trimmed) ? BigInt(trimmed.replace(/^\+/, '')) : invalid(type);
    };
  switch (to) {
    case bool:
      return (value: string) => boolOf(value) ?? invalid('boolean');
    case int2:
    case int4: {
      const read = integer(to === int2 ? 'smallint' : 'integer');
      const check = INTEGER_CHECKS[to]!;
      const message = to === int2 ? 'value out of range for type smallint' : 'value out of range for type integer';
      return (value: string) => {
        const result = read(value);
        return BigInt.asIntN(32, result) === result ? check(Number(result)) : dataError(message);
      };
    }
    case int8: {
      const read = integer('bigint');
      return (value: string) => checkInt8(read(value));
    }
    case float4:
    case float8:
      return (value: string) => {
        const result = parseFloat8(value);
        if (result === undefined) return invalid(to === float4 ? 'real' : 'double precision');
        if (result === 'range') return dataError('value out of range for the type');
        return to === float4 ? float4FromFloat(result) : result;
      };
    case numeric:
      return (value: string) => parseNumeric(value) ?? invalid('numeric');
    default:
      return undefined;
  }
}

function boolOf(value: string): boolean | undefined {
  const word = value.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '').toLowerCase();
  if (word === '') return undefined;
  if (word === 'on' || word === '1' || 'true'.startsWith(word) || 'yes'.startsWith(word)) return true;
  if (word === 'off' || word === 'of' || word === '0' || 'false'.startsWith(word) || 'no'.startsWith(word))
    return false;
  return undefined;
}

/** A constant's text as its type reads it; undefined where that needs Postgres itself. */
export function readConstant(value: string, oid: number, environment: Environment): SqlValue | undefined {
  if (isTextOid(oid) || oid === OID.uuid) return value;
  try {
    switch (oid) {
      case date:
        return parseDate(value);
      case timestamp:
        return parseTimestamp(/^\d+-\d\d-\d\d( BC)?$/.test(value) ? value.replace(/( BC)?$/, ' 00:00:00$1') : value);
      case timestamptz: {
        const zoned = /:\d\d(\.\d+)?[+-]\d\d/.test(value);
        const us = readConstant(value, timestamp, environment) as bigint | undefined;
        return us === undefined || zoned ? us : zonedFromLocal(us, environment.timezone);
      }
      case OID.interval:
        return parseInterval(value);
      default:
        return textInput(oid)?.(value) as SqlValue | undefined;
    }
  } catch {
    return undefined;
  }
}

/** Applies a cast's type modifier: numeric(p,s) rounds and checks, varchar(n) cuts, bpchar(n) cuts and pads, timestamp(p) rounds. */
export function typmodOf(oid: number, typmod: number): Compute | undefined {
  if (typmod < 0) return undefined;
  switch (oid) {
    case numeric:
      return (value: NumericValue) => applyNumericTypmod(value, typmod);
    case varchar:
    case bpchar: {
      const length = typmod - 4;
      return (value: string) => {
        const points = value.length <= length ? value : [...value].slice(0, length).join('');
        if (oid === varchar) return points;
        return points + ' '.repeat(Math.max(0, length - [...points].length));
      };
    }
    case timestamp:
    case timestamptz: {
      const unit = 10n ** BigInt(6 - typmod);
      return (us: bigint) => (isFiniteUs(us) ? roundUs(us, unit) : us);
    }
    default:
      return undefined;
  }
}

/** Postgres counts from 2000, and rounds halves away from there. */
const EPOCH_2000_US = 946_684_800_000_000n;

function roundUs(us: bigint, unit: bigint): bigint {
  const from2000 = us - EPOCH_2000_US;
  const half = unit / 2n;
  const rounded = from2000 >= 0n ? ((from2000 + half) / unit) * unit : -(((-from2000 + half) / unit) * unit);
  return rounded + EPOCH_2000_US;
}
