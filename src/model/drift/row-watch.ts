// Watches how scores and features are distributed, on a sample of the rows: one in `every`, at random distances, so that no rhythm of
// the rows hides from it.

import type { FeaturePlan } from '../encoder/feature-role.ts';
import { categoryOf, numberOf } from '../encoder/feature-value.ts';
import { rowReader, type RowReader } from '../encoder/row-reader.ts';
import type { FeatureRow, LearnedTask } from '../model.ts';
import { Random } from '../random.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { DistributionWatch, type Shift, type Value } from './distribution-watch.ts';
import type { DriftOptions } from './drift-options.ts';
import { ScoreWatch } from './score-watch.ts';

export interface RowShift extends Shift {
  readonly signal: 'score' | 'features';
  /** Of a feature: its name. */
  readonly feature: string | null;
}

/** Features beyond are not watched: each costs time and some KiB. */
export const MAX_WATCHED = 200;

export class RowWatch {
  readonly #every: number;
  readonly #plans: readonly FeaturePlan[];
  readonly #features: readonly DistributionWatch[];
  readonly #read: RowReader;
  readonly #cells: unknown[];
  readonly #score: DistributionWatch | ScoreWatch | undefined;
  readonly #scoreFrom: number;
  /** Not of the model's seed: which rows are looked at is the same in every generation. */
  readonly #random = new Random(1);
  #rows = 0;
  /** Rows until the next one to look at. */
  #wait = 1;

  constructor(options: DriftOptions, task: LearnedTask, features: readonly FeaturePlan[]) {
    this.#every = options.every;
    this.#plans = options.signals.includes('features') ? features.slice(0, MAX_WATCHED) : [];
    this.#features = this.#plans.map(({ role }) => new DistributionWatch(isNumber(role), options));
    this.#read = rowReader(this.#plans.map(({ name }) => name));
    this.#cells = new Array<unknown>(this.#plans.length).fill(undefined);
    if (options.signals.includes('score'))
      this.#score =
        task === 'multiclass' || options.score === 'psi'
          ? new DistributionWatch(task !== 'multiclass', options)
          : new ScoreWatch(options, task);
    this.#scoreFrom = options.warm_up;
  }

  get bytes(): number {
    return [...this.#features, this.#score].reduce((sum, watch) => sum + (watch?.bytes ?? 0), 32);
  }

  /** What a saved state belongs to: with other features or options it starts anew. */
  get identity(): string {
    return JSON.stringify([this.#score !== undefined, ...this.#plans.map(({ name, role }) => `${name}:${role}`)]);
  }

  /** Of each row, once: whether it is one to look at. */
  due(): boolean {
    this.#rows += 1;
    this.#wait -= 1;
    if (this.#wait > 0) return false;
    this.#wait = 1 + Math.floor(this.#random.uniform() * (2 * this.#every - 1));
    return true;
  }

  /** @param said the score; of classes the predicted one; undefined where there is none */
  look(row: FeatureRow, said: Value): RowShift[] {
    const shifts: RowShift[] = [];
    this.#read(row, this.#cells);
    for (let f = 0; f < this.#plans.length; f++) {
      const found = this.#features[f]!.add(valueOf(this.#cells[f], this.#plans[f]!));
      for (const shift of found) shifts.push({ ...shift, signal: 'features', feature: this.#plans[f]!.name });
    }
    if (this.#score && this.#rows > this.#scoreFrom)
      for (const shift of this.#score.add(said)) shifts.push({ ...shift, signal: 'score', feature: null });
    return shifts;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#rows);
    writer.u32(this.#wait);
    writer.u32(this.#random.state);
    for (const watch of this.#features) watch.save(writer);
    this.#score?.save(writer);
  }

  load(reader: StateReader): void {
    this.#rows = reader.f64();
    this.#wait = reader.u32();
    this.#random.state = reader.u32();
    for (const watch of this.#features) watch.load(reader);
    this.#score?.load(reader);
  }
}

function isNumber(role: FeaturePlan['role']): boolean {
  return role === 'number' || role === 'flag';
}

function valueOf(value: unknown, { role, source }: FeaturePlan): Value {
  if (isNumber(role)) return value === undefined || value === null ? Number.NaN : numberOf(value, source);
  return value === undefined || value === null ? undefined : categoryOf(value);
}
