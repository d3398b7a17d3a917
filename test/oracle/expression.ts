// Random scalar SQL of every type that is compiled. Values that the compiler keeps exactly and values that it keeps as float8
// have different types here, so that a comparison or a rounding of an inexact value is made only where it can be judged
// (docs/correctness.md, rule B, third deviation).

import fc from 'fast-check';

/** `inumeric` and `ifloat8` are equal to 1e-9 only: what division of numerics, avg, stddev, sums of floats, exp and so on give. */
export type ScalarType =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'ifloat8'
  | 'numeric'
  | 'inumeric'
  | 'text'
  | 'timestamptz'
  | 'timestamp'
  | 'date'
  | 'interval';

export const SCALAR_TYPES: readonly ScalarType[] = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'ifloat8',
  'numeric',
  'inumeric',
  'text',
  'timestamptz',
  'timestamp',
  'date',
  'interval',
];

export interface Expression {
  readonly sql: string;
  /** The same, with nothing in it that the planner knows before it reads a row: literals are results of queries. */
  readonly unfolded: string;
  readonly type: ScalarType;
  /** Names of the operators and functions in it: what a comparison of it counts for. */
  readonly uses: readonly string[];
  /** Columns of the driving table that it reads. */
  readonly columns: readonly string[];
  /** Inexact types: SQL of a float8; a result may be off by 1e-9 times this. */
  readonly error: string | undefined;
  /** SQL booleans; where one is true the result hangs on a comparison too near its boundary. */
  readonly guards: readonly string[];
}

/** One way to make a value: an operator or function over values of given types. */
export interface Production {
  readonly name: string;
  readonly result: ScalarType;
  readonly args: readonly ScalarType[];
  readonly sql: (...args: string[]) => string;
  /** Postgres raises for some arguments. */
  readonly raises?: boolean;
  /** For inexact results of inexact arguments. */
  readonly error?: (value: string, args: readonly Expression[]) => string;
  readonly guard?: (args: readonly Expression[]) => string;
}

export const isInexact = (type: ScalarType): boolean => type === 'inumeric' || type === 'ifloat8';

/** `abs(x)` as float8. */
export const magnitude = (sql: string): string => `abs((${sql})::float8)`;

/** Error bound of an argument: its own where it is inexact, zero otherwise. */
export const errorOf = (expression: Expression): string => expression.error ?? `0::float8`;

export function apply(production: Production, args: readonly Expression[]): Expression {
  const sql = production.sql(...args.map((arg) => arg.sql));
  const guards = args.flatMap((arg) => arg.guards);
  if (production.guard) guards.push(production.guard(args));
  return {
    sql,
    unfolded: production.sql(...args.map((arg) => arg.unfolded)),
    type: production.result,
    uses: [production.name, ...args.flatMap((arg) => arg.uses)],
    columns: [...new Set(args.flatMap((arg) => arg.columns))],
    error: isInexact(production.result) ? (production.error?.(sql, args) ?? magnitude(sql)) : undefined,
    guards: [...new Set(guards)],
  };
}

export function column(name: string, type: ScalarType, alias = 'p'): Expression {
  const sql = `${alias}.${name}`;
  return { sql, unfolded: sql, type, uses: [], columns: [name], error: undefined, guards: [] };
}

export function literal(sql: string, type: ScalarType): Expression {
  return { sql, unfolded: `(select ${sql})`, type, uses: [], columns: [], error: undefined, guards: [] };
}

/** Undefined in all but `part` of `whole` cases; shrinks towards undefined. */
export function sometimes<T>(arbitrary: fc.Arbitrary<T>, part: number, whole: number): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: whole - part, arbitrary: fc.constant(undefined) }, { weight: part, arbitrary });
}

export interface ExpressionContext {
  readonly productions: readonly Production[];
  /** Columns and other given values, by type. */
  readonly leaves: readonly Expression[];
  readonly literals: Readonly<Partial<Record<ScalarType, readonly string[]>>>;
  /** Whether productions that can raise are used. */
  readonly raising: boolean;
}

/** Expressions of a type, at most `depth` productions deep. Shrinks towards its leaves. */
export class ExpressionSource {
  readonly #context: ExpressionContext;
  readonly #made = new Map<string, fc.Arbitrary<Expression> | undefined>();
  readonly #byResult = new Map<ScalarType, Production[]>();

  constructor(context: ExpressionContext) {
    this.#context = context;
    for (const production of context.productions) {
      if (production.raises && !context.raising) continue;
      const list = this.#byResult.get(production.result);
      if (list) list.push(production);
      else this.#byResult.set(production.result, [production]);
    }
  }

  /** Undefined where nothing of the type can be made at that depth. */
  find(type: ScalarType, depth: number): fc.Arbitrary<Expression> | undefined {
    const name = `${type} ${depth}`;
    if (!this.#made.has(name)) this.#made.set(name, this.#make(type, depth));
    return this.#made.get(name);
  }

  of(type: ScalarType, depth: number): fc.Arbitrary<Expression> {
    const found = this.find(type, depth);
    if (!found) throw new Error(`no ${type} of depth ${depth} can be generated`);
    return found;
  }

  /** Of any type. */
  any(depth: number): fc.Arbitrary<Expression> {
    const made = SCALAR_TYPES.map((type) => this.find(type, depth)).filter((found) => found !== undefined);
    return fc.oneof(...made);
  }

  /** One production over simple arguments. */
  root(production: Production, depth: number): fc.Arbitrary<Expression> | undefined {
    const args = production.args.map((type) => this.find(type, depth));
    if (args.some((arg) => arg === undefined)) return undefined;
    return fc.tuple(...(args as fc.Arbitrary<Expression>[])).map((given) => apply(production, given));
  }

  #make(type: ScalarType, depth: number): fc.Arbitrary<Expression> | undefined {
    const columns = this.#context.leaves.filter((leaf) => leaf.type === type);
    const literals = (this.#context.literals[type] ?? []).map((sql) => literal(sql, type));
    const leaf = [
      ...(columns.length > 0 ? [{ weight: 3, arbitrary: fc.constantFrom(...columns) }] : []),
      ...(literals.length > 0 ? [{ weight: 1, arbitrary: fc.constantFrom(...literals) }] : []),
    ];
    const roots =
      depth === 0
        ? []
        : (this.#byResult.get(type) ?? [])
            .map((production) => this.root(production, depth - 1))
            .filter((found) => found !== undefined);
    if (leaf.length === 0) return roots.length > 0 ? fc.oneof(...roots) : undefined;
    if (roots.length === 0) return fc.oneof(...leaf);
    return fc.oneof(
      { withCrossShrink: true },
      { weight: 1, arbitrary: fc.oneof(...leaf) },
      { weight: 4, arbitrary: fc.oneof(...roots) },
    );
  }
}
