// Window calls to slots: groups that share partition and order, frames that end at or before the current row.

import { isFiniteInterval, type Interval } from '../flow/types/interval.ts';
import { isComputedOid, isTextOid, OID } from '../flow/types/type-oid.ts';
import { aggregateNamed, rankNamed } from './aggregate-names.ts';
import { compileArguments } from './compile-aggregate.ts';
import type { ExpressionCompiler } from './compile-expression.ts';
import type { BoundSyntax, CallSyntax, FrameSyntax, SortSyntax, WindowSyntax } from './syntax.ts';
import { sortText } from './parse-window.ts';
import type { Frame, FrameBound, OrderKey, WindowCall, WindowGroup } from './view-plan.ts';
import { valueOfConstant } from './typed-expression.ts';

const WHOLE_PARTITION = new Set(['lead', 'ntile', 'percent_rank', 'cume_dist']);
const ORDER_SENSITIVE = new Set(['row_number', 'lag', 'first_value', 'last_value', 'nth_value']);
const WRITE_FRAME =
  "End the frame at the current row: over (partition by … order by the event time range between '1 hour' preceding and current row).";

export interface WindowSetup {
  readonly compiler: ExpressionCompiler;
  /** Canonical text of the event time's expression; undefined where the pipeline has none. */
  readonly eventTime: string | undefined;
  /** Canonical texts of the key's columns. */
  readonly key: readonly string[];
}

export class WindowCompiler {
  readonly groups: WindowGroup[] = [];
  readonly calls: WindowCall[] = [];
  readonly #texts: string[] = [];
  readonly #setup: WindowSetup;

  constructor(setup: WindowSetup) {
    this.#setup = setup;
  }

  add(node: CallSyntax): WindowCall {
    const { compiler } = this.#setup;
    const over = node.over!;
    if (WHOLE_PARTITION.has(node.name)) {
      this.#future(
        node.at,
        `${node.name}() sees rows after the current one`,
        'Use lag, rank or an aggregate over the rows so far.',
      );
    }
    const name = aggregateNamed(node.name) ?? rankNamed(node.name);
    if (!name)
      return compiler.refuse(
        node,
        `${node.name}() is not compiled as a window call`,
        'Use count, sum, avg, min, max, stddev, lag, first_value, row_number.',
      );
    if (node.distinct) compiler.refuse(node, 'DISTINCT in a window call is unknown to Postgres too', 'Leave it out.');
    const isRank = aggregateNamed(node.name) === undefined;
    const group = this.#group(over, node);
    const usesFrame = !isRank || name === 'first_value' || name === 'last_value' || name === 'nth_value';
    const frame = usesFrame ? this.#frame(over, node) : DEFAULT_FRAME;
    if (ORDER_SENSITIVE.has(name) || (usesFrame && frame.mode === 'rows')) this.#warnTies(over);
    const compiled = compileArguments(compiler, node, name);
    const call: WindowCall = { group, name, frame, ...compiled };
    this.calls.push(call);
    return call;
  }

  #future(at: number, reason: string, hint: string): never {
    return this.#setup.compiler.scope.sql.refuse(at, reason, hint, 'FUTURE');
  }

  #group(over: WindowSyntax, node: CallSyntax): number {
    const { compiler, eventTime } = this.#setup;
    const text = [over.partitionBy.map((part) => part.text).join(', '), over.orderBy.map(sortText).join(', ')].join(
      ' | ',
    );
    const known = this.#texts.indexOf(text);
    if (known >= 0) return known;
    const first = over.orderBy[0];
    if (!first)
      this.#future(node.at, 'a window without ORDER BY sees every row of its partition, later ones too', WRITE_FRAME);
    if (eventTime === undefined) {
      compiler.refuse(
        node,
        'windows need an event time to be ordered by',
        "It is given when a pipeline is created, and no rebuild changes it: drop this one, and create it with event_time => 'created_at'.",
      );
    }
    if (first!.descending || first!.expression.text !== eventTime) {
      compiler.refuse(
        first!,
        'a window must be ordered by the event time first, ascending',
        'Write order by the event time, then the key.',
      );
    }
    const partitionBy = over.partitionBy.map((part) => {
      const typed = compiler.compile(part);
      if (isTextOid(typed.type.oid)) compiler.checkEquality(typed.type.collation, part);
      else if (!isComputedOid(typed.type.oid) && typed.type.oid !== OID.uuid)
        compiler.refuse(part, 'values of this type are not compared here', 'Cast it to text.');
      return typed;
    });
    this.groups.push({ partitionBy, orderBy: over.orderBy.map((key) => this.#orderKey(key)) });
    return this.#texts.push(text) - 1;
  }

  #orderKey(key: SortSyntax): OrderKey {
    const { compiler } = this.#setup;
    const expression = compiler.compile(key.expression);
    const { oid, collation } = expression.type;
    if (isTextOid(oid)) compiler.checkOrdered(collation, key);
    else if (!isComputedOid(oid) && oid !== OID.uuid)
      compiler.refuse(key, 'values of this type are not ordered here', 'Order by another column.');
    return { expression, descending: key.descending, nullsFirst: key.nullsFirst };
  }

  #frame(over: WindowSyntax, node: CallSyntax): Frame {
    const { frame } = over;
    if (frame.mode === 'groups')
      return this.#setup.compiler.refuse(over, 'GROUPS frames are not compiled', 'Use ROWS or RANGE.');
    if (
      frame.end.kind === 'following' ||
      frame.end.kind === 'unbounded_following' ||
      frame.start.kind === 'following'
    ) {
      this.#future(
        over.at || node.at,
        'the frame reaches behind the current row: it sees rows that were not there yet',
        WRITE_FRAME,
      );
    }
    const start = this.#bound(frame.start, frame, over, node);
    const end = this.#bound(frame.end, frame, over, node);
    return { mode: frame.mode, start, end, exclude: frame.exclude };
  }

  #bound(bound: BoundSyntax, frame: FrameSyntax, over: WindowSyntax, node: CallSyntax): FrameBound {
    const { compiler } = this.#setup;
    if (bound.kind === 'unbounded_preceding') return { kind: 'unbounded' };
    if (bound.kind === 'current') return { kind: 'current' };
    if (bound.kind !== 'preceding')
      return this.#future(node.at, 'the frame reaches behind the current row', WRITE_FRAME);
    const offset = compiler.compile(bound.offset);
    const value = valueOfConstant(offset) ?? null;
    if (value === null)
      return compiler.refuse(
        bound.offset,
        "the frame's offset must be a constant",
        "Write it as '1 hour' or a number of rows.",
      );
    if (frame.mode === 'rows') {
      const count = Number(value);
      if (!(Number.isSafeInteger(count) && count >= 0))
        return compiler.refuse(
          bound.offset,
          'a frame must start at a number of rows',
          'Write a number that is not negative.',
        );
      return { kind: 'rows', preceding: count };
    }
    const key = over.orderBy.length === 1 ? compiler.compile(over.orderBy[0]!.expression).type : undefined;
    if (!key)
      return compiler.refuse(
        over,
        'RANGE with an offset needs exactly one ORDER BY column',
        'Order by the event time alone.',
      );
    const isTime = key.oid === OID.timestamp || key.oid === OID.timestamptz || key.oid === OID.date;
    if (!(isTime && offset.type.oid === OID.interval)) {
      return compiler.refuse(
        bound.offset,
        'RANGE is compiled for an interval before a date or timestamp',
        "Write it as range between '1 hour' preceding and current row.",
      );
    }
    const span = value as Interval;
    if (!isFiniteInterval(span))
      return compiler.refuse(
        bound.offset,
        'a frame without end is not written as an interval',
        'Write unbounded preceding.',
      );
    if (span.months < 0 || span.days < 0 || span.us < 0n)
      return compiler.refuse(bound.offset, 'a frame cannot start at a negative interval', 'Write a positive one.');
    return { kind: 'range', preceding: value, type: offset.type };
  }

  /** Rows of one time have no order among themselves: which of them comes first is Postgres's choice. */
  #warnTies(over: WindowSyntax): void {
    const { compiler, key } = this.#setup;
    const ordered = new Set(over.orderBy.map((item) => item.expression.text));
    if (key.every((text) => ordered.has(text))) return;
    const { sql, warnings } = compiler.scope;
    const place = sql.placeOf(over.orderBy[0]?.expression.at ?? over.at);
    if (warnings.some((warning) => warning.line === place.line && warning.column === place.column)) return;
    warnings.push({
      message:
        'rows of the same time have no order among themselves here: Postgres may take them in another order than Millrace',
      hint: `Add the key: order by the event time, ${key.map((text) => text.replaceAll('"', '').split('.').at(-1)).join(', ')}.`,
      ...place,
    });
  }
}

const DEFAULT_FRAME: Frame = { mode: 'range', start: { kind: 'unbounded' }, end: { kind: 'current' }, exclude: 'none' };
