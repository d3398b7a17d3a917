// The example's two nets: ten seeds of each as models alone, and as a user runs them, over the embedded stream and over Kafka. It
// runs from the sources, so that it tests what stands here, not what was built last.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createModel } from '../../src/model/create-model.ts';
import { createDatabase } from '../support/database.ts';
import { kafkaBrokers } from '../support/kafka.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const EXAMPLE = path.join(ROOT, 'examples/breast-cancer');

interface Row {
  readonly id: number;
  readonly values: readonly number[];
  readonly benign: boolean;
}

interface Data {
  readonly MODELS: Readonly<Record<string, { readonly kind: string }>>;
  readRows(): { readonly names: readonly string[]; readonly rows: readonly Row[] };
  split(rows: readonly Row[], seed: number): { readonly training: readonly Row[]; readonly others: readonly Row[] };
}

const { MODELS, readRows, split } = (await import(path.join(EXAMPLE, 'data.mjs'))) as Data;
const { names, rows } = readRows();
const PIPELINES = Object.keys(MODELS);
const brokers = await kafkaBrokers();

/** Scores of the rows to be judged, by id, of a model that has learned the others one by one. */
async function modelScores(pipeline: string, seed: number, splitSeed = 1): Promise<Map<number, number>> {
  const { training, others } = split(rows, splitSeed);
  const model = await createModel({
    options: { ...MODELS[pipeline]!, seed },
    features: names.map((name) => ({ name, typeOid: 701, type: 'double precision' })),
    label: { name: 'label', typeOid: 16, type: 'boolean' },
    seed: 0,
  });
  const featuresOf = ({ values }: Row) => Object.fromEntries(names.map((name, i) => [name, values[i]]));
  for (const row of training) model.learn({ features: featuresOf(row), target: Number(row.benign), weight: 1 });
  const predictions = model.predictMany(others.map(featuresOf));
  return new Map(others.map(({ id }, i) => [id, predictions[i]!.score!]));
}

function accuracyOf(scores: ReadonlyMap<number, number>): number {
  const truth = new Map(rows.map(({ id, benign }) => [id, benign]));
  return [...scores].filter(([id, score]) => score > 0.5 === truth.get(id)).length / scores.size;
}

async function tenOf(accuracy: (seed: number) => Promise<number>): Promise<{ least: number; mean: number }> {
  const all: number[] = [];
  for (let seed = 1; seed <= 10; seed++) all.push(await accuracy(seed));
  return { least: Math.min(...all), mean: all.reduce((sum, one) => sum + one, 0) / 10 };
}

test('400 rows are learned and 169 others judged', () => {
  const { training, others } = split(rows, 1);
  expect([training.length, others.length]).toEqual([400, 169]);
  expect(new Set([...training, ...others].map(({ id }) => id)).size).toBe(569);
});

describe.each(PIPELINES)('%s', (pipeline) => {
  test('judges at least 93 % right with each of ten seeds, and 95 % in the mean', async () => {
    const { least, mean } = await tenOf(async (seed) => accuracyOf(await modelScores(pipeline, seed)));
    expect(least).toBeGreaterThanOrEqual(0.93);
    expect(mean).toBeGreaterThanOrEqual(0.95);
  });

  test('does so too where each seed splits the rows in another way', async () => {
    const { least, mean } = await tenOf(async (seed) => accuracyOf(await modelScores(pipeline, seed, seed)));
    expect(least).toBeGreaterThanOrEqual(0.93);
    expect(mean).toBeGreaterThanOrEqual(0.95);
  });
});

interface Run {
  readonly accuracy: Readonly<Record<string, number>>;
  /** By pipeline: of the rows to be judged, each score by id. */
  readonly scores: Readonly<Record<string, ReadonlyMap<number, number>>>;
  /** By pipeline: a digest of the model as it was saved last, and how many examples it had learned. */
  readonly models: readonly { readonly pipeline: string; readonly state: string; readonly examples: number }[];
}

let embedded: Promise<Run> | undefined;
const overEmbedded = (): Promise<Run> => (embedded ??= runExample([]));

async function expectModelsOwn(run: Run, seed: number): Promise<void> {
  for (const pipeline of PIPELINES) {
    const alone = await modelScores(pipeline, seed);
    expect(run.scores[pipeline]).toEqual(alone);
    expect(run.accuracy[pipeline]).toBe(accuracyOf(alone));
  }
  expect(run.models.map(({ examples }) => examples)).toEqual(PIPELINES.map(() => 400));
}

test('over the embedded stream the example gives the very scores of the models alone', async () => {
  await expectModelsOwn(await overEmbedded(), 1);
}, 300_000);

test('killed in the middle of the training it ends with the same scores and models, bit for bit', async () => {
  expect(await runExample(['--kill'])).toEqual(await overEmbedded());
}, 300_000);

describe.skipIf(brokers === undefined)('over Kafka', () => {
  const kafka = ['--brokers', (brokers ?? []).join(',')];

  test('the example gives the very scores of the models alone', async () => {
    await expectModelsOwn(await runExample([...kafka, '--seed', '2']), 2);
  }, 300_000);

  test('killed in the middle of the training it ends with the same scores and models, bit for bit', async () => {
    expect(await runExample([...kafka, '--kill'])).toEqual(await overEmbedded());
  }, 300_000);
});

async function runExample(flags: readonly string[]): Promise<Run> {
  await using database = await createDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-test-breast-cancer-'));
  try {
    const hooks = path.join(ROOT, 'test/support/typescript-hooks.mjs');
    const script = path.join(EXAMPLE, 'run.mjs');
    const args = ['--import', hooks, script, '--warehouse', database.url, '--data', folder, ...flags];
    const env = { ...process.env, MILLRACE_CLI: path.join(ROOT, 'src/cli.ts') };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 240_000 });
    expect(stdout.includes('killed after 200 rows')).toBe(flags.includes('--kill'));
    const figures = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, { accuracy: number }>;
    const scores: Record<string, Map<number, number>> = {};
    for (const pipeline of PIPELINES) {
      const judged = await database.query<{ id: number; score: number }>(
        `select id, score from ${pipeline}_scores where label is null`,
      );
      const order = split(rows, 1).others.map(({ id }) => id);
      const byId = new Map(judged.map(({ id, score }) => [id, score]));
      expect(byId.size).toBe(169);
      scores[pipeline] = new Map(order.map((id) => [id, byId.get(id)!]));
    }
    const models = await database.query<Run['models'][number]>(
      `select distinct on (m.pipeline_id) p.name as pipeline, encode(sha256(m.state), 'hex') as state, m.examples::int
         from millrace._models m join millrace._pipelines p on p.id = m.pipeline_id order by m.pipeline_id, m.version desc`,
    );
    const accuracy = Object.fromEntries(PIPELINES.map((name) => [name, figures[name]!.accuracy]));
    return { accuracy, scores, models };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
