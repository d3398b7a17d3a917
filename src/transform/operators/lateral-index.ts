// A second table's aggregates, as a lateral subquery has them: its rows by match key, summarised; read as they are at the end
// of the transaction.

import type { RowChange } from '../../flow/change.ts';
import type { Emission } from '../../flow/record.ts';
import { equalityKeyOf } from '../../flow/types/comparison.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { StateEntry } from '../../state/state-store.ts';
import type { LateralPlan, PlanExpression } from '../view-plan.ts';
import { AggregateSet, type Aggregate } from './aggregate-set.ts';
import { hashText, OrderedRows, type Orderable } from './ordered-rows.ts';
import { EMPTY } from './summary.ts';
import { RowOrder } from './row-order.ts';
import { TableReader } from './table-reader.ts';

interface InnerRow extends Orderable {
  slots: readonly SqlValue[];
  /** Undefined: in no group (WHERE is not true, NULL in the match, or it could not be computed). */
  group: string | undefined;
  node: number;
}

/** Where rows of the inner table belong; `undefined` joins nothing. */
type MatchKey = string | undefined;

export class LateralIndex {
  readonly #plan: LateralPlan;
  readonly reader: TableReader;
  readonly #space: string;
  readonly #rows = new Map<string, InnerRow>();
  readonly #roots = new Map<string, number>();
  readonly #aggregateSet = new AggregateSet();
  readonly #aggregates: readonly Aggregate[];
  readonly #tree: OrderedRows<InnerRow>;
  readonly #keyTexts: readonly ((value: Exclude<SqlValue, null>) => string)[];
  readonly #results: SqlValue[];
  readonly #dirty = new Set<string>();
  readonly #nothing = new Int32Array(0);

  constructor(index: number, plan: LateralPlan, timezone: string) {
    this.#plan = plan;
    this.#space = lateralSpace(index);
    this.reader = new TableReader(plan.table, timezone);
    this.#aggregates = plan.aggregates.map((call) => this.#aggregateSet.add(call));
    this.#tree = new OrderedRows<InnerRow>(new RowOrder([]), this.#aggregateSet.summaries);
    this.#keyTexts = plan.match.map(({ inner }) => equalityKeyOf(inner.type.oid));
    this.#results = new Array<SqlValue>(plan.aggregates.length).fill(null);
  }

  get size(): number {
    return this.#rows.size;
  }

  /**
   * Applies a change of the inner table. `onKey` hears the match keys whose aggregates changed; `onDeadLetter` a row that
   * could not be computed, and is in no aggregate until it is corrected.
   */
  apply(change: RowChange, onKey: (key: string) => void, onDeadLetter: (emission: Emission) => void): void {
    const { relation } = change;
    const { reader } = this;
    if (change.kind === 'insert') {
      this.#put(
        this.#freshIdentity(reader.identityOf(relation, change.new!)!),
        reader.slotsOf(relation, change.new!, undefined)!,
        onKey,
        onDeadLetter,
      );
      return;
    }
    const oldIdentity = this.#lastIdentity(reader.identityOf(relation, change.old ?? change.new!)!);
    const row = this.#rows.get(oldIdentity);
    if (change.kind === 'delete') {
      if (row) this.#remove(row, onKey);
      return;
    }
    const slots = reader.slotsOf(relation, change.new!, row?.slots);
    if (!slots) {
      throw new MillraceError('TOAST_UNKNOWN', `an update of ${reader.name} left out a large value that is not kept`, {
        table: reader.name,
        hint: `Rebuild the pipeline, or \`alter table ${reader.name} replica identity full\`.`,
      });
    }
    if (row && reader.same(row.slots, slots)) return;
    if (row) this.#remove(row, onKey);
    const identity =
      change.old === undefined
        ? oldIdentity
        : this.#freshIdentity(reader.identityOf(relation, change.new!) ?? oldIdentity);
    this.#put(identity, slots, onKey, onDeadLetter);
  }

  /** Every match key that had rows. */
  truncate(): string[] {
    const keys = [...this.#roots.keys()].sort();
    for (const row of [...this.#rows.values()]) this.#remove(row, () => {});
    return keys;
  }

  /** Match key of a driving row. */
  matchOf(slots: readonly SqlValue[]): MatchKey {
    return this.#key(slots, 'outer');
  }

  /** Writes the outputs for a driving row at `from` on. */
  compute(slots: SqlValue[], from: number): void {
    const key = this.matchOf(slots);
    const root = (key === undefined ? undefined : this.#roots.get(key)) ?? EMPTY;
    const rows = root === EMPTY ? 0 : this.#tree.size(root);
    this.#aggregates.forEach(({ summary, result }, index) => {
      if (root === EMPTY) summary?.fold(this.#nothing, 0);
      else summary?.read(root);
      this.#results[index] = result(rows);
    });
    this.#plan.outputs.forEach(({ evaluate }, index) => {
      slots[from + index] = evaluate(this.#results);
    });
  }

  *takeDirty(): Iterable<StateEntry> {
    for (const key of this.#dirty) {
      const row = this.#rows.get(key);
      yield { space: this.#space, key, value: row && JSON.stringify(this.reader.cells(row.slots)) };
    }
    this.#dirty.clear();
  }

  restore(entries: Iterable<readonly [key: string, value: string]>): void {
    for (const [identity, value] of entries) {
      this.#put(
        identity,
        this.reader.restore(JSON.parse(value) as (string | null)[]),
        () => {},
        () => {},
      );
    }
    this.#dirty.clear();
  }

  #put(
    identity: string,
    slots: readonly SqlValue[],
    onKey: (key: string) => void,
    onDeadLetter: (emission: Emission) => void,
  ): void {
    const known = this.#rows.get(identity);
    if (known) this.#remove(known, onKey);
    const row: InnerRow = { identity, hash: hashText(identity), slots, group: undefined, node: EMPTY };
    this.#rows.set(identity, row);
    this.#dirty.add(identity);
    try {
      const group = this.#key(slots, 'inner');
      const { where } = this.#plan;
      if (group === undefined || (where !== undefined && where.evaluate(slots) !== true)) return;
      const values = this.#aggregateSet.evaluate(slots);
      row.node = this.#tree.create(row, []);
      row.group = group;
      this.#aggregateSet.set(row.node, values);
      this.#roots.set(group, this.#tree.insert(this.#roots.get(group) ?? EMPTY, row.node));
      onKey(group);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'DATA') throw error;
      const { name } = this.reader;
      onDeadLetter({
        kind: 'dead_letter',
        key: null,
        table: name,
        row: this.reader.json(slots),
        code: error.code,
        message: error.message,
      });
    }
  }

  #remove(row: InnerRow, onKey: (key: string) => void): void {
    this.#rows.delete(row.identity);
    this.#dirty.add(row.identity);
    if (row.group === undefined) return;
    const root = this.#tree.remove(this.#roots.get(row.group)!, row.node);
    this.#tree.destroy(row.node);
    if (root === EMPTY) this.#roots.delete(row.group);
    else this.#roots.set(row.group, root);
    onKey(row.group);
  }

  #key(slots: readonly SqlValue[], side: 'inner' | 'outer'): MatchKey {
    let key = '';
    for (let index = 0; index < this.#plan.match.length; index++) {
      const expression: PlanExpression = this.#plan.match[index]![side];
      const value = expression.evaluate(slots);
      if (value === null) return undefined;
      const text = this.#keyTexts[index]!(value);
      key += `${text.length}:${text}`;
    }
    return key;
  }

  /** Where rows cannot be told apart, the second of two equal ones is `[…]#2`, and the last of them goes first. */
  #freshIdentity(identity: string): string {
    if (!this.reader.multiset) return identity;
    let free = identity;
    for (let copy = 2; this.#rows.has(free); copy++) free = `${identity}#${copy}`;
    return free;
  }
  #lastIdentity(identity: string): string {
    if (!this.reader.multiset) return identity;
    let last = identity;
    for (let copy = 2; this.#rows.has(`${identity}#${copy}`); copy++) last = `${identity}#${copy}`;
    return last;
  }
}

export const lateralSpace = (index: number): string => `lateral/${index}`;
