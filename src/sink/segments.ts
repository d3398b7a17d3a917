// Quality by the value of a feature (`"metrics_by": "country"`): since the backfill and among the recent outcomes. The first values
// that come have figures of their own, all others share one.

import { PrequentialMetrics } from '../model/metrics/prequential-metrics.ts';
import { horizonOf, type MeasuredTask, type MetricValue, type Outcome } from '../model/metrics/outcome.ts';
import { OTHER_SEGMENT } from '../scores/measured.ts';
import { shownName } from './shown-name.ts';
import { TimeSpan, type SavedSpan } from './time-span.ts';

/** Values with figures of their own. */
export const MAX_SEGMENTS = 100;

export interface SavedSegments {
  readonly by: string;
  /** State: base64. */
  readonly segments: readonly (SavedSpan & { readonly name: string; readonly state: string })[];
}

export class Segments {
  readonly by: string;
  readonly #task: MeasuredTask;
  readonly #segments: { readonly name: string; readonly metrics: PrequentialMetrics; readonly span: TimeSpan }[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(by: string, task: MeasuredTask, saved: SavedSegments | undefined) {
    this.by = by;
    this.#task = task;
    for (const { name, state, ...span } of saved?.segments ?? [])
      this.#open(
        shownName(name),
        PrequentialMetrics.load(task, 'all', Buffer.from(state, 'base64')),
        new TimeSpan(span),
      );
  }

  /** Counts it in its segment; gives that segment's number. */
  fold(segment: string, outcome: Outcome, eventTimeUs: number | null): number {
    const number = this.#numberOf(shownName(segment));
    const { metrics, span } = this.#segments[number]!;
    metrics.fold(outcome);
    span.include(eventTimeUs);
    return number;
  }

  /** Of all segments so far, horizons of forecasts apart: they would be as many rows again for each. @param recent the last outcomes, folded with the numbers that `fold` gave */
  *values(
    recent: PrequentialMetrics,
  ): Iterable<{ segment: string; period: 'all' | 'recent'; values: readonly MetricValue[]; span: TimeSpan }> {
    for (const [number, { name, metrics, span }] of this.#segments.entries()) {
      yield { segment: name, period: 'all', values: ofScores(metrics.values()), span };
      yield { segment: name, period: 'recent', values: ofScores(recent.ofSegment(number)), span };
    }
  }

  save(): SavedSegments {
    const segments = this.#segments.map(({ name, metrics, span }) => ({
      name,
      state: Buffer.from(metrics.save()).toString('base64'),
      ...span.save(),
    }));
    return { by: this.by, segments };
  }

  #numberOf(segment: string): number {
    const known = this.#numbers.get(segment);
    if (known !== undefined) return known;
    if (this.#segments.length >= MAX_SEGMENTS && segment !== OTHER_SEGMENT) return this.#numberOf(OTHER_SEGMENT);
    return this.#open(segment, new PrequentialMetrics(this.#task, 'all'), new TimeSpan());
  }

  #open(name: string, metrics: PrequentialMetrics, span: TimeSpan): number {
    this.#numbers.set(name, this.#segments.length);
    return this.#segments.push({ name, metrics, span }) - 1;
  }
}

function ofScores(values: readonly MetricValue[]): readonly MetricValue[] {
  return values.filter(({ metric }) => horizonOf(metric) === undefined);
}
