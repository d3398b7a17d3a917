// Which rows a frame holds, as ranges of ranks in a partition.

import { comparatorOf } from '../../flow/types/comparison.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import type { Frame, OrderKey } from '../view-plan.ts';
import { ExtremeSummary } from './exact-summary.ts';
import { floatOf } from './row-order.ts';
import { boundsMayFall, rangeBoundOf, type RangeBound } from './range-bound.ts';

/** Where the current row stands in its partition. */
export interface Standing {
  readonly rank: number;
  readonly size: number;
  /** Ranks [peersFrom, peersTo) are equal to the current row in every order key. */
  readonly peersFrom: number;
  readonly peersTo: number;
  /** First order key of the current row. */
  readonly value: SqlValue;
  /** The greatest bound of the rows up to the current one and its peers. */
  greatest(bounds: ExtremeSummary): SqlValue;
  /** How many rows stand below a bound on the first order key; with `peers`, also those at it. */
  countBelow(bound: SqlValue, peers: boolean): number;
}

/** Up to three ranges [from, to), ascending. */
export class RankRanges {
  readonly bounds = new Int32Array(6);
  length = 0;
  rows = 0;

  clear(): void {
    this.length = 0;
    this.rows = 0;
  }
  add(from: number, to: number): void {
    if (from >= to) return;
    this.bounds[2 * this.length] = from;
    this.bounds[2 * this.length + 1] = to;
    this.length += 1;
    this.rows += to - from;
  }
  /** Rank of the n-th row (from 0), or -1. */
  at(n: number): number {
    if (n < 0) return -1;
    for (let index = 0; index < this.length; index++) {
      const from = this.bounds[2 * index]!;
      const count = this.bounds[2 * index + 1]! - from;
      if (n < count) return from + n;
      n -= count;
    }
    return -1;
  }
}

/** Bounds that may fall where order keys rise, kept for every row so that the greatest so far is found (see boundsMayFall). */
export interface RunningBound {
  readonly bound: RangeBound;
  readonly summary: ExtremeSummary;
}

export class FrameResolver {
  readonly #frame: Frame;
  readonly #start: RangeBound | undefined;
  readonly #end: RangeBound | undefined;
  readonly #runningStart: RunningBound | undefined;
  readonly #runningEnd: RunningBound | undefined;
  /** After {@link resolve}: the lower bound on the first order key where it is an offset from the current row's. */
  startBound: SqlValue | undefined;

  constructor(frame: Frame, orderBy: readonly OrderKey[], timezone: string) {
    this.#frame = frame;
    const oid = orderBy[0]?.expression.type.oid ?? 0;
    if (frame.start.kind === 'range') {
      this.#start = rangeBoundOf(oid, frame.start.preceding, timezone, false);
      this.#runningStart = runningBound(oid, frame.start.preceding, this.#start, timezone);
    }
    if (frame.end.kind === 'range') {
      this.#end = rangeBoundOf(oid, frame.end.preceding, timezone, true);
      this.#runningEnd = runningBound(oid, frame.end.preceding, this.#end, timezone);
    }
  }

  /** What must be kept for every row. */
  get running(): readonly RunningBound[] {
    return [this.#runningStart, this.#runningEnd].filter((each) => each !== undefined);
  }

  resolve(at: Standing, into: RankRanges): void {
    const { exclude } = this.#frame;
    const from = this.#from(at);
    const to = this.#to(at);
    into.clear();
    if (exclude === 'none') {
      into.add(from, to);
      return;
    }
    const group = exclude !== 'current_row';
    const cutFrom = group ? at.peersFrom : at.rank;
    const cutTo = group ? at.peersTo : at.rank + 1;
    into.add(from, Math.min(to, cutFrom));
    if (exclude === 'ties' && at.rank >= from && at.rank < to) into.add(at.rank, at.rank + 1);
    into.add(Math.max(from, cutTo), to);
  }

  #from(at: Standing): number {
    const { start, mode } = this.#frame;
    this.startBound = undefined;
    switch (start.kind) {
      case 'unbounded':
        return 0;
      case 'current':
        return mode === 'rows' ? at.rank : at.peersFrom;
      case 'rows':
        return Math.max(0, at.rank - start.preceding);
      case 'range':
        // NULLs are peers of each other and of nothing else.
        if (at.value === null) return at.peersFrom;
        this.startBound = this.#runningStart ? at.greatest(this.#runningStart.summary) : this.#start!(at.value);
        return at.countBelow(this.startBound, false);
    }
  }

  #to(at: Standing): number {
    const { end, mode } = this.#frame;
    switch (end.kind) {
      case 'unbounded':
        return at.size;
      case 'current':
        return mode === 'rows' ? at.rank + 1 : at.peersTo;
      case 'rows':
        return Math.min(at.size, Math.max(0, at.rank - end.preceding + 1));
      case 'range':
        if (at.value === null) return at.peersTo;
        return at.countBelow(this.#runningEnd ? at.greatest(this.#runningEnd.summary) : this.#end!(at.value), true);
    }
  }
}

function runningBound(oid: number, offset: SqlValue, bound: RangeBound, timezone: string): RunningBound | undefined {
  if (!boundsMayFall(oid, offset, timezone)) return undefined;
  return { bound, summary: new ExtremeSummary(comparatorOf(oid, 0), 1, floatOf(oid)) };
}
