// The warehouse as the connector sees it, over a real Postgres: composes source, catalog and the transform's questions.

import type pg from 'pg';
import { claimTopics, loadFolder, saveFolder } from '../catalog/folder.ts';
import { PIPELINE_COLUMNS, PIPELINES_TABLE } from '../catalog/pipeline-row.ts';
import {
  checkReadable,
  hasPinnedViews,
  requestGeneration,
  savePinnedViews,
  type PinnedView,
} from '../catalog/pipelines.ts';
import { reportStatus } from '../catalog/status.ts';
import type { PipelineDefinition } from '../flow/pipeline.ts';
import type { Lsn } from '../flow/lsn.ts';
import { failPoint } from '../runtime/fail-points.ts';
import type { Logger } from '../runtime/logger.ts';
import { currentLsn, heartbeat, identifyWarehouse, prepareGroup } from '../source/group.ts';
import type { SlotWait } from '../source/create-slot.ts';
import { ensurePublication, missingTables, type MissingTable } from '../source/publication.ts';
import { ReplicationSource } from '../source/replication-source.ts';
import { slotName, slotNotOurs, slotState } from '../source/slot.ts';
import { openSnapshot } from '../source/snapshot.ts';
import type { BackfillSnapshot, Source } from '../source/source.ts';
import { describePipeline } from '../transform/describe.ts';
import type { TableInput } from '../transform/pipeline-transform.ts';
import { connect } from '../warehouse/connection.ts';
import type { ConnectorWarehouse, GenerationId, PipelineStatus, WarehouseIdentity } from './ports.ts';

export interface PostgresWarehouseOptions {
  readonly url: string;
  readonly group: string;
  readonly logger: Logger;
}

const CONTROL = { table: PIPELINES_TABLE, columns: [...PIPELINE_COLUMNS] };

export class PostgresWarehouse implements ConnectorWarehouse {
  readonly #options: PostgresWarehouseOptions;
  readonly #slot: string;
  #client: Promise<pg.Client> | undefined;
  /** The stream that is open: it learns from the reports how far the server is ahead. */
  #source: ReplicationSource | undefined;
  /** Generations with a topic, as last reported. */
  #topics = '';
  /** The question before: a session takes one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PostgresWarehouseOptions) {
    this.#options = options;
    this.#slot = slotName(options.group);
  }

  identify(): Promise<WarehouseIdentity> {
    return this.#ask(async (client) => {
      const facts = await identifyWarehouse(client);
      const slot = await slotState(client, this.#slot);
      if (slot && slot.database !== facts.database) throw slotNotOurs(slot, facts.database);
      const folder = await loadFolder(client, this.#options.group);
      return {
        ...facts,
        slot: this.#slot,
        slotExists: slot !== undefined,
        folderId: folder?.folderId,
        confirmedLsn: slot?.confirmedLsn,
      };
    });
  }

  async prepareGroup(folderId: string, signal: AbortSignal): Promise<void> {
    const { group } = this.#options;
    await this.#ask(async (client) => {
      const facts = await identifyWarehouse(client);
      await saveFolder(client, { ...facts, folderId, group, slot: this.#slot });
    });
    failPoint('connector.folder_known');
    await prepareGroup({ ...this.#waiting(signal), group, tables: [CONTROL] });
  }

  claimTopics(unmarked: readonly GenerationId[]): Promise<void> {
    return this.#ask((client) => claimTopics(client, this.#options.group, unmarked));
  }

  publish(inputs: readonly TableInput[]): Promise<void> {
    return this.#ask((client) => ensurePublication(client, this.#slot, [CONTROL, ...inputs]));
  }

  missing(inputs: readonly TableInput[]): Promise<readonly MissingTable[]> {
    return this.#ask((client) => missingTables(client, this.#slot, inputs));
  }

  async openSource(from: Lsn, _signal: AbortSignal): Promise<Source> {
    this.#source = await ReplicationSource.open({
      url: this.#options.url,
      slot: this.#slot,
      publication: this.#slot,
      from,
    });
    return this.#source;
  }

  openSnapshot(signal: AbortSignal): Promise<BackfillSnapshot> {
    return openSnapshot(this.#waiting(signal));
  }

  describe(definition: PipelineDefinition): Promise<string> {
    return this.#ask(async (client) => {
      await checkReadable(client, definition);
      const facts = await describePipeline(client, definition);
      const pinned: PinnedView[] = [{ role: 'features', view: definition.features, definition: facts.features.text }];
      if (definition.labels && facts.labels)
        pinned.push({ role: 'labels', view: definition.labels, definition: facts.labels.text });
      await savePinnedViews(client, definition.id, definition.generation, pinned);
      return JSON.stringify(facts);
    });
  }

  wasStarted(pipelineId: number, generation: number): Promise<boolean> {
    return this.#ask((client) => hasPinnedViews(client, pipelineId, generation));
  }

  requestGeneration(pipelineId: number, generation: number): Promise<void> {
    return this.#ask((client) => requestGeneration(client, pipelineId, generation));
  }

  currentLsn(): Promise<Lsn> {
    return this.#ask(currentLsn);
  }

  async heartbeat(): Promise<void> {
    await this.#ask(heartbeat);
  }

  /** What was last reported, for whoever asks this process itself. */
  lastReport: readonly PipelineStatus[] = [];

  async report(statuses: readonly PipelineStatus[]): Promise<void> {
    this.lastReport = statuses;
    // A sink looks for topics again when one may have come or gone.
    const topics = statuses
      .filter(({ state }) => state !== 'starting' && state !== 'dropping')
      .map(({ pipelineId, generation }) => `${pipelineId}.${generation}`);
    const changed = topics.join(' ') !== this.#topics;
    await this.#ask(async (client) => {
      await reportStatus(client, statuses);
      if (changed) await client.query(`notify millrace`);
      this.#source?.observeServerEnd(await currentLsn(client));
    });
    this.#topics = topics.join(' ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.then((one) => one.end()).catch(() => {});
  }

  #waiting(signal: AbortSignal): SlotWait {
    let said = '';
    const onWait: NonNullable<SlotWait['onWait']> = (blocking) => {
      const pids = blocking.map((one) => one.pid).join(' ');
      if (pids !== said) this.#options.logger.warn({ blocking }, 'waiting for running transactions to end');
      said = pids;
    };
    return { url: this.#options.url, signal, onWait };
  }

  /** One session for all questions, in turn; a new one after an error, as the old one may be broken. */
  async #ask<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    this.#client ??= connect({ url: this.#options.url, applicationName: `millrace connector ${this.#options.group}` });
    const mine = this.#client;
    try {
      const client = await mine;
      const answer = this.#turn.then(() => work(client));
      this.#turn = answer.catch(() => {});
      return await answer;
    } catch (error) {
      if (this.#client === mine) this.#client = undefined;
      await mine.then((client) => client.end()).catch(() => {});
      throw error;
    }
  }
}
