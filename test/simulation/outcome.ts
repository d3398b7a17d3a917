// What a run leaves that must not depend on kills, failures, batches and fetches; and what the topics must look like.

import assert from 'node:assert';
import type { PipelineDefinition } from '../../src/flow/pipeline.ts';
import { formatPosition, isAfter, type Position } from '../../src/flow/position.ts';
import type { StoredRecord } from '../../src/flow/record.ts';
import type { ScoreRow } from '../../src/scores/score-store.ts';
import { formatTopicName } from '../../src/stream/topic-name.ts';
import type { MemoryGeneration, MemoryPartition } from './memory-score-store.ts';
import { GROUP, type World } from './world.ts';

type PlacedRow = ScoreRow & { readonly partition: number };

export interface PipelineOutcome {
  readonly rows: unknown;
  readonly labels: unknown;
  readonly alerts: unknown;
  readonly deadLetters: unknown;
  readonly outcomes: unknown;
  readonly learner: unknown;
  readonly partitions: unknown;
  readonly topic: readonly (readonly string[])[];
  readonly phase: string | undefined;
}

/** A pipeline's present generation as it stands; `bits` where scores must be the same to the bit (one partition). */
export function outcomeOf(world: World, definition: PipelineDefinition, bits: boolean): PipelineOutcome {
  const id = { pipelineId: definition.id, generation: definition.generation };
  const generation = world.scores.generation(id);
  const partitions = [...generation.partitions].sort(([a], [b]) => a - b).map(([, partition]) => partition);
  const { schema, name } = definition.scoreTable;
  const rows = world.scores.tables.get(`${schema}.${name}`) ?? new Map<string, PlacedRow>();
  return {
    rows: sorted(rows, (row) => ({ ...timeless(row, bits), parsed: undefined })),
    labels: sorted(generation.labels, (label) => (bits ? label : { ...label, measuredScore: 0, measuredAnswer: null })),
    alerts: bits && sorted(generation.alerts, (alert) => ({ ...alert, id: 0, alertedAtUs: 0 })),
    deadLetters: partitions.map(({ deadLetters }) =>
      [...deadLetters].sort((a, b) => Number(a.position.lsn - b.position.lsn) || a.position.n - b.position.n),
    ),
    outcomes: partitions.map(({ outcomes }) =>
      outcomes.map((outcome) => (bits ? outcome : { ...outcome, score: 0, answer: null, modelVersion: 0 })),
    ),
    learner: learnerOf(generation, bits),
    partitions: [...generation.partitions]
      .sort(([a], [b]) => a - b)
      .map(([number, one]) => standing(number, one, rows)),
    topic: topicOf(world, id),
    phase: world.folder.durable
      .checkpoints()
      .find((one) => one.pipelineId === id.pipelineId && one.generation === id.generation)?.phase,
  };
}

function sorted<T>(map: ReadonlyMap<string, T>, shown: (value: T) => unknown): unknown[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, shown(value)]);
}

/** Without what says when it happened in the world's time; without what follows from the order of learning. */
function timeless<T extends object>(row: T, bits: boolean): object {
  const { labelledAtUs } = row as { labelledAtUs?: number | null };
  const shown = { ...row, scoredAtUs: 0, labelledAtUs: labelledAtUs === null ? null : 0 };
  if (bits) return shown;
  const learned = { score: 0, prediction: null, outputs: null, explanation: null, modelVersion: 0 };
  return { ...shown, ...learned, measuredScore: 0, measuredAnswer: null };
}

function learnerOf({ checkpoint, versions, drift, retrainings }: MemoryGeneration, bits: boolean): unknown {
  if (!bits) return { examples: checkpoint?.examples };
  return {
    checkpoint: checkpoint && {
      ...checkpoint,
      serial: 0,
      state: hex(checkpoint.state),
      metrics: Buffer.from(checkpoint.metrics).toString(),
    },
    versions: versions.map((version) => ({ ...version, savedAtUs: 0, state: hex(version.state) })),
    drift: [...drift.values()].map((one) => ({ ...one, noticedAtUs: 0 })),
    retrainings: [...retrainings.all].map(([command, { end }]) => [command, end && { ...end, endedAtUs: 0 }]),
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Where a partition stands. Offsets may differ: a record whose acknowledgement was lost may be there twice. What is listed as due
 * differs by where batches ended; but rows that wait although their time was asked for must be listed.
 */
function standing(number: number, { state, due }: MemoryPartition, rows: ReadonlyMap<string, PlacedRow>): unknown {
  for (const row of rows.values()) {
    const waits = row.partition === number && row.label === null && row.eventTimeUs !== null;
    if (waits && state.dueThroughUs !== undefined && row.eventTimeUs <= state.dueThroughUs)
      assert(due.has(row.key), `${row.key} waits for its default label, and nobody will ask for it`);
  }
  return { ...state, nextOffset: 0 };
}

/** Each partition's records, without repeats. Throws where a position comes twice or out of order in what readers take. */
export function topicOf(world: World, id: { pipelineId: number; generation: number }): string[][] {
  const topic = world.topics.topics.get(formatTopicName({ group: GROUP, mark: world.topicOwner?.mark, ...id }));
  return (topic?.partitions ?? []).map(({ records }) => taken(records).map(showRecord));
}

/** What a reader takes: records above the last position. */
function taken(records: readonly StoredRecord[]): StoredRecord[] {
  let last: Position | undefined;
  return records.filter((record) => {
    if (!isAfter(record.position, last)) return false;
    last = record.position;
    return true;
  });
}

function showRecord({ position, commitTimeUs, body }: StoredRecord): string {
  return `${formatPosition(position)} ${commitTimeUs} ${JSON.stringify(body)}`;
}

/** Records of every topic that are not above the one before: sent again although they were there. */
export function repeats(world: World): number {
  let count = 0;
  for (const topic of world.topics.topics.values())
    for (const { records } of topic.partitions) count += records.length - taken(records).length;
  return count;
}
