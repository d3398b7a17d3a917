// A pipeline's quality in the periods that `millrace.metrics` shows: a backfill's apart from all since then, and the last 10,000.

import { PrequentialMetrics, type Period } from '../model/metrics/prequential-metrics.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { MeasuredOutcome, Metrics, MetricsRequest } from './ports.ts';

const PERIODS: readonly Period[] = ['all', 'recent', 'backfill'];

interface Measured {
  readonly metrics: PrequentialMetrics;
  fromUs: number | null;
  toUs: number | null;
}

/** New metrics, or those that `save` gave. Rejects with MODEL_STATE what it cannot read. */
export function openMetrics(request: MetricsRequest, saved: Uint8Array | undefined): Metrics {
  const { task, label } = request;
  if (label === undefined || task === 'none' || task === 'multiclass') return NOTHING;
  return task === 'anomaly' ? new Quality('binary', saved, RANKINGS) : new Quality(task, saved);
}

/** How far up a row stands is not a probability: of an anomaly's score only the order is measured. */
const RANKINGS: ReadonlySet<string> = new Set(['roc_auc', 'pr_auc']);

class Quality implements Metrics {
  readonly #periods: ReadonlyMap<Period, Measured>;

  readonly #shown: ReadonlySet<string> | undefined;

  /** @param shown metrics that mean something; all, where it is left out */
  constructor(task: 'binary' | 'regression', saved: Uint8Array | undefined, shown?: ReadonlySet<string>) {
    this.#shown = shown;
    const parts = saved && unpack(saved);
    this.#periods = new Map(
      PERIODS.map((period) => {
        const part = parts?.[period];
        if (!part) return [period, { metrics: new PrequentialMetrics(task, period), fromUs: null, toUs: null }];
        const state = Buffer.from(part.state, 'base64');
        return [
          period,
          { metrics: PrequentialMetrics.load(task, period, state), fromUs: part.fromUs, toUs: part.toUs },
        ];
      }),
    );
  }

  fold(outcome: MeasuredOutcome): void {
    for (const [period, measured] of this.#periods) {
      if ((period === 'backfill') !== outcome.backfill) continue;
      measured.metrics.fold(outcome);
      if (outcome.eventTimeUs === null) continue;
      measured.fromUs = Math.min(measured.fromUs ?? Infinity, outcome.eventTimeUs);
      measured.toUs = Math.max(measured.toUs ?? -Infinity, outcome.eventTimeUs);
    }
  }

  values(): ReturnType<Metrics['values']> {
    return [...this.#periods].flatMap(([period, { metrics, fromUs, toUs }]) =>
      metrics
        .values()
        .filter(({ metric }) => this.#shown?.has(metric) ?? true)
        .map((value) => ({ period, segment: '', ...value, fromUs, toUs })),
    );
  }

  save(): Uint8Array {
    const parts = [...this.#periods].map(([period, { metrics, fromUs, toUs }]) => [
      period,
      { state: Buffer.from(metrics.save()).toString('base64'), fromUs, toUs },
    ]);
    return Buffer.from(JSON.stringify(Object.fromEntries(parts)));
  }
}

type SavedPeriods = Readonly<
  Record<Period, { readonly state: string; readonly fromUs: number | null; readonly toUs: number | null }>
>;

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
const NOTHING: Metrics = { fold: () => {}, values: () => [], save: () => new Uint8Array() };
