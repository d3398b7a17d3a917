// EDDM (Baena-García et al. 2006, "Early drift detection method"): watches how far errors are apart. Where mean plus two deviations of the
// distance fall below a share of their greatest, errors come closer together. Quick with slow changes; it alarms often on none at all.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { Detector, Verdict } from './detector.ts';

export interface EddmOptions {
  /** Values, and errors, before it says anything. */
  readonly min_values: number;
  /** Shares of the greatest distance. */
  readonly warning: number;
  readonly drift: number;
}

/** In the order they are saved. */
const FIELDS = ['count', 'last', 'errors', 'distance', 'squares', 'greatest', 'countThen', 'errorsThen'] as const;
type Numbers = Record<(typeof FIELDS)[number], number>;

const START: Numbers = {
  count: 0,
  last: 0,
  errors: 0,
  distance: 0,
  squares: 0,
  greatest: -1,
  countThen: 0,
  errorsThen: 0,
};

export class Eddm implements Detector {
  readonly name = 'eddm';
  readonly bytes = 96;
  readonly #options: EddmOptions;
  readonly #now: Numbers = { ...START };
  /** It stays until the next error. */
  #warning = false;
  #drift = false;

  constructor(options: EddmOptions) {
    this.#options = options;
  }

  get before(): number {
    return this.#now.countThen === 0 ? 0 : this.#now.errorsThen / this.#now.countThen;
  }

  get after(): number {
    const { count, countThen, errors, errorsThen } = this.#now;
    return count > countThen ? (errors - errorsThen) / (count - countThen) : this.before;
  }

  update(value: number): Verdict {
    if (this.#drift) this.reset();
    this.#now.count += 1;
    if (value === 1) this.#error();
    return this.#drift ? 'drift' : this.#warning ? 'warning' : 'none';
  }

  reset(): void {
    Object.assign(this.#now, START);
    this.#warning = this.#drift = false;
  }

  save(writer: StateWriter): void {
    for (const field of FIELDS) writer.f64(this.#now[field]);
    writer.u32(Number(this.#warning));
    writer.u32(Number(this.#drift));
  }

  load(reader: StateReader): void {
    for (const field of FIELDS) this.#now[field] = reader.f64();
    this.#warning = reader.u32() === 1;
    this.#drift = reader.u32() === 1;
  }

  #error(): void {
    const now = this.#now;
    const { min_values, warning, drift } = this.#options;
    now.errors += 1;
    const apart = now.count - now.last;
    now.last = now.count;
    const mean = now.distance;
    now.distance += (1 / now.errors) * (apart - mean);
    now.squares += (apart - mean) * (apart - now.distance);
    if (now.count <= min_values) return;
    const deviation = now.errors > 1 ? Math.sqrt(now.squares / (now.errors - 1)) : 0;
    const reach = now.distance + 2 * deviation;
    if (reach > now.greatest) {
      now.greatest = reach;
      now.countThen = now.count;
      now.errorsThen = now.errors;
    } else if (now.errors > min_values) {
      const level = reach / now.greatest;
      this.#drift = level < drift;
      this.#warning = level < warning;
    }
  }
}
