// What the demo shows while it runs, read from the warehouse with the SQL that anybody could type.

import type pg from 'pg';
import pc from 'picocolors';
import { readStatus } from '../../catalog/status.ts';
import { formatCount, formatMs } from '../../terminal/numbers.ts';
import { drawTable } from '../../terminal/table.ts';

export interface Snapshot {
  readonly state: string;
  readonly reason: string | null;
  readonly backfill: string;
  readonly payments: number;
  readonly scored: number;
  readonly learned: number;
  readonly rowsPerSecond: number;
  readonly lagMs: number;
  /** By period and metric: value and baseline. */
  readonly metrics: ReadonlyMap<
    string,
    { readonly value: number | null; readonly baseline: number | null; readonly examples: number }
  >;
  readonly riskiest: readonly (readonly (string | null)[])[];
}

/** One look at everything. */
export async function look(client: pg.Client): Promise<Snapshot> {
  const [status] = await readStatus(client);
  const counts = await client.query<{ payments: string; scored: string; learned: string | null }>(
    `select (select count(*) from public.payments) as payments, (select count(*) from public.fraud_scores) as scored,
            (select count(*) from public.fraud_scores where label is not null) as learned`,
  );
  const metrics = await client.query<{
    period: string;
    metric: string;
    value: number | null;
    baseline: number | null;
    examples: string;
  }>(
    `select period, metric, value, baseline, examples from millrace.metrics where pipeline = 'fraud' and segment = ''`,
  );
  const riskiest = await client.query<{ row: (string | null)[] }>(
    `select array[s.id::text, round(s.score::numeric, 3)::text, p.amount::text, p.currency, p.category, p.channel, to_char(s.event_time, 'DD Mon HH24:MI'),
                  case s.label when 'true' then 'fraud' when 'false' then 'honest' end] as row
       from (select * from public.fraud_scores where score is not null order by event_time desc limit 500) s join public.payments p using (id)
      order by s.score desc limit 5`,
  );
  const row = counts.rows[0]!;
  const done = status?.backfillDone ?? null;
  return {
    state: status?.state ?? 'starting',
    reason: status?.reason ?? null,
    backfill: done === null ? '' : `${formatCount(done)} of ${formatCount(status?.backfillTotal ?? 0)}`,
    payments: Number(row.payments),
    scored: Number(row.scored),
    learned: Number(row.learned),
    rowsPerSecond: status?.scoresPerSecond ?? status?.rowsPerSecond ?? 0,
    lagMs: status?.lagMs ?? 0,
    metrics: new Map(
      metrics.rows.map((one) => [
        `${one.period} ${one.metric}`,
        { value: one.value, baseline: one.baseline, examples: Number(one.examples) },
      ]),
    ),
    riskiest: riskiest.rows.map((one) => one.row),
  };
}

/** @param nowMs simulated time */
export function drawDashboard(now: Snapshot, nowMs: number, footer: readonly string[]): string {
  const quality = (period: string): string => {
    const auc = now.metrics.get(`${period} roc_auc`);
    if (!auc || auc.value === null) return pc.dim('not yet');
    return `${pc.green(auc.value.toFixed(3))} ${pc.dim(`(${formatCount(auc.examples)} labels)`)}`;
  };
  return [
    `${pc.bold('payments')}  ${new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ')} simulated    ${pc.bold('pipeline')} ${now.state} ${now.backfill}`,
    `${pc.bold('captured')}  ${formatCount(now.payments)}   ${pc.bold('scored')} ${formatCount(now.scored)}   ${pc.bold('learned')} ${formatCount(now.learned)}   ${pc.bold('rate')} ${formatCount(now.rowsPerSecond)}/s   ${pc.bold('lag')} ${formatMs(now.lagMs)}`,
    `${pc.bold('ROC AUC ')}  ${pc.dim('trivial 0.500')}   backfill ${quality('backfill')}   live ${quality('all')}`,
    ...(now.reason === null ? [] : [pc.yellow(now.reason)]),
    '',
    pc.bold('The riskiest of the last 500 payments'),
    now.riskiest.length === 0
      ? pc.dim('none scored yet')
      : drawTable(['id', 'score', 'amount', 'currency', 'category', 'channel', 'time', 'turned out'], now.riskiest),
    '',
    ...footer,
  ].join('\n');
}

/** What was measured, beside trivial answers: live, and in the backfill, where the model began with nothing. */
export function drawQuality(metrics: Snapshot['metrics']): string {
  const names = new Set([...metrics.keys()].map((name) => name.split(' ')[1]!));
  const figures = (period: string, metric: string): readonly string[] => {
    const figure = metrics.get(`${period} ${metric}`);
    return [figure?.value, figure?.baseline].map((value) => value?.toFixed(4) ?? '');
  };
  const labels = (period: string): string => formatCount(metrics.get(`${period} accuracy`)?.examples ?? 0);
  return [
    drawTable(
      ['metric', 'live', 'trivial', 'backfill', 'trivial'],
      [...names].sort().map((metric) => [metric, ...figures('all', metric), ...figures('backfill', metric)]),
    ),
    pc.dim(
      `Measured on the score that a payment had before its label was known: ${labels('all')} live, ${labels('backfill')} in the backfill.\n` +
        'The backfill starts from a model that knows nothing, and no payment counts as honest before it is 5 days old.',
    ),
  ].join('\n');
}
