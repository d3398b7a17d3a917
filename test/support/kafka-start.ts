// Finds or starts a Kafka broker, in this order: MILLRACE_TEST_BROKERS; a Docker daemon; Java and Maven.

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const IMAGE = 'apache/kafka:4.1.1';
const STOP_WITHIN_MS = 10_000;

export interface StartedKafka {
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

/** A broker, or why there is none. */
export async function startKafka(): Promise<StartedKafka | { readonly missing: string }> {
  const given = process.env['MILLRACE_TEST_BROKERS'];
  if (given) return { brokers: given.split(','), stop: async () => {} };
  const contained = await startInDocker();
  if (contained) return contained;
  const program = missingForJava();
  if (program !== undefined) return { missing: `no MILLRACE_TEST_BROKERS, no Docker daemon, and no ${program}` };
  return startWithJava();
}

/** The program that {@link startBroker} needs and this machine lacks. */
export function missingForJava(): string | undefined {
  const programs = [
    ['java', '-version'],
    ['mvn', '--version'],
  ] as const;
  return programs.find(([program, argument]) => spawnSync(program, [argument], { stdio: 'ignore' }).status !== 0)?.[0];
}

/** Asks the daemon, since where there is one there need not be a `docker` program. */
async function startInDocker(): Promise<StartedKafka | undefined> {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  const port = await freeBrokerPort();
  const container = await new GenericContainer(IMAGE)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    })
    .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
    .start();
  return { brokers: [`${container.getHost()}:${port}`], stop: async () => void (await container.stop()) };
}

async function startWithJava(): Promise<StartedKafka> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-test-kafka-'));
  const broker = await startBroker(folder, await freeBrokerPort());
  return {
    brokers: broker.brokers,
    async stop() {
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A broker of the caller's own, by Java and Maven: over the same folder and port it goes on where the last one was stopped. */
export async function startBroker(folder: string, port: number): Promise<StartedKafka> {
  const root = projectRoot();
  const here = path.join(root, 'test/support/kafka-broker');
  const cache = path.join(root, '.cache/kafka');
  // The script leaves the broker running and prints its pid.
  const { stdout } = await promisify(execFile)(path.join(here, 'start'), [cache, folder, String(port)]);
  const pid = Number(stdout.trim());
  return {
    brokers: [`127.0.0.1:${port}`],
    stop: () => kill(pid),
  };
}

/** Benchmarks run a compiled copy of this file, from another folder. */
function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

/** A broker's orderly stop takes seconds and serves nobody here. The process is not our child, so it can only be asked after. */
async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  for (const end = Date.now() + STOP_WITHIN_MS; Date.now() < end;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the broker, pid ${pid}, does not end`);
}

/** The port after it is the controller's, so both must be free. */
export async function freeBrokerPort(): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (port < 65_000 && (await listenOnce(port + 1).catch(() => 0)) !== 0) return port;
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const taken = (server.address() as AddressInfo).port;
      server.close(() => resolve(taken));
    });
  });
}
