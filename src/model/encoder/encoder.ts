// Rows to inputs, as a `vector`: numbers scaled online, booleans as flags, text one-hot or hashed, NULL as a dimension of
// its own. Or as `columns`: a dimension each, numbers as they are, categories as codes, NULL as NaN. A dimension is made when an
// example first needs it and is never given away, so weights keep their meaning.

import type { ColumnType } from '../../flow/pipeline.ts';
import type { Input, Layout } from '../learner.ts';
import type { FeatureRow } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import type { EncodeOptions } from './encode-options.ts';
import { planEncoding, type FeaturePlan, type Role } from './feature-role.ts';
import { bytesOf, loadState, newState, NO_DIMENSION, saveState, type FeatureState } from './feature-state.ts';
import { limit, Moments } from './moments.ts';
import { rowCode, type Other, type PlainNumber, type RowCode, type RowCodeParts, type RowMemory } from './row-code.ts';
import { categoryOf, hashText, numberOf } from './feature-value.ts';
import { scalerOf, type Scaler } from './scaler.ts';
import { bucketOf, mostEntries, ngramsOf } from './text-ngrams.ts';

/** Longer texts are not kept as a category: they count as `other`. */
const MAX_CATEGORY_LENGTH = 200;
/** For numbers that are not scaled or where `clip` is null: keeps a sum of products finite. */
const NO_CLIP = 1e15;
/** As columns and of ordinals: the code that all categories beyond `max_values` share; those before count from 1. */
const OTHER_CODE = 0;

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
  /** Of these, those that are encoded by the target. */
  readonly #targets: readonly Feature[];
  readonly #states = new Map<string, FeatureState>();
  #dimensions = 0;
  #unusable = 0;
  /** Reused: what `encode` gives holds until it is called again. */
  readonly #input: Input;
  readonly #owners: Int32Array;
  readonly #moments = new Moments();
  readonly #encodeRow: RowCode;
  readonly #learnRow: RowCode;
  readonly #encodeMemory: RowMemory;
  readonly #learnMemory: RowMemory;

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
    if (saved) this.#load(saved, features);
    for (const { dimension, role } of this.#states.values()) this.#nominal[dimension] = isNominal(role);
    for (const plan of features) {
      let state = this.#states.get(plan.name);
      if (!state || !continues(state, plan)) state = this.#start(plan);
      state.buckets = plan.buckets;
      // Another scale than it had starts anew, in the same dimension.
      if (!isNominal(plan.role) && state.scaler?.scale !== plan.scale) state.scaler = scalerOf(plan.scale);
      this.#states.set(plan.name, state);
      this.#features.push({ plan, state });
    }
    const most = features.reduce((sum, { text }) => sum + (text ? mostEntries(text) : 1), 0);
    this.#input = { length: 0, indexes: new Int32Array(most), values: new Float64Array(most) };
    this.#owners = new Int32Array(most);
    this.#targets = this.#features.filter(({ state }) => state.target !== undefined);
    this.#encodeRow = rowCode(this.#rowParts(false));
    this.#learnRow = rowCode(this.#rowParts(true));
    this.#encodeMemory = this.#memory(false);
    this.#learnMemory = this.#memory(true);
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
    if (this.#columns) return this.#features.length;
    return this.#features.reduce((sum, { plan }) => sum + mostOf(plan) + (plan.indicator ? 1 : 0), 0);
  }

  get bytes(): number {
    let bytes = this.#input.values.byteLength * 2;
    for (const state of this.#states.values()) bytes += bytesOf(state);
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
    input.length = learn ? this.#learnRow(row, 0, this.#learnMemory) : this.#encodeRow(row, 0, this.#encodeMemory);
    return input;
  }

  /**
   * A row's label enters the means of its categories, after the row was learned.
   * @param y finite, as is `weight` ≥ 0
   */
  learnTarget(row: FeatureRow, y: number, weight: number): void {
    for (const { plan, state } of this.#targets) {
      const category = categoryOf(row[plan.name]);
      if (category !== undefined) state.target!.learn(kept(category), y, weight);
    }
  }

  /** Of a text, the first n-gram in each dimension; undefined where the feature is no text, or the row has none. */
  ngrams(row: FeatureRow, f: number): ReadonlyMap<number, string> | undefined {
    const { plan, state } = this.#features[f]!;
    const text = row[plan.name];
    if (!plan.text || typeof text !== 'string') return undefined;
    const found = new Map<number, string>();
    for (const ngram of ngramsOf(text, plan.text)) {
      const dimension = state.text!.dimension(bucketOf(ngram, plan.text).bucket);
      if (!found.has(dimension)) found.set(dimension, ngram);
    }
    return found;
  }

  /** What code that encodes its rows is made of, and what it works on, for who makes code that does more with them. */
  code(learn: boolean): { readonly parts: RowCodeParts; readonly memory: RowMemory; readonly input: Input } {
    const memory = learn ? this.#learnMemory : this.#encodeMemory;
    return { parts: this.#rowParts(learn), memory, input: this.#input };
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
      clip: this.#options.clip,
      most: NO_CLIP,
      learn,
    };
  }

  #memory(learn: boolean): RowMemory {
    const moments = this.#moments.values;
    const { indexes, values } = this.#input;
    const other: Other = (f, value, n) => this.#other(f, value, n, learn);
    return { moments, indexes, values, owners: this.#owners, other };
  }

  /** Any value of any feature; gives the number of entries afterwards. */
  #other(f: number, value: unknown, n: number, learn: boolean): number {
    const { plan, state } = this.#features[f]!;
    this.#input.length = n;
    if (this.#columns) this.#column(f, value, plan, state, learn);
    else if (plan.role === 'number') this.#number(f, value, plan, state, learn);
    else if (plan.role === 'flag') this.#flag(f, value, plan, state, learn);
    else if (plan.role === 'ordinal') this.#ordinal(f, value, plan, state, learn);
    else if (plan.role === 'target') this.#target(f, value, plan, state, learn);
    else if (plan.role === 'text') this.#text(f, value, plan, state, learn);
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
            : plan.role === 'ordinal' || plan.role === 'target'
              ? this.#limited(this.#scalar(categoryOf(value), plan, state, learn), plan, state, learn)
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
    for (const state of this.#states.values()) saveState(state, this.#moments, writer);
  }

  #load(reader: StateReader, features: readonly FeaturePlan[]): void {
    const plans = new Map(features.map((plan) => [plan.name, plan]));
    this.#dimensions = reader.u32();
    this.#unusable = reader.f64();
    for (let left = reader.u32(); left > 0; left--) {
      const state = loadState(reader, this.#moments, plans);
      this.#states.set(state.name, state);
    }
  }

  #start(plan: FeaturePlan): FeatureState {
    const many = plan.role === 'one_hot' || plan.role === 'hashing' || plan.role === 'text';
    const dimension = many && !this.#columns ? NO_DIMENSION : this.#dimensions++;
    this.#nominal[dimension] = isNominal(plan.role);
    return newState(plan, dimension, this.#moments);
  }

  #number(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const x = value === null ? Number.NaN : numberOf(value, plan.source);
    if (Number.isNaN(x)) return this.#missing(f, value, plan, state, learn);
    this.#place(f, x, plan, state, learn);
  }

  /** A category as one number: its code, or the target's mean; NaN for what has neither. */
  #scalar(category: string | undefined, plan: FeaturePlan, state: FeatureState, learn: boolean): number {
    if (category === undefined || !state.target) return this.#code(category, plan, state, learn);
    return state.target.encode(kept(category), plan.smoothing);
  }

  #target(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    const category = value === null ? undefined : categoryOf(value);
    if (category === undefined) return this.#missing(f, value, plan, state, learn);
    this.#place(f, this.#scalar(category, plan, state, learn), plan, state, learn);
  }

  #text(f: number, value: unknown, plan: FeaturePlan, state: FeatureState, learn: boolean): void {
    if (typeof value !== 'string') return this.#missing(f, value, plan, state, learn);
    const next = learn ? () => this.#dimensions++ : undefined;
    state.text!.encode(value, plan.text!, next, (dimension, entry) => this.#emit(f, dimension, entry));
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
        if (state.dimension === NO_DIMENSION && learn) state.dimension = this.#dimensions++;
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
    if (learn && state.missing === NO_DIMENSION) state.missing = this.#dimensions++;
    this.#emit(f, state.missing, 1);
  }

  #emit(f: number, dimension: number, value: number): void {
    if (dimension === NO_DIMENSION) return;
    const input = this.#input;
    const i = input.length++;
    input.indexes[i] = dimension;
    input.values[i] = value;
    this.#owners[i] = f;
  }
}

/** Dimensions of a feature in a vector, that of NULL aside. */
function mostOf(plan: FeaturePlan): number {
  if (plan.role === 'one_hot') return plan.maxValues + 1;
  return plan.role === 'hashing' ? plan.dimensions : (plan.text?.dimensions ?? 1);
}

/** A state of another role, or with other buckets, is not gone on with: its dimensions stay unused. */
function continues(state: FeatureState, plan: FeaturePlan): boolean {
  if (state.role !== plan.role || state.text?.size !== plan.text?.dimensions) return false;
  return state.buckets === undefined || state.buckets === plan.buckets;
}

/** An ordinal's code, and a target's mean, are taken as numbers. */
function isNominal(role: Role): boolean {
  return role !== 'number' && role !== 'ordinal' && role !== 'target';
}

/** Undefined for a category that is too long to be kept. */
function kept(category: string): string | undefined {
  return category.length > MAX_CATEGORY_LENGTH ? undefined : category;
}
