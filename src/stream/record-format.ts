// A record as bytes that any consumer can read: message key, JSON value, four headers. docs/record-format.md shows each kind.
//
//   key      the row's key (a JSON array of texts); null for progress, truncate, and a dead letter without a key
//   value    a JSON object; null for a delete (a tombstone). `features` and `row` are JSON made elsewhere and carried
//            verbatim: always the last member, written and cut out as text, never parsed and printed (10.50 would become
//            10.5, and an int8 above 2^53 another number)
//   headers  kind, generation, position (`16/B374D848:12`), commit_time (microseconds since 1970 UTC)

import type { SinkDefinition } from '../flow/pipeline.ts';
import { parseLsn, formatLsn, type Lsn } from '../flow/lsn.ts';
import type { Position } from '../flow/position.ts';
import type { FeaturesEmission, KeyText, RecordBody, RecordKind, StoredRecord } from '../flow/record.ts';
import { MillraceError } from '../runtime/errors.ts';

/** Header names, in the order in which they are written. */
export const HEADERS = ['kind', 'generation', 'position', 'commit_time'] as const;

/** One message as a client of either stream delivers it, bytes already text. */
export interface WireMessage {
  readonly kind: string;
  readonly generation: string;
  readonly position: string;
  readonly commitTime: string;
  readonly key: string | null;
  readonly value: string | null;
}

/** Where a message was found; named by every RECORD_INVALID. */
export interface MessagePlace {
  readonly topic: string;
  readonly generation: number;
  readonly partition: number;
  readonly offset: number;
}

/** The message key of a record. */
export function keyOf(body: RecordBody): KeyText | null {
  return body.kind === 'progress' || body.kind === 'truncate' ? null : body.key;
}

/** The message value of a record. */
export function encodeValue(body: RecordBody): string | null {
  const head = encodeHead(body);
  const verbatim = verbatimOf(body);
  return verbatim === '' ? head : `${head}${verbatim}}`;
}

/** The JSON that a record carries verbatim, as the last member of its value; '' where it has none. */
export function verbatimOf(body: RecordBody): string {
  return body.kind === 'features' ? body.features : body.kind === 'dead_letter' ? body.row : '';
}

/** The value up to what it carries verbatim; without that, the whole of it. */
export function encodeHead(body: RecordBody): string | null {
  switch (body.kind) {
    case 'features': {
      const eventTime = body.eventTime === null ? 'null' : JSON.stringify(body.eventTime);
      const late = body.late ? ',"late":true' : '';
      return `{"event_time":${eventTime},"event_time_us":${body.eventTimeUs}${late},"features":`;
    }
    case 'delete':
      return null;
    case 'label':
      if (body.label === undefined) {
        return `{"withdrawn":true,"label_at_us":${body.labelAtUs},"weight":${body.weight}}`;
      }
      return `{"label":${JSON.stringify(body.label)},"label_at_us":${body.labelAtUs},"weight":${body.weight}}`;
    case 'dead_letter': {
      const { table, code, message } = body;
      return `${JSON.stringify({ table, code, message }).slice(0, -1)},"row":`;
    }
    case 'truncate':
      return '{}';
    case 'progress':
      return JSON.stringify({ clock_us: body.clockUs, phase: body.phase, definition: body.definition });
  }
}

/** Reads a message back. Rejects with RECORD_INVALID whatever was not written by {@link encodeValue}. */
export function decodeMessage(message: WireMessage, place: MessagePlace): StoredRecord {
  const commitTimeUs = Number(message.commitTime);
  if (!Number.isSafeInteger(commitTimeUs) || message.commitTime === '') {
    throw invalidRecord(place, 'its header commit_time is not a number of microseconds');
  }
  if (Number(message.generation) !== place.generation) {
    throw invalidRecord(place, `its header generation is not ${place.generation}, the topic's`);
  }
  return {
    position: decodePosition(message.position, place),
    partition: place.partition,
    commitTimeUs,
    body: decodeBody(message, place),
    offset: place.offset,
  };
}

/** The error of a message that is not what docs/record-format.md says. Carries no values: they are the owner's data. */
export function invalidRecord(place: Omit<MessagePlace, 'generation'>, what: string): MillraceError {
  return new MillraceError(
    'RECORD_INVALID',
    `the record at offset ${place.offset} of topic ${place.topic}, partition ${place.partition}, cannot be read: ${what}`,
    { hint: 'Only Millrace may write to this topic. Remove what else writes there, then rebuild the pipeline.' },
  );
}

function decodeBody(message: WireMessage, place: MessagePlace): RecordBody {
  const kind = message.kind as RecordKind;
  const { key, value } = message;
  switch (kind) {
    case 'features': {
      if (key === null || value === null) throw invalidRecord(place, 'it has no key or no value');
      const usual = usualFeatures(key, value);
      if (usual !== undefined) return usual;
      const [head, features] = splitVerbatim(value, ',"features":', place);
      return {
        kind,
        key,
        eventTime: head['event_time'] as string | null,
        eventTimeUs: head['event_time_us'] as number | null,
        features,
        late: head['late'] === true,
      };
    }
    case 'delete':
      if (key === null) throw invalidRecord(place, 'it has no key');
      return { kind, key };
    case 'label': {
      if (key === null) throw invalidRecord(place, 'it has no key');
      const fields = parseObject(weighed(value), place);
      return {
        kind,
        key,
        label: fields['withdrawn'] === true ? undefined : (fields['label'] as string | null),
        labelAtUs: fields['label_at_us'] as number | null,
        weight: fields['weight'] as number,
      };
    }
    case 'dead_letter': {
      if (value === null) throw invalidRecord(place, 'it has no value');
      const [head, row] = splitVerbatim(value, ',"row":', place);
      const { table, code, message: text } = head as { table: string; code: string; message: string };
      return { kind, key, table, row, code, message: text };
    }
    case 'truncate':
      return { kind };
    case 'progress': {
      const fields = parseObject(value, place);
      return {
        kind,
        clockUs: fields['clock_us'] as number,
        phase: fields['phase'] as 'backfill' | 'live',
        definition: fields['definition'] as SinkDefinition | undefined,
      };
    }
    default:
      throw invalidRecord(place, `its kind ${JSON.stringify(kind satisfies never)} is unknown`);
  }
}

/** Records of before had weights that JSON has no number for: no model learns from a negative one, either. */
function weighed(value: string | null): string | null {
  if (!value?.endsWith('NaN}') && !value?.endsWith('Infinity}')) return value;
  return value.replace(/(,"weight":)(?:NaN|-?Infinity)\}$/, '$1-1}');
}

const EVENT_TIME = '{"event_time":"';
const EVENT_TIME_US = '","event_time_us":';
const FEATURES = ',"features":';

/** What nearly all features look like, cut without a parser; undefined: anything else. */
function usualFeatures(key: KeyText, value: string): FeaturesEmission | undefined {
  if (!value.startsWith(EVENT_TIME) || value.charCodeAt(value.length - 1) !== 125 /* } */) return undefined;
  const timeEnd = value.indexOf('"', EVENT_TIME.length);
  if (!value.startsWith(EVENT_TIME_US, timeEnd)) return undefined;
  const usFrom = timeEnd + EVENT_TIME_US.length;
  const usEnd = value.indexOf(',', usFrom);
  if (!value.startsWith(FEATURES, usEnd)) return undefined;
  const eventTime = value.slice(EVENT_TIME.length, timeEnd);
  const digits = value.slice(usFrom, usEnd);
  if (eventTime.includes('\\') || !/^-?[1-9][0-9]*$/.test(digits)) return undefined;
  const features = value.slice(usEnd + FEATURES.length, -1);
  return { kind: 'features', key, eventTime, eventTimeUs: Number(digits), features, late: false };
}

/**
 * Cuts the last member out of an object as text. The first occurrence of `,"name":` with its bare quotes cannot lie in an
 * earlier string: there the quotes would be escaped.
 */
function splitVerbatim(value: string, mark: string, place: MessagePlace): [Record<string, unknown>, string] {
  const at = value.indexOf(mark);
  if (at < 0 || value.charCodeAt(value.length - 1) !== 125 /* } */) {
    throw invalidRecord(place, `its value has no ${mark.slice(2, -2)}`);
  }
  return [parseObject(`${value.slice(0, at)}}`, place), value.slice(at + mark.length, -1)];
}

function parseObject(text: string | null, place: MessagePlace): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text ?? 'null');
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // The parser's message quotes the text, which is the owner's data.
  }
  throw invalidRecord(place, 'its value is not a JSON object');
}

/** A transaction's records share their LSN, so the last one is kept: reading it again is most of a position's cost. */
let lastLsnText = '0/0';
let lastLsn: Lsn = 0n;

function decodePosition(text: string, place: MessagePlace): Position {
  const colon = text.indexOf(':');
  const n = Number(text.slice(colon + 1));
  if (colon < 1 || colon === text.length - 1 || !Number.isSafeInteger(n) || n < 0) {
    throw invalidRecord(place, 'its header position is not LSN:number');
  }
  const lsnText = text.slice(0, colon);
  if (lsnText !== lastLsnText) {
    try {
      lastLsn = parseLsn(lsnText);
      lastLsnText = lsnText;
    } catch {
      throw invalidRecord(place, 'its header position is not LSN:number');
    }
  }
  return { lsn: lastLsn, n };
}

let printedLsn: Lsn = 0n;
let printedLsnText = '0/0';

/** As `formatPosition`, with the text of the last LSN kept. */
export function encodePosition(position: Position): string {
  if (position.lsn !== printedLsn) {
    printedLsn = position.lsn;
    printedLsnText = formatLsn(position.lsn);
  }
  return `${printedLsnText}:${position.n}`;
}
