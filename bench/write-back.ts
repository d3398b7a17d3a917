// What it costs to write scores back: the sink's CPU and Postgres's, a row, in batches of 5,000 with 13 features.

import { mkdtempSync, readFileSync, rmSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate } from '../src/catalog/migrate.ts';
import type { SinkDefinition } from '../src/flow/pipeline.ts';
import type { StoredRecord } from '../src/flow/record.ts';
import { createModel, loadModel } from '../src/model/create-model.ts';
import { targetOf } from '../src/model/target.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { planRead } from '../src/scores/due-rows.ts';
import { foldBatch } from '../src/scores/fold.ts';
import type { FoldResult } from '../src/scores/fold-request.ts';
import { PostgresScoreStore } from '../src/scores/postgres-score-store.ts';
import { Learning } from '../src/sink/learning.ts';
import type { Metrics } from '../src/sink/ports.ts';
import { startLocalPostgres } from '../src/warehouse/local-postgres.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const BATCH = 5_000;
const BATCHES = 20;
const FEATURES = 13;

export async function measure(): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  const server = await startLocalPostgres({
    folder,
    port: 0,
    settings: { shared_buffers: '256MB', max_wal_size: '4GB' },
  });
  try {
    return await measureOn(server.url, server.pid);
  } finally {
    await server.stop('immediate');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureOn(url: string, pid: number): Promise<Figure[]> {
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // As create_pipeline makes them without and with labels.
  for (const [name, fillfactor] of [
    ['scores_1', 85],
    ['scores_2', 50],
  ] as const)
    await client.query(`create table ${name} (id bigint primary key, score float8, prediction text, outputs jsonb, explanation json,
      model_version bigint, event_time timestamptz, scored_at timestamptz, features json, label text, labelled_at timestamptz,
      measured_score float8, measured_features json, measured_lsn pg_lsn, late boolean not null, generation int not null,
      partition int not null, position_lsn pg_lsn not null, position_n int8 not null) with (fillfactor = ${fillfactor});
      create index on ${name} (event_time)`);
  await client.end();
  await using store = new PostgresScoreStore(url, 'bench');
  const plain = await run(store, pid, definitionOf(1, undefined));
  const labelled = await run(store, pid, definitionOf(2, 'false'));
  return [
    ...plain.map((figure) => ({ ...figure, name: `write-back, scores: ${figure.name}` })),
    ...labelled.map((figure) => ({ ...figure, name: `write-back, scores and default labels: ${figure.name}` })),
  ];
}

async function run(store: PostgresScoreStore, pid: number, definition: SinkDefinition): Promise<Figure[]> {
  const id = { pipelineId: definition.pipelineId, generation: 1, partition: 0 };
  let state = await store.open(id, 0);
  const learning = await Learning.open(
    {
      ...{ store, createModel, loadModel, targetOf, clock: systemClock },
      openMetrics: () => noMetrics,
      inTurn: (write) => write(),
    },
    id,
    definition,
  );
  const postgresBefore = postgresCpuMs(pid);
  let cpuUs = 0;
  let wallMs = 0;
  let foldMs = 0;
  for (let number = 0; number < BATCHES; number++) {
    // Made one at a time, as they come from a log: kept, they would be the collector's main work.
    const batch = records(definition, number);
    const started = performance.now();
    const cpuBefore = process.cpuUsage();
    const reads = await store.read(id, definition, planRead(state, definition, batch));
    const from = performance.now();
    const folded: FoldResult = foldBatch({
      id,
      state,
      definition,
      records: batch,
      nextOffset: state.nextOffset + batch.length,
      reads,
      overlay: undefined,
      scorer: learning,
      pending: learning.pending(0),
      alertWhen: (score) => score !== null && score > 0.99,
      nowUs: systemClock.nowUs(),
    });
    foldMs += performance.now() - from;
    const result = await store.write(id, definition, {
      ...folded.writes,
      ...learning.takeSaved(0, folded.writes.examples),
    });
    if (result !== 'written') throw new Error(result);
    state = folded.writes.next;
    const cpu = process.cpuUsage(cpuBefore);
    cpuUs += cpu.user + cpu.system;
    wallMs += performance.now() - started;
  }
  const rows = BATCH * BATCHES;
  return [
    { name: 'rows per second', value: (rows * 1000) / wallMs, unit: 'rows/s' },
    { name: 'CPU of the sink', value: cpuUs / rows, unit: 'µs/row' },
    { name: 'of that, the fold with model', value: (foldMs * 1000) / rows, unit: 'µs/row' },
    { name: 'CPU of Postgres', value: ((postgresCpuMs(pid) - postgresBefore) * 1000) / rows, unit: 'µs/row' },
  ];
}

const noMetrics: Metrics = { fold: () => {}, values: () => [], summary: () => ({}), save: () => new Uint8Array() };

function definitionOf(pipelineId: number, labelDefault: string | undefined): SinkDefinition {
  return {
    pipelineId,
    generation: 1,
    revision: 1,
    name: `p${pipelineId}`,
    scoreTable: { schema: 'public', name: `scores_${pipelineId}` },
    key: [{ name: 'id', typeOid: 20, type: 'bigint' }],
    eventTime: { name: 'at', typeOid: 1184, type: 'timestamp with time zone' },
    features: Array.from({ length: FEATURES }, (_, index) => ({
      name: `feature_${index}`,
      typeOid: 701,
      type: 'double precision',
    })),
    label: { name: 'label', typeOid: 16, type: 'boolean' },
    labelWaitUs: 60_000_000,
    labelDefault,
    model: { kind: 'logistic' },
    alertWhen: 'score > 0.99',
    keepScoresForUs: undefined,
    timezone: 'UTC',
  };
}

const START_US = 1_700_000_000_000_000;
const ROW_US = 10_000;

function records(definition: SinkDefinition, batch: number): StoredRecord[] {
  return Array.from({ length: BATCH }, (_, index): StoredRecord => {
    const row = batch * BATCH + index;
    const eventTimeUs = START_US + row * ROW_US;
    const place = {
      position: { lsn: BigInt(row + 1) * 64n, n: 0 },
      partition: 0,
      offset: row,
      commitTimeUs: eventTimeUs,
    };
    if (index % 1000 === 0)
      return {
        ...place,
        body: { kind: 'progress', clockUs: eventTimeUs, phase: 'live', definition: row === 0 ? definition : undefined },
      };
    const features = Object.fromEntries(
      Array.from({ length: FEATURES }, (_, feature) => [
        `feature_${feature}`,
        Math.round(Math.sin(row * 7 + feature) * 1e6) / 1e4,
      ]),
    );
    return {
      ...place,
      body: {
        kind: 'features',
        key: `["${definition.pipelineId * 10_000_000 + row}"]`,
        eventTime: new Date(eventTimeUs / 1000).toISOString().replace('T', ' ').replace('Z', '+00'),
        eventTimeUs,
        features: JSON.stringify(features),
        late: false,
      },
    };
  });
}

/** CPU of the server and all its sessions, those that ended included, ms (Linux; 10 ms steps). Elsewhere 0. */
function postgresCpuMs(pid: number): number {
  let ticks = 0;
  try {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const stat = statOf(entry);
      if (stat === undefined) continue;
      if (entry === String(pid)) ticks += stat.own + stat.children;
      else if (stat.parent === pid) ticks += stat.own;
    }
  } catch {
    return 0;
  }
  return ticks * 10;
}

function statOf(pid: string): { readonly parent: number; readonly own: number; readonly children: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1]!, own: fields[11]! + fields[12]!, children: fields[13]! + fields[14]! };
  } catch {
    return undefined;
  }
}
