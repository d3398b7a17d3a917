// Arithmetic and mathematics.

import { errorOf, magnitude, type Expression, type Production, type ScalarType } from './expression.ts';

const infix =
  (operator: string) =>
  (a: string, b: string): string =>
    `(${a} ${operator} ${b})`;
const call =
  (name: string) =>
  (...args: string[]): string =>
    `${name}(${args.join(', ')})`;

type Options = Pick<Production, 'raises' | 'error' | 'guard'>;

function operator(symbol: string, result: ScalarType, args: readonly ScalarType[], options: Options = {}): Production {
  const name = args.length === 1 ? `${symbol} ${args[0]}` : `${args[0]} ${symbol} ${args[1]}`;
  const sql = args.length === 1 ? (a: string): string => `(${symbol} ${a})` : infix(symbol);
  return { name, result, args, sql: sql as Production['sql'], ...options };
}

function named(name: string, result: ScalarType, args: readonly ScalarType[], options: Options = {}): Production {
  return { name: `${name}(${args.join(', ')})`, result, args, sql: call(name), ...options };
}

const INTEGERS = ['int2', 'int4', 'int8'] as const;
const wider = (a: number, b: number): ScalarType => INTEGERS[Math.max(a, b)]!;

const integers: Production[] = INTEGERS.flatMap((a, i) => [
  ...INTEGERS.flatMap((b, j) => [
    ...['+', '-', '*'].map((symbol) => operator(symbol, wider(i, j), [a, b], { raises: true })),
    operator('/', wider(i, j), [a, b], { raises: true }),
  ]),
  operator('%', a, [a, a], { raises: true }),
  {
    name: `${a} / nullif(${a}, 0)`,
    result: a,
    args: [a, a],
    sql: (x, y) => `(${x} / nullif(${y}, 0))`,
    raises: true,
  },
  operator('-', a, [a], { raises: true }),
  named('abs', a, [a], { raises: true }),
]);

/** Small values stay small: `% 1000` first, so that it never raises. */
const tame: Production[] = (['int4', 'int8'] as const).flatMap((type) =>
  (['+', '-', '*'] as const).map((symbol) => ({
    name: `${type} ${symbol} ${type}`,
    result: type,
    args: [type, type],
    sql: (a: string, b: string): string => `(${a} % 1000 ${symbol} (${b} % 1000))`,
  })),
);

const sumError = (value: string, [a, b]: readonly Expression[]): string =>
  `(${errorOf(a!)} + ${errorOf(b!)} + ${magnitude(value)})`;
const productError = (value: string, [a, b]: readonly Expression[]): string =>
  `(${magnitude(a!.sql)} * ${errorOf(b!)} + ${magnitude(b!.sql)} * ${errorOf(a!)} + ${magnitude(value)})`;
const quotientError = (value: string, [a, b]: readonly Expression[]): string =>
  `(${errorOf(a!)} / nullif(${magnitude(b!.sql)}, 0) + ${magnitude(a!.sql)} * ${errorOf(b!)} / nullif(${magnitude(b!.sql)} ^ 2, 0) + ${magnitude(value)})`;

/** Where a comparison of these two could go either way. */
const near = ([a, b]: readonly Expression[]): string =>
  `(abs(${a!.sql}::float8 - ${b!.sql}::float8) <= 1e-9 * (${errorOf(a!)} + ${errorOf(b!)} + ${magnitude(a!.sql)}))`;
/** Where rounding to `digits` could go either way: near a half for rounding, near a whole for cutting off. */
const nearRounding =
  (digits: number, boundary: 0 | 0.5) =>
  ([a]: readonly Expression[]): string =>
    `(abs((${magnitude(a!.sql)} * 1e${digits} + ${boundary}) - round(${magnitude(a!.sql)} * 1e${digits} + ${boundary})) <= 1e-9 * (${errorOf(a!)} * 1e${digits} + 1))`;

const division = (a: ScalarType, b: ScalarType, result: ScalarType): Production[] => [
  operator('/', result, [a, b], { raises: true, error: quotientError }),
  {
    name: `${a} / ${b}`,
    result,
    args: [a, b],
    sql: (x, y) => `(${x} / nullif(${y}, 0))`,
    error: quotientError,
  },
];

const numerics: Production[] = [
  ...['+', '-', '*'].map((symbol) => operator(symbol, 'numeric', ['numeric', 'numeric'])),
  ...['+', '-', '*'].map((symbol) => operator(symbol, 'numeric', ['numeric', 'int4'])),
  ...['+', '-', '*'].map((symbol) => operator(symbol, 'numeric', ['int8', 'numeric'])),
  operator('%', 'numeric', ['numeric', 'numeric'], { raises: true }),
  operator('-', 'numeric', ['numeric']),
  named('abs', 'numeric', ['numeric']),
  named('round', 'numeric', ['numeric']),
  named('trunc', 'numeric', ['numeric']),
  named('floor', 'numeric', ['numeric']),
  named('ceil', 'numeric', ['numeric']),
  named('ceiling', 'numeric', ['numeric']),
  named('sign', 'numeric', ['numeric']),
  named('mod', 'numeric', ['numeric', 'numeric'], { raises: true }),
  ...[-1, 0, 1, 2, 5].map((digits) => ({
    name: 'round(numeric, int4)',
    result: 'numeric' as const,
    args: ['numeric'] as const,
    sql: (a: string): string => `round(${a}, ${digits})`,
  })),
  ...[-1, 0, 1, 3].map((digits) => ({
    name: 'trunc(numeric, int4)',
    result: 'numeric' as const,
    args: ['numeric'] as const,
    sql: (a: string): string => `trunc(${a}, ${digits})`,
  })),
  ...division('numeric', 'numeric', 'inumeric'),
  ...division('numeric', 'int4', 'inumeric'),
  ...division('inumeric', 'numeric', 'inumeric'),
  operator('+', 'inumeric', ['inumeric', 'numeric'], { error: sumError }),
  operator('-', 'inumeric', ['numeric', 'inumeric'], { error: sumError }),
  operator('*', 'inumeric', ['inumeric', 'int4'], { error: productError }),
  operator('<', 'bool', ['inumeric', 'numeric'], { guard: near }),
  operator('>=', 'bool', ['numeric', 'inumeric'], { guard: near }),
  {
    name: 'round(inexact numeric, int4)',
    result: 'numeric',
    args: ['inumeric'],
    sql: (a) => `round(${a}, 2)`,
    guard: nearRounding(2, 0.5),
  },
  {
    name: 'floor(inexact numeric)',
    result: 'numeric',
    args: ['inumeric'],
    sql: call('floor'),
    guard: nearRounding(0, 0),
  },
  {
    name: 'sqrt(numeric)',
    result: 'inumeric',
    args: ['numeric'],
    sql: (a) => `sqrt(abs(${a}))`,
  },
  {
    name: 'ln(numeric)',
    result: 'inumeric',
    args: ['numeric'],
    sql: (a) => `ln(abs(${a}) + 1)`,
    error: (value) => `(${magnitude(value)} + 1)`,
  },
  { name: 'exp(numeric)', result: 'inumeric', args: ['numeric'], sql: (a) => `exp(${a} % 20)` },
];

const floats: Production[] = [
  ...['+', '-', '*', '/'].map((symbol) => operator(symbol, 'float8', ['float8', 'float8'], { raises: true })),
  ...['+', '-', '*', '/'].map((symbol) => operator(symbol, 'float4', ['float4', 'float4'], { raises: true })),
  operator('+', 'float8', ['float4', 'float8'], { raises: true }),
  operator('*', 'float8', ['float8', 'float4'], { raises: true }),
  operator('-', 'float8', ['float8', 'int4'], { raises: true }),
  ...['+', '-'].map((symbol): Production => ({
    name: `float8 ${symbol} float8`,
    result: 'float8',
    args: ['float8', 'float8'],
    sql: (a, b) => `(sign(${a}) ${symbol} sign(${b}))`,
  })),
  operator('-', 'float8', ['float8']),
  operator('-', 'float4', ['float4']),
  named('abs', 'float8', ['float8']),
  named('abs', 'float4', ['float4']),
  ...['round', 'trunc', 'floor', 'ceil', 'sign'].map((name) => named(name, 'float8', ['float8'])),
  { name: 'sqrt(float8)', result: 'float8', args: ['float8'], sql: (a) => `sqrt(abs(${a}))` },
  named('sqrt', 'float8', ['float8'], { raises: true }),
  { name: 'ln(float8)', result: 'ifloat8', args: ['float8'], sql: (a) => `ln(abs(${a}) + 1::float8)` },
  { name: 'log(float8)', result: 'ifloat8', args: ['float8'], sql: (a) => `log(abs(${a}) + 1::float8)` },
  named('ln', 'ifloat8', ['float8'], { raises: true }),
  {
    name: 'exp(float8)',
    result: 'ifloat8',
    args: ['float8'],
    sql: (a) => `exp(greatest(least(${a}, 50::float8), -50::float8))`,
  },
  {
    name: 'sin(float8)',
    result: 'ifloat8',
    args: ['int4'],
    sql: (a) => `sin((${a} % 1000)::float8)`,
    error: () => `1::float8`,
  },
  {
    name: 'cos(float8)',
    result: 'ifloat8',
    args: ['int4'],
    sql: (a) => `cos((${a} % 1000)::float8)`,
    error: () => `1::float8`,
  },
  { name: 'atan(float8)', result: 'ifloat8', args: ['float8'], sql: call('atan') },
  { name: 'atan2(float8, float8)', result: 'ifloat8', args: ['float8', 'float8'], sql: call('atan2') },
  { name: 'radians(float8)', result: 'ifloat8', args: ['int4'], sql: (a) => `radians(${a}::float8)` },
  {
    name: 'power(float8, float8)',
    result: 'ifloat8',
    args: ['int4', 'int2'],
    sql: (a, b) => `power(abs(${a}::float8), (${b} % 3)::float8)`,
    raises: true,
  },
  operator('+', 'ifloat8', ['ifloat8', 'int4'], { error: sumError, raises: true }),
  operator('-', 'ifloat8', ['int4', 'ifloat8'], { error: sumError, raises: true }),
  operator('*', 'ifloat8', ['ifloat8', 'int2'], { error: productError, raises: true }),
  operator('>', 'bool', ['ifloat8', 'int4'], { guard: near }),
  {
    name: 'inumeric::float8',
    result: 'ifloat8',
    args: ['inumeric'],
    sql: (a) => `(${a})::float8`,
    error: (_, [a]) => errorOf(a!),
  },
];

/** Casts between numbers. */
const casts: Production[] = [
  ...(
    [
      ['int2', 'int4'],
      ['int2', 'int8'],
      ['int4', 'int8'],
      ['int2', 'numeric'],
      ['int4', 'numeric'],
      ['int8', 'numeric'],
      ['int4', 'float8'],
      ['int8', 'float8'],
      ['int4', 'float4'],
      ['float4', 'float8'],
      ['bool', 'int4'],
      ['int4', 'bool'],
    ] as const
  ).map(([from, to]) => cast(from, to, false)),
  ...(
    [
      ['int8', 'int4'],
      ['int4', 'int2'],
      ['numeric', 'int4'],
      ['numeric', 'int8'],
      ['numeric', 'int2'],
      ['float8', 'int4'],
      ['float8', 'int8'],
      ['float4', 'int4'],
      ['float8', 'float4'],
      ['float8', 'numeric'],
      ['float4', 'numeric'],
      ['numeric', 'float8'],
      ['numeric', 'float4'],
      ['text', 'int4'],
      ['text', 'numeric'],
      ['text', 'float8'],
      ['text', 'bool'],
    ] as const
  ).map(([from, to]) => cast(from, to, true)),
  {
    name: 'numeric::numeric(8,1)',
    result: 'numeric',
    args: ['numeric'],
    sql: (a) => `((${a})::numeric(8,1))`,
    raises: true,
  },
  { name: 'numeric::float8', result: 'float8', args: ['numeric'], sql: (a) => `((${a} % 100000)::float8)` },
];

function cast(from: ScalarType, to: ScalarType, raises: boolean): Production {
  return { name: `${from}::${to}`, result: to, args: [from], sql: (a) => `((${a})::${to})`, raises };
}

const buckets: Production[] = [
  {
    name: 'width_bucket(numeric)',
    result: 'int4',
    args: ['numeric'],
    sql: (a) => `width_bucket(nullif(${a}, 'NaN'), 0::numeric, 100::numeric, 7)`,
    raises: true,
  },
  {
    name: 'width_bucket(float8)',
    result: 'int4',
    args: ['float8'],
    sql: (a) => `width_bucket(nullif(${a}, 'NaN'::float8), -1::float8, 10::float8, 5)`,
    raises: true,
  },
];

export const NUMBER_PRODUCTIONS: readonly Production[] = [
  ...integers,
  ...tame,
  ...numerics,
  ...floats,
  ...casts,
  ...buckets,
];
