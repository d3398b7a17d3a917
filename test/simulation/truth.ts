// What the score tables must say by the owner's last tables alone, without any other run to compare with.

import assert from 'node:assert';
import { partitionOf } from '../../src/flow/partition.ts';
import type { PipelineDefinition } from '../../src/flow/pipeline.ts';
import { parseTimestamp } from '../../src/flow/types/timestamp.ts';
import { CHARGEBACKS, PAYMENTS } from './pipelines.ts';
import type { Disturbed } from './schedule.ts';

type Cells = Record<string, string | null>;

/** Which payments have a score, by pipeline: its WHERE, less the rows that cannot be computed. */
const IN_VIEW: Readonly<Record<string, (row: Cells) => boolean>> = {
  fraud: (row) => row['amount'] !== null,
  amount: (row) => row['quantity'] !== '0',
  returns: (row) => Number(row['quantity'] ?? 0) > 0,
};

/** The label that its view gives, null where it gives none. */
function labelOf(name: string, row: Cells, chargebacks: readonly Cells[]): string | null {
  if (name === 'fraud') return chargebacks.some((one) => one['payment_id'] === row['id']) ? 'true' : null;
  if (name === 'amount') return Number(row['amount'] ?? 0) > 40 ? row['amount']! : null;
  return row['fraud'] === null ? null : row['fraud'] === 't' ? 'stolen' : 'sent back';
}

/** Throws where a pipeline is not in the phase that was asked for, or a score table is not that of the tables as they are. */
export function checkTruth({ plan, world, definitions }: Disturbed): void {
  const checkpoints = world.folder.durable.checkpoints();
  const ids = definitions.map(({ id }) => id).sort((a, b) => a - b);
  assert.deepStrictEqual(
    checkpoints.map(({ pipelineId }) => pipelineId).sort((a, b) => a - b),
    ids,
    'pipelines that are here',
  );
  for (const definition of definitions) {
    const checkpoint = checkpoints.find(({ pipelineId }) => pipelineId === definition.id)!;
    const { name } = definition;
    assert.equal(checkpoint.generation, definition.generation, `${name}: generation`);
    assert.equal(
      checkpoint.phase,
      definition.desired === 'paused' ? 'paused' : 'live',
      `${name}: phase (${checkpoint.reason})`,
    );
    if (checkpoint.phase === 'paused') continue;
    assert.equal(checkpoint.definition.revision, definition.revision, `${name}: revision`);
    // An update of a row whose state has gone leaves its score as it is (docs/correctness.md, rule B, deviation 1).
    if (plan.lateByUs > 1e9) checkRows(definition, { plan, world });
  }
}

function checkRows(definition: PipelineDefinition, { world }: Pick<Disturbed, 'plan' | 'world'>): void {
  const { name, scoreTable } = definition;
  const chargebacks = world.warehouse.rows(CHARGEBACKS);
  const payments = world.warehouse.rows(PAYMENTS).filter(IN_VIEW[name]!);
  const table = world.scores.tables.get(`${scoreTable.schema}.${scoreTable.name}`) ?? new Map();
  const keyOf = (row: Cells): string => JSON.stringify([row['id']]);
  const { partitions } = world.scores.generation({ pipelineId: definition.id, generation: definition.generation });
  const kept = payments.filter((payment) => {
    const partition = partitions.get(partitionOf(keyOf(payment), partitions.size));
    // Of pipelines without label_wait: rows go whether they have their label or not.
    const created = payment['created_at'] ?? null;
    if (created === null || partition?.state.expired === undefined) return true;
    return Number(parseTimestamp(created)) > partition.state.expired.throughUs;
  });
  assert.deepStrictEqual([...table.keys()].sort(), kept.map(keyOf).sort(), `${name}: keys`);
  for (const payment of kept) {
    const { label } = table.get(keyOf(payment))!;
    const expected = labelOf(name, payment, chargebacks);
    // By default false when the wait is over, which the topic alone says exactly.
    const unlabelled = expected === null && (label === null || (name === 'fraud' && label === 'false'));
    assert(label === expected || unlabelled, `${name}: the label of ${payment['id']} is ${label}, not ${expected}`);
  }
}
