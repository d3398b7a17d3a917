// Random feature views inside the subset that is compiled.

import fc from 'fast-check';
import {
  column,
  ExpressionSource,
  isInexact,
  SCALAR_TYPES,
  sometimes,
  type Expression,
  type ScalarType,
} from './expression.ts';
import { LOGIC_PRODUCTIONS } from './productions-logic.ts';
import { NUMBER_PRODUCTIONS } from './productions-number.ts';
import { TEXT_PRODUCTIONS } from './productions-text.ts';
import { TIME_PRODUCTIONS } from './productions-time.ts';
import { LITERALS, PAYMENT_COLUMNS, type KeyShape } from './tables.ts';
import {
  callKinds,
  windowCall,
  windowShape,
  windowSql,
  type CallShape,
  type EventTimeColumn,
  type WindowShape,
} from './windows.ts';

export const PRODUCTIONS = [...NUMBER_PRODUCTIONS, ...LOGIC_PRODUCTIONS, ...TIME_PRODUCTIONS, ...TEXT_PRODUCTIONS];

export interface RandomView {
  /** `select key, event time, features from payments p …`; tables unqualified. */
  readonly query: string;
  readonly key: readonly string[];
  readonly eventTime: EventTimeColumn;
  readonly features: readonly { readonly name: string; readonly expression: Expression }[];
  /** What one row alone decides, evaluated for each row that passes `where`; finds rows for which Postgres raises. */
  readonly rowExpressions: readonly {
    readonly sql: string;
    readonly unfolded: string;
    readonly columns: readonly string[];
  }[];
  /** Which of the features are outputs of the lateral, as they are. */
  readonly lateralFeatures: readonly number[];
  /** From `from` on, without windows: what {@link rowExpressions} are evaluated over. */
  readonly rowFrom: string;
  /** The same with the windows: what bounds and guards are evaluated over. */
  readonly tail: string;
  readonly reads: { readonly payments: readonly string[]; readonly items: readonly string[] };
  readonly lateral: Lateral | undefined;
  readonly alsoOnItems: boolean;
  readonly timezone: string;
}

interface Lateral {
  /** `items` column and driving column of each equality. */
  readonly match: readonly (readonly [inner: string, outer: string])[];
  readonly join: string;
  readonly outputs: readonly Expression[];
  readonly columns: readonly string[];
}

/** A value of a type, filled in by a window call of the view (or a column, where the view has none of the type). */
const hole = (type: ScalarType, n: number): string => `@${type}.${n}@`;
const holeError = (type: ScalarType, n: number): string => `@error ${type}.${n}@`;

const paymentLeaves = PAYMENT_COLUMNS.map((c) => column(c.name, c.type));
const source = (leaves: readonly Expression[], raising: boolean): ExpressionSource =>
  new ExpressionSource({ productions: PRODUCTIONS, leaves, literals: LITERALS, raising });

const calm = source(paymentLeaves, false);
const wild = source(paymentLeaves, true);
const holes = source(
  SCALAR_TYPES.flatMap((type) => [
    ...[0, 1].map((n): Expression => ({
      ...column('', type),
      sql: hole(type, n),
      columns: [],
      error: isInexact(type) ? holeError(type, n) : undefined,
    })),
    ...paymentLeaves.filter((leaf) => leaf.type === type).slice(0, 1),
  ]),
  false,
);

const KINDS = callKinds(calm);
/** Names of the window calls in the tally. */
export const CALLS: readonly string[] = [...KINDS.keys()];
const anyCall = fc.oneof(
  { weight: KINDS.size, arbitrary: fc.oneof(...KINDS.values()) },
  { weight: 5, arbitrary: KINDS.get('count(*) over')! },
  { weight: 3, arbitrary: KINDS.get('sum(numeric column) over')! },
);

export interface ViewOptions {
  readonly key: KeyShape;
  /** Only these window calls. */
  readonly calls?: readonly string[];
  /** A lateral in every view, of only these outputs (names in the tally). */
  readonly outputs?: readonly string[];
  /** Views that raise for some rows. */
  readonly raising: boolean;
}

export function randomView({ key, raising, calls, outputs }: ViewOptions): fc.Arbitrary<RandomView> {
  const keyNames = key.columns.map((c) => c.name);
  const call = calls ? fc.oneof(...calls.map((name) => KINDS.get(name)!)) : anyCall;
  return fc
    .constantFrom<EventTimeColumn>('at', 'at', 'at', 'at', 'local_at', 'day')
    .chain((eventTime) =>
      fc.record({
        eventTime: fc.constant(eventTime),
        windows: fc.noBias(fc.array(windowShape(eventTime, keyNames), { minLength: 1, maxLength: 3 })),
        calls: fc.noBias(fc.array(fc.tuple(call, fc.nat({ max: 2 })), { maxLength: 10 })),
        composed: fc.noBias(fc.array(holes.any(2), { maxLength: 3 })),
        scalars: fc.array((raising ? wild : calm).any(3), { minLength: 1, maxLength: 4 }),
        where: sometimes(calm.of('bool', 2), 1, 4),
        lateral: outputs ? lateral(key, outputs) : sometimes(lateral(key, LATERAL_OUTPUTS), 1, 2),
        alsoOnItems: fc.boolean(),
        named: fc.boolean(),
        timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
      }),
    )
    .map((shape) => assemble(shape, keyNames));
}

interface ViewShape {
  readonly eventTime: EventTimeColumn;
  readonly windows: readonly WindowShape[];
  readonly calls: readonly (readonly [CallShape, number])[];
  readonly composed: readonly Expression[];
  readonly scalars: readonly Expression[];
  readonly where: Expression | undefined;
  readonly lateral: Lateral | undefined;
  readonly alsoOnItems: boolean;
  readonly named: boolean;
  readonly timezone: string;
}

function assemble(shape: ViewShape, key: readonly string[]): RandomView {
  const calls: { expression: Expression; shape: CallShape; window: WindowShape }[] = [];
  const used = new Set<number>();
  for (const [call, wanted] of shape.calls) {
    const fitting = shape.windows
      .map((window, i) => ({ window, i }))
      .filter(({ window }) => window.total || !call.total);
    // Where no window fits the first is taken, in a total order and with the default frame.
    const window: WindowShape = { ...shape.windows[0]!, total: true, frame: '', uses: ['frame: default'] };
    const chosen = fitting[wanted % Math.max(1, fitting.length)] ?? { window, i: shape.windows.length };
    const over = shape.named && chosen.i < shape.windows.length ? `w${chosen.i}` : windowSql(chosen.window);
    if (chosen.i < shape.windows.length) used.add(chosen.i);
    calls.push({ expression: windowCall(call, chosen.window, over), shape: call, window: chosen.window });
  }
  const outputs = shape.lateral?.outputs ?? [];
  const values = [...calls.map((c) => c.expression), ...outputs];
  const composed = shape.composed.map((expression) => fill(expression, values));
  const features = [...values, ...composed, ...shape.scalars].map((expression, i) => ({
    name: `f${i + 1}`,
    expression,
  }));
  const windows =
    shape.named && used.size > 0
      ? ` window ${[...used].map((i) => `w${i} as ${windowSql(shape.windows[i]!)}`).join(', ')}`
      : '';
  const where = shape.where ? ` where ${shape.where.sql}` : '';
  const rowFrom = `from payments p${shape.lateral ? ` ${shape.lateral.join}` : ''}${where}`;
  const select = [
    ...key.map((name) => `p.${name}`),
    `p.${shape.eventTime} as event_time`,
    ...features.map(({ name, expression }) => `${expression.sql} as ${name}`),
  ];
  return {
    query: `select ${select.join(', ')} ${rowFrom}${windows}`,
    key,
    eventTime: shape.eventTime,
    features,
    rowExpressions: [
      ...shape.scalars,
      ...calls.flatMap(({ shape: { argument, filter } }): RandomView['rowExpressions'] => {
        if (!argument) return [];
        if (!filter) return [argument];
        const sql = `case when ${filter.sql} then ${argument.sql} end`;
        const unfolded = `case when ${filter.unfolded} then ${argument.unfolded} end`;
        return [{ sql, unfolded, columns: [...argument.columns, ...filter.columns] }];
      }),
      ...calls.flatMap(({ window }) => window.partition),
    ],
    lateralFeatures: outputs.map((_, i) => calls.length + i),
    rowFrom,
    tail: `${rowFrom}${windows}`,
    reads: {
      payments: [
        ...new Set([
          ...key,
          shape.eventTime,
          ...features.flatMap(({ expression }) => expression.columns),
          ...(shape.where?.columns ?? []),
          ...(shape.lateral?.match.map(([, outer]) => outer) ?? []),
        ]),
      ],
      items: shape.lateral?.columns ?? [],
    },
    lateral: shape.lateral,
    alsoOnItems: shape.alsoOnItems && shape.lateral !== undefined,
    timezone: shape.timezone,
  };
}

/** Puts the view's calls and lateral outputs where the expression has holes. */
function fill(expression: Expression, values: readonly Expression[]): Expression {
  let { sql, error, guards } = expression;
  const uses = [...expression.uses];
  const columns = new Set(expression.columns);
  for (const type of SCALAR_TYPES) {
    const fitting = values.filter((value) => value.type === type);
    for (const n of [0, 1]) {
      const mark = hole(type, n);
      if (![sql, error ?? '', ...guards].some((text) => text.includes(mark) || text.includes(holeError(type, n))))
        continue;
      const value = fitting[n % Math.max(1, fitting.length)] ?? fallback(type);
      const put = (text: string): string =>
        // As functions: `$'` in a replacement would mean something.
        text.replaceAll(holeError(type, n), () => `(${value.error ?? '0'})`).replaceAll(mark, () => `(${value.sql})`);
      sql = put(sql);
      error = error === undefined ? undefined : put(error);
      guards = guards.map(put);
      uses.push(...value.uses);
      value.columns.forEach((name) => columns.add(name));
    }
  }
  return { ...expression, sql, error, guards, uses, columns: [...columns] };
}

function fallback(type: ScalarType): Expression {
  if (type === 'inumeric') {
    return { ...column('amount', 'inumeric'), sql: '(p.amount / 3.0)', error: 'abs((p.amount / 3.0)::float8)' };
  }
  if (type === 'ifloat8') return { ...column('ratio', 'ifloat8'), error: 'abs(p.ratio)' };
  return paymentLeaves.find((leaf) => leaf.type === type)!;
}

// `error` is the largest of the inputs there are.
type Output = readonly [
  sql: string,
  type: ScalarType,
  error: string | undefined,
  columns: readonly string[],
  uses: readonly string[],
];
const OUTPUTS: readonly Output[] = [
  ['count(*)', 'int8', undefined, [], ['lateral count(*)']],
  ['count(i.qty) filter (where i.ok)', 'int8', undefined, ['qty', 'ok'], ['lateral count(x) filter']],
  ['sum(i.qty)', 'int8', undefined, ['qty'], ['lateral sum(int4)']],
  ['coalesce(sum(i.qty), 0)', 'int8', undefined, ['qty'], ['lateral sum(int4)', 'lateral coalesce']],
  ['sum(i.cost * i.qty)', 'numeric', undefined, ['cost', 'qty'], ['lateral sum(numeric)']],
  ['max(i.cost)', 'numeric', undefined, ['cost'], ['lateral max(numeric)']],
  ['min(i.at)', 'timestamptz', undefined, ['at'], ['lateral min(timestamptz)']],
  ['max(i.at)', 'timestamptz', undefined, ['at'], ['lateral max(timestamptz)']],
  ['avg(i.weight)', 'ifloat8', '2.25', ['weight'], ['lateral avg(float8)']],
  ['avg(i.cost)', 'inumeric', '100', ['cost'], ['lateral avg(numeric)']],
  ['sum(i.weight)', 'ifloat8', '2.25', ['weight'], ['lateral sum(float8)']],
  ['bool_or(i.ok)', 'bool', undefined, ['ok'], ['lateral bool_or']],
  ['bool_and(i.ok)', 'bool', undefined, ['ok'], ['lateral bool_and']],
  ['count(*) > 1', 'bool', undefined, [], ['lateral count(*) > 1']],
];
/** Names of lateral outputs in the tally. */
export const LATERAL_OUTPUTS: readonly string[] = [...new Set(OUTPUTS.flatMap(([, , , , uses]) => uses))];

function lateral(key: KeyShape, names: readonly string[]): fc.Arbitrary<Lateral> {
  const choice = OUTPUTS.filter(([, , , , uses]) => uses.some((use) => names.includes(use)));
  const conditions: readonly (readonly [sql: string, columns: readonly string[]])[] = [
    ['', []],
    ['', []],
    [' and i.ok', ['ok']],
    [' and i.qty > 1', ['qty']],
    [' and (i.cost is not null or i.weight < 1)', ['cost', 'weight']],
  ];
  return fc
    .tuple(
      fc.boolean(),
      fc.uniqueArray(fc.constantFrom(...choice), { minLength: 1, maxLength: Math.min(4, choice.length) }),
      fc.constantFrom(...conditions),
      fc.constantFrom('left join lateral', 'cross join lateral'),
    )
    .map(([byCustomer, outputs, [condition, conditionColumns], join]): Lateral => {
      const match = byCustomer
        ? [['customer', 'customer'] as const]
        : key.columns.map((c) => [`payment_${c.name}`, c.name] as const);
      const equal = match.map(([inner, outer]) => `i.${inner} = p.${outer}`).join(' and ');
      const list = outputs.map(([sql], i) => `${sql} as o${i}`).join(', ');
      return {
        match,
        join: `${join} (select ${list} from items i where ${equal}${condition}) x${join.startsWith('left') ? ' on true' : ''}`,
        outputs: outputs.map(([, type, error, , uses], i) => ({
          sql: `x.o${i}`,
          unfolded: `x.o${i}`,
          type,
          uses,
          columns: [],
          error: error === undefined ? undefined : `(abs(x.o${i}::float8) + ${error})`,
          guards: [],
        })),
        columns: [
          ...new Set([
            ...match.map(([inner]) => inner),
            ...outputs.flatMap(([, , , read]) => read),
            ...conditionColumns,
          ]),
        ],
      };
    });
}
