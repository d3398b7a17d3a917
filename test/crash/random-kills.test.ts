// 20,000 payments while connector and sink are killed at random moments, on every stream: it must end as undisturbed.

import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { comparePositions, isAfter, type Position } from '../../src/flow/position.ts';
import { kafkaBrokers } from '../support/kafka.ts';
import { expectLabels } from './expected-labels.ts';
import { LABEL_WAIT_US, makeHistory, seeded } from './history.ts';
import { askView, differing, remainsOf, withoutScores, type Features, type Remains } from './remains.ts';
import { topicContents } from './topic-contents.ts';
import type { Life } from './life.ts';
import { World, type Stage } from './world.ts';

const SEED = Number(process.env['MILLRACE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const KILLS = 15;
/** Some die while they start, some at work, some soon after they have made something durable in this life. */
const SHARE_OF_EARLY_DEATHS = 0.2;
const SHARE_OF_DEATHS_AT_WORK = 0.3;
const LONGEST_START_MS = 1000;
const LONGEST_WORK_MS = 1500;
/** Where a life has nothing more to make durable, it ends all the same. */
const LONGEST_LIFE_MS = 6000;
const WORKING: Readonly<Record<Stage, string>> = { connector: 'reading the stream', sink: '"state":"running"' };
/** Between two transactions of the history, so that they come while the processes live. */
const PAUSE_MS = 8;
const LIMIT_MS = 280_000;

const brokers = await kafkaBrokers();
const history = makeHistory({ seed: SEED, days: 20, paymentsPerDay: 1000 });
const expected = expectLabels(history, LABEL_WAIT_US);

let undisturbed: Remains;
/** What the view said of each row right after the last commit that changed it. */
const fromView = new Map<number, Features>();

beforeAll(async () => {
  console.log(`MILLRACE_SEED=${SEED}: ${history.length} transactions`);
  await using world = await World.open({ partitions: 1, brokers: undefined });
  await world.createPipeline();
  await world.catchUp('connector');
  for (const transaction of history) {
    await world.write(transaction);
    const answer = await askView(world, transaction.payments);
    for (const { id } of transaction.payments) {
      const features = answer.get(id);
      if (features) fromView.set(id, features);
      else fromView.delete(id);
    }
  }
  await world.catchUp('connector');
  await world.catchUp('sink');
  undisturbed = await remainsOf(world);
}, LIMIT_MS);

test('the undisturbed run has what the view said, and learned every label once', () => {
  expect(undisturbed.rows.map(({ id }) => id)).toEqual(undisturbed.sourceKeys);
  expect(undisturbed.rows.length).toBeGreaterThan(19_000);
  expect([...fromView.keys()].sort((a, b) => a - b)).toEqual(undisturbed.sourceKeys);
  expect(differing(undisturbed.rows, fromView)).toEqual([]);
  expect(undisturbed.deadLetters).toBe(0);
  expectEveryLabelOnce(undisturbed);
});

describe.each([
  { stream: 'embedded', partitions: 1 },
  { stream: 'kafka', partitions: 1 },
  { stream: 'kafka', partitions: 4 },
])('$stream with $partitions partitions', ({ stream, partitions }) => {
  test.skipIf(stream === 'kafka' && brokers === undefined)(
    `connector and sink, killed ${KILLS} times each, end as undisturbed`,
    async () => {
      await using world = await World.open({ partitions, brokers: stream === 'kafka' ? brokers : undefined });
      await world.createPipeline();
      await world.catchUp('connector');
      await killThrough(world, seeded(SEED + partitions));
      await world.catchUp('connector');
      await world.catchUp('sink');
      const remains = await remainsOf(world);
      expect(differing(remains.rows, fromView)).toEqual([]);
      expectEveryLabelOnce(remains);
      if (partitions === 1) expect(remains).toEqual(undisturbed);
      else expect(withoutScores(remains)).toEqual(withoutScores(undisturbed));
      expectEachPositionOnce((await topicContents(world)).map((records) => records.map(({ position }) => position)));
    },
    LIMIT_MS,
  );
});

function expectEveryLabelOnce(remains: Remains): void {
  expect(remains.examples).toBe(expected.examples);
  expect(remains.outcomes.length).toBe(expected.outcomes);
  const live = remains.metrics.filter(({ period }) => period === 'all');
  expect(live.length).toBeGreaterThan(0);
  for (const { examples } of live) expect(Number(examples)).toBe(expected.measured);
}

/** Resolves at the random moment at which this life is to end. */
async function moment(world: World, stage: Stage, life: Life, random: () => number): Promise<void> {
  const kind = random();
  const share = random();
  if (kind < SHARE_OF_EARLY_DEATHS) return void (await setTimeout(share * LONGEST_START_MS));
  await life.says(WORKING[stage]);
  if (kind < SHARE_OF_EARLY_DEATHS + SHARE_OF_DEATHS_AT_WORK) return void (await setTimeout(share * LONGEST_WORK_MS));
  const durable = stage === 'connector' ? life.says('checkpoint saved') : world.nextSinkCommit();
  await Promise.race([durable, life.ended, setTimeout(LONGEST_LIFE_MS, undefined, { ref: false })]);
  await setTimeout(share * LONGEST_WORK_MS);
}

/** Writes the history while both processes die and come back; it ends only when the last of them has died. */
async function killThrough(world: World, random: () => number): Promise<void> {
  let kills = 0;
  let killed = (): void => {};
  const stands: string[] = [];
  const lives = async (stage: Stage): Promise<void> => {
    for (let life = 0; life < KILLS; life++) {
      const running = world.start(stage, { untilCaughtUp: false, env: { MILLRACE_LOG_LEVEL: 'debug' } });
      await moment(world, stage, running, random);
      const { code, signal } = await running.kill();
      if (signal !== 'SIGKILL') throw new Error(`the ${stage} ended by itself with ${code}:\n${running.said}`);
      if (stage === 'sink') await world.sinkIsGone();
      else {
        const found = await world.slotAndFolder();
        expect(
          found!.confirmed <= found!.lowest,
          `the slot is at ${found!.confirmed}, the folder at ${found!.lowest}`,
        ).toBe(true);
        stands.push(String(found!.lowest));
      }
      kills += 1;
      killed();
    }
  };
  const write = async (): Promise<void> => {
    for (const [number, transaction] of history.entries()) {
      // Each life has its share of the history, so that none is killed in idleness.
      while (kills < 2 * KILLS && number > (history.length * (kills + 1)) / (2 * KILLS + 1))
        await new Promise<void>((resolve) => (killed = resolve));
      if (kills < 2 * KILLS) await setTimeout(PAUSE_MS);
      await world.write(transaction);
    }
  };
  await Promise.all([lives('connector'), lives('sink'), write()]);
  const [offsets] = await world.database.query('select sum(next_offset)::int as applied from millrace._offsets');
  console.log(
    `${kills} kills; the folder stood at ${new Set(stands).size} places; records in the warehouse after the last: ${JSON.stringify(offsets)}`,
  );
}

/** Behind "drop what is not above the last position" nothing is lost, doubled or out of order. */
function expectEachPositionOnce(partitions: readonly (readonly Position[])[]): void {
  const kept = partitions.map((positions) => {
    let last: Position | undefined;
    return positions.filter((position) => isAfter(position, last) && ((last = position), true));
  });
  // Records for every partition share a position; all others stand in one.
  const all = kept.flat().sort(comparePositions);
  console.log(
    `topic: ${partitions.flat().length} records, ${all.length} after dropping what is not above the last position`,
  );
  const commits = new Map<bigint, Set<number>>();
  for (const { lsn, n } of all) (commits.get(lsn) ?? commits.set(lsn, new Set()).get(lsn)!).add(n);
  for (const [lsn, numbers] of commits)
    expect(Math.max(...numbers), `positions of the commit at ${lsn}`).toBe(numbers.size - 1);
}
