// The example as a user runs it, against the numbers that River has on the same rows.

import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';
import { kafkaBrokers } from '../support/kafka.ts';

const ROWS = 1250;

interface Figures {
  readonly metrics: { readonly accuracy: number; readonly log_loss: number };
  readonly scores: { readonly sites: number; readonly accuracy: number; readonly log_loss: number };
}

interface Run {
  readonly figures: Figures;
  /** Every score as it was measured, in the order of the rows. */
  readonly measured: readonly number[];
}

const brokers = await kafkaBrokers();
let embedded: Promise<Run> | undefined;
const overEmbedded = (): Promise<Run> => (embedded ??= run());

test('over the embedded stream the phishing example is as good as River', async () => {
  expectRiver(await overEmbedded());
}, 300_000);

test.skipIf(brokers === undefined)(
  'over Kafka the phishing example gives the same scores, bit for bit',
  async () => {
    const kafka = await run(brokers);
    expectRiver(kafka);
    expect(kafka).toEqual(await overEmbedded());
  },
  600_000,
);

function expectRiver({ figures, measured }: Run): void {
  expect(figures.scores.sites).toBe(ROWS);
  for (const { accuracy, log_loss } of [figures.metrics, figures.scores]) {
    expect(Math.abs(accuracy - 0.8928)).toBeLessThanOrEqual(0.005);
    expect(Math.abs(log_loss - 0.33)).toBeLessThanOrEqual(0.01);
  }
  expect(measured.length).toBe(ROWS);
  // Nothing was known before the first.
  expect(measured[0]).toBe(0.5);
}

async function run(brokers?: readonly string[]): Promise<Run> {
  await using example = await runExample('phishing', brokers);
  const rows = await example.database.query<{ measured_score: number }>(
    'select measured_score from phishing_scores order by site',
  );
  return { figures: example.figures as Figures, measured: rows.map((row) => row.measured_score) };
}
