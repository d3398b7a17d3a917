// The run's Kafka broker, for test files: `const brokers = await kafkaBrokers()`, and
// `describe.skipIf(brokers === undefined)(…)`. With MILLRACE_REQUIRE containing `kafka` a missing broker is a failure.

import { inject } from 'vitest';

/** Undefined where there is no broker; says why on standard error. */
export async function kafkaBrokers(): Promise<readonly string[] | undefined> {
  const response = await fetch(inject('kafkaOrigin'));
  const answer = (await response.json()) as { brokers?: string[]; missing?: string; error?: string };
  if (answer.brokers) return answer.brokers;
  if (answer.error !== undefined) throw new Error(`the Kafka broker did not start: ${answer.error}`);
  const required = (process.env['MILLRACE_REQUIRE'] ?? '').split(',').includes('kafka');
  if (required) throw new Error(`MILLRACE_REQUIRE asks for kafka: ${answer.missing}`);
  console.error(`Tests over Kafka are skipped: ${answer.missing}.`);
  return undefined;
}
