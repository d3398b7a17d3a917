// A plan like that of the demo's view, made by hand so that the operators are measured alone.

import type { Relation } from '../src/flow/change.ts';
import type { PipelineDefinition } from '../src/flow/pipeline.ts';
import { Decimal, numericToNumber, type NumericValue } from '../src/flow/types/decimal.ts';
import type { SqlValue } from '../src/flow/types/sql-value.ts';
import { OID } from '../src/flow/types/type-oid.ts';
import type {
  Frame,
  PipelinePlan,
  PlanExpression,
  PlanOutput,
  TypeRef,
  WindowCall,
} from '../src/transform/view-plan.ts';

const COLUMNS = [
  ['id', OID.int4],
  ['customer_id', OID.int4],
  ['created_at', OID.timestamp],
  ['amount', OID.numeric],
  ['currency', OID.text],
] as const;

const type = (oid: number): TypeRef => ({ oid, typmod: -1, collation: oid === OID.text ? 100 : 0 });
const expression = (oid: number, text: string, evaluate: PlanExpression['evaluate']): PlanExpression => ({
  type: type(oid),
  text,
  evaluate,
});
const output = (name: string, oid: number, evaluate: PlanExpression['evaluate']): PlanOutput => ({
  name,
  typeName: '',
  expression: expression(oid, name, evaluate),
});

export function demoPlan(windowUs: bigint): { plan: PipelinePlan; relation: Relation; definition: PipelineDefinition } {
  const column = (index: number): PlanExpression =>
    expression(COLUMNS[index]![1], COLUMNS[index]![0], (slots) => slots[index]!);
  const [id, customer, createdAt, amount] = [column(0), column(1), column(2), column(3)];
  const zero = new Decimal(0, 0);
  const lastHour: Frame = {
    mode: 'range',
    start: { kind: 'range', preceding: { months: 0, days: 0, us: windowUs }, type: type(OID.interval) },
    end: { kind: 'current' },
    exclude: 'none',
  };
  const call = (group: number, name: WindowCall['name'], args: PlanExpression[], oid: number): WindowCall => ({
    group,
    name,
    args,
    filter: undefined,
    frame: lastHour,
    type: type(oid),
  });
  const order = (each: PlanExpression) => ({ expression: each, descending: false, nullsFirst: false });
  const text = (value: SqlValue): string => value as string;
  const plan: PipelinePlan = {
    features: {
      driving: {
        table: { schema: 'public', name: 'payments' },
        columns: COLUMNS.map(([name, oid]) => ({
          name,
          type: type(oid),
          identity: name === 'id',
          toastable: name === 'currency',
        })),
        replicaIdentity: 'd',
      },
      laterals: [],
      where: undefined,
      windowGroups: [
        { partitionBy: [customer], orderBy: [order(createdAt)] },
        { partitionBy: [customer], orderBy: [order(createdAt), order(id)] },
      ],
      windowCalls: [
        call(0, 'count', [], OID.int8),
        call(0, 'avg', [amount], OID.numeric),
        call(1, 'lag', [createdAt], OID.timestamp),
      ],
      features: [
        output('amount', OID.numeric, (slots) => slots[3] ?? zero),
        output('currency', OID.text, (slots) => (slots[4] === null ? null : text(slots[4]!).trim().toLowerCase())),
        output('payments_1h', OID.int8, (slots) => slots[5]!),
        output('amount_vs_usual', OID.numeric, (slots) => {
          if (slots[3] === null || slots[6] === null || slots[6] === 0) return null;
          return numericToNumber(slots[3] as NumericValue) / numericToNumber(slots[6] as NumericValue);
        }),
        output('seconds_since_last', OID.float8, (slots) =>
          slots[7] === null ? null : Number((slots[2] as bigint) - (slots[7] as bigint)) / 1e6,
        ),
      ],
      key: [{ name: 'id', typeName: 'integer', expression: id }],
      eventTime: { name: 'created_at', typeName: 'timestamp without time zone', expression: createdAt },
      scan: { from: 'public.payments', orderBy: ['created_at', 'id'] },
    },
    labels: undefined,
    warnings: [],
    hash: '',
  };
  const relation: Relation = {
    oid: 1,
    schema: 'public',
    name: 'payments',
    replicaIdentity: 'd',
    columns: COLUMNS.map(([name, oid]) => ({ name, typeOid: oid, typmod: -1, identity: name === 'id' })),
  };
  return { plan, relation, definition: DEFINITION };
}

const DEFINITION: PipelineDefinition = {
  id: 1,
  name: 'fraud',
  generation: 1,
  revision: 1,
  desired: 'running',
  features: { schema: 'public', name: 'fraud_features' },
  labels: undefined,
  key: ['id'],
  eventTime: 'created_at',
  labelWaitUs: undefined,
  labelDefault: undefined,
  model: { kind: 'none' },
  alertWhen: undefined,
  scoreTable: { schema: 'public', name: 'fraud_scores' },
  backfill: 'learn',
  alsoOn: [],
  clock: 'event_time',
  lateByUs: 86_400_000_000,
  appendOnly: false,
  keepScoresForUs: undefined,
  timezone: 'UTC',
  owner: 'postgres',
};
