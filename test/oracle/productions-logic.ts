// Comparison, boolean logic and choice, for every type that has them.

import { errorOf, isInexact, type Expression, type Production, type ScalarType } from './expression.ts';

const ORDERED: readonly ScalarType[] = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'timestamptz',
  'timestamp',
  'date',
  'interval',
];
const ANY: readonly ScalarType[] = [...ORDERED, 'ifloat8', 'inumeric'];
const COMPARISONS = ['=', '<>', '<', '<=', '>', '>='] as const;

/** Text is ordered by code point only; the generator says so, as a view must. */
const ordered = (type: ScalarType, sql: string): string => (type === 'text' ? `((${sql}) collate "C")` : sql);

const comparisons: Production[] = ORDERED.flatMap((type) =>
  COMPARISONS.map((symbol) => ({
    name: `${type} ${symbol} ${type}`,
    result: 'bool' as const,
    args: [type, type],
    sql: (a: string, b: string): string =>
      symbol === '=' || symbol === '<>'
        ? `(${a} ${symbol} ${b})`
        : `(${ordered(type, a)} ${symbol} ${ordered(type, b)})`,
  })),
);

const MIXED: readonly (readonly [ScalarType, ScalarType])[] = [
  ['int2', 'int4'],
  ['int4', 'int8'],
  ['int8', 'int2'],
  ['int4', 'numeric'],
  ['numeric', 'int8'],
  ['float8', 'int4'],
  ['float4', 'float8'],
  ['date', 'timestamp'],
  ['date', 'timestamptz'],
  ['timestamp', 'timestamptz'],
];
const mixed: Production[] = MIXED.flatMap(([left, right]) =>
  (['=', '<', '>='] as const).map((symbol) => ({
    name: `${left} ${symbol} ${right}`,
    result: 'bool' as const,
    args: [left, right],
    sql: (a: string, b: string): string => `(${a} ${symbol} ${b})`,
  })),
);

/** Numeric is compared with float8 as float8, which raises for what float8 cannot hold. */
const numericFloat: Production = {
  name: 'numeric < float8',
  result: 'bool',
  args: ['numeric', 'float8'],
  sql: (a, b) => `(${a} < ${b})`,
  raises: true,
};

const distinct: Production[] = ORDERED.flatMap((type) => [
  {
    name: `${type} is distinct from ${type}`,
    result: 'bool',
    args: [type, type],
    sql: (a, b) => `(${a} is distinct from ${b})`,
  } satisfies Production,
  {
    name: `${type} is not distinct from ${type}`,
    result: 'bool',
    args: [type, type],
    sql: (a, b) => `(${a} is not distinct from ${b})`,
  } satisfies Production,
]);

const nullTests: Production[] = ANY.flatMap((type) => [
  { name: 'is null', result: 'bool', args: [type], sql: (a) => `(${a} is null)` } satisfies Production,
  { name: 'is not null', result: 'bool', args: [type], sql: (a) => `(${a} is not null)` } satisfies Production,
]);

const lists: Production[] = (['int4', 'int8', 'numeric', 'text', 'date'] as const).flatMap((type) => [
  {
    name: `${type} in (…)`,
    result: 'bool',
    args: [type, type, type],
    sql: (a, b, c) => `(${a} in (${b}, ${c}))`,
  } satisfies Production,
  {
    name: `${type} not in (…)`,
    result: 'bool',
    args: [type, type, type],
    sql: (a, b, c) => `(${a} not in (${b}, ${c}))`,
  } satisfies Production,
  {
    name: `${type} between`,
    result: 'bool',
    args: [type, type, type],
    sql: (a, b, c) => `(${ordered(type, a)} between ${ordered(type, b)} and ${ordered(type, c)})`,
  } satisfies Production,
]);

const constantLists: Production[] = [
  { name: 'int4 in constants', result: 'bool', args: ['int4'], sql: (a) => `(${a} in (1, 2, 7, -3))` },
  { name: 'text in constants', result: 'bool', args: ['text'], sql: (a) => `(${a} in ('a', 'EUR', ''))` },
  { name: 'text in constants with null', result: 'bool', args: ['text'], sql: (a) => `(${a} in ('a', 'EUR', null))` },
  { name: 'text not in constants', result: 'bool', args: ['text'], sql: (a) => `(${a} not in ('b', 'usd'))` },
  {
    name: 'numeric = any(array)',
    result: 'bool',
    args: ['numeric'],
    sql: (a) => `(${a} = any (array[1, 2.5, 10.00]))`,
  },
];

const logic: Production[] = [
  { name: 'and', result: 'bool', args: ['bool', 'bool'], sql: (a, b) => `(${a} and ${b})` },
  { name: 'or', result: 'bool', args: ['bool', 'bool'], sql: (a, b) => `(${a} or ${b})` },
  { name: 'not', result: 'bool', args: ['bool'], sql: (a) => `(not ${a})` },
  ...['true', 'false', 'unknown', 'not true', 'not false', 'not unknown'].map((what) => ({
    name: `is ${what}`,
    result: 'bool' as const,
    args: ['bool'] as const,
    sql: (a: string): string => `(${a} is ${what})`,
  })),
];

/** The error of the branch that is taken: that of another may raise. */
const errorOfChoice = (branches: readonly (readonly [when: string | undefined, Expression])[]): string =>
  `(case ${branches.map(([when, value]) => (when === undefined ? `else ${errorOf(value)}` : `when ${when} then ${errorOf(value)}`)).join(' ')} end)`;

const choices: Production[] = ANY.flatMap((type): Production[] => [
  {
    name: `case: ${type}`,
    result: type,
    args: ['bool', type, type],
    sql: (a, b, c) => `(case when ${a} then ${b} else ${c} end)`,
    error: (_, [a, b, c]) =>
      errorOfChoice([
        [a!.sql, b!],
        [undefined, c!],
      ]),
  },
  {
    name: `case without else: ${type}`,
    result: type,
    args: ['bool', type, 'bool', type],
    sql: (a, b, c, d) => `(case when ${a} then ${b} when ${c} then ${d} end)`,
    error: (_, [a, b, c, d]) =>
      errorOfChoice([
        [a!.sql, b!],
        [c!.sql, d!],
      ]),
  },
  {
    name: `coalesce: ${type}`,
    result: type,
    args: [type, type],
    sql: (a, b) => `coalesce(${a}, ${b})`,
    error: (_, [a, b]) =>
      errorOfChoice([
        [`${a!.sql} is not null`, a!],
        [undefined, b!],
      ]),
  },
  ...(isInexact(type)
    ? []
    : [
        {
          name: `nullif: ${type}`,
          result: type,
          args: [type, type],
          sql: (a: string, b: string): string => `nullif(${a}, ${b})`,
        },
      ]),
]);

const simpleCase: Production = {
  name: 'case x when',
  result: 'text',
  args: ['int4', 'text', 'text'],
  sql: (a, b, c) => `(case ${a} when 1 then ${b} when 2 then ${c} else 'other' end)`,
};

const extremes: Production[] = ANY.flatMap((type) => {
  const error: Pick<Production, 'error'> = isInexact(type)
    ? // What is not finite is exact, and would make a bound that nothing is within.
      {
        error: (_, args) =>
          `greatest(${args.map((arg) => `nullif(nullif(${errorOf(arg)}, 'NaN'), 'Infinity')`).join(', ')})`,
      }
    : {};
  return (['greatest', 'least'] as const).map((name) => ({
    name: `${name}: ${type}`,
    result: type,
    args: [type, type],
    sql: (a: string, b: string): string => `${name}(${ordered(type, a)}, ${ordered(type, b)})`,
    ...error,
  }));
});

export const LOGIC_PRODUCTIONS: readonly Production[] = [
  ...comparisons,
  ...mixed,
  numericFloat,
  ...distinct,
  ...nullTests,
  ...lists,
  ...constantLists,
  ...logic,
  ...choices,
  simpleCase,
  ...extremes,
];
