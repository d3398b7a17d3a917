// The contract of the connector's durable memory: keyed state and checkpoints of every pipeline of a group, one folder.
// Knows no operator. Implemented over LMDB in this folder and in memory by the simulation; both pass test/contract/state.

import type { Lsn } from '../flow/lsn.ts';
import type { PipelineDefinition } from '../flow/pipeline.ts';
import type { Position } from '../flow/position.ts';

/** Whose folder this is. Compared with the warehouse at every start; a difference stops the group (rule D). */
export interface FolderIdentity {
  /** Random, also kept in the warehouse. */
  readonly folderId: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly slot: string;
  readonly group: string;
}

/** A pipeline generation as of one commit: everything before `endLsn` is in its state and durable in its topic. */
export interface PipelineCheckpoint {
  readonly pipelineId: number;
  readonly generation: number;
  /** In the name of its topic, so that no other folder's is taken for it; missing where topics did not have one yet. */
  readonly mark?: string;
  /**
   * `claimed`: a snapshot is being read, nothing else counts yet. `live`: joined the group's stream.
   * `paused`/`failed`: stands at `endLsn` and keeps the slot there.
   */
  readonly phase: 'claimed' | 'live' | 'paused' | 'failed';
  /** The consistent point of its backfill: transactions committing below are already in it. */
  readonly snapshotLsn: Lsn;
  /** Commit LSN of the last transaction applied. */
  readonly commitLsn: Lsn;
  /** End LSN of the same. The slot is never acknowledged above the lowest of these. */
  readonly endLsn: Lsn;
  readonly clockUs: number;
  /** Step of the last progress record. */
  readonly progressStep: number;
  /** Last published position in each partition; undefined where nothing was. A topic that lacks it is not the one we left. */
  readonly tails: readonly (Position | undefined)[];
  /** The definition that is in force, as of the last transaction applied. */
  readonly definition: PipelineDefinition;
  /** The pinned facts about the views (JSON text) that the program is compiled from, and the hash of the plan. */
  readonly viewFacts: string;
  readonly planHash: string;
  readonly reason: string | undefined;
  /** What to do about the reason, where it has stopped. */
  readonly hint?: string | undefined;
}

/** How far the group as a whole has read: commands at or below it have been carried out. */
export interface GroupCheckpoint {
  /** Commands committed below are in the snapshot that the group started from. */
  readonly snapshotLsn: Lsn;
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
}

export interface StateEntry {
  /** Which of the pipeline's collections: `rows/0`, `labels`, … */
  readonly space: string;
  /** Any text, of any length. */
  readonly key: string;
  /** undefined deletes. */
  readonly value: string | undefined;
}

/** Everything of one checkpoint: applied whole or not at all. */
export interface StateBatch {
  readonly group?: GroupCheckpoint;
  readonly pipelines: readonly {
    readonly checkpoint: PipelineCheckpoint;
    /** Only what changed since the last checkpoint. */
    readonly entries: Iterable<StateEntry>;
  }[];
  /** Generations whose every trace goes. */
  readonly remove?: readonly { readonly pipelineId: number; readonly generation: number }[];
}

export interface StateStore {
  readonly identity: FolderIdentity | undefined;
  setIdentity(identity: FolderIdentity): Promise<void>;
  readonly group: GroupCheckpoint | undefined;
  checkpoints(): readonly PipelineCheckpoint[];
  /** Every entry of one collection, in any order. */
  entries(pipelineId: number, generation: number, space: string): Iterable<readonly [key: string, value: string]>;
  /** Resolves when the batch survives a power cut, not when it is merely visible. */
  commit(batch: StateBatch): Promise<void>;
  /** Bytes on disk. */
  readonly bytes: number;
  [Symbol.asyncDispose](): Promise<void>;
}
