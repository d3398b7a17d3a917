import { expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { PostgresScoreStore } from '../../src/scores/postgres-score-store.ts';
import { installScores } from '../scores/score-tables.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

const KEEPS = [undefined, 40_000_000, 150_000_000];
const runs = [1, 2, 3].flatMap((seed) => KEEPS.map((keepScoresForUs) => ({ seed, keepScoresForUs })));
test.each(runs)(
  'Postgres ends with the rows that the memory has (seed $seed, kept $keepScoresForUs µs)',
  async (given) => {
    const { seed, keepScoresForUs } = given;
    const records = history({
      random: seeded(seed),
      commits: 250,
      keys: 25,
      definition: { ...definition, keepScoresForUs },
    });
    await using database = await createDatabase();
    await installScores(database);
    const random = seeded(seed);
    const log = new ArrayLog(topic, 1, () => 1 + Math.floor(random() * 60));
    log.append(records);
    await using store = new PostgresScoreStore(database.url, `test ${seed}`);
    await runToEnd(ports(log, store, seeded(1)));
    const memory = new MemoryScoreStore();
    await runToEnd(ports(log, memory, seeded(1)));
    const rows = [...memory.tables.get('public.fraud_scores')!.values()];
    expect(rows.length).toBeGreaterThan(2);
    expect(await scoreRows(database)).toEqual(
      rows
        .map((row) => ({
          id: (JSON.parse(row.key) as string[])[0],
          score: row.score,
          prediction: row.prediction,
          features: row.features,
          at: row.eventTimeUs,
          label: row.label,
          measured_score: row.measuredScore,
          measured_features: row.measuredFeatures,
          model_version: String(row.modelVersion),
          n: String(row.position.n),
        }))
        .sort((a, b) => Number(a.id) - Number(b.id)),
    );
    const generation = memory.generation(topic);
    expect(await database.query('select key, label from millrace._labels order by key collate "C"')).toEqual(
      [...generation.labels.values()]
        .map(({ key, label }) => ({ key, label }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
    expect(
      await database.query('select version::int, examples::int, state from millrace._models order by version'),
    ).toEqual(
      generation.versions.map(({ version, examples, state }) => ({ version, examples, state: Buffer.from(state) })),
    );
    const outcomes = await database.query(
      `select s.score, s.label, s.prior from millrace._outcomes, unnest(scores, labels, prior_labels) with ordinality s(score, label, prior, i) order by to_lsn, to_n, to_i, s.i`,
    );
    expect(outcomes).toEqual(
      generation.partitions.get(0)!.outcomes.map(({ score, label, prior }) => ({ score, label, prior })),
    );
    expect(await database.query('select key from millrace._alerts order by key collate "C"')).toEqual(
      [...generation.alerts.keys()].sort().map((key) => ({ key })),
    );
    expect(await database.query('select count(*)::int as n from millrace._dead_letters')).toEqual([
      { n: generation.partitions.get(0)!.deadLetters.length },
    ]);
  },
);

const scoreRows = (database: TestDatabase): Promise<unknown[]> =>
  database.query(`select id::text, score, prediction, features::text, (extract(epoch from event_time) * 1000000)::float8 as at, label,
    measured_score, measured_features::text, model_version, position_n as n from fraud_scores order by fraud_scores.id`);
