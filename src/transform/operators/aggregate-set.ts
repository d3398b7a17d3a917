// The aggregates of one window group or lateral: which inputs they need, which summaries serve them, how each result is read.
// Equal inputs and summaries are kept once, whatever frames and functions use them.

import { comparatorOf } from '../../flow/types/comparison.ts';
import { divideNumeric, numericToNumber, type Decimal, type NumericValue } from '../../flow/types/decimal.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { AggregateName, LateralAggregate, PlanExpression } from '../view-plan.ts';
import { ExactSummary, ExtremeSummary, integerInput } from './exact-summary.ts';
import { floatOf } from './row-order.ts';
import { CountSummary, FloatSummary, MomentsSummary, type Summary } from './summary.ts';

/** Reads what its summary accumulated; `rows` is how many rows the frame has. */
type Result = (rows: number) => SqlValue;

export interface Aggregate {
  /** Undefined: count(*) without a filter needs none. */
  readonly summary: Summary | undefined;
  readonly result: Result;
}

interface Input {
  readonly argument: PlanExpression | undefined;
  readonly filter: PlanExpression | undefined;
  readonly summaries: { readonly summary: Summary; readonly convert: ((value: SqlValue) => SqlValue) | undefined }[];
}

const INTEGERS: ReadonlySet<number> = new Set([OID.int2, OID.int4, OID.int8]);
const FLOATS: ReadonlySet<number> = new Set([OID.float4, OID.float8]);

export class AggregateSet {
  readonly #inputs = new Map<string, Input>();
  readonly #inputList: Input[] = [];
  readonly #values: SqlValue[] = [];
  readonly #bySummary = new Map<string, Summary>();
  readonly summaries: Summary[] = [];

  /** All are added before the first row. Throws SQL_UNSUPPORTED for an argument type that has no such aggregate here. */
  add(call: LateralAggregate): Aggregate {
    const [argument] = call.args;
    if (call.name === 'count' && !argument && !call.filter)
      return { summary: undefined, result: (rows) => BigInt(rows) };
    const oid = argument?.type.oid ?? OID.bool;
    switch (call.name) {
      case 'count': {
        const counts = this.#summary(call, 'count', () => new CountSummary());
        return { summary: counts, result: () => BigInt(counts.count) };
      }
      case 'bool_and':
      case 'bool_or': {
        const counts = this.#summary(call, 'count', () => new CountSummary());
        const all = call.name === 'bool_and';
        return {
          summary: counts,
          result: () => (counts.count === 0 ? null : all ? counts.countTrue === counts.count : counts.countTrue > 0),
        };
      }
      case 'sum':
      case 'avg':
        return FLOATS.has(oid) ? this.#floatSum(call, oid) : this.#exactSum(call, oid);
      case 'min':
      case 'max': {
        const sign = call.name === 'min' ? -1 : 1;
        const compare = comparatorOf(oid, argument!.type.collation);
        const extreme = this.#summary(call, call.name, () => new ExtremeSummary(compare, sign, floatOf(oid)));
        return { summary: extreme, result: () => extreme.best };
      }
      case 'stddev_samp':
      case 'stddev_pop':
      case 'var_samp':
      case 'var_pop':
        return this.#spread(call, oid, call.name);
    }
  }

  /** What a row brings to each input, before it has a node: an expression may raise. Good until the next call. */
  evaluate(slots: readonly SqlValue[]): readonly SqlValue[] {
    const values = this.#values;
    for (let index = 0; index < this.#inputList.length; index++) {
      const { argument, filter } = this.#inputList[index]!;
      if (filter !== undefined && filter.evaluate(slots) !== true) values[index] = null;
      else values[index] = argument === undefined ? true : argument.evaluate(slots);
    }
    return values;
  }

  set(node: number, values: readonly SqlValue[]): void {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      for (const { summary, convert } of this.#inputList[index]!.summaries) {
        summary.set(node, convert === undefined ? value : convert(value));
      }
    }
  }

  #exactSum(call: LateralAggregate, oid: number): Aggregate {
    if (!INTEGERS.has(oid) && oid !== OID.numeric) throw unsupported(call.name, oid);
    const integers = INTEGERS.has(oid);
    const sum = this.#summary(call, 'exact', () => new ExactSummary(), integers ? integerInput : undefined);
    if (call.name === 'avg') {
      return {
        summary: sum,
        result: () => (sum.count === 0 ? null : divideNumeric(sum.sum, sum.count)),
      };
    }
    if (!integers || oid === OID.int8) return { summary: sum, result: () => (sum.count === 0 ? null : sum.sum) };
    return { summary: sum, result: () => (sum.count === 0 ? null : BigInt((sum.sum as Decimal).unscaled)) };
  }

  #floatSum(call: LateralAggregate, oid: number): Aggregate {
    const sum = this.#summary(call, 'float', () => new FloatSummary());
    if (call.name === 'avg') return { summary: sum, result: () => (sum.count === 0 ? null : sum.sum / sum.count) };
    if (oid === OID.float4) return { summary: sum, result: () => (sum.count === 0 ? null : Math.fround(sum.sum)) };
    return { summary: sum, result: () => (sum.count === 0 ? null : sum.sum) };
  }

  #spread(call: LateralAggregate, oid: number, name: 'stddev_samp' | 'stddev_pop' | 'var_samp' | 'var_pop'): Aggregate {
    if (!INTEGERS.has(oid) && !FLOATS.has(oid) && oid !== OID.numeric) throw unsupported(name, oid);
    const toNumber = oid === OID.numeric ? (value: SqlValue) => numericToNumber(value as NumericValue) : Number;
    const moments = this.#summary(call, 'moments', () => new MomentsSummary(toNumber));
    const less = name.endsWith('_samp') ? 1 : 0;
    const root = name.startsWith('stddev');
    return {
      summary: moments,
      result: () => {
        if (moments.count <= less) return null;
        const variance = moments.squares / (moments.count - less);
        return root ? Math.sqrt(variance) : variance;
      },
    };
  }

  #summary<S extends Summary>(
    call: LateralAggregate,
    kind: string,
    make: () => S,
    convert?: (value: SqlValue) => SqlValue,
  ): S {
    const [argument] = call.args;
    const source = JSON.stringify([argument?.text, call.filter?.text]);
    const id = `${kind} ${source}`;
    const known = this.#bySummary.get(id);
    if (known) return known as S;
    let input = this.#inputs.get(source);
    if (!input) {
      input = { argument, filter: call.filter, summaries: [] };
      this.#inputs.set(source, input);
      this.#inputList.push(input);
    }
    const summary = make();
    input.summaries.push({ summary, convert });
    this.#bySummary.set(id, summary);
    this.summaries.push(summary);
    return summary;
  }
}

const unsupported = (name: AggregateName, oid: number): MillraceError =>
  new MillraceError('SQL_UNSUPPORTED', `${name} of a value of type OID ${oid} is not computed`, {
    hint: 'Cast the argument to numeric or double precision.',
  });
