// One PARTITION BY and ORDER BY at work: a tree for each partition, and every window call that shares it.

import { equalityKeyOf } from '../../flow/types/comparison.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import type { Frame, FrameBound, PlanExpression, WindowCall, WindowGroup as GroupPlan } from '../view-plan.ts';
import { AggregateSet, type Aggregate } from './aggregate-set.ts';
import { FrameResolver, RankRanges, type RunningBound, type Standing } from './frame.ts';
import type { ExtremeSummary } from './exact-summary.ts';
import { OrderedRows, type Orderable } from './ordered-rows.ts';
import { RowOrder } from './row-order.ts';
import { EMPTY, type Summary } from './summary.ts';

/** The rows that share one value of PARTITION BY. */
export interface Partition {
  readonly key: string;
  root: number;
  /** Greatest first order key (as a float) of a row that has expired here; -Infinity where none is missing. */
  floor: number;
}

/** A row's place in each group of its view: the node's index (0: in no window). */
export interface WindowRow extends Orderable {
  readonly nodes: number[];
}

interface FrameCalls {
  readonly mode: Frame['mode'];
  readonly start: FrameBound;
  readonly resolver: FrameResolver;
  readonly summaries: Summary[];
  readonly aggregates: { readonly slot: number; readonly aggregate: Aggregate }[];
  readonly positional: { readonly slot: number; readonly call: WindowCall; readonly values: SqlValue[] }[];
}

/** Nodes that cover a frame: two paths of a tree for each of three ranges. Depths beyond 600 do not happen by hashing. */
const MAX_ITEMS = 4096;

export class WindowGroup<Row extends WindowRow> {
  readonly #index: number;
  readonly #plan: GroupPlan;
  readonly #partitionKeys: readonly ((value: Exclude<SqlValue, null>) => string)[];
  readonly #order: RowOrder;
  readonly #aggregates = new AggregateSet();
  readonly #rows: OrderedRows<Row>;
  readonly #partitions = new Map<string, Partition>();
  /** By node. */
  readonly #partitionOf: (Partition | undefined)[] = [undefined];
  /** One row's order key, and its bounds, on their way to a node. */
  readonly #key: SqlValue[] = [];
  readonly #bounds: SqlValue[] = [];
  readonly #frames: FrameCalls[] = [];
  /** row_number, rank, dense_rank and lag, which have no frame. */
  readonly #unframed: { readonly slot: number; readonly call: WindowCall; readonly values: SqlValue[] }[] = [];
  /** Arguments whose value is kept with each row: lag's and first_value's, by their text. */
  readonly #stored: { readonly argument: PlanExpression; readonly values: SqlValue[]; next: SqlValue }[] = [];
  readonly #running: readonly RunningBound[];
  readonly #lastRows: number;
  readonly #items = new Int32Array(MAX_ITEMS);
  readonly #ranges = new RankRanges();
  readonly #standing: TreeStanding<Row>;
  /** Greatest first order key that has expired in partitions that have no floor of their own. */
  forgotten = -Infinity;
  /** A row whose order key is NULL has expired. */
  forgottenNull = false;
  /** Partitions whose floor changed or went since they were last written. */
  readonly dirtyFloors = new Set<string>();

  /**
   * @param slotOf where each call's result goes
   * @param lastRows how many rows of a partition are kept whatever their age (0: as many as the clock says)
   */
  constructor(
    index: number,
    plan: GroupPlan,
    calls: readonly { readonly call: WindowCall; readonly slot: number }[],
    options: { readonly timezone: string; readonly lastRows: number },
  ) {
    this.#index = index;
    this.#plan = plan;
    this.#lastRows = options.lastRows;
    this.#partitionKeys = plan.partitionBy.map((expression) => equalityKeyOf(expression.type.oid));
    this.#order = new RowOrder(plan.orderBy);
    for (const { call, slot } of calls) this.#addCall(call, slot, options.timezone);
    this.#running = this.#frames.flatMap(({ resolver }) => resolver.running);
    const summaries = [...this.#aggregates.summaries, ...this.#running.map(({ summary }) => summary)];
    this.#rows = new OrderedRows<Row>(this.#order, summaries);
    this.#standing = new TreeStanding(this.#rows);
  }

  /** Puts a row where its slots say. Raises what their expressions raise, and then the row is in no window. */
  place(row: Row, slots: readonly SqlValue[]): Row | undefined {
    const partitionKey = this.#partitionKey(slots);
    const { orderBy } = this.#plan;
    const key = this.#key;
    for (let index = 0; index < orderBy.length; index++) key[index] = orderBy[index]!.expression.evaluate(slots);
    const inputs = this.#aggregates.evaluate(slots);
    const stored = this.#stored;
    for (let index = 0; index < stored.length; index++) stored[index]!.next = stored[index]!.argument.evaluate(slots);
    const first = key[0] ?? null;
    const bounds = this.#bounds;
    for (let index = 0; index < this.#running.length; index++)
      bounds[index] = first === null ? null : this.#running[index]!.bound(first);

    let partition = this.#partitions.get(partitionKey);
    if (!partition) {
      partition = { key: partitionKey, root: EMPTY, floor: -Infinity };
      this.#partitions.set(partitionKey, partition);
    }
    const node = this.#rows.create(row, key);
    this.#aggregates.set(node, inputs);
    for (let index = 0; index < this.#running.length; index++) this.#running[index]!.summary.set(node, bounds[index]!);
    for (let index = 0; index < stored.length; index++) stored[index]!.values[node] = stored[index]!.next;
    partition.root = this.#rows.insert(partition.root, node);
    row.nodes[this.#index] = node;
    this.#partitionOf[node] = partition;
    if (this.#lastRows === 0) return undefined;
    // The row that was the oldest of those kept whatever their age.
    const pushedOut = this.#rows.select(partition.root, this.#rows.size(partition.root) - this.#lastRows - 1);
    return pushedOut === EMPTY ? undefined : this.#rows.row(pushedOut);
  }

  unplace(row: Row): void {
    const node = row.nodes[this.#index]!;
    if (node === EMPTY) return;
    const partition = this.#partitionOf[node]!;
    partition.root = this.#rows.remove(partition.root, node);
    this.#rows.destroy(node);
    for (const { values } of this.#stored) values[node] = null;
    row.nodes[this.#index] = EMPTY;
    this.#partitionOf[node] = undefined;
    if (partition.root === EMPTY && partition.floor === -Infinity) this.#partitions.delete(partition.key);
  }

  /** True where a row is among those kept whatever their age. */
  keeps(row: Row): boolean {
    const node = row.nodes[this.#index]!;
    if (this.#lastRows === 0 || node === EMPTY) return false;
    const { root } = this.#partitionOf[node]!;
    return this.#rows.size(root) - this.#rows.rank(root, node) <= this.#lastRows;
  }

  /** Takes an expired row out and remembers how far up something is missing. `reachUs`: the clock less what is kept. */
  expire(row: Row, reachUs: number): void {
    const node = row.nodes[this.#index]!;
    if (node === EMPTY) return;
    const partition = this.#partitionOf[node]!;
    const primary = this.#rows.primary(node);
    if (this.#order.width > 0 && this.#rows.first(node) === null) this.forgottenNull = true;
    else if (this.#lastRows > 0 || primary > reachUs) {
      // Of such partitions rows are always kept, or the row was dated ahead: each knows for itself.
      if (primary > partition.floor) {
        partition.floor = primary;
        this.dirtyFloors.add(partition.key);
      }
    } else if (primary > this.forgotten) this.forgotten = primary;
    this.unplace(row);
  }

  floorOf(partitionKey: string): number | undefined {
    const floor = this.#partitions.get(partitionKey)?.floor;
    return floor === undefined || floor === -Infinity ? undefined : floor;
  }

  /** After a restart, before any row is placed. */
  restoreFloor(partitionKey: string, floor: number): void {
    this.#partitions.set(partitionKey, { key: partitionKey, root: EMPTY, floor });
  }

  clear(): void {
    for (const partition of this.#partitions.values()) {
      if (partition.floor !== -Infinity) this.dirtyFloors.add(partition.key);
      for (const node of [...this.#rows.nodes(partition.root)]) {
        this.#rows.row(node).nodes[this.#index] = EMPTY;
        this.#partitionOf[node] = undefined;
        this.#rows.destroy(node);
      }
    }
    this.#partitions.clear();
    this.forgotten = -Infinity;
    this.forgottenNull = false;
  }

  /** Writes each call's result for a row into its slot. True: the row needs what is no longer kept. */
  compute(row: Row, slots: SqlValue[]): boolean {
    const node = row.nodes[this.#index]!;
    const partition = this.#partitionOf[node]!;
    const at = this.#standing;
    at.stand(partition.root, node);
    const floor = Math.max(partition.floor, this.forgotten);
    let late = false;
    for (const frame of this.#frames) {
      const ranges = this.#ranges;
      frame.resolver.resolve(at, ranges);
      if (frame.aggregates.length > 0) this.#aggregate(partition.root, frame, slots);
      for (const { slot, call, values } of frame.positional) {
        const n = call.name === 'first_value' ? 0 : call.name === 'last_value' ? ranges.rows - 1 : nth(call, slots) - 1;
        const rank = ranges.at(n);
        slots[slot] = rank < 0 ? null : values[this.#rows.select(partition.root, rank)]!;
      }
      late ||= this.#isLate(frame, at, floor);
    }
    for (const { slot, call, values } of this.#unframed) {
      slots[slot] = this.#unframedValue(call, values, slots, at);
      late ||=
        call.name === 'lag' && partition.floor !== -Infinity && this.#lagIsLate(call, slots, at, partition.floor);
    }
    return late;
  }

  #aggregate(root: number, frame: FrameCalls, slots: SqlValue[]): void {
    const { bounds, length, rows } = this.#ranges;
    let count = 0;
    if (frame.summaries.length > 0) {
      for (let index = 0; index < length; index++) {
        count = this.#rows.cover(root, bounds[2 * index]!, bounds[2 * index + 1]!, this.#items, count);
      }
      if (count > MAX_ITEMS) throw new RangeError('a tree is deeper than its hashes allow');
      for (const summary of frame.summaries) summary.fold(this.#items, count);
    }
    for (const { slot, aggregate } of frame.aggregates) slots[slot] = aggregate.result(rows);
  }

  #unframedValue(call: WindowCall, values: SqlValue[], slots: readonly SqlValue[], at: TreeStanding<Row>): SqlValue {
    switch (call.name) {
      case 'row_number':
        return BigInt(at.rank + 1);
      case 'rank':
        return BigInt(at.peersFrom + 1);
      case 'dense_rank':
        return BigInt(at.groupsBefore() + 1);
      default: {
        const offset = lagOffset(call, slots);
        if (offset === null) return null;
        const target = at.rank - offset;
        if (target >= 0 && target < at.size) return values[this.#rows.select(at.root, target)]!;
        return call.args[2] === undefined ? null : call.args[2].evaluate(slots);
      }
    }
  }

  #isLate(frame: FrameCalls, at: TreeStanding<Row>, floor: number): boolean {
    if (at.value === null) return this.forgottenNull && frame.mode === 'range';
    if (floor === -Infinity) return false;
    switch (frame.start.kind) {
      case 'unbounded':
        return true;
      case 'range':
        return floor >= this.#order.primary(frame.resolver.startBound!);
      case 'current':
        return frame.mode === 'range' && floor >= at.primary;
      case 'rows':
        return this.#reachesBelow(at, frame.start.preceding, floor);
    }
  }

  #lagIsLate(call: WindowCall, slots: readonly SqlValue[], at: TreeStanding<Row>, floor: number): boolean {
    const offset = lagOffset(call, slots);
    return offset !== null && offset > 0 && this.#reachesBelow(at, offset, floor);
  }

  /** `back` rows before the current one are not all there, or a row is missing among them. */
  #reachesBelow(at: TreeStanding<Row>, back: number, floor: number): boolean {
    if (at.rank < back) return true;
    return floor > this.#rows.primary(this.#rows.select(at.root, at.rank - back));
  }

  #partitionKey(slots: readonly SqlValue[]): string {
    const { partitionBy } = this.#plan;
    let key = '';
    for (let index = 0; index < partitionBy.length; index++) {
      const value = partitionBy[index]!.evaluate(slots);
      if (value === null) key += '-,';
      else {
        const text = this.#partitionKeys[index]!(value);
        key += `${text.length}:${text}`;
      }
    }
    return key;
  }

  #addCall(call: WindowCall, slot: number, timezone: string): void {
    const { name } = call;
    if (name === 'row_number' || name === 'rank' || name === 'dense_rank') {
      this.#unframed.push({ slot, call, values: [] });
    } else if (name === 'lag') {
      this.#unframed.push({ slot, call, values: this.#store(call.args[0]!) });
    } else {
      const frame = this.#frame(call, timezone);
      if (name === 'first_value' || name === 'last_value' || name === 'nth_value') {
        frame.positional.push({ slot, call, values: this.#store(call.args[0]!) });
        return;
      }
      const aggregate = this.#aggregates.add({ name, args: call.args, filter: call.filter, type: call.type });
      frame.aggregates.push({ slot, aggregate });
      const { summary } = aggregate;
      if (summary && !frame.summaries.includes(summary)) frame.summaries.push(summary);
    }
  }

  readonly #frameByText = new Map<string, FrameCalls>();
  /** Calls with equal frames find their rows once. */
  #frame(call: WindowCall, timezone: string): FrameCalls {
    const text = JSON.stringify(call.frame, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
    let frame = this.#frameByText.get(text);
    if (!frame) {
      const resolver = new FrameResolver(call.frame, this.#plan.orderBy, timezone);
      frame = {
        mode: call.frame.mode,
        start: call.frame.start,
        resolver,
        summaries: [],
        aggregates: [],
        positional: [],
      };
      this.#frameByText.set(text, frame);
      this.#frames.push(frame);
    }
    return frame;
  }

  #store(argument: PlanExpression): SqlValue[] {
    let stored = this.#stored.find((known) => known.argument.text === argument.text);
    if (!stored) {
      stored = { argument, values: [], next: null };
      this.#stored.push(stored);
    }
    return stored.values;
  }
}

function lagOffset(call: WindowCall, slots: readonly SqlValue[]): number | null {
  if (call.args[1] === undefined) return 1;
  const offset = call.args[1].evaluate(slots);
  return offset === null ? null : Number(offset);
}

function nth(call: WindowCall, slots: readonly SqlValue[]): number {
  const n = call.args[1]!.evaluate(slots);
  return n === null ? 0 : Number(n);
}

/** Finds where a row stands, each part only when a call asks for it. */
class TreeStanding<Row extends Orderable> implements Standing {
  readonly #rows: OrderedRows<Row>;
  readonly #items = new Int32Array(MAX_ITEMS);
  #node = EMPTY;
  #rank = -1;
  #peersFrom = -1;
  #peersTo = -1;
  root = EMPTY;
  size = 0;
  value: SqlValue = null;

  constructor(rows: OrderedRows<Row>) {
    this.#rows = rows;
  }
  stand(root: number, node: number): void {
    this.root = root;
    this.#node = node;
    this.size = this.#rows.size(root);
    this.value = this.#rows.first(node);
    this.#rank = -1;
    this.#peersFrom = -1;
    this.#peersTo = -1;
  }
  get primary(): number {
    return this.#rows.primary(this.#node);
  }
  get rank(): number {
    if (this.#rank < 0) this.#rank = this.#rows.rank(this.root, this.#node);
    return this.#rank;
  }
  get peersFrom(): number {
    if (this.#peersFrom < 0) this.#peersFrom = this.#rows.countBelow(this.root, this.#node, false);
    return this.#peersFrom;
  }
  get peersTo(): number {
    if (this.#peersTo < 0) this.#peersTo = this.#rows.countBelow(this.root, this.#node, true);
    return this.#peersTo;
  }
  greatest(bounds: ExtremeSummary): SqlValue {
    bounds.fold(this.#items, this.#rows.cover(this.root, 0, this.peersTo, this.#items, 0));
    return bounds.best;
  }
  countBelow(bound: SqlValue, peers: boolean): number {
    return this.#rows.countBelow(this.root, this.#rows.probe(bound), peers);
  }
  /** Groups of peers before the current one; a search for each of them. */
  groupsBefore(): number {
    let groups = 0;
    for (let rank = 0; rank < this.peersFrom; groups++) {
      rank = this.#rows.countBelow(this.root, this.#rows.select(this.root, rank), true);
    }
    return groups;
  }
}
