// What connector and sink report of every pipeline, and what millrace.status says of it. Reports are one statement whatever the
// number of pipelines; each side writes its own columns.

import type pg from 'pg';

/** A pipeline as its connector sees it. */
export interface ConnectorReport {
  readonly pipelineId: number;
  readonly generation: number;
  readonly state:
    | 'starting'
    | 'backfilling'
    | 'catching up'
    | 'running'
    | 'degraded'
    | 'paused'
    | 'failed'
    | 'needs rebuild'
    | 'dropping';
  readonly reason: string | undefined;
  readonly hint: string | undefined;
  readonly backfillDone: number | undefined;
  readonly backfillTotal: number | undefined;
  readonly lagBytes: number;
  readonly lagMs: number;
  readonly rowsPerSecond: number;
  /** WAL that the slot keeps for this pipeline. */
  readonly retainedWalBytes: number;
  readonly walBudgetBytes?: number | undefined;
  /** Until the budget is gone, at the present rate. */
  readonly walBudgetLeftSeconds?: number | undefined;
  readonly stateKeys: number;
  readonly stateBytes: number;
}

/** A pipeline as a sink sees it. */
export interface SinkReport {
  readonly pipelineId: number;
  /** Why nothing is written right now; undefined where all is well. */
  readonly reason: string | undefined;
  readonly hint: string | undefined;
  /** Records of the topic that are not yet in the warehouse. */
  readonly lagRecords: number;
  /** Between a commit and its score, of the last batch. */
  readonly lagMs: number;
  readonly rowsPerSecond: number;
}

/** Writes what a connector sees, and that it is here. Pipelines that are gone are passed over. */
export async function reportStatus(client: pg.ClientBase, reports: readonly ConnectorReport[]): Promise<void> {
  if (reports.length === 0) return;
  const rows = reports.map((report) => ({
    pipeline_id: report.pipelineId,
    generation: report.generation,
    state: report.state,
    reason: report.reason,
    hint: report.hint,
    lag_bytes: Math.round(report.lagBytes),
    lag_ms: Math.round(report.lagMs),
    rows_per_s: report.rowsPerSecond,
    retained_wal_bytes: Math.round(report.retainedWalBytes),
    wal_budget_bytes: rounded(report.walBudgetBytes),
    wal_budget_left_s: report.walBudgetLeftSeconds,
    backfill_done: rounded(report.backfillDone),
    backfill_total: rounded(report.backfillTotal),
    state_keys: Math.round(report.stateKeys),
    state_bytes: Math.round(report.stateBytes),
  }));
  await upsert(client, Object.keys(rows[0]!), 'connector_seen_at', rows);
}

/** Writes what a sink sees, and that it is here. */
export async function reportSink(client: pg.ClientBase, reports: readonly SinkReport[]): Promise<void> {
  if (reports.length === 0) return;
  const rows = reports.map((report) => ({
    pipeline_id: report.pipelineId,
    sink_reason: report.reason,
    sink_hint: report.hint,
    sink_lag_records: Math.round(report.lagRecords),
    sink_lag_ms: Math.round(report.lagMs),
    sink_rows_per_s: report.rowsPerSecond,
  }));
  await upsert(client, Object.keys(rows[0]!), 'sink_seen_at', rows);
}

/** @param columns our own names, the first the primary key; never from outside */
async function upsert(
  client: pg.ClientBase,
  columns: readonly string[],
  seenAt: 'connector_seen_at' | 'sink_seen_at',
  rows: readonly object[],
): Promise<void> {
  const list = columns.join(', ');
  const changes = columns.slice(1).map((column) => `${column} = excluded.${column}`);
  // Sorted, so that two reporters never lock rows crosswise.
  await client.query(
    `insert into millrace._status (${list}, ${seenAt})
     select ${columns.map((column) => `r.${column}`).join(', ')}, clock_timestamp()
       from json_populate_recordset(null::millrace._status, $1::json) r
       join millrace._pipelines p on p.id = r.pipeline_id
      order by r.pipeline_id
     on conflict (pipeline_id) do update set ${changes.join(', ')}, ${seenAt} = excluded.${seenAt}`,
    [JSON.stringify(rows)],
  );
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value);
}

/** A row of millrace.status. Lags in bytes, milliseconds and records; times as Postgres prints them. */
export interface PipelineStatusRow {
  readonly pipeline: string;
  readonly pipelineId: number;
  /** As in docs/design.md, section 4. */
  readonly state: string;
  readonly reason: string | null;
  readonly hint: string | null;
  readonly desired: string;
  readonly generation: number;
  readonly backfillDone: number | null;
  readonly backfillTotal: number | null;
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  readonly lagRecords: number | null;
  readonly rowsPerSecond: number | null;
  readonly scoresPerSecond: number | null;
  readonly retainedWalBytes: number | null;
  readonly walBudgetBytes: number | null;
  readonly walBudgetLeft: string | null;
  /** Rows that could not be computed and stand in millrace.dead_letters. */
  readonly deadLetters: number;
  readonly stateKeys: number | null;
  readonly stateBytes: number | null;
  readonly connectorSeenAt: string | null;
  readonly sinkSeenAt: string | null;
  /** Null: no model is trained beside the serving one. */
  readonly retraining: RetrainingRow | null;
}

/** A row of millrace.retrainings that has not ended. */
export interface RetrainingRow {
  readonly command: number;
  readonly state: 'waiting for the sink' | 'training' | 'trained' | 'comparing';
  /** Stored examples that it is trained on, and those that it has learned. */
  readonly examples: number | null;
  readonly trained: number | null;
  /** Examples that both models were compared on, and after how many it is given up. */
  readonly judged: number | null;
  readonly patience: number;
  readonly loss: number | null;
  readonly servingLoss: number | null;
}

/** What millrace.status says now, one row a pipeline, by name. */
export async function readStatus(client: pg.ClientBase): Promise<PipelineStatusRow[]> {
  const result = await client.query<{ row: PipelineStatusRow }>(
    `select json_build_object(
       'pipeline', pipeline, 'pipelineId', pipeline_id, 'state', state, 'reason', reason, 'hint', hint, 'desired', desired,
       'generation', generation, 'backfillDone', backfill_done, 'backfillTotal', backfill_total, 'lagBytes', lag_bytes,
       'lagMs', lag_ms, 'lagRecords', lag_records, 'rowsPerSecond', rows_per_s, 'scoresPerSecond', scores_per_s,
       'retainedWalBytes', retained_wal_bytes, 'walBudgetBytes', wal_budget_bytes, 'walBudgetLeft', wal_budget_left::text,
       'deadLetters', dead_letters, 'stateKeys', state_keys, 'stateBytes', state_bytes,
       'connectorSeenAt', connector_seen_at::text, 'sinkSeenAt', sink_seen_at::text,
       'retraining', (select json_build_object('command', r.command, 'state', r.state, 'examples', r.examples, 'trained', r.trained,
                        'judged', r.judged, 'patience', r.patience, 'loss', r.loss, 'servingLoss', r.serving_loss)
                        from millrace.retrainings r where r.pipeline = s.pipeline and r.ended_at is null
                       order by r.command desc limit 1)) as row
     from millrace.status s order by pipeline, pipeline_id`,
  );
  return result.rows.map(({ row }) => row);
}
