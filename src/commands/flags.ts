// Flags that several commands share. Each can also be given as MILLRACE_<NAME>.

import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { MillraceError } from '../runtime/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../runtime/log-level.ts';

export interface CommonFlags {
  readonly warehouse?: string;
  readonly data: string;
  readonly brokers?: readonly string[];
  readonly group: string;
  readonly http?: HttpAddress;
  readonly logLevel: LogLevel;
  readonly json?: boolean;
  readonly partitions: number;
  readonly untilCaughtUp?: boolean;
}

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

export type FlagName =
  'warehouse' | 'data' | 'brokers' | 'group' | 'http' | 'logLevel' | 'json' | 'partitions' | 'untilCaughtUp';

const FLAGS: Readonly<Record<FlagName, () => Option>> = {
  warehouse: () =>
    new Option('--warehouse <url>', 'Postgres, as postgres://user:password@host:port/database').env(
      'MILLRACE_WAREHOUSE',
    ),
  data: () =>
    new Option('--data <dir>', 'folder for state, and for the stream without Kafka')
      .env('MILLRACE_DATA')
      .default('./.millrace'),
  brokers: () =>
    new Option('--brokers <list>', 'Kafka, as host:port,host:port; without it the embedded stream in --data')
      .env('MILLRACE_BROKERS')
      .argParser(parseBrokers),
  group: () =>
    new Option('--group <name>', 'which pipelines this process carries: one slot, one publication a group')
      .env('MILLRACE_GROUP')
      .default('main')
      .argParser(parseGroup),
  http: () =>
    new Option(
      '--http <host:port>',
      'serve /healthz and /metrics there; of `up`: the connector there, the sink at the next port',
    )
      .env('MILLRACE_HTTP')
      .argParser(parseAddress),
  logLevel: () =>
    new Option('--log-level <level>', 'least important log line to print')
      .env('MILLRACE_LOG_LEVEL')
      .choices([...LOG_LEVELS])
      .default('info'),
  json: () => new Option('--json', 'print one JSON object instead of text').env('MILLRACE_JSON'),
  partitions: () =>
    new Option('--partitions <n>', 'partitions of new topics')
      .env('MILLRACE_PARTITIONS')
      .default(1)
      .argParser(parsePartitions),
  untilCaughtUp: () =>
    new Option('--until-caught-up', 'process what was committed before the start, then exit').env(
      'MILLRACE_UNTIL_CAUGHT_UP',
    ),
};

/** Adds the named flags, in order. */
export function withFlags(command: Command, ...names: readonly FlagName[]): Command {
  for (const name of names) command.addOption(FLAGS[name]());
  return command;
}

/** The warehouse's URL, or an error that says how to give it. */
export function warehouseOf(flags: Pick<CommonFlags, 'warehouse'>): string {
  if (flags.warehouse) return flags.warehouse;
  throw new MillraceError('USAGE', 'no warehouse was given', {
    hint: 'Add --warehouse postgres://user:password@host:5432/database, or set MILLRACE_WAREHOUSE.',
  });
}

/** The group's own folder in --data: state, and the embedded stream. */
export function groupFolder(flags: Pick<CommonFlags, 'data' | 'group'>): string {
  return path.resolve(flags.data, flags.group);
}

function parseBrokers(text: string): readonly string[] {
  const brokers = text.split(',').map((one) => one.trim());
  if (brokers.every((one) => /^[^\s:]+:\d+$/.test(one) || /^\[[^\]]+\]:\d+$/.test(one))) return brokers;
  throw new InvalidArgumentError('Expected host:port, or several with commas between them.');
}

function parseGroup(text: string): string {
  if (/^[a-z][a-z0-9_]{0,39}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected lower-case letters, digits and _, beginning with a letter, at most 40.');
}

function parsePartitions(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError('Expected a whole number from 1 to 1000.');
}

/** Of models that draw lots. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== '' && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.');
}

/** Of the demo's clock. */
export function parseSpeed(text: string): number {
  const speed = Number(text);
  if (speed > 0 && speed <= 1e9) return speed;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** Where a picture is written to. */
export function parsePicture(text: string): string {
  if (/\.(svg|html)$/i.test(text)) return text;
  throw new InvalidArgumentError('Expected a file name that ends in .svg or .html.');
}

function parseAddress(text: string): HttpAddress {
  const match = /^(?:(.*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match && port <= 65_535) return { host: match[1] || '127.0.0.1', port };
  throw new InvalidArgumentError('Expected host:port, e.g. 127.0.0.1:8080.');
}
