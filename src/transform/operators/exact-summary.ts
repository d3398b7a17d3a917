// Summaries that are exact at any size: sums of integers and numerics, and the least or greatest value.

import { addNumeric, Decimal, decimalFromInteger, type NumericValue } from '../../flow/types/decimal.ts';
import type { Compare } from '../../flow/types/comparison.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { EMPTY, grown, type Summary } from './summary.ts';

const POWERS = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
const ZERO = new Decimal(0, 0);

/**
 * Sum of integers or numerics, with the greatest scale of its parts, as Postgres's numeric_add has it. A sum whose unscaled
 * integer is a safe integer stays in a Float64Array; others, and sums with NaN or an inexact part, stand beside it as values.
 */
export class ExactSummary implements Summary {
  /** Unscaled integer; NaN where the value stands in the array of others. */
  #own = new Float64Array(0);
  #ownScale = new Int32Array(0);
  readonly #ownOther: (NumericValue | undefined)[] = [];
  #has = new Int32Array(0);
  #sum = new Float64Array(0);
  #scale = new Int32Array(0);
  readonly #other: (NumericValue | undefined)[] = [];
  #count = new Int32Array(0);
  count = 0;
  #s = 0;
  #sScale = 0;
  #sOther: NumericValue | undefined;

  get sum(): NumericValue {
    return this.#sOther ?? new Decimal(this.#s, this.#sScale);
  }
  grow(capacity: number): void {
    this.#own = grown(this.#own, capacity);
    this.#ownScale = grown(this.#ownScale, capacity);
    this.#has = grown(this.#has, capacity);
    this.#sum = grown(this.#sum, capacity);
    this.#scale = grown(this.#scale, capacity);
    this.#count = grown(this.#count, capacity);
  }
  /** `value`: a bigint for int8, a number for int2 and int4 ({@link integerInput}), a numeric otherwise. */
  set(node: number, value: SqlValue): void {
    this.#has[node] = value === null ? 0 : 1;
    this.#ownScale[node] = 0;
    this.#ownOther[node] = undefined;
    if (value === null) {
      this.#own[node] = 0;
    } else if (value instanceof Decimal && typeof value.unscaled === 'number') {
      this.#own[node] = value.unscaled;
      this.#ownScale[node] = value.scale;
    } else {
      this.#own[node] = NaN;
      this.#ownOther[node] = value as NumericValue;
    }
  }
  clear(node: number): void {
    this.#ownOther[node] = undefined;
    this.#other[node] = undefined;
  }
  pull(node: number, left: number, right: number): void {
    if (this.#pullAlike(node, left, right)) return;
    this.read(left);
    this.#addOwn(node);
    this.#addTree(right);
    this.#sum[node] = this.#sOther === undefined ? this.#s : NaN;
    this.#scale[node] = this.#sScale;
    this.#other[node] = this.#sOther;
    this.#count[node] = this.count;
  }
  /** Where all parts have one scale and every sum is a safe integer: nearly always, and then without a call. */
  #pullAlike(node: number, left: number, right: number): boolean {
    const has = this.#has[node]!;
    const before = this.#count[left]!;
    const after = this.#count[right]!;
    const scale =
      has !== 0 ? this.#ownScale[node]! : before !== 0 ? this.#scale[left]! : after !== 0 ? this.#scale[right]! : 0;
    if ((before !== 0 && this.#scale[left] !== scale) || (after !== 0 && this.#scale[right] !== scale)) return false;
    const part = this.#sum[left]! + this.#own[node]!;
    const sum = part + this.#sum[right]!;
    // NaN, where a part stands among the others, is no safe integer.
    if (!Number.isSafeInteger(part) || !Number.isSafeInteger(sum)) return false;
    this.#sum[node] = sum;
    this.#scale[node] = scale;
    if (this.#other[node] !== undefined) this.#other[node] = undefined;
    this.#count[node] = before + has + after;
    return true;
  }
  fold(items: Int32Array, count: number): void {
    this.read(0);
    for (let index = 0; index < count; index++) {
      const item = items[index]!;
      if (item < 0) this.#addOwn(~item);
      else this.#addTree(item);
    }
  }
  read(root: number): void {
    this.#s = this.#sum[root]!;
    this.#sScale = this.#scale[root]!;
    this.#sOther = this.#other[root];
    this.count = this.#count[root]!;
  }
  #addOwn(node: number): void {
    if (this.#has[node] === 0) return;
    this.count += 1;
    this.#add(this.#own[node]!, this.#ownScale[node]!, this.#ownOther[node]);
  }
  #addTree(node: number): void {
    const count = this.#count[node]!;
    if (count === 0) return;
    this.count += count;
    this.#add(this.#sum[node]!, this.#scale[node]!, this.#other[node]);
  }
  #add(unscaled: number, scale: number, other: NumericValue | undefined): void {
    if (this.#sOther === undefined && other === undefined) {
      const common = scale > this.#sScale ? scale : this.#sScale;
      let a = this.#s;
      let b = unscaled;
      // Beyond 15 the factor is undefined and the sum NaN, which is not a safe integer.
      if (common !== this.#sScale) a *= POWERS[common - this.#sScale] ?? NaN;
      if (common !== scale) b *= POWERS[common - scale] ?? NaN;
      const sum = a + b;
      if (Number.isSafeInteger(sum) && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
        this.#s = sum;
        this.#sScale = common;
        return;
      }
    }
    const sum = addNumeric(this.#sOther ?? new Decimal(this.#s, this.#sScale), other ?? new Decimal(unscaled, scale));
    if (sum instanceof Decimal && typeof sum.unscaled === 'number') {
      this.#s = sum.unscaled;
      this.#sScale = sum.scale;
      this.#sOther = undefined;
    } else {
      this.#s = 0;
      this.#sScale = 0;
      this.#sOther = sum;
    }
  }
}

/** An integer as the exact sum takes it. */
export const integerInput = (value: SqlValue): SqlValue =>
  value === null ? null : value === 0 ? ZERO : decimalFromInteger(value as number | bigint);

/**
 * The least (sign -1) or greatest (sign 1) value; of equal ones the last in row order, as Postgres's *_smaller take it. A tree
 * knows the node that has it, and its value as a float, which decides nearly always.
 */
export class ExtremeSummary implements Summary {
  readonly #own: SqlValue[] = [null];
  #ownFloat = new Float64Array(0);
  #bestAt = new Int32Array(0);
  #bestFloat = new Float64Array(0);
  readonly #compare: Compare;
  readonly #float: (value: Exclude<SqlValue, null>) => number;
  readonly #sign: number;
  #at = EMPTY;
  #value = 0;

  /** `float`: never falls where the order of `compare` rises; without it every comparison is a full one. */
  constructor(compare: Compare, sign: 1 | -1, float: ((value: Exclude<SqlValue, null>) => number) | undefined) {
    this.#compare = compare;
    this.#float = float ?? (() => 0);
    this.#sign = sign;
  }
  get best(): SqlValue {
    return this.#own[this.#at]!;
  }
  grow(capacity: number): void {
    this.#ownFloat = grown(this.#ownFloat, capacity);
    this.#bestAt = grown(this.#bestAt, capacity);
    this.#bestFloat = grown(this.#bestFloat, capacity);
  }
  set(node: number, value: SqlValue): void {
    this.#own[node] = value;
    this.#ownFloat[node] = value === null ? 0 : this.#float(value);
  }
  clear(node: number): void {
    this.#own[node] = null;
  }
  pull(node: number, left: number, right: number): void {
    this.read(left);
    this.#offer(this.#own[node] === null ? EMPTY : node, this.#ownFloat[node]!);
    this.#offer(this.#bestAt[right]!, this.#bestFloat[right]!);
    this.#bestAt[node] = this.#at;
    this.#bestFloat[node] = this.#value;
  }
  fold(items: Int32Array, count: number): void {
    this.read(EMPTY);
    for (let index = 0; index < count; index++) {
      const item = items[index]!;
      if (item >= 0) this.#offer(this.#bestAt[item]!, this.#bestFloat[item]!);
      else if (this.#own[~item] !== null) this.#offer(~item, this.#ownFloat[~item]!);
    }
  }
  read(root: number): void {
    this.#at = this.#bestAt[root]!;
    this.#value = this.#bestFloat[root]!;
  }
  /** A later row's value, or EMPTY. */
  #offer(at: number, value: number): void {
    if (at === EMPTY) return;
    if (this.#at !== EMPTY) {
      const difference = (this.#value - value) * this.#sign;
      if (difference > 0) return;
      // Also where both are the same infinity, and where a float says less than the value.
      if (!(difference < 0) && this.#compare(this.#own[this.#at]!, this.#own[at]!) * this.#sign > 0) return;
    }
    this.#at = at;
    this.#value = value;
  }
}
