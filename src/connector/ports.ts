// What the connector is composed from. Everything that waits, remembers or is random comes in here, so that the very same
// composition runs in production and in a simulation.

import type { PipelineDefinition, SinkDefinition, TableName } from '../flow/pipeline.ts';
import type { Lsn } from '../flow/lsn.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { BackfillSnapshot, Source } from '../source/source.ts';
import type { FolderIdentity, StateStore } from '../state/state-store.ts';
import type { Log } from '../stream/log.ts';
import type { TableInput } from '../transform/pipeline-transform.ts';

/** The warehouse as the connector sees it. */
export interface ConnectorWarehouse {
  /** Which server and slot this is; `slotExists` false before the group's first start. */
  identify(): Promise<WarehouseIdentity>;
  /** Makes publication (first) and slot (then) where they are missing. */
  prepareGroup(folderId: string, signal: AbortSignal): Promise<void>;
  /**
   * Tells the sinks which topics are this group's: those with its folder's mark, and these generations', which have none (they
   * were made by an earlier version).
   */
  claimTopics(unmarked: readonly GenerationId[]): Promise<void>;
  /** Makes the publication cover these tables and columns. Before any snapshot that needs them. */
  publish(inputs: readonly TableInput[]): Promise<void>;
  /** Those of the tables that the publication no longer has: their changes do not reach the stream. `reason` follows the name. */
  missing(inputs: readonly TableInput[]): Promise<readonly { readonly table: TableName; readonly reason: string }[]>;
  openSource(from: Lsn, signal: AbortSignal): Promise<Source>;
  openSnapshot(signal: AbortSignal): Promise<BackfillSnapshot>;
  /** Asks Postgres what the views mean; JSON text, pinned for the generation. */
  describe(definition: PipelineDefinition): Promise<string>;
  /** This generation was started before, perhaps by a folder that is lost: topic and offsets of it may be anywhere. */
  wasStarted(pipelineId: number, generation: number): Promise<boolean>;
  /** Asks for a new generation of a pipeline; the answer comes through the WAL like any command. */
  requestGeneration(pipelineId: number, generation: number): Promise<void>;
  /** Where the server's WAL ends now. */
  currentLsn(): Promise<Lsn>;
  /** A transaction of ours on a quiet database: moves clock and slot. */
  heartbeat(): Promise<void>;
  report(statuses: readonly PipelineStatus[]): Promise<void>;
}

export interface WarehouseIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly slot: string;
  readonly slotExists: boolean;
  /** The folder that the warehouse knows for this group. */
  readonly folderId: string | undefined;
  /** The slot's confirmed position; undefined without slot. */
  readonly confirmedLsn: Lsn | undefined;
}

export interface GenerationId {
  readonly pipelineId: number;
  readonly generation: number;
}

export type PipelineState =
  | 'starting'
  | 'backfilling'
  | 'catching up'
  | 'running'
  | 'degraded'
  | 'paused'
  | 'failed'
  | 'needs rebuild'
  | 'dropping';

export interface PipelineStatus {
  readonly pipelineId: number;
  readonly generation: number;
  readonly state: PipelineState;
  readonly reason: string | undefined;
  readonly hint: string | undefined;
  readonly backfillDone: number | undefined;
  readonly backfillTotal: number | undefined;
  readonly lagBytes: number;
  readonly lagMs: number;
  readonly rowsPerSecond: number;
  readonly retainedWalBytes: number;
  readonly stateKeys: number;
  readonly stateBytes: number;
}

export interface ConnectorPorts {
  readonly warehouse: ConnectorWarehouse;
  readonly state: StateStore;
  readonly log: Log;
  readonly clock: Clock;
  /** Uniform in [0, 1): jitter and names only. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Rejects a definition that the sink would refuse, before a table is read for it. */
  readonly checkDefinition: (definition: SinkDefinition) => Promise<void>;
}

export interface ConnectorOptions {
  readonly group: string;
  /** Partitions of new topics. */
  readonly partitions: number;
  /** Where the pipelines are defined; part of the publication. */
  readonly controlTable: TableName;
  readonly controlColumns: readonly string[];
  readonly checkpointIntervalMs: number;
  readonly heartbeatIntervalMs: number;
  readonly statusIntervalMs: number;
  /** How often the publication is looked at: a table that left it is in no change of the stream. */
  readonly publicationIntervalMs: number;
  /** How often the embedded stream lets go of what its readers have done with. */
  readonly trimIntervalMs: number;
  /** Records waiting to be published, over all pipelines, above which nothing is read. */
  readonly maxBufferedRecords: number;
  /** WAL kept for one paused or failed pipeline before it must let go. */
  readonly walBudgetBytes: number;
}

/** How it is told to stop. */
export interface StopSignals {
  /** What is in flight is finished. */
  readonly drain: AbortSignal;
  /** What is in flight is dropped; it comes again. */
  readonly abort: AbortSignal;
  /** Everything committed by then is processed first. */
  readonly finish: AbortSignal;
}

export type { FolderIdentity };
