// One Kafka broker for the whole run, started when the first test file asks (kafka.ts), stopped with the run. Test files run
// in other processes, so they ask over HTTP.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startKafka } from './kafka-start.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a GET with `{brokers}` or `{missing}` or `{error}`. */
    kafkaOrigin: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: ReturnType<typeof startKafka> | undefined;
  const server = createServer((_request, response) => {
    started ??= startKafka();
    started.then(
      (kafka) => response.end(JSON.stringify('missing' in kafka ? kafka : { brokers: kafka.brokers })),
      (error: unknown) => response.end(JSON.stringify({ error: String(error) })),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('kafkaOrigin', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const kafka = await started?.catch(() => undefined);
    if (kafka && 'stop' in kafka) await kafka.stop();
  };
}
