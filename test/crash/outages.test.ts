// The servers that connector and sink need go away while they work, or are not there yet: both say what they wait for, connect
// again with back-off, and end as if nothing had been away.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { freePort, startLocalPostgres } from '../../src/warehouse/local-postgres.ts';
import { databaseOn } from '../support/database.ts';
import { kafkaBrokers } from '../support/kafka.ts';
import { freeBrokerPort, missingForJava, startBroker } from '../support/kafka-start.ts';
import { makeHistory, type HistoryTransaction } from './history.ts';
import type { Life } from './life.ts';
import { remainsOf, type Remains } from './remains.ts';
import { World, type Stage } from './world.ts';

const STAGES: readonly Stage[] = ['connector', 'sink'];
const history = makeHistory({ seed: 23, days: 6, paymentsPerDay: 200 });
const brokers = await kafkaBrokers();
const LIMIT_MS = 240_000;

const part = (number: number, of: number): readonly HistoryTransaction[] =>
  history.slice(Math.floor((history.length * number) / of), Math.floor((history.length * (number + 1)) / of));

let undisturbed: Remains;

beforeAll(async () => {
  await using world = await World.open({ partitions: 1, brokers: undefined });
  await world.createPipeline();
  await world.catchUp('connector');
  for (const transaction of history) await world.write(transaction);
  await world.catchUp('connector');
  await world.catchUp('sink');
  undisturbed = await remainsOf(world);
});

test('the undisturbed run has a score for every payment, and learned', () => {
  expect(undisturbed.rows.map(({ id }) => id)).toEqual(undisturbed.sourceKeys);
  expect(undisturbed.rows.length).toBeGreaterThan(1000);
  expect(undisturbed.examples).toBeGreaterThan(500);
});

test(
  'a warehouse that crashes and comes back is waited for by name, and nothing is lost or done twice',
  async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const settings = { fsync: 'off' };
    let server = await startLocalPostgres({ folder, port, settings });
    try {
      await using world = await World.open({
        partitions: 1,
        brokers: undefined,
        database: await databaseOn(server.url, 'outage'),
      });
      await world.createPipeline();
      await world.catchUp('connector');
      const running = startBoth(world);
      // A warehouse that is away at the very start ends them, with the reason: it is a wrong URL more often than an outage.
      await running.connector.says('reading the stream');
      await running.sink.says('"state":"running"');
      const scored = world.nextSinkCommit();
      for (const transaction of part(0, 3)) await world.write(transaction);
      await scored;
      for (const transaction of part(1, 3)) await world.write(transaction);
      await server.stop('immediate');
      await each(running, (life) => life.says(`cannot connect to 127.0.0.1:${port}`));
      expectWaiting(running);
      server = await startLocalPostgres({ folder, port, settings });
      await world.reconnect();
      const committed = world.nextSinkCommit();
      for (const transaction of part(2, 3)) await world.write(transaction);
      await committed;
      await drained(running);
      await world.catchUp('connector');
      await world.catchUp('sink');
      expect(await remainsOf(world)).toEqual(undisturbed);
    } finally {
      await server.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    }
  },
  LIMIT_MS,
);

// A broker of its own, which only Java can start and stop.
test.skipIf(brokers === undefined || missingForJava() !== undefined)(
  'a broker that is not there yet, and goes away later, is waited for by name, and nothing is lost or done twice',
  async () => {
    const folder = temporaryFolder();
    const port = await freeBrokerPort();
    const away = `Kafka at 127.0.0.1:${port} cannot be used`;
    let broker: Awaited<ReturnType<typeof startBroker>> | undefined;
    try {
      await using world = await World.open({ partitions: 1, brokers: [`127.0.0.1:${port}`] });
      await world.createPipeline();
      const running = startBoth(world);
      await each(running, (life) => life.says(away));
      expectWaiting(running);
      const begun = world.nextSinkCommit();
      broker = await startBroker(folder, port);
      await begun;
      const scored = world.nextSinkCommit();
      for (const transaction of part(0, 3)) await world.write(transaction);
      await scored;
      for (const life of Object.values(running)) life.forget();
      await broker.stop();
      for (const transaction of part(1, 3)) await world.write(transaction);
      await each(running, (life) => life.says(away));
      expectWaiting(running);
      const scoredAgain = world.nextSinkCommit();
      broker = await startBroker(folder, port);
      await scoredAgain;
      for (const transaction of part(2, 3)) await world.write(transaction);
      await drained(running);
      await world.catchUp('connector');
      await world.catchUp('sink');
      expect(await remainsOf(world)).toEqual(undisturbed);
    } finally {
      await broker?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  LIMIT_MS,
);

type Running = Readonly<Record<Stage, Life>>;

function startBoth(world: World): Running {
  const [connector, sink] = STAGES.map((stage) => world.start(stage, { untilCaughtUp: false }));
  return { connector: connector!, sink: sink! };
}

async function each(running: Running, wait: (life: Life) => Promise<void>): Promise<void> {
  await Promise.all(Object.values(running).map(wait));
}

/** It said so and lives: `says` also returns when the process ends. */
function expectWaiting(running: Running): void {
  for (const stage of STAGES) {
    const life = running[stage];
    expect(life.isRunning, `${stage}:\n${life.said}`).toBe(true);
    expect(life.said).toMatch(/"waitMs":|"a pipeline waits"/);
  }
}

async function drained(running: Running): Promise<void> {
  for (const stage of STAGES) {
    const { code, signal } = await running[stage].drain();
    expect(code ?? signal, `${stage}:\n${running[stage].said}`).toBe(0);
  }
}

function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'millrace-outage-'));
}
