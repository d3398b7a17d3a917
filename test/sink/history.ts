// Random histories of a topic, and what a sink made of one.

import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { Emission, StreamRecord } from '../../src/flow/record.ts';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { targetOf } from '../../src/model/target.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { runSink } from '../../src/sink/sink.ts';
import type { Metrics, SinkPorts, SinkReport } from '../../src/sink/ports.ts';
import type { ScoreStore } from '../../src/scores/score-store.ts';
import type { Log } from '../../src/stream/log.ts';

export const definition: SinkDefinition = {
  pipelineId: 1,
  generation: 1,
  revision: 1,
  name: 'fraud',
  scoreTable: { schema: 'public', name: 'fraud_scores' },
  key: [{ name: 'id', typeOid: 20, type: 'bigint' }],
  eventTime: { name: 'at', typeOid: 1184, type: 'timestamp with time zone' },
  features: [
    { name: 'amount', typeOid: 701, type: 'double precision' },
    { name: 'currency', typeOid: 25, type: 'text' },
  ],
  label: { name: 'label', typeOid: 16, type: 'boolean' },
  labelWaitUs: 60_000_000,
  labelDefault: 'false',
  model: { kind: 'logistic', save_every: 7 },
  alertWhen: 'score > 0.6',
  keepScoresForUs: undefined,
  timezone: 'UTC',
};

/** Labels are texts: the model says the probability of each, and quality is measured by a feature. */
export const classes: SinkDefinition = {
  ...definition,
  label: { name: 'label', typeOid: 25, type: 'text' },
  labelDefault: 'none',
  model: { kind: 'softmax', save_every: 7, metrics_by: 'currency' },
};

/** Rows are learned as they arrive, beside labels. */
export const arrivals: SinkDefinition = {
  ...definition,
  model: { kind: 'logistic', save_every: 7, update: 'on_arrival' },
};

/** Uniform in [0, 1), the same for the same seed. Source: mulberry32, T. Ettinger (public domain). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const START_US = 1_700_000_000_000_000;

export interface HistoryOptions {
  readonly random: () => number;
  readonly commits: number;
  readonly keys: number;
  readonly partitions?: number;
  readonly definition?: SinkDefinition;
}

/** Backfill, then transactions with rows, labels (early, changed, withdrawn), deletes, dead letters, truncates and progress. */
export function history(options: HistoryOptions): StreamRecord[] {
  const { random, commits, keys } = options;
  const partitions = options.partitions ?? 1;
  const records: StreamRecord[] = [];
  const all = Array.from({ length: partitions }, (_, index) => index);
  const pick = (n: number): number => Math.floor(random() * n);
  let clockUs = START_US;
  let n = 0;
  let lsn = 0n;
  const put = (body: StreamRecord['body'], key: number | undefined): void => {
    for (const partition of key === undefined ? all : [key % partitions]) {
      records.push({ position: { lsn, n }, partition, commitTimeUs: clockUs, body });
      n += 1;
    }
  };
  const features = (key: number): Emission => {
    const eventTimeUs = clockUs - pick(4) * 30_000_000;
    return {
      kind: 'features',
      key: `["${key}"]`,
      eventTime: new Date(eventTimeUs / 1000).toISOString().replace('T', ' ').replace('Z', '+00'),
      eventTimeUs,
      features: `{"amount":${(random() * 100).toFixed(2)},"currency":"${['eur', 'usd', 'gbp'][pick(3)]}"}`,
      late: false,
    };
  };
  const given = options.definition ?? definition;
  const truths = given.label?.type === 'text' ? ['lost', 'won', 'lost'] : ['true', 'false', 'true'];
  const label = (key: number): Emission => ({
    kind: 'label',
    key: `["${key}"]`,
    label: [undefined, null, ...truths][pick(5)],
    labelAtUs: null,
    weight: 1,
  });
  put({ kind: 'progress', clockUs, phase: 'backfill', definition: given }, undefined);
  for (let key = 0; key < keys / 2; key++) {
    put(features(key), key);
    if (random() < 0.3) put(label(key), key);
    clockUs += 2_000_000;
    if (random() < 0.2) put({ kind: 'progress', clockUs, phase: 'backfill', definition: undefined }, undefined);
  }
  for (let commit = 1; commit <= commits; commit++) {
    lsn = BigInt(commit) * 100n;
    n = 0;
    clockUs += pick(8_000) * 1_000;
    if (commit === 1 || random() < 0.3)
      put({ kind: 'progress', clockUs, phase: 'live', definition: undefined }, undefined);
    if (random() < 0.01) put({ kind: 'truncate' }, undefined);
    const touched = Array.from({ length: 1 + pick(4) }, () => pick(keys));
    for (const key of new Set(touched.filter(() => random() < 0.5))) put(label(key), key);
    for (const key of new Set(touched)) {
      const kind = random();
      if (kind < 0.75) put(features(key), key);
      else if (kind < 0.9) put({ kind: 'delete', key: `["${key}"]` }, key);
      else
        put(
          {
            kind: 'dead_letter',
            key: random() < 0.2 ? null : `["${key}"]`,
            table: 'public.payments',
            row: `{"id":${key}}`,
            code: 'DATA',
            message: 'division by zero',
          },
          key,
        );
    }
  }
  return records.map((record) =>
    record.body.kind === 'dead_letter' && record.body.key === null ? { ...record, partition: 0 } : record,
  );
}

/** Counts and sums that any change of order or number of outcomes shows in. */
export function openCountingMetrics(_request: unknown, saved: Uint8Array | undefined): Metrics {
  const state = (
    saved === undefined ? { live: 0, backfill: 0, sum: 0, folded: 0 } : JSON.parse(Buffer.from(saved).toString())
  ) as { live: number; backfill: number; sum: number; folded: number };
  return {
    fold(outcome) {
      const change = (outcome.target === undefined ? 0 : 1) - (outcome.prior === undefined ? 0 : 1);
      if (outcome.backfill) state.backfill += change;
      else state.live += change;
      state.sum = state.sum * 0.99 + outcome.score * ((outcome.target ?? 2) - (outcome.prior ?? 3));
      state.folded += 1;
    },
    values: () => [
      {
        period: 'all',
        segment: '',
        metric: 'sum',
        value: state.sum,
        baseline: null,
        baselineKind: null,
        examples: state.live,
        fromUs: null,
        toUs: null,
      },
    ],
    summary: () => ({ 'all sum': state.sum }),
    save: () => Buffer.from(JSON.stringify(state)),
  };
}

/** A clock that stands still, and whose sleeps are over at once; so a run is a function of its input alone. */
export function stillClock(): Clock {
  return {
    nowUs: () => START_US,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(handle);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const handle = setTimeout(done, 1);
        signal?.addEventListener('abort', done, { once: true });
      }),
  };
}

export function ports(log: Log, store: ScoreStore, random: () => number): SinkPorts {
  return {
    log,
    store,
    createModel,
    loadModel,
    openMetrics: openCountingMetrics,
    targetOf,
    compileAlert: async (given) =>
      given.alertWhen === undefined ? undefined : (score) => (score === null ? null : score > 0.6),
    clock: stillClock(),
    random,
  };
}

export interface RunOptions {
  readonly drain?: AbortSignal;
  readonly abort?: AbortSignal;
  readonly report?: (report: SinkReport) => void;
}

/** Runs the sink to the end of the log as it is; throws where a pipeline failed. */
export async function runToEnd(given: SinkPorts, options: RunOptions = {}): Promise<SinkReport | undefined> {
  let last: SinkReport | undefined;
  await runSink({
    ports: given,
    owner: async () => ({ group: 'g', mark: '0123456789ab', unmarked: [] }),
    read: { maxRecords: 1_000, maxBytes: 1_000_000 },
    changes: (async function* () {})(),
    drain: options.drain ?? new AbortController().signal,
    abort: options.abort ?? new AbortController().signal,
    until: Promise.resolve(),
    report: (report) => {
      last = report;
      options.report?.(report);
    },
  });
  if (last?.state === 'failed') throw new Error(`${last.reason} ${last.hint}`);
  return last;
}
