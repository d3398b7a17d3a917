// Checkpoints: topics durable, then state flushed, then the slot acknowledged, never in another order. The stream goes on
// meanwhile; what is saved is what stood at one commit boundary.

import { failPoint } from '../runtime/fail-points.ts';
import type { Source } from '../source/source.ts';
import type { GroupCheckpoint } from '../state/state-store.ts';
import { lowestClaim } from './attachment.ts';
import type { Members } from './members.ts';
import type { ConnectorOptions, ConnectorPorts } from './ports.ts';
import type { Publisher } from './publisher.ts';

export class Checkpointer {
  readonly #ports: ConnectorPorts;
  readonly #options: ConnectorOptions;
  readonly #members: Members;
  readonly #source: Source | undefined;
  #inFlight: Promise<void> | undefined;
  #failure: unknown;
  #unsaved = false;
  #lastSavedUs: number;
  #lastSeenUs: number;
  #lastTrimUs: number;

  constructor(ports: ConnectorPorts, options: ConnectorOptions, members: Members, source: Source | undefined) {
    this.#ports = ports;
    this.#options = options;
    this.#members = members;
    this.#source = source;
    this.#lastSavedUs = this.#lastSeenUs = this.#lastTrimUs = ports.clock.nowUs();
  }

  sawTransaction(): void {
    this.#unsaved = true;
    this.#lastSeenUs = this.#ports.clock.nowUs();
  }

  /** Something is unsaved, and the last checkpoint is an interval ago and done. */
  get due(): boolean {
    return this.#unsaved && !this.#inFlight && this.#msSince(this.#lastSavedUs) >= this.#options.checkpointIntervalMs;
  }

  /** How long the caller may wait for a transaction before it must call {@link onTimer}. */
  waitMs(): number {
    const untilHeartbeat = this.#options.heartbeatIntervalMs - this.#msSince(this.#lastSeenUs);
    const untilCheckpoint = this.#unsaved
      ? this.#options.checkpointIntervalMs - this.#msSince(this.#lastSavedUs)
      : Infinity;
    return Math.max(1, Math.min(untilHeartbeat, untilCheckpoint));
  }

  /** Nothing came for a while: save what is unsaved; on a quiet database, make the clock move. */
  async onTimer(group: GroupCheckpoint): Promise<void> {
    if (this.due) await this.begin(group);
    if (this.#msSince(this.#lastSeenUs) < this.#options.heartbeatIntervalMs) return;
    this.#lastSeenUs = this.#ports.clock.nowUs();
    await this.#ports.warehouse.heartbeat();
  }

  /** Starts a checkpoint of where everybody stands now. Rejects with what made the one before fail. */
  async begin(group: GroupCheckpoint): Promise<void> {
    await this.settle();
    await this.#members.enforceBudget(group.endLsn);
    const taken = [...this.#members.running()].map((member) => ({ member, run: member.run, ...member.run.take() }));
    this.#unsaved = false;
    this.#lastSavedUs = this.#ports.clock.nowUs();
    this.#inFlight = (async () => {
      for (const { run } of taken) await run.publisher.drained();
      await this.#ports.state.commit({ group, pipelines: taken });
      for (const { member, checkpoint } of taken) member.checkpoint = checkpoint;
      this.#ports.logger.debug({ pipelines: taken.length }, 'checkpoint saved');
      failPoint('connector.state_flushed');
      this.#acknowledge();
      await this.#trim(taken.map(({ run }) => run.publisher));
    })()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#inFlight = undefined;
      });
  }

  /** A whole checkpoint, now. */
  async save(group: GroupCheckpoint): Promise<void> {
    await this.begin(group);
    await this.settle();
  }

  /** Waits for the one in flight: before anything else changes what is saved. */
  async settle(): Promise<void> {
    await this.#inFlight;
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }

  #acknowledge(): void {
    const endLsn = lowestClaim(this.#ports.state);
    if (endLsn === undefined || !this.#source) return;
    this.#source.acknowledge({ endLsn });
    failPoint('connector.acknowledged');
  }

  /** Now and then, what every reader has in the warehouse goes from the topics that we keep ourselves. */
  async #trim(publishers: readonly Publisher[]): Promise<void> {
    if (this.#msSince(this.#lastTrimUs) < this.#options.trimIntervalMs) return;
    this.#lastTrimUs = this.#ports.clock.nowUs();
    for (const publisher of publishers) await publisher.trim();
  }

  #msSince(us: number): number {
    return (this.#ports.clock.nowUs() - us) / 1000;
  }
}
