// Quality of what a model of numbers says beside its score: quantiles, forecasts further ahead, and what both are compared with.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { forecastNote, levelsOf } from './forecast-note.ts';
import { ForecastTally, type SeriesBaselines } from './forecast-tally.ts';
import { intervalAnswer, IntervalTally } from './interval-tally.ts';
import { strongest, type Baseline, type MetricValue } from './outcome.ts';
import { pinballBaseline, RunningPinball } from './pinball-baseline.ts';

/** One outcome of a window: NaN where there is no interval. */
export interface OutputsWindow {
  readonly targets: Float64Array;
  readonly pinball: Float64Array;
  readonly covered: Float64Array;
  readonly nominal: Float64Array;
  readonly notes: readonly (Float64Array | undefined)[];
}

export class OutputsTally {
  readonly #intervals = new IntervalTally();
  readonly #forecasts = new ForecastTally();
  readonly #running = new RunningPinball();

  /** `first`: it replaces none. */
  add(target: number, outputs: ReadonlyMap<string, number> | undefined, change: 1 | -1, first: boolean): void {
    const answer = intervalAnswer(target, outputs);
    if (answer) this.#intervals.add(answer, change);
    const note = forecastNote(outputs);
    if (note === undefined) return;
    this.#forecasts.add(target, note, change);
    if (first && levelsOf(note).length > 0) this.#running.add(target, note);
  }

  get baselines(): SeriesBaselines {
    return this.#forecasts.baselines;
  }

  values(): MetricValue[] {
    return valuesOf(this.#intervals, this.#forecasts, this.#running.baseline);
  }

  save(writer: StateWriter): void {
    this.#intervals.save(writer);
    this.#forecasts.save(writer);
    this.#running.save(writer);
  }

  /** A state of before forecasts further ahead were measured goes on without those. */
  load(reader: StateReader): void {
    if (!reader.atEnd) this.#intervals.load(reader);
    if (reader.atEnd) return;
    this.#forecasts.load(reader);
    this.#running.load(reader);
  }
}

/** Exact, where all outcomes are at hand, oldest first. `weights`: what each counts, instead of 1. */
export function outputsQuality(
  { targets, pinball, covered, nominal, notes }: OutputsWindow,
  weights?: Float64Array,
): { readonly values: MetricValue[]; readonly baselines: SeriesBaselines } {
  const intervals = new IntervalTally();
  const forecasts = new ForecastTally();
  for (let i = 0; i < targets.length; i++) {
    const weight = weights ? weights[i]! : 1;
    if (!Number.isNaN(pinball[i]!))
      intervals.add({ pinball: pinball[i]!, covered: covered[i]!, nominal: nominal[i]! }, weight);
    if (notes[i] !== undefined) forecasts.add(targets[i]!, notes[i]!, weight);
  }
  const values = valuesOf(intervals, forecasts, pinballBaseline(targets, notes, weights));
  return { values, baselines: forecasts.baselines };
}

function valuesOf(intervals: IntervalTally, forecasts: ForecastTally, constant: Baseline): MetricValue[] {
  const { noChange, seasonal } = forecasts.pinball;
  const baseline = strongest(
    [constant, { value: noChange, kind: 'no_change' }, { value: seasonal, kind: 'seasonal' }],
    'lower',
  );
  return [...intervals.values(baseline), ...forecasts.values(intervals.nominal)];
}
