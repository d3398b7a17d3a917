// Timestamps, dates and intervals.

import type { Production, ScalarType } from './expression.ts';

function operator(symbol: string, left: ScalarType, right: ScalarType, result: ScalarType, raises = true): Production {
  return {
    name: `${left} ${symbol} ${right}`,
    result,
    args: [left, right],
    sql: (a, b) => `(${a} ${symbol} ${b})`,
    raises,
  };
}

/** Ranges of times in which nothing overflows, so that views can do arithmetic without a dead letter in every commit. */
const within: Readonly<Record<'timestamptz' | 'timestamp' | 'date', (sql: string) => string>> = {
  timestamptz: (sql) =>
    `least(greatest(${sql}, '1950-01-01 00:00:00+00'::timestamptz), '2100-01-01 00:00:00+00'::timestamptz)`,
  timestamp: (sql) => `least(greatest(${sql}, '1950-01-01 00:00:00'::timestamp), '2100-01-01 00:00:00'::timestamp)`,
  date: (sql) => `least(greatest(${sql}, '1950-01-01'::date), '2100-01-01'::date)`,
};

const tame: Production[] = [
  ...(['timestamptz', 'timestamp', 'date'] as const).map((type): Production => ({
    name: `${type} - ${type}`,
    result: type === 'date' ? 'int4' : 'interval',
    args: [type, type],
    sql: (a, b) => `(${within[type](a)} - ${within[type](b)})`,
  })),
  ...(['timestamptz', 'timestamp'] as const).flatMap((type) =>
    (['+', '-'] as const).map((symbol): Production => ({
      name: `${type} ${symbol} interval`,
      result: type,
      args: [type, 'interval'],
      sql: (a, b) => `(${within[type](a)} ${symbol} ${b})`,
      raises: true,
    })),
  ),
  {
    name: 'date + int4',
    result: 'date',
    args: ['date', 'int2'],
    sql: (a, b) => `(${within.date(a)} + ${b})`,
  },
];

const arithmetic: Production[] = [
  operator('-', 'timestamptz', 'timestamptz', 'interval'),
  operator('-', 'timestamp', 'timestamp', 'interval'),
  operator('-', 'date', 'date', 'int4'),
  operator('+', 'timestamptz', 'interval', 'timestamptz'),
  operator('-', 'timestamptz', 'interval', 'timestamptz'),
  operator('+', 'timestamp', 'interval', 'timestamp'),
  operator('-', 'timestamp', 'interval', 'timestamp'),
  operator('+', 'date', 'int4', 'date'),
  operator('-', 'date', 'int4', 'date'),
  operator('+', 'date', 'interval', 'timestamp'),
  operator('-', 'date', 'interval', 'timestamp'),
  operator('+', 'interval', 'interval', 'interval'),
  operator('-', 'interval', 'interval', 'interval'),
  operator('*', 'interval', 'int4', 'interval'),
  operator('*', 'interval', 'float8', 'interval'),
  operator('/', 'interval', 'float8', 'interval'),
  { name: '- interval', result: 'interval', args: ['interval'], sql: (a) => `(- ${a})`, raises: true },
];

const FIELDS = [
  'year',
  'month',
  'day',
  'hour',
  'minute',
  'second',
  'epoch',
  'quarter',
  'microseconds',
  'milliseconds',
  'decade',
  'century',
  'millennium',
];
const DATE_FIELDS = ['dow', 'isodow', 'doy', 'week', 'isoyear'];
const DATE_ONLY = ['year', 'month', 'day', 'quarter', 'epoch', 'decade', 'century', ...DATE_FIELDS];

const extracts: Production[] = (['timestamptz', 'timestamp', 'date', 'interval'] as const).flatMap((type) => {
  const fields = type === 'interval' ? FIELDS : type === 'date' ? DATE_ONLY : [...FIELDS, ...DATE_FIELDS];
  return [
    ...fields.map((field): Production => ({
      name: `extract(${field} from ${type})`,
      result: 'numeric',
      args: [type],
      sql: (a) => `extract(${field} from ${a})`,
    })),
    ...(type === 'date' ? [] : ['hour', 'epoch', 'second', 'milliseconds']).map((field): Production => ({
      name: `date_part('${field}', ${type})`,
      result: 'float8',
      args: [type],
      sql: (a) => `date_part('${field}', ${a})`,
    })),
  ];
});

const UNITS = [
  'microseconds',
  'milliseconds',
  'second',
  'minute',
  'hour',
  'day',
  'month',
  'quarter',
  'year',
  'decade',
  'century',
];
const truncs: Production[] = (['timestamptz', 'timestamp', 'interval'] as const).flatMap((type) =>
  [...UNITS, ...(type === 'interval' ? [] : ['week'])].map((unit): Production => ({
    name: `date_trunc('${unit}', ${type})`,
    result: type,
    args: [type],
    sql: (a) => (type === 'interval' ? `date_trunc('${unit}', ${a})` : `date_trunc('${unit}', ${within[type](a)})`),
  })),
);

const casts: Production[] = [
  ...(
    [
      ['timestamptz', 'date'],
      ['timestamptz', 'timestamp'],
      ['timestamp', 'date'],
      ['timestamp', 'timestamptz'],
      ['date', 'timestamp'],
      ['date', 'timestamptz'],
    ] as const
  ).map(([from, to]): Production => ({
    name: `${from}::${to}`,
    result: to,
    args: [from],
    sql: (a) => `(${a})::${to}`,
    raises: true,
  })),
  ...(
    [
      ['timestamptz', 'date'],
      ['timestamptz', 'timestamp'],
      ['timestamp', 'date'],
      ['timestamp', 'timestamptz'],
      ['date', 'timestamp'],
      ['date', 'timestamptz'],
    ] as const
  ).map(([from, to]): Production => ({
    name: `${from}::${to}`,
    result: to,
    args: [from],
    sql: (a) => `(${within[from](a)})::${to}`,
  })),
  ...(['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'] as const).flatMap((zone): Production[] => [
    {
      name: 'timestamptz at time zone',
      result: 'timestamp',
      args: ['timestamptz'],
      sql: (a) => `(${within.timestamptz(a)} at time zone '${zone}')`,
    },
    {
      name: 'timestamp at time zone',
      result: 'timestamptz',
      args: ['timestamp'],
      sql: (a) => `(${within.timestamp(a)} at time zone '${zone}')`,
    },
  ]),
];

export const TIME_PRODUCTIONS: readonly Production[] = [...tame, ...arithmetic, ...extracts, ...truncs, ...casts];
