// A view as a plan: what its SQL means, decided once, by the type OIDs that Postgres described. The expression compiler
// makes it (compile.ts); the operators run it (operators/). Closures get a row's slots and give a value.

import type { TableName } from '../flow/pipeline.ts';
import type { SqlValue } from '../flow/types/sql-value.ts';

/** A value's type, as Postgres described it. */
export interface TypeRef {
  readonly oid: number;
  readonly typmod: number;
  /** OID of the collation; 0 where the type has none. */
  readonly collation: number;
}

/**
 * Computes one expression. Slots of a query level: the table's columns in {@link PlanTable} order, then one slot a window
 * call, then one a lateral output. Throws MillraceError DATA where Postgres would raise (division by zero, …).
 */
export type Evaluate = (slots: readonly SqlValue[]) => SqlValue;

export interface PlanExpression {
  readonly type: TypeRef;
  readonly evaluate: Evaluate;
  /** Canonical text; equal texts are the same expression. Part of the plan's hash. */
  readonly text: string;
}

export interface PlanColumn {
  readonly name: string;
  readonly type: TypeRef;
  /** Part of the replica identity. */
  readonly identity: boolean;
  /** May be stored out of line, so that an update can leave it out. */
  readonly toastable: boolean;
}

export interface PlanTable {
  readonly table: TableName;
  /** Only those the plan reads, plus the identity. */
  readonly columns: readonly PlanColumn[];
  readonly replicaIdentity: 'd' | 'f' | 'i';
}

export interface OrderKey {
  readonly expression: PlanExpression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** PARTITION BY and ORDER BY that one or more calls share; one ordered structure a partition serves them all. */
export interface WindowGroup {
  readonly partitionBy: readonly PlanExpression[];
  readonly orderBy: readonly OrderKey[];
}

export type FrameBound =
  | { readonly kind: 'unbounded' }
  | { readonly kind: 'current' }
  /** ROWS: a count. */
  | { readonly kind: 'rows'; readonly preceding: number }
  /** RANGE: an interval before the order key, as Postgres's in_range has it (months by calendar). */
  | { readonly kind: 'range'; readonly preceding: SqlValue; readonly type: TypeRef };

export interface Frame {
  readonly mode: 'rows' | 'range';
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: 'none' | 'current_row' | 'group' | 'ties';
}

export type AggregateName =
  | 'count'
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'stddev_samp'
  | 'stddev_pop'
  | 'var_samp'
  | 'var_pop'
  | 'bool_and'
  | 'bool_or';
export type RankName = 'row_number' | 'rank' | 'dense_rank' | 'lag' | 'first_value' | 'last_value' | 'nth_value';

export interface WindowCall {
  /** Index into {@link ViewPlan.windowGroups}. */
  readonly group: number;
  readonly name: AggregateName | RankName;
  /** count(*) has none; lag has value, offset?, default?. */
  readonly args: readonly PlanExpression[];
  readonly filter: PlanExpression | undefined;
  readonly frame: Frame;
  readonly type: TypeRef;
}

export interface LateralAggregate {
  readonly name: AggregateName;
  readonly args: readonly PlanExpression[];
  readonly filter: PlanExpression | undefined;
  readonly type: TypeRef;
}

/** `left join lateral (select agg(…) from t where t.k = outer.k and …) x on true`, or the same as a scalar subquery. */
export interface LateralPlan {
  readonly table: PlanTable;
  /** Equalities: `inner` over the inner table's slots, `outer` over the driving table's. Both of the same type. */
  readonly match: readonly { readonly inner: PlanExpression; readonly outer: PlanExpression }[];
  /** Over the inner table's slots alone. */
  readonly where: PlanExpression | undefined;
  readonly aggregates: readonly LateralAggregate[];
  /** What the subquery gives, over [aggregate results]. */
  readonly outputs: readonly PlanExpression[];
}

export interface PlanOutput {
  readonly name: string;
  readonly expression: PlanExpression;
  /** As `format_type` prints it. */
  readonly typeName: string;
}

/** A feature view. Slots: columns of the driving table, window calls, lateral outputs (all laterals in order). */
export interface ViewPlan {
  readonly driving: PlanTable;
  readonly laterals: readonly LateralPlan[];
  /** Over the driving columns and lateral outputs; rows where it is not true are in no window and leave no features. */
  readonly where: PlanExpression | undefined;
  readonly windowGroups: readonly WindowGroup[];
  readonly windowCalls: readonly WindowCall[];
  /** The view's columns that are neither key nor event time, in the view's order. */
  readonly features: readonly PlanOutput[];
  /** In the order of the pipeline's key; each a plain column of the driving table's replica identity. */
  readonly key: readonly PlanOutput[];
  readonly eventTime: PlanOutput | undefined;
  readonly scan: { readonly from: string; readonly orderBy: readonly string[] };
}

/** A label view over one table: filter and projection. */
export interface LabelPlan {
  readonly table: PlanTable;
  readonly where: PlanExpression | undefined;
  readonly key: readonly PlanOutput[];
  readonly label: PlanOutput;
  readonly labelAt: PlanOutput | undefined;
  readonly weight: PlanOutput | undefined;
}

/** Something worth telling, that stops nothing. */
export interface PlanWarning {
  readonly message: string;
  readonly hint: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

export interface PipelinePlan {
  readonly features: ViewPlan;
  readonly labels: LabelPlan | undefined;
  readonly warnings: readonly PlanWarning[];
  /** Of everything that decides a result: equal hashes give equal records. */
  readonly hash: string;
}
