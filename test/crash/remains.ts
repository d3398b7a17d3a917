// What a run leaves in the warehouse, as far as it must not depend on kills; and checks of it against the source tables.

import { PostgresScoreStore } from '../../src/scores/postgres-score-store.ts';
import type { World } from './world.ts';

export interface ScoreRow {
  readonly id: number;
  readonly features: string;
  readonly label: string | null;
  readonly score: number | null;
  readonly prediction: string | null;
  readonly measured_score: number | null;
  readonly measured_features: string | null;
  readonly model_version: string;
  readonly explanation: string | null;
}

export interface Remains {
  readonly rows: readonly ScoreRow[];
  /** Keys of the driving table. */
  readonly sourceKeys: readonly number[];
  readonly examples: number;
  readonly outcomes: readonly Outcome[];
  /** `millrace.metrics`, without the times. */
  readonly metrics: readonly Metric[];
  /** The saved model, after the last drain. */
  readonly model: string;
  readonly alerts: readonly number[];
  readonly deadLetters: number;
}

export interface Outcome {
  readonly partition: number;
  readonly score: number;
  readonly label: string | null;
  readonly prior: string | null;
}

export interface Metric {
  readonly period: string;
  readonly metric: string;
  readonly value: number | null;
  readonly examples: string;
}

export async function remainsOf(world: World): Promise<Remains> {
  const { database } = world;
  const [id] = await database.query<{ pipelineId: number; generation: number }>(
    `select id::int as "pipelineId", generation from millrace._pipelines where name = 'fraud'`,
  );
  await using store = new PostgresScoreStore(database.url, 'crash test');
  const checkpoint = await store.checkpoint(id!);
  let examples = checkpoint?.examples ?? 0;
  for await (const waiting of store.examplesAfter(id!, checkpoint?.cursors ?? [])) examples += waiting.examples.length;
  const outcomes: Outcome[] = [];
  for await (const { partition, outcomes: some } of store.outcomesAfter(id!, []))
    outcomes.push(...some.map(({ score, label, prior }) => ({ partition, score, label, prior })));
  const keys = await database.query<{ id: number }>('select id::int as id from payments order by id');
  const alerts = await database.query<{ id: number }>(
    `select (key::json ->> 0)::int as id from millrace._alerts order by 1`,
  );
  const [dead] = await database.query<{ n: number }>('select count(*)::int as n from millrace._dead_letters');
  return {
    rows: await database.query<ScoreRow>(
      `select id::int as id, features::text, label, score, prediction, measured_score, measured_features::text, model_version, explanation::text
         from fraud_scores order by fraud_scores.id`,
    ),
    sourceKeys: keys.map((row) => row.id),
    examples,
    outcomes,
    metrics: await database.query<Metric>(
      'select period, metric, value, examples from millrace.metrics order by period, metric',
    ),
    model: Buffer.from(checkpoint?.state ?? []).toString('base64'),
    alerts: alerts.map((row) => row.id),
    deadLetters: dead!.n,
  };
}

/** The parts that do not depend on how partitions interleave in what the model learned. */
export function withoutScores(remains: Remains): unknown {
  return {
    rows: remains.rows.map(({ id, features, label, measured_features }) => ({
      id,
      features,
      label,
      measured_features,
    })),
    sourceKeys: remains.sourceKeys,
    examples: remains.examples,
    outcomes: remains.outcomes.length,
    // `recent` is a window over the outcomes as they were folded, which partitions take turns in.
    measured: remains.metrics
      .filter(({ period }) => period === 'all')
      .map(({ metric, examples }) => ({ metric, examples })),
    deadLetters: remains.deadLetters,
  };
}

/** Rows whose features are not what the view said, floats to 1e-9 of their size; a few, for the message. */
export function differing(rows: readonly ScoreRow[], expected: ReadonlyMap<number, Features>): string[] {
  const different: string[] = [];
  for (const row of rows) {
    const wanted = expected.get(row.id);
    const found = JSON.parse(row.features) as Features;
    if (!wanted) different.push(`${row.id}: the view has no such row`);
    else if (Object.keys(wanted).some((name) => !same(wanted[name], found[name])))
      different.push(`${row.id}: ${row.features} instead of ${JSON.stringify(wanted)}`);
    if (different.length > 5) break;
  }
  return different;
}

export type Features = Readonly<Record<string, unknown>>;

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
}

/** The view's rows for these keys as of now; its windows are by customer, so that Postgres need not compute them all. */
export async function askView(
  world: World,
  payments: readonly { readonly id: number; readonly customerId: number }[],
): Promise<ReadonlyMap<number, Features>> {
  const answer = await world.writer.query<{ id: number; features: Features }>({
    name: 'ask view',
    text: `select id::int as id, to_jsonb(v) - 'id' - 'created_at' as features from fraud_features v
            where customer_id = any($1::int[]) and id = any($2::bigint[])`,
    values: [payments.map(({ customerId }) => customerId), payments.map(({ id }) => id)],
  });
  return new Map(answer.rows.map(({ id, features }) => [id, features]));
}
