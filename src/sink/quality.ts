// A pipeline's quality in the periods that `millrace.metrics` shows: a backfill's apart from all since then, the last 10,000, and
// those again, fading; and by segment.

import { PrequentialMetrics, type Period } from '../model/metrics/prequential-metrics.ts';
import type { MeasuredTask, MetricValue as Figure } from '../model/metrics/outcome.ts';
import type { ReliabilityBin } from '../model/metrics/reliability.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { MetricValue } from '../scores/score-store.ts';
import type { MeasuredOutcome, Metrics, MetricsRequest } from './ports.ts';
import { Segments, type SavedSegments } from './segments.ts';
import { shownName } from './shown-name.ts';
import { TimeSpan, type SavedSpan } from './time-span.ts';

const PERIODS: readonly Period[] = ['all', 'recent', 'backfill'];

/** What depends on the order of the scores alone. */
const RANKED: ReadonlySet<string> = new Set(['roc_auc', 'pr_auc']);

type Shown = Omit<MetricValue, 'modelVersion'>;

/** New metrics, or those that `save` gave. Rejects with MODEL_STATE what it cannot read. */
export function openMetrics(request: MetricsRequest, saved: Uint8Array | undefined): Metrics {
  const task = measuredTask(request);
  return task === undefined ? NOTHING : new Quality(task, request, saved);
}

/** Undefined: there is no label, or no model. */
function measuredTask({ task, label }: MetricsRequest): MeasuredTask | undefined {
  if (task === 'none' || label === undefined) return undefined;
  return task === 'anomaly' ? 'binary' : task;
}

interface MeasuredPeriod {
  readonly metrics: PrequentialMetrics;
  readonly span: TimeSpan;
}

class Quality implements Metrics {
  readonly #periods: ReadonlyMap<Period, MeasuredPeriod>;
  readonly #backfill: readonly MeasuredPeriod[];
  readonly #live: readonly MeasuredPeriod[];
  readonly #recent: PrequentialMetrics;
  readonly #segments: Segments | undefined;
  /** How far up a row stands is no probability: only its order is measured. */
  readonly #rankedOnly: boolean;

  constructor(task: MeasuredTask, { task: learned, segmentBy }: MetricsRequest, saved: Uint8Array | undefined) {
    this.#rankedOnly = learned === 'anomaly';
    const parts = saved && unpack(saved);
    // Numbers of other segments would be taken for these.
    const stay = parts?.segments?.by === segmentBy;
    const segments = segmentBy !== undefined;
    this.#periods = new Map(
      PERIODS.map((period) => {
        const part = parts?.[period];
        const metrics = part
          ? PrequentialMetrics.load(task, period, Buffer.from(part.state, 'base64'), { segments, stay })
          : new PrequentialMetrics(task, period, segments);
        return [period, { metrics, span: new TimeSpan(part) }];
      }),
    );
    this.#backfill = [this.#periods.get('backfill')!];
    this.#live = [this.#periods.get('all')!, this.#periods.get('recent')!];
    this.#recent = this.#periods.get('recent')!.metrics;
    this.#segments =
      segmentBy === undefined ? undefined : new Segments(segmentBy, task, stay ? parts?.segments : undefined);
  }

  fold(outcome: MeasuredOutcome): void {
    const segment =
      this.#segments === undefined || outcome.segment === null || outcome.backfill
        ? Number.NaN
        : this.#segments.fold(outcome.segment, outcome, outcome.eventTimeUs);
    for (const { metrics, span } of outcome.backfill ? this.#backfill : this.#live) {
      metrics.fold(outcome, segment);
      span.include(outcome.eventTimeUs);
    }
  }

  values(): readonly Shown[] {
    const values: Shown[] = [];
    const put = (period: Shown['period'], segment: string, figures: readonly Figure[], span: TimeSpan): void => {
      for (const figure of figures)
        if (this.#isShown(figure.metric))
          values.push({ period, segment, ...figure, metric: shownName(figure.metric), ...span.save() });
    };
    for (const [period, { metrics, span }] of this.#periods) {
      const { values: figures, reliability } = metrics.quality();
      put(period, '', figures, span);
      if (figures.length > 0 && !this.#rankedOnly)
        for (const [n, bin] of reliability.entries()) values.push(reliabilityRow(period, n, bin, span));
      if (period === 'recent') put('fading', '', metrics.fading(), span);
    }
    if (this.#segments)
      for (const { segment, period, values: figures, span } of this.#segments.values(this.#recent))
        put(period, segment, figures, span);
    return values;
  }

  summary(): Readonly<Record<string, number | null>> {
    const figures: [name: string, value: number | null][] = [];
    for (const [period, { metrics }] of this.#periods)
      for (const { metric, value } of metrics.values())
        if (this.#isShown(metric)) figures.push([`${period} ${metric}`, value]);
    return Object.fromEntries(figures);
  }

  #isShown(metric: string): boolean {
    return !this.#rankedOnly || RANKED.has(metric);
  }

  save(): Uint8Array {
    const parts = [...this.#periods].map(([period, { metrics, span }]) => [
      period,
      { state: Buffer.from(metrics.save()).toString('base64'), ...span.save() },
    ]);
    const segments = this.#segments ? { segments: this.#segments.save() } : {};
    return Buffer.from(JSON.stringify({ ...Object.fromEntries(parts), ...segments }));
  }
}

/** `reliability 0` to `reliability 9`: the share of true labels, beside the mean score. `millrace.reliability` shows them. */
function reliabilityRow(period: Period, n: number, bin: ReliabilityBin, span: TimeSpan): Shown {
  const { observed, meanScore, examples } = bin;
  return {
    period,
    segment: '',
    metric: `reliability ${n}`,
    value: observed,
    baseline: meanScore,
    baselineKind: 'mean_score',
    examples,
    ...span.save(),
  };
}

type SavedPeriods = Readonly<Record<Period, SavedSpan & { readonly state: string }>> & {
  readonly segments?: SavedSegments;
};

function unpack(saved: Uint8Array): SavedPeriods {
  try {
    return JSON.parse(Buffer.from(saved).toString('utf8')) as SavedPeriods;
  } catch (cause) {
    throw new MillraceError('MODEL_STATE', 'the saved metrics cannot be read', {
      hint: 'Rebuild the pipeline: select millrace.rebuild(name).',
      cause,
    });
  }
}

/** Of a pipeline without a model. */
const NOTHING: Metrics = { fold: () => {}, values: () => [], summary: () => ({}), save: () => new Uint8Array() };
