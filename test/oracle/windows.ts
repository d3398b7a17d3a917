// Random window calls: partitions, frames and exclusions crossed with every function that is compiled.

import fc from 'fast-check';
import { column, magnitude, sometimes, type Expression, type ExpressionSource, type ScalarType } from './expression.ts';

export type EventTimeColumn = 'at' | 'local_at' | 'day';

export interface WindowShape {
  readonly partition: readonly Expression[];
  readonly eventTime: EventTimeColumn;
  /** Ordered by the key after the event time, so that no two rows are peers. */
  readonly total: boolean;
  readonly keyOrder: readonly string[];
  readonly frame: string;
  /** Names of what is special about the frame, for the tally. */
  readonly uses: readonly string[];
}

export function windowSql(window: WindowShape): string {
  const partition = window.partition.length > 0 ? `partition by ${window.partition.map((p) => p.sql).join(', ')} ` : '';
  const order = [`p.${window.eventTime}`, ...(window.total ? window.keyOrder.map((name) => `p.${name}`) : [])];
  return `(${partition}order by ${order.join(', ')}${window.frame === '' ? '' : ` ${window.frame}`})`;
}

const RANGES = ['1 hour', '30 minutes', '1 day', '1 month', '1 mon 1 day', '2 days 12:00', '0', '36500 days'];
const EXCLUSIONS = ['', '', '', ' exclude current row', ' exclude group', ' exclude ties', ' exclude no others'];

interface FrameShape {
  readonly total: boolean;
  readonly frame: string;
  readonly uses: readonly string[];
}

const exclusion = fc.constantFrom(...EXCLUSIONS);
function excluded(text: string): string[] {
  return text === '' ? [] : [`frame:${text}`];
}

/** Names of frames in the tally. */
export const FRAMES: readonly string[] = [
  'frame: default',
  'frame: range interval',
  'frame: range interval to interval',
  'frame: unbounded to interval',
  'frame: range unbounded',
  'frame: rows',
  ...new Set(EXCLUSIONS.flatMap(excluded)),
];

const frames: fc.Arbitrary<FrameShape> = fc.oneof(
  { weight: 1, arbitrary: fc.boolean().map((total) => ({ total, frame: '', uses: ['frame: default'] })) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(...RANGES), exclusion).map(([preceding, exclude]) => ({
      total: false,
      frame: `range between '${preceding}' preceding and current row${exclude}`,
      uses: ['frame: range interval', ...excluded(exclude)],
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(['1 month', '1 hour'], ['1 day', '1 day'], ['2 days', '00:30'], ['40 days', '0']),
        exclusion,
      )
      .map(([[from, to], exclude]) => ({
        total: false,
        frame: `range between '${from}' preceding and '${to}' preceding${exclude}`,
        uses: ['frame: range interval to interval', ...excluded(exclude)],
      })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('1 day', '1 month'), exclusion).map(([to, exclude]) => ({
      total: false,
      frame: `range between unbounded preceding and '${to}' preceding${exclude}`,
      uses: ['frame: unbounded to interval', ...excluded(exclude)],
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.boolean(), exclusion).map(([total, exclude]) => ({
      total,
      frame: `range between unbounded preceding and current row${exclude}`,
      uses: ['frame: range unbounded', ...excluded(exclude)],
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('0', '1', '2', '5', 'unbounded'), fc.constantFrom('0', '1', '2'), exclusion)
      .map(([from, to, exclude]) => ({
        total: true,
        frame: `rows between ${from} preceding and ${to === '0' ? 'current row' : `${to} preceding`}${exclude}`,
        uses: ['frame: rows', ...excluded(exclude)],
      }))
      .filter(({ frame }) => !/between 0 preceding and [12]|between 1 preceding and 2/.test(frame)),
  },
);

const partitions: readonly (readonly Expression[])[] = [
  [],
  [column('customer', 'text')],
  [column('customer', 'text')],
  [column('merchant', 'int4')],
  [column('customer', 'text'), column('merchant', 'int4')],
  [{ ...column('customer', 'text'), sql: 'lower(trim(p.customer))', uses: ['lower(text)', 'trim(text)'] }],
  [column('price', 'numeric')],
  [column('ratio', 'float8')],
  [column('span', 'interval')],
  [column('ok', 'bool')],
  [{ ...column('day', 'date'), sql: `coalesce(p.day, '2026-01-01'::date)`, uses: ['coalesce: date'] }],
];

export function windowShape(eventTime: EventTimeColumn, keyOrder: readonly string[]): fc.Arbitrary<WindowShape> {
  return fc.tuple(fc.constantFrom(...partitions), frames).map(([partition, frame]) => ({
    partition: partition.map((p) => ({ ...p, uses: [...p.uses, `partition by ${p.type}`] })),
    eventTime,
    keyOrder,
    ...frame,
    uses: [...frame.uses, partition.length === 0 ? 'partition by nothing' : 'partition by'],
  }));
}

/** A call without its OVER, which is added once it is known which window of the view it uses. */
export interface CallShape {
  readonly call: string;
  readonly argument: Expression | undefined;
  readonly filter: Expression | undefined;
  readonly type: ScalarType;
  readonly uses: readonly string[];
  /** Needs a window without peers. */
  readonly total: boolean;
  readonly error: 'none' | 'mean' | 'variance' | 'deviation';
}

type Simple = readonly [name: string, argument: ScalarType, result: ScalarType, error: CallShape['error']];
const SUMMARIES: readonly Simple[] = [
  ['count', 'int4', 'int8', 'none'],
  ['count', 'text', 'int8', 'none'],
  ['count', 'bool', 'int8', 'none'],
  ['sum', 'int2', 'int8', 'none'],
  ['sum', 'int4', 'int8', 'none'],
  ['sum', 'int8', 'numeric', 'none'],
  ['sum', 'numeric', 'numeric', 'none'],
  ['sum', 'numeric', 'numeric', 'none'],
  ['sum', 'float8', 'ifloat8', 'mean'],
  ['avg', 'int4', 'inumeric', 'mean'],
  ['avg', 'int8', 'inumeric', 'mean'],
  ['avg', 'numeric', 'inumeric', 'mean'],
  ['avg', 'float8', 'ifloat8', 'mean'],
  ['avg', 'float4', 'ifloat8', 'mean'],
  ...(['int2', 'int4', 'int8', 'float4', 'float8', 'date', 'timestamp', 'timestamptz'] as const).flatMap((type) => [
    ['min', type, type, 'none'] as const,
    ['max', type, type, 'none'] as const,
  ]),
  ...(['int4', 'int8', 'numeric'] as const).flatMap((type) => [
    ['stddev', type, 'inumeric', 'deviation'] as const,
    ['stddev_pop', type, 'inumeric', 'deviation'] as const,
    ['variance', type, 'inumeric', 'variance'] as const,
    ['var_pop', type, 'inumeric', 'variance'] as const,
  ]),
  ['stddev_samp', 'float8', 'ifloat8', 'deviation'],
  ['stddev_pop', 'float8', 'ifloat8', 'deviation'],
  ['var_samp', 'float8', 'ifloat8', 'variance'],
  ['var_pop', 'float8', 'ifloat8', 'variance'],
  ['bool_and', 'bool', 'bool', 'none'],
  ['bool_or', 'bool', 'bool', 'none'],
  ['every', 'bool', 'bool', 'none'],
];
/** Values that are equal and print differently (1 and 1.0, a day and 24 hours): which of them is given hangs on a total order. */
const EXTREMES_IN_ORDER: readonly Simple[] = (['numeric', 'interval'] as const).flatMap((type) => [
  ['min', type, type, 'none'] as const,
  ['max', type, type, 'none'] as const,
]);
const MOVED: readonly ScalarType[] = [
  'bool',
  'int4',
  'int8',
  'float8',
  'numeric',
  'text',
  'timestamptz',
  'timestamp',
  'date',
  'interval',
];
const DEFAULTS: Readonly<Partial<Record<ScalarType, string>>> = {
  int4: '-1',
  numeric: '0.0',
  text: `'none'::text`,
  bool: 'false',
};

/** Random calls by the name they are tallied under; those of `rare` weight less. */
export function callKinds(source: ExpressionSource): ReadonlyMap<string, fc.Arbitrary<CallShape>> {
  const filter = sometimes(source.of('bool', 1), 1, 3);
  const kinds = new Map<string, fc.Arbitrary<CallShape>>();
  const add = (use: string, arbitrary: fc.Arbitrary<Omit<CallShape, 'uses'>>): void => {
    kinds.set(
      use,
      arbitrary.map((shape) => ({ ...shape, uses: [use] })),
    );
  };
  const plain = { argument: undefined, filter: undefined, total: false, error: 'none' } as const;
  for (const [name, argument, type, error] of [...SUMMARIES, ...EXTREMES_IN_ORDER]) {
    const total = (name === 'min' || name === 'max') && (argument === 'numeric' || argument === 'interval');
    add(
      `${name}(${argument}) over`,
      fc.tuple(source.of(argument, 1), filter).map(([given, condition]) => {
        return { call: `${name}(${given.sql})`, argument: given, filter: condition, type, total, error };
      }),
    );
  }
  add(
    'count(*) over',
    filter.map((condition) => ({ ...plain, call: 'count(*)', filter: condition, type: 'int8' })),
  );
  for (const name of ['min', 'max']) {
    const argument = column('customer', 'text');
    add(`${name}(text) over`, fc.constant({ ...plain, call: `${name}(p.customer)`, argument, type: 'text' }));
    const amount = column('amount', 'numeric');
    add(
      `${name}(numeric(12,2)) over`,
      filter.map((condition) => {
        return { ...plain, call: `${name}(p.amount)`, argument: amount, filter: condition, type: 'numeric' };
      }),
    );
  }
  add(
    'sum(numeric column) over',
    fc.constantFrom('amount', 'price').map((name) => {
      return { ...plain, call: `sum(p.${name})`, argument: column(name, 'numeric'), type: 'numeric' };
    }),
  );
  add('row_number() over', fc.constant({ ...plain, call: 'row_number()', type: 'int8', total: true }));
  add('rank() over', fc.constant({ ...plain, call: 'rank()', type: 'int8' }));
  add('dense_rank() over', fc.constant({ ...plain, call: 'dense_rank()', type: 'int8' }));
  const moved = (name: string, type: ScalarType, rest: fc.Arbitrary<string>): fc.Arbitrary<Omit<CallShape, 'uses'>> =>
    fc.tuple(source.of(type, 1), rest).map(([given, more]) => {
      return { ...plain, call: `${name}(${given.sql}${more})`, argument: given, type, total: true };
    });
  const anyMoved = (name: string, rest: fc.Arbitrary<string>): fc.Arbitrary<Omit<CallShape, 'uses'>> =>
    fc.oneof(...MOVED.map((type) => moved(name, type, rest)));
  const nothing = fc.constant('');
  for (const type of MOVED) add(`lag(${type}) over`, moved('lag', type, nothing));
  add(
    'lag(x, n) over',
    anyMoved(
      'lag',
      fc.integer({ min: 0, max: 3 }).map((n) => `, ${n}`),
    ),
  );
  add(
    'lag(x, n, default) over',
    fc.oneof(
      ...(Object.keys(DEFAULTS) as ScalarType[]).map((type) =>
        moved('lag', type, fc.constant(`, 1, ${DEFAULTS[type]!}`)),
      ),
    ),
  );
  add('first_value over', anyMoved('first_value', nothing));
  add('last_value over', anyMoved('last_value', nothing));
  add(
    'nth_value over',
    anyMoved(
      'nth_value',
      fc.integer({ min: 1, max: 3 }).map((n) => `, ${n}`),
    ),
  );
  return kinds;
}

/** The call over a window, as an expression of the view. `over` is the window's name, or its definition in brackets. */
export function windowCall(shape: CallShape, window: WindowShape, over: string): Expression {
  const filter = shape.filter ? ` filter (where ${shape.filter.sql})` : '';
  const sql = `${shape.call}${filter} over ${over}`;
  return {
    sql,
    unfolded: sql,
    type: shape.type,
    uses: [
      ...shape.uses,
      ...window.uses,
      ...window.partition.flatMap((p) => p.uses),
      ...(shape.filter ? ['filter', ...shape.filter.uses] : []),
      ...(shape.argument?.uses ?? []),
    ],
    columns: [
      ...new Set([
        ...(shape.argument?.columns ?? []),
        ...(shape.filter?.columns ?? []),
        ...window.partition.flatMap((p) => p.columns),
        window.eventTime,
      ]),
    ],
    error: errorBound(shape, sql, `${filter} over ${over}`),
    guards: [],
  };
}

/** Rule B: 1e-9 of max(|result|, mean |inputs|); variance to 1e-9 + 8·n·ε·(mean² / variance) of itself. */
function errorBound(shape: CallShape, sql: string, over: string): string | undefined {
  if (shape.error === 'none') return undefined;
  const x = `(${shape.argument!.sql})::float8`;
  if (shape.error === 'mean') return `greatest(${magnitude(sql)}, avg(abs(${x}))${over})`;
  const shift = `8 * 2.3e-16 * count(${x})${over} * (avg(${x})${over}) ^ 2`;
  const squared = `(${magnitude(sql)} + 1e9 * ${shift})`;
  if (shape.error === 'variance') return squared;
  return `(${magnitude(sql)} + 1e9 * least(${shift} / nullif(${magnitude(sql)}, 0), sqrt(${shift})))`;
}
