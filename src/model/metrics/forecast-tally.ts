// Quality of what was forecast further ahead, and of what would have been forecast without a model: by series, as it was known when
// the row was scored. Exact sums of what each outcome says itself, so that one can be taken away as if it had never come.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import { aheadOf, levelsOf, noChangeOf, pinballOf, seasonBeforeOf } from './forecast-note.ts';
import { stronger, type Baseline, type MetricValue } from './outcome.ts';
import { relativeError } from './relative-error.ts';

/** Mean errors, the squared one not rooted. */
export interface MeanErrors {
  readonly absolute: number;
  readonly squared: number;
  readonly relative: number;
}

/** Undefined where no outcome had any. */
export interface SeriesBaselines {
  readonly noChange: MeanErrors | undefined;
  readonly seasonal: MeanErrors | undefined;
}

class Mean {
  readonly #sum = new ExactSum();
  #weight = 0;

  add(value: number, weight: number): void {
    this.#sum.add(weight * value);
    this.#weight += weight;
  }

  get weight(): number {
    return this.#weight;
  }

  /** Null: of nothing. */
  get value(): number | null {
    return this.#weight <= 0 ? null : this.#sum.value / this.#weight;
  }

  save(writer: StateWriter): void {
    writer.f64(this.#weight);
    this.#sum.save(writer);
  }

  load(reader: StateReader): void {
    this.#weight = reader.f64();
    this.#sum.load(reader);
  }
}

class Errors {
  readonly absolute = new Mean();
  readonly squared = new Mean();
  readonly relative = new Mean();
  readonly pinball = new Mean();

  add(value: number, target: number, levels: Float64Array, weight: number): void {
    if (Number.isNaN(value)) return;
    this.absolute.add(Math.abs(value - target), weight);
    this.squared.add((value - target) ** 2, weight);
    this.relative.add(relativeError(value, target), weight);
    if (levels.length > 0) this.pinball.add(pinballOf(value, target, levels), weight);
  }

  get means(): MeanErrors | undefined {
    const absolute = this.absolute.value;
    if (absolute === null) return undefined;
    return { absolute, squared: this.squared.value!, relative: this.relative.value! };
  }

  get parts(): readonly Mean[] {
    return [this.absolute, this.squared, this.relative, this.pinball];
  }
}

class Horizon {
  readonly error = new Mean();
  readonly covered = new Mean();
  readonly noChange = new Mean();
  readonly seasonal = new Mean();

  get parts(): readonly Mean[] {
    return [this.error, this.covered, this.noChange, this.seasonal];
  }
}

export class ForecastTally {
  readonly #noChange = new Errors();
  readonly #seasonal = new Errors();
  readonly #horizons = new Map<number, Horizon>();

  /** A negative weight takes an outcome away. */
  add(target: number, note: Float64Array, weight: number): void {
    const levels = levelsOf(note);
    this.#noChange.add(noChangeOf(note), target, levels, weight);
    this.#seasonal.add(seasonBeforeOf(note), target, levels, weight);
    for (const { horizon, forecast, low, high, noChange, seasonBefore } of aheadOf(note)) {
      const tally = this.#of(horizon);
      tally.error.add(Math.abs(forecast - target), weight);
      if (!Number.isNaN(low)) tally.covered.add(Number(target >= low && target <= high), weight);
      if (!Number.isNaN(noChange)) tally.noChange.add(Math.abs(noChange - target), weight);
      if (!Number.isNaN(seasonBefore)) tally.seasonal.add(Math.abs(seasonBefore - target), weight);
    }
  }

  get baselines(): SeriesBaselines {
    return { noChange: this.#noChange.means, seasonal: this.#seasonal.means };
  }

  /** Pinball losses of saying the last value of the series, or the one a season before, for all quantiles. */
  get pinball(): { readonly noChange: number | null; readonly seasonal: number | null } {
    return { noChange: this.#noChange.pinball.value, seasonal: this.#seasonal.pinball.value };
  }

  /** `mae:h` and `coverage:h` of forecasts h steps ahead. @param nominal share that should fall between the bounds */
  values(nominal: number | null): MetricValue[] {
    const values: MetricValue[] = [];
    for (const [horizon, { error, covered, noChange, seasonal }] of this.#ascending()) {
      if (error.weight <= 0) continue;
      const before: Baseline = { value: noChange.value, kind: 'no_change' };
      const baseline = stronger(before, { value: seasonal.value, kind: 'seasonal' }, 'lower');
      values.push({
        metric: `mae:${horizon}`,
        value: error.value,
        baseline: baseline.value,
        baselineKind: baseline.kind,
        examples: Math.round(error.weight),
      });
      if (covered.weight > 0)
        values.push({
          metric: `coverage:${horizon}`,
          value: covered.value,
          baseline: nominal,
          baselineKind: 'nominal',
          examples: Math.round(covered.weight),
        });
    }
    return values;
  }

  save(writer: StateWriter): void {
    for (const part of [...this.#noChange.parts, ...this.#seasonal.parts]) part.save(writer);
    const horizons = this.#ascending();
    writer.u32(horizons.length);
    for (const [horizon, { parts }] of horizons) {
      writer.u32(horizon);
      for (const part of parts) part.save(writer);
    }
  }

  load(reader: StateReader): void {
    for (const part of [...this.#noChange.parts, ...this.#seasonal.parts]) part.load(reader);
    for (let left = reader.u32(); left > 0; left--) for (const part of this.#of(reader.u32()).parts) part.load(reader);
  }

  #of(horizon: number): Horizon {
    let tally = this.#horizons.get(horizon);
    if (tally === undefined) this.#horizons.set(horizon, (tally = new Horizon()));
    return tally;
  }

  #ascending(): [number, Horizon][] {
    return [...this.#horizons].sort(([a], [b]) => a - b);
  }
}
