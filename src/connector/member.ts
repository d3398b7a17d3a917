// One pipeline of the group: what is known of it, and what its state is called.

import type { PipelineDefinition } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { PipelineCheckpoint, StateStore } from '../state/state-store.ts';
import type { TopicName } from '../stream/log.ts';
import { compilePipeline, type ViewFacts } from '../transform/compile.ts';
import { openTransform } from '../transform/operators/open-transform.ts';
import type { TableInput } from '../transform/pipeline-transform.ts';
import { holdsSlot } from './attachment.ts';
import { asJudged } from './in-force.ts';
import type { PipelineRun } from './pipeline-run.ts';
import type { GenerationId, PipelineState } from './ports.ts';

/** A pipeline that is here: at work, or stopped with a reason. */
export interface Member {
  checkpoint: PipelineCheckpoint;
  /** Undefined while it cannot run at all. */
  run: PipelineRun | undefined;
  /** What it reads, also while it stands still. */
  inputs: readonly TableInput[];
  state: PipelineState;
  reason: string | undefined;
  hint: string | undefined;
  backfillDone: number | undefined;
  backfillTotal: number | undefined;
}

/** Lower than any step of a clock. */
const NO_STEP = Number.MIN_SAFE_INTEGER;

/** It had started, and holds the slot no more: what it missed can no longer be had. */
export function hasLetGo({ phase, endLsn, viewFacts }: PipelineCheckpoint): boolean {
  return phase === 'failed' && endLsn === 0n && viewFacts !== '';
}

export function rebuildHint({ definition }: PipelineCheckpoint): string {
  return `Run \`select millrace.rebuild('${definition.name}')\`.`;
}

/** Mending alone starts nothing: a stopped pipeline waits to be told. */
export function wayOut(checkpoint: PipelineCheckpoint, error: unknown): string {
  const hint = error instanceof MillraceError ? error.hint : undefined;
  if (hint === undefined) return rebuildHint(checkpoint);
  return /rebuild/i.test(hint)
    ? hint
    : `${hint}${/[.;:!?]$/.test(hint) ? '' : '.'} Then: select millrace.rebuild('${checkpoint.definition.name}').`;
}

export function isRunning(member: Member): member is Member & { run: PipelineRun } {
  return member.run !== undefined && member.run.phase === 'live';
}

/** What is changed in its tables concerns it: it runs, or holds the slot until it does. */
export function takesPart(member: Member): boolean {
  return member.run !== undefined || holdsSlot(member.checkpoint);
}

/** The tables of a compiled pipeline; none where this version cannot compile it. */
export function inputsOf({ viewFacts, definition }: PipelineCheckpoint): readonly TableInput[] {
  try {
    const plan = compilePipeline(JSON.parse(viewFacts) as ViewFacts, asJudged(definition));
    return openTransform({ plan, definition }).inputs;
  } catch {
    return [];
  }
}

export function memberOf(checkpoint: PipelineCheckpoint): Member {
  const letGo = hasLetGo(checkpoint);
  const phases = { live: 'catching up', claimed: 'starting', paused: 'paused', failed: 'failed' } as const;
  return {
    checkpoint,
    run: undefined,
    inputs: [],
    state: letGo ? 'needs rebuild' : phases[checkpoint.phase],
    reason: checkpoint.reason,
    hint: checkpoint.phase === 'failed' ? (checkpoint.hint ?? rebuildHint(checkpoint)) : undefined,
    backfillDone: undefined,
    backfillTotal: undefined,
  };
}

export function emptyCheckpoint(definition: PipelineDefinition, partitions: number, mark: string): PipelineCheckpoint {
  return {
    pipelineId: definition.id,
    generation: definition.generation,
    mark,
    phase: 'live',
    snapshotLsn: 0n,
    commitLsn: 0n,
    endLsn: 0n,
    clockUs: 0,
    progressStep: NO_STEP,
    tails: new Array<undefined>(partitions).fill(undefined),
    definition,
    viewFacts: '',
    planHash: '',
    reason: undefined,
  };
}

/** Generations whose topics were made before topics had a mark; they keep the names they have. */
export function unmarkedTopics(state: Pick<StateStore, 'checkpoints'>): readonly GenerationId[] {
  return state
    .checkpoints()
    .filter(({ mark }) => mark === undefined)
    .map(({ pipelineId, generation }) => ({ pipelineId, generation }));
}

export function topicOf(group: string, { mark, pipelineId, generation }: PipelineCheckpoint): TopicName {
  return { group, mark, pipelineId, generation };
}
