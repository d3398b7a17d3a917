// The recorded facts are what a real Postgres says of the views. MILLRACE_RECORD_FIXTURES=1 records them again.

import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sinkDefinitionOf } from '../../src/connector/sink-definition.ts';
import { compilePipeline, type ViewFacts } from '../../src/transform/compile.ts';
import { describePipeline } from '../../src/transform/describe.ts';
import { alertColumns, describePredicate, type PredicateFacts } from '../../src/transform/predicate.ts';
import { createDatabase } from '../support/database.ts';
import { ALERTS, FIXTURES, PIPELINES, readFixtures, SHOP, type Fixtures } from './pipelines.ts';

test('Postgres describes the views of the simulation as they were recorded', async () => {
  await using database = await createDatabase();
  await database.query(SHOP);
  const client = await database.connect();
  const views: Record<string, ViewFacts> = {};
  for (const definition of PIPELINES) views[definition.name] = await describePipeline(client, definition);
  const fraud = PIPELINES[0]!;
  const columns = alertColumns(sinkDefinitionOf(fraud, compilePipeline(views[fraud.name]!, fraud)));
  const alerts: Record<string, PredicateFacts> = {};
  for (const condition of ALERTS) alerts[condition] = await describePredicate(client, condition, columns, 'UTC');
  const found: Fixtures = { views, alerts };
  if (process.env['MILLRACE_RECORD_FIXTURES'] === '1') writeFileSync(FIXTURES, `${JSON.stringify(found, null, 1)}\n`);
  expect(withoutServer(found)).toEqual(withoutServer(readFixtures()));
});

/** A server gives tables OIDs of its own, and may be of another major version. */
function withoutServer(fixtures: Fixtures): unknown {
  return JSON.parse(
    JSON.stringify(fixtures, (name, value: unknown) =>
      name === 'serverMajor'
        ? 0
        : name === 'tables'
          ? (value as { oid: number }[]).map((one) => ({ ...one, oid: 0 }))
          : value,
    ),
  );
}
