// A compiled pipeline at work: routes the changes of a transaction to the feature view, its laterals and the label set, keeps
// the clock, and says what came of it in rule B's order.

import type { Change, Relation, Row, RowChange } from '../../flow/change.ts';
import type { PipelineDefinition } from '../../flow/pipeline.ts';
import type { Emission } from '../../flow/record.ts';
import type { StateEntry } from '../../state/state-store.ts';
import type { DrivingScan, PipelineTransform, StateReader, TableInput } from '../pipeline-transform.ts';
import type { PipelinePlan, PlanTable } from '../view-plan.ts';
import { LabelSet } from './label-set.ts';
import { ViewOperator } from './view-operator.ts';

export interface TransformOptions {
  readonly plan: PipelinePlan;
  readonly definition: PipelineDefinition;
  /** What was saved; without it the pipeline starts with nothing. */
  readonly state?: StateReader;
}

/** Rejects a plan with what the operators do not compute (SQL_UNSUPPORTED), or state that cannot be read (STATE_CORRUPT). */
export function openTransform(options: TransformOptions): PipelineTransform {
  return new CompiledTransform(options);
}

const META = 'meta';

/** What is saved beside rows: the clock, and for each window group how far up something has been forgotten. */
interface Meta {
  readonly clockUs: number | null;
  readonly forgotten: readonly (number | null)[];
  readonly forgottenNull: readonly boolean[];
}

class CompiledTransform implements PipelineTransform {
  readonly inputs: readonly TableInput[];
  readonly scan: DrivingScan;
  clockUs = -Infinity;
  readonly #definition: PipelineDefinition;
  readonly #view: ViewOperator;
  readonly #labels: LabelSet | undefined;
  readonly #tables: ReadonlyMap<TableInput, readonly PlanTable[]>;
  #commitTimeUs = 0;
  #backfill = false;
  #truncated = false;
  #savedMeta = '';

  constructor({ plan, definition, state }: TransformOptions) {
    const { timezone, lateByUs, appendOnly } = definition;
    const { driving, laterals, scan } = plan.features;
    this.#definition = definition;
    const alsoOn = laterals.map(({ table }) =>
      definition.alsoOn.some(({ schema, name }) => schema === table.table.schema && name === table.table.name),
    );
    this.#view = new ViewOperator(plan.features, { timezone, lateByUs, appendOnly, alsoOn });
    this.#labels = plan.labels && new LabelSet(plan.labels, timezone);
    this.#tables = inputsOf([
      { role: 'driving', plan: driving },
      ...laterals.map(({ table }) => ({ role: 'lookup' as const, plan: table })),
      ...(plan.labels ? [{ role: 'label' as const, plan: plan.labels.table }] : []),
    ]);
    this.inputs = [...this.#tables.keys()];
    this.scan = scan;
    if (state) this.#restore(state);
  }

  begin(commitTimeUs: number, backfill = false): void {
    this.#commitTimeUs = commitTimeUs;
    this.#backfill = backfill;
    this.#truncated = false;
  }

  apply(change: Change): void {
    if (change.kind === 'truncate') {
      for (const relation of change.relations) this.#truncate(relation);
      return;
    }
    const { relation } = change;
    const { laterals } = this.#view.program;
    for (let index = 0; index < laterals.length; index++) {
      if (laterals[index]!.reader.reads(relation)) this.#view.applyLateral(index, change);
    }
    if (this.#labels?.reader.reads(relation)) this.#labels.apply(change);
    if (this.#view.reader.reads(relation)) this.#view.apply(change satisfies RowChange);
  }

  finish(): readonly Emission[] {
    const emissions: Emission[] = this.#truncated ? [{ kind: 'truncate' }] : [];
    if (this.#labels) emissions.push(...this.#labels.finish());
    const eventUs = this.#view.settle(this.#commitTimeUs);
    const byEvent = this.#backfill || this.#definition.clock === 'event_time';
    this.clockUs = Math.max(this.clockUs, byEvent ? eventUs : this.#commitTimeUs);
    emissions.push(...this.#view.finish(this.#stampUs(eventUs)));
    this.#view.expire(this.clockUs);
    return emissions;
  }

  /** When the rows of this transaction came, by the clock that they will expire by. */
  #stampUs(eventUs: number): number {
    const undated = this.#backfill && this.#definition.clock === 'commit' && eventUs === -Infinity;
    return undated || this.clockUs === -Infinity ? this.#commitTimeUs : this.clockUs;
  }

  relationOf(input: TableInput): Relation {
    const plans = [...this.#tables].find(
      ([{ table }]) => table.schema === input.table.schema && table.name === input.table.name,
    )![1];
    const columns = input.columns.map((name) => {
      const column = plans.flatMap((plan) => plan.columns).find((candidate) => candidate.name === name)!;
      return { name, typeOid: column.type.oid, typmod: column.type.typmod, identity: column.identity };
    });
    return {
      oid: 0,
      schema: input.table.schema,
      name: input.table.name,
      replicaIdentity: plans[0]!.replicaIdentity,
      columns,
    };
  }

  eventTimeUsOf(row: Row): number | null {
    const { reader, program } = this.#view;
    this.#drivingRelation ??= this.relationOf(this.inputs[0]!);
    return program.eventTimeUs(reader.slotsOf(this.#drivingRelation, row, undefined)!);
  }
  #drivingRelation: Relation | undefined;

  *takeDirty(): Iterable<StateEntry> {
    yield* this.#view.takeDirty();
    if (this.#labels) yield* this.#labels.takeDirty();
    const { groups } = this.#view.program;
    const meta: Meta = {
      clockUs: this.clockUs === -Infinity ? null : this.clockUs,
      forgotten: groups.map(({ forgotten }) => (forgotten === -Infinity ? null : forgotten)),
      forgottenNull: groups.map(({ forgottenNull }) => forgottenNull),
    };
    const text = JSON.stringify(meta);
    if (text === this.#savedMeta) return;
    this.#savedMeta = text;
    yield { space: META, key: META, value: text };
  }

  get size(): { readonly keys: number; readonly bytes: number } {
    const { laterals, groups } = this.#view.program;
    const inner = laterals.reduce((sum, lateral) => sum + lateral.size, 0);
    const labels = this.#labels?.size ?? 0;
    const bytes = this.#view.size * (ROW_BYTES + this.#view.reader.width * SLOT_BYTES + groups.length * NODE_BYTES);
    return { keys: this.#view.size + inner + labels, bytes: bytes + (inner + labels) * ROW_BYTES };
  }

  get counts(): { readonly filtered: number; readonly late: number; readonly deadLetters: number } {
    return { ...this.#view.counts };
  }

  #truncate(relation: Relation): void {
    const { laterals } = this.#view.program;
    for (let index = 0; index < laterals.length; index++) {
      if (laterals[index]!.reader.reads(relation)) this.#view.truncateLateral(index);
    }
    if (this.#labels?.reader.reads(relation)) this.#labels.truncate();
    if (!this.#view.reader.reads(relation)) return;
    this.#view.truncate();
    this.#truncated = true;
  }

  #restore(state: StateReader): void {
    for (const [, text] of state.entries(META)) {
      const meta = JSON.parse(text) as Meta;
      this.#savedMeta = text;
      this.clockUs = meta.clockUs ?? -Infinity;
      this.#view.program.groups.forEach((group, index) => {
        group.forgotten = meta.forgotten[index] ?? -Infinity;
        group.forgottenNull = meta.forgottenNull[index] ?? false;
      });
    }
    this.#labels?.restore(state.entries(LabelSet.space));
    this.#view.restore((space) => state.entries(space), this.clockUs);
  }
}

/** One input a table, with every column that any of its roles reads; the first role names it, so driving comes first. */
function inputsOf(
  roles: readonly { readonly role: TableInput['role']; readonly plan: PlanTable }[],
): ReadonlyMap<TableInput, readonly PlanTable[]> {
  const tables = new Map<string, { role: TableInput['role']; plans: PlanTable[] }>();
  for (const { role, plan } of roles) {
    const name = JSON.stringify([plan.table.schema, plan.table.name]);
    const known = tables.get(name);
    if (known) known.plans.push(plan);
    else tables.set(name, { role, plans: [plan] });
  }
  return new Map(
    [...tables.values()].map(({ role, plans }) => {
      const columns = [...new Set(plans.flatMap((plan) => plan.columns.map(({ name }) => name)))];
      return [{ table: plans[0]!.table, columns, role }, plans];
    }),
  );
}

/** Rough costs in V8: an object with its arrays and text, one slot with its value, one node with its summaries. */
const ROW_BYTES = 350;
const SLOT_BYTES = 28;
const NODE_BYTES = 160;
