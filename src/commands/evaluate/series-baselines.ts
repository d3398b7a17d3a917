// What series are forecast by that nobody has modelled: the last value that was known, and the one a season before.

import type { ColumnType, ModelOptions } from '../../flow/pipeline.ts';
import { timeSourceOf } from '../../model/encoder/feature-role.ts';
import { numberOf } from '../../model/encoder/feature-value.ts';
import { kindOf } from '../../model/kinds/registry.ts';
import { regressionQuality } from '../../model/metrics/regression-tally.ts';
import type { FeatureRow } from '../../model/model.ts';
import { periodOf, seriesColumns, type SeriesOptions } from '../../model/series-keys.ts';
import type { LabelledRow } from './prequential.ts';

export interface Baseline {
  readonly name: 'no_change' | 'season_before';
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Columns that the model's options name as series and time; none of kinds that forecast no series. */
export function columnsOfSeries(options: ModelOptions): readonly string[] {
  if (!forecasts(options)) return [];
  const { series, time } = options;
  // Whatever else they are is refused with the other options.
  const names = [series].flat().filter((name) => typeof name === 'string');
  return seriesColumns({ series: names, time: typeof time === 'string' ? time : undefined });
}

/**
 * Of a model that forecasts series, on the same rows: without `time` and `period` a series' rows count as a period apart, and a label is
 * known when it is due. A series without a known label is forecast as 0.
 */
export function seriesBaselines(
  options: ModelOptions,
  types: readonly ColumnType[],
  rows: readonly LabelledRow[],
): Baseline[] {
  if (!forecasts(options)) return [];
  const { series, season } = options as { series?: string | string[]; season?: number };
  const columns = seriesColumns({ series });
  const periods = periodsOf(options as unknown as SeriesOptions, types);
  const known = new Map<string, Known>();
  const waiting: { due: number; of: Known; position: number; value: number }[] = [];
  const [last, before, targets]: number[][] = [[], [], []];
  let head = 0;
  for (const { features, label, at, dueAt } of rows) {
    for (; head < waiting.length && waiting[head]!.due <= at; head++) waiting[head]!.of.learn(waiting[head]!);
    const key = JSON.stringify(columns.map((name) => features[name] ?? null));
    let of = known.get(key);
    if (of === undefined) known.set(key, (of = new Known(season ?? 0)));
    const position = of.positionOf(periods?.(features));
    const value = Number(label);
    if (label === undefined || !Number.isFinite(value)) continue;
    last!.push(of.last);
    before!.push(of.seasonBefore(position));
    targets!.push(value);
    waiting.push({ due: dueAt, of, position, value });
  }
  const baseline = (name: Baseline['name'], scores: number[]): Baseline => ({
    name,
    metrics: Object.fromEntries(
      regressionQuality(Float64Array.from(scores), Float64Array.from(targets!)).map((one) => [one.metric, one.value]),
    ),
  });
  const both = [baseline('no_change', last!)];
  return season ? [...both, baseline('season_before', before!)] : both;
}

/** One series, as far as its labels are known. */
class Known {
  last = 0;
  #rows = 0;
  /** Periods, of its first row that says when it was. */
  #first: number | undefined;
  /** By place in the season. */
  readonly #seasons: number[] = [];
  readonly #season: number;

  constructor(season: number) {
    this.#season = season;
  }

  /** @param periods when the row was; undefined or NaN: a period after the one before */
  positionOf(periods: number | undefined): number {
    this.#rows += 1;
    if (periods === undefined || Number.isNaN(periods)) return this.#rows - 1;
    this.#first ??= periods;
    return Math.max(0, Math.round(periods - this.#first));
  }

  learn({ position, value }: { readonly position: number; readonly value: number }): void {
    this.last = value;
    if (this.#season > 0) this.#seasons[position % this.#season] = value;
  }

  seasonBefore(position: number): number {
    return this.#seasons[position % Math.max(1, this.#season)] ?? this.last;
  }
}

/** When a row was, in periods; undefined where the options do not say how long one is. */
function periodsOf(
  options: SeriesOptions,
  types: readonly ColumnType[],
): ((features: FeatureRow) => number) | undefined {
  const { time } = options;
  const period = periodOf(options);
  const source = timeSourceOf(types.find(({ name }) => name === time)?.typeOid ?? 0);
  if (time === undefined || period === undefined || source === undefined) return undefined;
  return (features) => numberOf(features[time], source) / period;
}

function forecasts(options: ModelOptions): boolean {
  return !['auto', 'none'].includes(options.kind) && kindOf(options.kind).series === true;
}
