// A hand-built plan over one table, with every kind of window call, for the tests of the operators.

import type { Relation } from '../../../src/flow/change.ts';
import type { PipelineDefinition } from '../../../src/flow/pipeline.ts';
import { Decimal } from '../../../src/flow/types/decimal.ts';
import type { SqlValue } from '../../../src/flow/types/sql-value.ts';
import { OID } from '../../../src/flow/types/type-oid.ts';
import type {
  Frame,
  FrameBound,
  LabelPlan,
  LateralPlan,
  OrderKey,
  PipelinePlan,
  PlanColumn,
  PlanExpression,
  PlanOutput,
  PlanTable,
  TypeRef,
  ViewPlan,
  WindowCall,
} from '../../../src/transform/view-plan.ts';

export const type = (oid: number): TypeRef => ({ oid, typmod: -1, collation: oid === OID.text ? 950 : 0 });

export const expression = (oid: number, text: string, evaluate: PlanExpression['evaluate']): PlanExpression => ({
  type: type(oid),
  text,
  evaluate,
});

export interface TestTable {
  readonly plan: PlanTable;
  readonly relation: Relation;
  column(name: string): PlanExpression;
}

export function table(
  name: string,
  columns: Readonly<Record<string, number>>,
  options: { identity?: readonly string[]; toastable?: readonly string[]; replicaIdentity?: 'd' | 'f' } = {},
): TestTable {
  const identity = options.identity ?? ['id'];
  const planColumns: PlanColumn[] = Object.entries(columns).map(([column, oid]) => ({
    name: column,
    type: type(oid),
    identity: identity.includes(column),
    toastable: options.toastable?.includes(column) ?? false,
  }));
  const replicaIdentity = options.replicaIdentity ?? 'd';
  return {
    plan: { table: { schema: 'public', name }, columns: planColumns, replicaIdentity },
    relation: {
      oid: 1,
      schema: 'public',
      name,
      replicaIdentity,
      columns: planColumns.map((column) => ({
        name: column.name,
        typeOid: column.type.oid,
        typmod: -1,
        identity: column.identity,
      })),
    },
    column(wanted) {
      const index = planColumns.findIndex((column) => column.name === wanted);
      return expression(planColumns[index]!.type.oid, wanted, (slots) => slots[index]!);
    },
  };
}

export const payments = table('payments', {
  id: OID.int4,
  customer: OID.int4,
  created_at: OID.timestamp,
  amount: OID.numeric,
  v: OID.float8,
  ok: OID.bool,
});

const asc = (...expressions: PlanExpression[]): OrderKey[] =>
  expressions.map((each) => ({ expression: each, descending: false, nullsFirst: false }));
const rows = (preceding: number): FrameBound => ({ kind: 'rows', preceding });
export const interval = (months: number, days: number, us: bigint): FrameBound => ({
  kind: 'range',
  preceding: { months, days, us },
  type: type(OID.interval),
});
export const HOUR = interval(0, 0, 3_600_000_000n);
const unbounded: FrameBound = { kind: 'unbounded' };
const current: FrameBound = { kind: 'current' };

export const frame = (
  mode: Frame['mode'],
  start: FrameBound,
  end: FrameBound = current,
  exclude: Frame['exclude'] = 'none',
): Frame => ({ mode, start, end, exclude });

export const DEFAULT_FRAME = frame('range', unbounded);

export interface NamedCall {
  readonly name: string;
  readonly call: WindowCall;
}

export const call = (
  group: number,
  name: WindowCall['name'],
  args: readonly PlanExpression[],
  callFrame: Frame,
  oid: number,
  filter?: PlanExpression,
): WindowCall => ({ group, name, args, frame: callFrame, type: type(oid), filter });

const int = (value: number): PlanExpression => expression(OID.int4, String(value), () => value);

const { column } = payments;
const [id, customer, createdAt, amount, v, ok] = ['id', 'customer', 'created_at', 'amount', 'v', 'ok'].map(column) as [
  PlanExpression,
  PlanExpression,
  PlanExpression,
  PlanExpression,
  PlanExpression,
  PlanExpression,
];

export const GROUPS = [
  { partitionBy: [customer], orderBy: asc(createdAt) },
  { partitionBy: [customer], orderBy: asc(createdAt, id) },
];

const hour = frame('range', HOUR);
/** Reach an hour back, or some rows: what they need is forgotten in time. */
export const BOUNDED: Readonly<Record<string, WindowCall>> = {
  count_1h: call(0, 'count', [], hour, OID.int8),
  sum_1h: call(0, 'sum', [amount], hour, OID.numeric),
  avg_1h: call(0, 'avg', [amount], hour, OID.numeric),
  vsum_1h: call(0, 'sum', [v], hour, OID.float8),
  sd_1h: call(0, 'stddev_samp', [v], hour, OID.float8),
  min_1h: call(0, 'min', [amount], hour, OID.numeric),
  max_1h: call(0, 'max', [v], hour, OID.float8),
  ok_1h: call(0, 'bool_and', [ok], hour, OID.bool),
  count_ok: call(0, 'count', [v], hour, OID.int8, ok),
  others: call(0, 'sum', [amount], frame('range', HOUR, current, 'current_row'), OID.numeric),
  not_peers: call(0, 'count', [], frame('range', HOUR, current, 'group'), OID.int8),
  no_ties: call(0, 'sum', [v], frame('range', HOUR, current, 'ties'), OID.float8),
  earlier: call(0, 'count', [], frame('range', HOUR, interval(0, 0, 600_000_000n)), OID.int8),
  last3: call(1, 'sum', [v], frame('rows', rows(3)), OID.float8),
  before: call(1, 'avg', [v], frame('rows', rows(4), rows(1)), OID.float8),
  lag1: call(1, 'lag', [amount], DEFAULT_FRAME, OID.numeric),
  lag2: call(1, 'lag', [id, int(2), int(-7)], DEFAULT_FRAME, OID.int4),
};

/** Reach an hour back, and no number of rows. */
export const HOUR_ONLY: Readonly<Record<string, WindowCall>> = Object.fromEntries(
  Object.entries(BOUNDED).filter(([, { group }]) => group === 0),
);

/** Count every row for ever. */
export const UNBOUNDED: Readonly<Record<string, WindowCall>> = {
  month: call(0, 'count', [], frame('range', interval(1, 0, 0n)), OID.int8),
  total: call(0, 'sum', [id], DEFAULT_FRAME, OID.int8),
  var: call(0, 'var_pop', [v], DEFAULT_FRAME, OID.float8),
  row_number: call(1, 'row_number', [], DEFAULT_FRAME, OID.int8),
  rank: call(0, 'rank', [], DEFAULT_FRAME, OID.int8),
  dense_rank: call(0, 'dense_rank', [], DEFAULT_FRAME, OID.int8),
  first: call(1, 'first_value', [amount], DEFAULT_FRAME, OID.numeric),
  last: call(1, 'last_value', [v], frame('rows', unbounded, rows(1)), OID.float8),
  third: call(1, 'nth_value', [id, int(3)], DEFAULT_FRAME, OID.int4),
};

export interface PlanOptions {
  readonly calls: Readonly<Record<string, WindowCall>>;
  readonly where?: PlanExpression;
  readonly laterals?: readonly LateralPlan[];
  readonly labels?: LabelPlan;
  /** More outputs; slots are columns, then calls, then laterals. */
  readonly outputs?: readonly PlanOutput[];
}

export const output = (name: string, of: PlanExpression): PlanOutput => ({ name, expression: of, typeName: '' });

export function paymentsPlan(options: PlanOptions, source: TestTable = payments): PipelinePlan {
  const calls = Object.entries(options.calls);
  const width = source.plan.columns.length;
  const features: ViewPlan = {
    driving: source.plan,
    laterals: options.laterals ?? [],
    where: options.where,
    windowGroups: GROUPS,
    windowCalls: calls.map(([, each]) => each),
    features: [
      ...calls.map(([name, each], index) =>
        output(name, { type: each.type, text: name, evaluate: (slots) => slots[width + index]! }),
      ),
      ...(options.outputs ?? []),
    ],
    key: [output('id', source.column('id'))],
    eventTime: output('created_at', source.column('created_at')),
    scan: { from: 'public.payments', orderBy: ['created_at', 'id'] },
  };
  return { features, labels: options.labels, warnings: [], hash: '' };
}

export function definition(change: Partial<PipelineDefinition> = {}): PipelineDefinition {
  return {
    id: 1,
    name: 'p',
    generation: 1,
    revision: 1,
    desired: 'running',
    features: { schema: 'public', name: 'f' },
    labels: undefined,
    key: ['id'],
    eventTime: 'created_at',
    labelWaitUs: undefined,
    labelDefault: undefined,
    model: { kind: 'none' },
    alertWhen: undefined,
    scoreTable: { schema: 'public', name: 's' },
    backfill: 'learn',
    alsoOn: [],
    clock: 'event_time',
    lateByUs: 86_400_000_000,
    appendOnly: false,
    keepScoresForUs: undefined,
    timezone: 'UTC',
    owner: 'o',
    ...change,
  };
}

export const cents = (value: number): SqlValue => new Decimal(value, 2);
