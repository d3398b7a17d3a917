// `alert_when` as a goal: what is one, and that batches, restarts and kills do not show in its alerts.

import { describe, expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import { alertGoalOf } from '../../src/sink/alert-goal.ts';
import type { SinkPorts } from '../../src/sink/ports.ts';
import { openMetrics } from '../../src/sink/quality.ts';
import { PostgresScoreStore } from '../../src/scores/postgres-score-store.ts';
import { installScores } from '../scores/score-tables.ts';
import { createDatabase } from '../support/database.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';
import { killedOften } from './killed-often.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };
const goalOf = (alertWhen: string, change: Partial<SinkDefinition> = {}) =>
  alertGoalOf({ ...definition, alertWhen, ...change });

describe('a goal', () => {
  test('is precision, recall, alerts a day or a share of the rows, in any case and spacing; all else is a condition', () => {
    expect(goalOf('precision >= 0.9')).toEqual({ kind: 'precision', atLeast: 0.9 });
    expect(goalOf('  RECALL>=.8 ')).toEqual({ kind: 'recall', atLeast: 0.8 });
    expect(goalOf('Alerts_per_Day <= 50')).toEqual({ kind: 'alerts_per_day', atMost: 50 });
    expect(goalOf(' ALERT_SHARE <= .01')).toEqual({ kind: 'alert_share', atMost: 0.01 });
    for (const condition of [
      'score > 0.9',
      'precision >= 0.9 and amount > 10',
      '0.9 <= precision',
      'not_precision >= 0.9',
    ])
      expect(goalOf(condition), condition).toBeUndefined();
    expect(alertGoalOf({ ...definition, alertWhen: undefined })).toBeUndefined();
  });

  test('is a condition where the view has a column of that name', () => {
    const features = [...definition.features, { name: 'precision', typeOid: 701, type: 'double precision' }];
    expect(goalOf('precision >= 0.9', { features })).toBeUndefined();
    expect(goalOf('recall >= 0.9', { features })).toMatchObject({ kind: 'recall' });
  });

  const text = { name: 'label', typeOid: 25, type: 'text' };
  test.each([
    ['precision >= 1', {}, /a share between 0 and 1, with >=/, /precision >= 0\.9/],
    ['recall > 0.5', {}, /a share between 0 and 1, with >=/, /recall >= 0\.9/],
    ['precision >= 90%', {}, /a share between 0 and 1/, /precision >= 0\.9/],
    ['alerts_per_day <= 0', {}, /a whole number of alerts from 1 to 4096, with <=/, /alerts_per_day <= 50/],
    ['alerts_per_day <= 2.5', {}, /a whole number/, /alerts_per_day <= 50/],
    ['alerts_per_day >= 5', {}, /with <=/, /alerts_per_day <= 50/],
    ['alert_share <= 0', {}, /a share of the rows from 0\.0001 to 0\.5, with <=/, /alert_share <= 0\.01/],
    ['alert_share <= 1%', {}, /a share of the rows/, /alert_share <= 0\.01/],
    ['alert_share >= 0.01', {}, /with <=/, /alert_share <= 0\.01/],
    ['alert_share <= 0.01', { model: { kind: 'none' } }, /there is no model/, /another model kind/],
    ['precision >= 0.9', { label: undefined }, /needs a boolean label/, /label view with a boolean label/],
    ['precision >= 0.9', { label: text }, /needs a boolean label/, /label view with a boolean label/],
    ['alerts_per_day <= 5', { model: { kind: 'none' } }, /there is no model/, /another model kind/],
  ] as const)('%s is refused with what it may be', (alertWhen, change, message, hint) => {
    let caught: unknown;
    try {
      goalOf(alertWhen, change);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(MillraceError);
    const { code, message: said, hint: advice } = caught as MillraceError;
    expect(code).toBe('SQL_INVALID');
    expect(said).toMatch(message);
    expect(advice).toMatch(hint);
  });
});

/** What a condition over a column that there is not is refused with. */
function portsOf(log: ArrayLog, store: MemoryScoreStore): SinkPorts {
  const base = ports(log, store, seeded(1));
  return {
    ...base,
    openMetrics,
    compileAlert: async (given) => {
      if (given.alertWhen?.includes('scor >')) throw new MillraceError('SQL_INVALID', 'no column "scor"');
      return base.compileAlert(given);
    },
  };
}

async function run(records: readonly StreamRecord[], fetch: () => number, lives = 1): Promise<MemoryScoreStore> {
  const store = new MemoryScoreStore();
  for (let life = 1; life <= lives; life++) {
    const log = new ArrayLog(topic, 1, fetch);
    log.append(records.slice(0, Math.ceil((records.length * life) / lives)));
    await runToEnd(portsOf(log, store));
  }
  return store;
}

/** Without a default label: true ones are two thirds. */
const plain: SinkDefinition = { ...definition, labelWaitUs: undefined, labelDefault: undefined };

const given = (alertWhen: string, seed: number, commits = 600): StreamRecord[] =>
  history({ random: seeded(seed), commits, keys: 400, definition: { ...plain, alertWhen } });

const GOALS = ['precision >= 0.5', 'recall >= 0.5', 'alerts_per_day <= 4000', 'alert_share <= 0.1'];

describe.each(GOALS)('alerts with %s', (alertWhen) => {
  test.each([1, 2])(
    'are the same in batches of 1, 7, 5,000 and of random size, and over restarts (seed %i)',
    async (seed) => {
      const records = given(alertWhen, seed);
      const single = await run(records, () => 1);
      expect(single.alertsRaised).toBeGreaterThan(10);
      const random = seeded(seed + 100);
      for (const fetch of [() => 7, () => 5_000, () => 1 + Math.floor(random() * 40)])
        for (const lives of [1, 12]) expect(contents(await run(records, fetch, lives))).toEqual(contents(single));
    },
  );

  test('are the same when the sink is killed', async () => {
    const records = given(alertWhen, 3);
    const calm = await run(records, () => 50);
    const random = seeded(33);
    const store = await killedOften({
      random,
      chance: 0.05,
      live: (killed, abort) => {
        const log = new ArrayLog(topic, 1, () => 1 + Math.floor(random() * 60));
        log.append(records);
        return runToEnd(portsOf(log, killed), { abort });
      },
    });
    expect(contents(store)).toEqual(contents(calm));
  });
});

test.each([1, 2])(
  'a goal that changes, goes and comes does so at its record, whatever batches and restarts (seed %i)',
  async (seed) => {
    const records = given('precision >= 0.5', seed, 600);
    const changes = [
      'recall >= 0.7',
      'scor > 1',
      'score > 0.7',
      'alerts_per_day <= 4000',
      'alert_share <= 0.1',
      'alert_share <= 0.2',
      'alerts_per_day <= 3000',
      'precision >= 0.55',
      'precision >= 7',
    ];
    const cuts = changes.map((_, index) => Math.floor((records.length * (index + 1)) / (changes.length + 1)));
    const changed = records.flatMap((record, index) => {
      const at = cuts.indexOf(index);
      const alertWhen = changes[at];
      if (alertWhen === undefined) return [record];
      const body = {
        kind: 'progress',
        clockUs: record.commitTimeUs,
        phase: 'live',
        definition: { ...plain, revision: at + 2, alertWhen },
      } as const;
      return [
        { ...record, body },
        { ...record, position: { ...record.position, n: record.position.n + 1 } },
      ];
    });
    const ordered = changed.map((record, index, all) => {
      const before = all[index - 1];
      // A definition that came in between moves the rest of its commit on by one.
      return before?.position.lsn === record.position.lsn && before.position.n >= record.position.n
        ? Object.assign(record, { position: { ...record.position, n: before.position.n + 1 } })
        : record;
    });
    const single = await run(ordered, () => 1);
    expect(single.generation(topic).partitions.get(0)!.state.definition).toMatchObject({
      alertWhen: 'precision >= 0.55',
    });
    expect(single.alertsRaised).toBeGreaterThan(10);
    const random = seeded(seed + 7);
    for (const fetch of [() => 5_000, () => 1 + Math.floor(random() * 40)])
      for (const lives of [1, 15]) expect(contents(await run(ordered, fetch, lives))).toEqual(contents(single));
  },
);

test('the threshold, and what it came to, stand among the metrics', async () => {
  const shownBy = async (alertWhen: string) => {
    const store = await run(given(alertWhen, 5), () => 60);
    return new Map(store.generation(topic).metrics.map((row) => [`${row.period} ${row.metric}`, row]));
  };
  const precision = await shownBy('precision >= 0.5');
  expect(precision.get('recent threshold')!.value).toBeGreaterThan(0);
  expect(precision.get('recent precision')).toMatchObject({ baselineKind: 'base_rate' });
  expect(precision.get('recent recall')!.value).toBeGreaterThan(0);
  const budget = await shownBy('alerts_per_day <= 4000');
  expect(budget.get('recent alerts_per_day')!.value).toBeGreaterThan(0);
  expect(budget.get('recent threshold')!.value).toBeGreaterThan(0);
  const share = await shownBy('alert_share <= 0.1');
  expect(share.get('recent threshold')!.value).toBeGreaterThan(0);
  expect(share.get('recent alert_share')).toMatchObject({ baseline: 0.1, baselineKind: 'nominal' });
  expect(share.get('recent alert_share')!.value).toBeGreaterThan(0);
  expect(share.get('recent alert_share')!.value).toBeLessThan(0.2);
});

test.each(GOALS)('with %s Postgres ends with the alerts that the memory has, over restarts', async (alertWhen) => {
  const records = given(alertWhen, 1, 300);
  const memory = await run(records, () => 1);
  expect(memory.alertsRaised).toBeGreaterThan(3);
  await using database = await createDatabase();
  await installScores(database);
  for (const part of [1 / 3, 2 / 3, 1]) {
    const log = new ArrayLog(topic, 1, () => 23);
    log.append(records.slice(0, Math.ceil(records.length * part)));
    await using store = new PostgresScoreStore(database.url, 'test alerts');
    await runToEnd({ ...portsOf(log, memory), store });
  }
  expect(await database.query('select key, score from millrace._alerts order by key collate "C"')).toEqual(
    [...memory.generation(topic).alerts.values()]
      .map(({ key, score }) => ({ key, score }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
  );
});
