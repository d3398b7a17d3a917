// So many alerts a day: the threshold is the score that, over the last days, so many a day have exceeded; and a day that would
// go beyond all the same stops there. A function of the rows in their order: days are those of the rows' own time, in UTC.

import { StateReader, StateWriter } from '../saved-state.ts';

/** Days looked back on, today apart; fewer where their scores would be more than this many. */
const MOST_DAYS = 7;
const MOST_SCORES = 4_096;

/** Alerts a day that can be asked for. */
export const MOST_PER_DAY = MOST_SCORES;

const DAY_US = 86_400_000_000;

const NAME = 'alerts a day';

export interface JudgedRow {
  readonly score: number | null;
  /** The row's event time, but not above its commit time; microseconds since 1970 UTC. */
  readonly timeUs: number;
  /** It has an alert already, which costs nothing. */
  readonly open: boolean;
  /** A row of the backfill raises none. */
  readonly live: boolean;
}

export interface BudgetFigures {
  /** Scores above it raise alerts; null: none do yet. */
  readonly threshold: number | null;
  /** Mean over the days kept, today apart; today's while it is the first. */
  readonly alertsPerDay: number;
  readonly alerts: number;
}

interface Day {
  readonly number: number;
  /** Its greatest, ascending; one more than a day may have alerts, which is then not above the others. */
  readonly scores: number[];
  alerts: number;
}

export class DailyBudget {
  readonly #perDay: number;
  readonly #keptDays: number;
  #days: Day[] = [];
  /** All days' scores, ascending. */
  #scores: number[] = [];
  #firstUs = Number.NaN;
  #clockUs = -Infinity;

  /** @param perDay a whole number; with 0 nothing raises alerts */
  constructor(perDay: number) {
    this.#perDay = perDay;
    this.#keptDays = Math.min(MOST_DAYS, Math.max(1, Math.floor(MOST_SCORES / Math.max(1, perDay))));
  }

  /** Whether bytes are of such a state. */
  static isState(saved: Uint8Array): boolean {
    return StateReader.nameOf(saved) === NAME;
  }

  /** Of a state that was saved with another number only today's alerts count: its scores are too few or too many. */
  static load(perDay: number, saved: Uint8Array): DailyBudget {
    const budget = new DailyBudget(perDay);
    const reader = new StateReader(saved, NAME);
    const same = reader.f64() === perDay;
    const firstUs = reader.f64();
    budget.#clockUs = reader.f64();
    for (let left = reader.u32(); left > 0; left--) {
      const day = { number: reader.f64(), alerts: reader.f64(), scores: [...reader.floats()] };
      if (same) budget.#days.push(day);
      else budget.#days = [{ ...day, scores: [] }];
    }
    reader.finish();
    // With another number time begins anew where it stands; without a row it has not begun.
    budget.#firstUs = same || budget.#days.length === 0 ? firstUs : budget.#clockUs;
    budget.#gather();
    return budget;
  }

  /** Whether the row raises an alert, or keeps the one it has; it counts from then on. */
  meets({ score, timeUs, open, live }: JudgedRow): boolean {
    const today = this.#advance(timeUs);
    if (score === null || Number.isNaN(score)) return false;
    const { threshold } = this;
    this.#take(today, score);
    if (threshold === null || !(score > threshold)) return false;
    if (open || !live) return true;
    if (today.alerts >= this.#perDay) return false;
    today.alerts += 1;
    return true;
  }

  get figures(): BudgetFigures {
    const before = this.#days.slice(0, -1);
    const days = before.length > 0 ? before : this.#days;
    const alerts = days.reduce((sum, day) => sum + day.alerts, 0);
    const span = before.length > 0 ? this.#days.at(-1)!.number - before[0]!.number : 1;
    return { threshold: this.threshold, alertsPerDay: alerts / span, alerts };
  }

  /** As many as may be over the time that is looked back on are above it; null while that is less than one. */
  get threshold(): number | null {
    const today = this.#days.at(-1);
    if (today === undefined) return null;
    const fromUs = Math.max(this.#firstUs, (today.number - this.#keptDays) * DAY_US);
    const allowed = Math.floor((this.#perDay * (this.#clockUs - fromUs)) / DAY_US);
    if (allowed < 1) return null;
    return this.#scores[this.#scores.length - 1 - allowed] ?? this.#leastKnown();
  }

  save(): Uint8Array {
    const writer = new StateWriter(NAME);
    writer.f64(this.#perDay);
    writer.f64(this.#firstUs);
    writer.f64(this.#clockUs);
    writer.u32(this.#days.length);
    for (const { number, alerts, scores } of this.#days) {
      writer.f64(number);
      writer.f64(alerts);
      writer.floats(Float64Array.from(scores));
    }
    return writer.finish();
  }

  /** The day that it is now: time does not go back. */
  #advance(timeUs: number): Day {
    if (Number.isNaN(this.#firstUs)) this.#firstUs = timeUs;
    this.#clockUs = Math.max(this.#clockUs, timeUs);
    const number = Math.floor(this.#clockUs / DAY_US);
    const last = this.#days.at(-1);
    if (last?.number === number) return last;
    const today: Day = { number, scores: [], alerts: 0 };
    const kept = this.#days.filter((day) => day.number >= number - this.#keptDays);
    const isShorter = kept.length < this.#days.length;
    // Of what was before nothing is known any more: it begins anew.
    if (isShorter && kept.length === 0) this.#firstUs = this.#clockUs;
    this.#days = [...kept, today];
    if (isShorter) this.#gather();
    return today;
  }

  #take(today: Day, score: number): void {
    if (this.#perDay === 0) return;
    if (today.scores.length > this.#perDay) {
      if (score <= today.scores[0]!) return;
      const least = today.scores.shift()!;
      this.#scores.splice(placeOf(this.#scores, least), 1);
    }
    today.scores.splice(placeOf(today.scores, score), 0, score);
    this.#scores.splice(placeOf(this.#scores, score), 0, score);
  }

  /** Where days had fewer rows than may raise alerts: all others', as far as their scores are kept. */
  #leastKnown(): number {
    const full = this.#days.filter(({ scores }) => scores.length > this.#perDay);
    return full.length === 0 ? -Infinity : Math.min(...full.map(({ scores }) => scores[0]!));
  }

  #gather(): void {
    this.#scores = this.#days.flatMap(({ scores }) => scores).sort((a, b) => a - b);
  }
}

/** Of the first that is not below. */
function placeOf(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
