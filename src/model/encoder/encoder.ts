// Rows to inputs, as a `vector`: numbers scaled online, booleans as flags, text one-hot or hashed, NULL as a dimension of
// its own. Or as `columns`: a dimension each, numbers as they are, categories as codes, NULL as NaN. A dimension is made when an
// example first needs it and is never given away, so weights keep their meaning.

import type { ColumnType } from '../../flow/pipeline.ts';
import type { Input, Layout } from '../learner.ts';
import type { FeatureRow } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import type { EncodeOptions } from './encode-options.ts';
import { planEncoding, type FeaturePlan, type Role } from './feature-role.ts';
import { limit, Moments } from './moments.ts';
import { dotCode, rowCode, type DotCode, type PlainNumber, type RowCode, type RowCodeParts } from './row-code.ts';
import { categoryOf, hashText, numberOf } from './feature-value.ts';
import { scalerOf, type Scaler } from './scaler.ts';

/** Longer texts are not kept as a category: they count as `other`. */
const MAX_CATEGORY_LENGTH = 200;
/** For numbers that are not scaled or where `clip` is null: keeps a sum of products finite. */
const NO_CLIP = 1e15;
const NONE = -1;
/** As columns and of ordinals: the code that all categories beyond `max_values` share; those before count from 1. */
const OTHER_CODE = 0;

/** What is learned about one feature. It outlives the column: a feature that comes back finds its weights. */
interface FeatureState {
  readonly name: string;
  readonly role: Role;
  /** Of the number or flag; for categories that of `other`. NONE until an example needed it. */
  dimension: number;
  missing: number;
  /** Of its count, mean and deviation. */
  readonly slot: number;
  /** Of a number whose scale is neither mean and deviation nor none. */
  scaler: Scaler | undefined;
  /** Category or bucket to dimension. */
  readonly values: Map<string, number>;
}

interface Feature {
  readonly plan: FeaturePlan;
  readonly state: FeatureState;
}

export class Encoder implements Layout {
  readonly notices: readonly string[];
  readonly #options: EncodeOptions;
  readonly #columns: boolean;
  /** As columns, by dimension: it holds codes. */
  readonly #nominal: boolean[] = [];
  readonly #clip: number;
  readonly #features: Feature[] = [];
  readonly #states = new Map<string, FeatureState>();
  #dimensions = 0;
  #unusable = 0;
  /** Reused: what `encode` gives holds until it is called again. */
  readonly #input: Input;
  readonly #owners: Int32Array;
  readonly #moments = new Moments();
  readonly #encodeRow: RowCode;
  readonly #learnRow: RowCode;
  readonly #dots: DotCode | undefined;
  /** Weights that `#dots` needs. */
  readonly #dotDimensions: number;

  constructor(
    columns: readonly ColumnType[],
    options: EncodeOptions,
    saved?: StateReader,
    inputs: 'vector' | 'columns' | 'none' = 'vector',
  ) {
    this.#options = options;
    this.#columns = inputs === 'columns';
    this.#clip = options.clip ?? NO_CLIP;
    const { features, notices } = inputs === 'none' ? { features: [], notices: [] } : planEncoding(columns, options);
    this.notices = notices;
    if (saved) this.#load(saved);
    for (const { dimension, role } of this.#states.values()) this.#nominal[dimension] = isNominal(role);
    for (const plan of features) {
      let state = this.#states.get(plan.name);
      // Another role than it had: the old dimensions stay unused.
      if (state?.role !== plan.role) state = this.#start(plan);
      // Another scale than it had starts anew, in the same dimension.
      if (!isNominal(plan.role) && state.scaler?.scale !== plan.scale) state.scaler = scalerOf(plan.scale);
      this.#states.set(plan.name, state);
      this.#features.push({ plan, state });
    }
    this.#input = {
      length: 0,
      indexes: new Int32Array(features.length),
      values: new Float64Array(features.length),
    };
    this.#owners = new Int32Array(features.length);
    this.#encodeRow = rowCode(this.#rowParts(false));
    this.#learnRow = rowCode(this.#rowParts(true));
    this.#dots = dotCode(this.#rowParts(false));
    this.#dotDimensions = 1 + Math.max(-1, ...this.#features.map(({ state }) => state.dimension));
  }

  /** Names of the features in use, in the view's order. */
  get features(): readonly string[] {
    return this.#features.map((feature) => feature.plan.name);
  }

  /** Values that were treated as missing because they cannot be used, counted as they were learned. */
  get unusable(): number {
    return this.#unusable;
  }

  get dimensions(): number {
    return this.#dimensions;
  }

  get mostDimensions(): number {
    const most = (plan: FeaturePlan) =>
      plan.role === 'one_hot' ? plan.maxValues + 1 : plan.role === 'hashing' ? plan.dimensions : 1;
    return this.#features.reduce((sum, { plan }) => sum + most(plan) + (plan.indicator ? 1 : 0), 0);
  }

  get bytes(): number {
    let bytes = this.#input.values.byteLength * 2;
    for (const state of this.#states.values()) bytes += 160 + state.values.size * 80 + (state.scaler?.bytes ?? 0);
    return bytes;
  }

  nominal(dimension: number): boolean {
    return this.#nominal[dimension] === true;
  }

  name(dimension: number): string | undefined {
    for (const state of this.#states.values()) if (state.dimension === dimension) return state.name;
    return undefined;
  }

  /** Which feature entry `i` of the last input came from. */
  owner(i: number): number {
    return this.#owners[i]!;
  }

  /**
   * Encodes a row. A value that was never learned (a new category, a first NULL) adds nothing. With `learn` the row first
   * enters means, deviations and categories.
   */
  encode(row: FeatureRow, learn: boolean): Input {
    const input = this.#input;
    input.length = learn ? this.#learnRow(row, 0) : this.#encodeRow(row, 0);
    return input;
  }

  /**
   * Sums rows by weights as they are encoded, for linear learners: `into[i]` is Σ weight · value of row i, NaN where the row has to
   * be encoded for itself. False where all have to be.
   */
  dots(rows: readonly FeatureRow[], weights: Float64Array, into: Float64Array): boolean {
    if (this.#dots === undefined || weights.length < this.#dotDimensions) return false;
    this.#dots(rows, weights, into);
    return true;
  }

  /** The whole of a row, plain numbers fast and the rest by {@link Encoder.#other}. */
  #rowParts(learn: boolean): RowCodeParts {
    const plain = this.#features.map(({ plan, state }): PlainNumber | undefined => {
      if (plan.role !== 'number' || state.scaler) return undefined;
      const way = plan.scale === 'standard' ? 'standard' : this.#columns ? 'near' : 'as_is';
      return { way, dimension: state.dimension, slot: state.slot };
    });
    return {
      names: this.features,
      plain,
      absent: this.#columns,
      moments: this.#moments,
      indexes: this.#input.indexes,
      values: this.#input.values,
      owners: this.#owners,
      clip: this.#options.clip,
      most: NO_CLIP,
      learn,
      other: (f, value, n) => this.#other(f, value, n, learn),
    };
  }

  /** Any value of any feature; gives the number of entries afterwards. */
  #other(f: number, value: unknown, n: number, learn: boolean): number {
    const { plan, state } = this.#features[f]!;
    this.#input.length = n;
    if (this.#columns) this.#column(f, value, plan, state, learn);
    else if (plan.role === 'number') this.#number(f, value, plan, state, learn);
    else if (plan.role === 'flag') this.#flag(f, value, plan, state, learn);
    else if (plan.role === 'ordinal') this.#ordinal(f, value, plan, state, learn);
    else this.#category(f, value, plan, state, learn);
    return this.#input.length;
  }

  #column(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const code =
      value === undefined || value === null
        ? Number.NaN
        : plan.role === 'number'
          ? this.#limited(numberOf(value, plan.source), plan, state, learn)
          : plan.role === 'flag'
            ? typeof value === 'boolean'
              ? Number(value)
              : Number.NaN
            : plan.role === 'ordinal'
              ? this.#limited(this.#code(categoryOf(value), plan, state, learn), plan, state, learn)
              : this.#code(categoryOf(value), plan, state, learn);
    // A category that is merely new is not unusable.
    if (learn && code !== code && value !== undefined && value !== null) this.#unusable += 1;
    this.#emit(f, state.dimension, code);
  }

  /** The number itself, at most `clip` deviations from the mean; scaled where the options ask for it. */
  #limited(x: number, plan: FeaturePlan, state: FeatureState, learn: boolean): number {
    if (x !== x) return x;
    if (state.scaler) return this.#scaled(x, state.scaler, learn);
    const moments = this.#moments;
    if (learn) moments.learn(state.slot, x, this.#options.clip);
    if (plan.scale === 'standard') return limit(moments.standard(state.slot, x), this.#clip);
    return limit(this.#options.clip === null ? x : moments.near(state.slot, x, this.#clip), NO_CLIP);
  }

  /** NaN for a category that was never learned, as long as it could still get a code of its own. */
  #code(category: string | undefined, plan: FeaturePlan, state: FeatureState, learn: boolean): number {
    if (category === undefined) return Number.NaN;
    if (plan.role === 'hashing') return 1 + (hashText(category, this.#options.hash_seed) % plan.dimensions);
    if (category.length > MAX_CATEGORY_LENGTH) return OTHER_CODE;
    const code = state.values.get(category);
    if (code !== undefined) return code;
    if (state.values.size >= plan.maxValues) return OTHER_CODE;
    if (!learn) return Number.NaN;
    state.values.set(category, state.values.size + 1);
    return state.values.size;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#dimensions);
    writer.f64(this.#unusable);
    writer.u32(this.#states.size);
    for (const state of this.#states.values()) {
      writer.text(state.name);
      // A scaler's own state follows the values, and its name the role.
      writer.text(state.scaler ? `${state.role}:${state.scaler.scale}` : state.role);
      writer.f64(state.dimension);
      writer.f64(state.missing);
      writer.f64(this.#moments.counts[state.slot]!);
      writer.f64(this.#moments.means[state.slot]!);
      writer.f64(this.#moments.variances[state.slot]!);
      writer.u32(state.values.size);
      for (const [value, dimension] of state.values) {
        writer.text(value);
        writer.u32(dimension);
      }
      state.scaler?.save(writer);
    }
  }

  #load(reader: StateReader): void {
    this.#dimensions = reader.u32();
    this.#unusable = reader.f64();
    for (let left = reader.u32(); left > 0; left--) {
      const name = reader.text();
      const [role, scale] = reader.text().split(':');
      const state: FeatureState = {
        name,
        role: role as Role,
        dimension: reader.f64(),
        missing: reader.f64(),
        slot: this.#moments.add(reader.f64(), reader.f64(), reader.f64()),
        scaler: undefined,
        values: new Map(),
      };
      for (let values = reader.u32(); values > 0; values--) state.values.set(reader.text(), reader.u32());
      if (scale !== undefined) state.scaler = scalerOf(scale, reader);
      this.#states.set(state.name, state);
    }
  }

  #start(plan: FeaturePlan): FeatureState {
    const category = plan.role === 'one_hot' || plan.role === 'hashing';
    const dimension = category && !this.#columns ? NONE : this.#dimensions++;
    this.#nominal[dimension] = isNominal(plan.role);
    return {
      name: plan.name,
      role: plan.role,
      dimension,
      missing: NONE,
      slot: this.#moments.add(),
      scaler: undefined,
      values: new Map(),
    };
  }

  #number(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const x = value === null ? Number.NaN : numberOf(value, plan.source);
    if (Number.isNaN(x)) return this.#missing(f, value, plan, state, learn);
    this.#place(f, x, plan, state, learn);
  }

  #ordinal(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const category = value === null ? undefined : categoryOf(value);
    if (category === undefined) return this.#missing(f, value, plan, state, learn);
    const code = this.#code(category, plan, state, learn);
    if (!Number.isNaN(code)) this.#place(f, code, plan, state, learn);
  }

  #place(f: number, x: number, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    if (plan.scale === 'none') return this.#emit(f, state.dimension, limit(x, NO_CLIP));
    if (state.scaler) return this.#emit(f, state.dimension, this.#scaled(x, state.scaler, learn));
    if (learn) this.#moments.learn(state.slot, x, this.#options.clip);
    this.#emit(f, state.dimension, limit(this.#moments.standard(state.slot, x), this.#clip));
  }

  #scaled(x: number, scaler: Scaler, learn: boolean): number {
    if (learn) scaler.learn(x, this.#clip);
    return scaler.apply(x, this.#clip);
  }

  #flag(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    if (typeof value !== 'boolean') return this.#missing(f, value, plan, state, learn);
    if (value) this.#emit(f, state.dimension, 1);
  }

  #category(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const category = value === null ? undefined : categoryOf(value);
    if (category === undefined) return this.#missing(f, value, plan, state, learn);
    if (plan.role === 'hashing') return this.#bucket(f, category, plan, state, learn);
    let dimension = category.length > MAX_CATEGORY_LENGTH ? undefined : state.values.get(category);
    if (dimension === undefined) {
      const known = category.length <= MAX_CATEGORY_LENGTH && state.values.size < plan.maxValues;
      if (known && learn) state.values.set(category, (dimension = this.#dimensions++));
      else if (known) return;
      else {
        if (state.dimension === NONE && learn) state.dimension = this.#dimensions++;
        dimension = state.dimension;
      }
    }
    this.#emit(f, dimension, 1);
  }

  /** Signed hashing (Weinberger et al. 2009), in a space of its own for each feature, so that features never collide. */
  #bucket(f: number, category: string, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const hash = hashText(category, this.#options.hash_seed);
    const bucket = String((hash & 0x7fffffff) % plan.dimensions);
    let dimension = state.values.get(bucket);
    if (dimension === undefined) {
      if (!learn) return;
      state.values.set(bucket, (dimension = this.#dimensions++));
    }
    this.#emit(f, dimension, hash >= 0x80000000 ? -1 : 1);
  }

  /** NULL is 0 in the feature's own dimension, which is as good as not there, and 1 in its missing dimension. */
  #missing(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    if (learn && value !== null) this.#unusable += 1;
    if (!plan.indicator) return;
    if (learn && state.missing === NONE) state.missing = this.#dimensions++;
    this.#emit(f, state.missing, 1);
  }

  #emit(f: number, dimension: number, value: number): void {
    if (dimension === NONE) return;
    const input = this.#input;
    const i = input.length++;
    input.indexes[i] = dimension;
    input.values[i] = value;
    this.#owners[i] = f;
  }
}

/** An ordinal's code is taken as a number. */
function isNominal(role: Role): boolean {
  return role !== 'number' && role !== 'ordinal';
}
