// A learner of many series, each with a model of its own: which step ahead a row is, what became of it, how wide intervals are.

import type { Input, Learner } from '../learner.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { NO_SERIES, periodOf } from '../series-keys.ts';
import type { ForecastOptions } from './forecast-options.ts';
import { IntervalWidths } from './interval-widths.ts';
import { KnownValues } from './known-values.ts';
import { SeenRange } from './seen-range.ts';
import { SeriesErrors } from './series-errors.ts';
import { bounded, finite, type Explained, type SeriesModel } from './series-model.ts';
import { TimeJumps } from './time-jumps.ts';

/** A row further ahead than this is forecast as if it were this far, or less than a season further: at its own place in the season. */
export const MAX_STEPS = 1000;
/** Values that the mean of all series, and their deviation, are of, once there are so many. */
const FADING = 1000;

/** Of one, with when it was, its jumps in time and its range. */
const SERIES_BYTES = 296;

/** Makes the models of single series. */
export interface SeriesModels {
  readonly kind: string;
  /** Saved series with another shape are not taken up: they start anew. */
  readonly shape: string;
  /** Values a season; 0: none. */
  readonly season: number;
  /** Errors are measured as shares of the forecast. */
  readonly relative: boolean;
  /** A value further from its forecast than this many deviations counts as that far off. */
  readonly clip: number;
  create(saved?: StateReader): SeriesModel;
}

interface Series {
  readonly model: SeriesModel;
  readonly errors: SeriesErrors;
  readonly known: KnownValues;
  readonly jumps: TimeJumps;
  readonly range: SeenRange;
  /** Of the last value learned; NaN where there is none. */
  time: number;
  /** Steps from the first value to the last, from 1 on. */
  position: number;
}

export class SeriesForecaster implements Learner {
  readonly outputNames: readonly string[];
  readonly #models: SeriesModels;
  readonly #horizon: number;
  /** Values of a series that are kept. */
  readonly #kept: number;
  readonly #period: number | undefined;
  readonly #series: Series[] = [];
  readonly #widths: IntervalWidths;
  /** Of all series: mean of the values, their mean square about it, how many; mean square of errors one step ahead. */
  #mean = 0;
  #variance = 0;
  #count = 0;
  readonly #all: SeriesErrors;
  #skipped = 0;
  #modelBytes = 0;
  readonly #outputs: Float64Array;
  readonly #forecasts: Float64Array;
  readonly #deviations: Float64Array;
  readonly #told: Float64Array;

  constructor(options: ForecastOptions, models: SeriesModels, saved?: StateReader) {
    const { horizon } = options;
    this.#models = models;
    this.#horizon = horizon;
    this.#kept = Math.max(1, horizon, models.season);
    this.#period = periodOf(options);
    const bounds = [(1 - options.interval) / 2, (1 + options.interval) / 2].map((share) => share.toPrecision(6));
    this.outputNames = [
      ...Array.from({ length: horizon }, (_, h) => [`${h + 1}`, `${h + 1}_low`, `${h + 1}_high`]).flat(),
      // The first bounds once more, as quantiles: metrics measure those.
      ...bounds.map((share) => String(Number(share))),
      // What quality is measured by: what would have been said without a model, and what was said of this row before.
      ...trivial('', models.season),
      ...Array.from({ length: horizon - 1 }, (_, i) => {
        const name = `ahead_${i + 2}`;
        return [name, `${name}_low`, `${name}_high`, ...trivial(`${name}_`, models.season)];
      }).flat(),
    ];
    this.#outputs = new Float64Array(this.outputNames.length);
    this.#forecasts = new Float64Array(horizon);
    this.#deviations = new Float64Array(horizon);
    this.#told = new Float64Array(horizon);
    this.#widths = new IntervalWidths(options.interval, horizon, saved);
    this.#all = new SeriesErrors(1, saved);
    if (saved) this.#load(saved);
  }

  static load(options: ForecastOptions, models: SeriesModels, saved: Uint8Array): SeriesForecaster {
    const reader = new StateReader(saved, `${models.kind} learner`);
    const learner = new SeriesForecaster(options, models, reader);
    reader.finish();
    return learner;
  }

  get bytes(): number {
    // All have arrays of the same lengths.
    const [first] = this.#series;
    const each = first ? SERIES_BYTES + first.errors.bytes + first.known.bytes : 0;
    return this.#widths.bytes + this.#series.length * each + this.#modelBytes;
  }

  get skipped(): number {
    return this.#skipped;
  }

  predict(x: Input): number {
    const series = this.#seriesOf(x);
    if (!series) return this.#mean;
    series.model.forecast(this.#stepsTo(series, x), 1, x, this.#forecasts, series.range);
    return this.#forecasts[0]!;
  }

  outputs(x: Input): Float64Array {
    const series = this.#seriesOf(x);
    const steps = series ? this.#stepsTo(series, x) : 1;
    if (series) this.#expectation(series, steps, x);
    else {
      this.#forecasts.fill(this.#mean);
      this.#deviations.fill(Math.sqrt(this.#variance));
    }
    for (let h = 0; h < this.#horizon; h++) {
      const reach = (series ? this.#widths.width(steps + h) : this.#widths.normal) * this.#deviations[h]!;
      this.#outputs[3 * h] = this.#forecasts[h]!;
      this.#outputs[3 * h + 1] = finite(this.#forecasts[h]! - reach);
      this.#outputs[3 * h + 2] = finite(this.#forecasts[h]! + reach);
    }
    this.#outputs.set(this.#outputs.subarray(1, 3), 3 * this.#horizon);
    this.#outputs.fill(Number.NaN, 3 * this.#horizon + 2);
    if (series) this.#compared(series, steps);
    return this.#outputs;
  }

  /** Of the row's own value: the last that is known, the one a season before, and the forecasts that were made further ahead. */
  #compared({ errors, known, position }: Series, steps: number): void {
    const { season } = this.#models;
    const own = position + steps;
    let at = 3 * this.#horizon + 2;
    const put = (value: number): void => {
      this.#outputs[at++] = value;
    };
    const putTrivial = (from: number): void => {
      put(known.at(from, position));
      // The latest season that was over by then.
      if (season > 1) put(known.at(own - season * Math.ceil((own - from) / season), position));
    };
    putTrivial(position);
    for (let ahead = 2; ahead <= this.#horizon; ahead++) {
      const made = errors.forecastFor(own, ahead);
      if (made === undefined) {
        at += season > 1 ? 5 : 4;
        continue;
      }
      put(made.forecast);
      put(Number.isNaN(made.reach) ? Number.NaN : finite(made.forecast - made.reach));
      put(Number.isNaN(made.reach) ? Number.NaN : finite(made.forecast + made.reach));
      putTrivial(own - ahead);
    }
  }

  /** A value that is not after the last of its series, in time, is counted as skipped: the series has gone on without it. So is one whose time is not believed. */
  learn(x: Input, y: number, weight: number): void {
    while (this.#series.length <= x.series!) this.#series.push(this.#start());
    const series = this.#series[x.series!]!;
    if (weight === 0) return;
    if (x.time! <= series.time || !series.jumps.believes(x.time!, series.time, this.#period)) {
      this.#skipped += 1;
      return;
    }
    const steps = this.#stepsTo(series, x);
    series.position += steps;
    series.time = x.time!;
    this.#meet(series, steps, x, y, weight);
    series.known.push(y, series.position, steps);
    this.#count += 1;
    const before = this.#mean;
    const fading = Math.min(this.#count, FADING);
    this.#mean = bounded(before + (y - before) / fading, before);
    const square = (y - before) * (y - this.#mean);
    this.#variance = bounded(this.#variance + (square - this.#variance) / fading, this.#variance);
  }

  explain(x: Input): Explained {
    const series = this.#seriesOf(x);
    if (!series) return { bias: this.#mean, contributions: new Float64Array(x.length), parts: [] };
    return series.model.explain(this.#stepsTo(series, x), x, series.range);
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.#models.kind} learner`);
    this.#widths.save(writer);
    this.#all.save(writer);
    for (const value of [this.#mean, this.#variance, this.#count, this.#skipped]) writer.f64(value);
    writer.text(this.#models.shape);
    writer.u32(this.#series.length);
    for (const { model, errors, known, jumps, range, time, position } of this.#series) {
      writer.f64(time);
      writer.f64(position);
      const own = new StateWriter('series');
      errors.save(own);
      model.save(own);
      known.save(own);
      errors.saveWidths(own);
      jumps.save(own);
      range.save(own);
      writer.bytes(own.finish());
    }
    return writer.finish();
  }

  #load(saved: StateReader): void {
    this.#mean = saved.f64();
    this.#variance = saved.f64();
    this.#count = saved.f64();
    this.#skipped = saved.f64();
    const same = saved.text() === this.#models.shape;
    for (let left = saved.u32(); left > 0; left--) {
      const time = saved.f64();
      const position = saved.f64();
      const own = new StateReader(saved.bytes(), 'series');
      this.#series.push({ ...(same ? this.#restored(own) : this.#start()), time, position });
    }
  }

  #start(): Series {
    const model = this.#models.create();
    this.#modelBytes += model.bytes;
    const known = new KnownValues(this.#kept);
    const [jumps, range] = [new TimeJumps(), new SeenRange(this.#models.clip < Infinity)];
    return { model, errors: new SeriesErrors(this.#horizon), known, jumps, range, time: Number.NaN, position: 0 };
  }

  #restored(own: StateReader): Pick<Series, 'errors' | 'model' | 'known' | 'jumps' | 'range'> {
    const errors = new SeriesErrors(this.#horizon, own);
    const model = this.#models.create(own);
    const known = new KnownValues(this.#kept, own);
    errors.loadWidths(own);
    const jumps = new TimeJumps(own);
    const range = new SeenRange(this.#models.clip < Infinity, own);
    own.finish();
    this.#modelBytes += model.bytes;
    return { errors, model, known, jumps, range };
  }

  /** Undefined where nothing of it was learned. */
  #seriesOf(x: Input): Series | undefined {
    const series = x.series === NO_SERIES ? undefined : this.#series[x.series!];
    return series === undefined || series.position === 0 ? undefined : series;
  }

  /** From the last value learned to the row's own. */
  #stepsTo({ time }: Series, x: Input): number {
    if (this.#period === undefined || Number.isNaN(time) || Number.isNaN(x.time)) return 1;
    const steps = Math.max(1, Math.round((x.time! - time) / this.#period));
    return steps <= MAX_STEPS ? steps : MAX_STEPS + ((steps - MAX_STEPS) % Math.max(1, this.#models.season));
  }

  /** Forecasts from `steps` ahead on, as many as the horizon, and the deviations of their errors. */
  #expectation({ model, errors, range }: Series, steps: number, x: Input): void {
    model.forecast(steps, this.#horizon, x, this.#forecasts, range);
    model.spread(steps, this.#horizon, this.#deviations);
    const common = Math.sqrt(this.#variance);
    const one = errors.enough ? errors.deviation : this.#all.enough ? this.#all.deviation : undefined;
    for (let h = 0; h < this.#horizon; h++) {
      const unit = this.#models.relative ? Math.abs(this.#forecasts[h]!) : 1;
      const deviation = finite(one === undefined ? common : one * this.#deviations[h]! * unit);
      this.#deviations[h] = Math.min(deviation, Math.max(range.reach(steps + h), common));
    }
  }

  /** The value is compared with what was forecast, then learned. */
  #meet(series: Series, steps: number, x: Input, y: number, weight: number): void {
    const { model, errors, range } = series;
    let taken = y;
    if (series.position > steps) {
      this.#expectation(series, steps, x);
      const forecast = this.#forecasts[0]!;
      const deviation = this.#deviations[0]!;
      const error = y - forecast;
      for (let h = 0; h < this.#horizon; h++) this.#told[h] = this.#widths.width(h + 1);
      if (model.ready && errors.enough && (error !== 0 || deviation > 0))
        this.#widths.learn(steps, Math.abs(error) / deviation);
      errors.settle(series.position, y, this.#widths);
      // What this row was told of those after it.
      if (steps === 1 && model.ready && errors.enough && errors.waits)
        errors.expect(series.position, this.#forecasts, this.#deviations, this.#told);
      const reach = this.#models.clip * deviation;
      if (model.ready && errors.enough && deviation > 0 && Math.abs(error) > reach)
        taken = forecast + Math.sign(error) * reach;
      model.spread(steps, 1, this.#deviations);
      const size = this.#models.relative ? Math.max(Math.abs(forecast), Math.abs(taken)) : 1;
      const unit = size * this.#deviations[0]!;
      if (unit > 0) {
        errors.add((taken - forecast) / unit);
        this.#all.add((taken - forecast) / unit);
      }
    }
    const started = model.ready;
    const bytes = model.bytes;
    model.learn(taken, steps, x, weight, range);
    range.add(taken, steps);
    this.#modelBytes += model.bytes - bytes;
    if (!started && model.ready) errors.restart();
  }
}

/** Names of what would be said without a model. */
function trivial(prefix: string, season: number): string[] {
  return season > 1 ? [`${prefix}no_change`, `${prefix}season_before`] : [`${prefix}no_change`];
}
