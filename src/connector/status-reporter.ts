// Tells the warehouse how every pipeline of the group is doing, for `millrace.status`. Only looks; decides nothing.

import type { Source } from '../source/source.ts';
import type { Member } from './member.ts';
import type { Members } from './members.ts';
import type { ConnectorOptions, ConnectorPorts, PipelineState, PipelineStatus } from './ports.ts';

/** Above this much WAL between us and the server's end, a pipeline is catching up rather than running. */
const CATCHING_UP_BYTES = 16 * 1024 * 1024;

export class StatusReporter {
  readonly #ports: ConnectorPorts;
  readonly #options: ConnectorOptions;
  readonly #members: Members;
  readonly #rates = new Map<number, { rows: number; atUs: number }>();
  source: Source | undefined;
  /** Why the stream is not being read right now. */
  trouble: string | undefined;

  constructor(ports: ConnectorPorts, options: ConnectorOptions, members: Members) {
    this.#ports = ports;
    this.#options = options;
    this.#members = members;
  }

  /** Reports at every interval until the returned function is called, which reports once more. */
  start(signal: AbortSignal): () => Promise<void> {
    const stop = new AbortController();
    const until = AbortSignal.any([stop.signal, signal]);
    const loop = (async () => {
      while (!until.aborted) {
        await this.#report();
        await this.#ports.clock.sleep(this.#options.statusIntervalMs, until);
      }
    })();
    return async () => {
      stop.abort();
      await loop;
      if (!signal.aborted) await this.#report();
    };
  }

  /** A warehouse that is away is somebody else's error: the stream's own says it. */
  async #report(): Promise<void> {
    const statuses = [...this.#members.all.values()].map((member) => this.#statusOf(member));
    try {
      await this.#ports.warehouse.report(statuses);
    } catch (error) {
      this.#ports.logger.debug({ err: error }, 'the status could not be written');
    }
  }

  #statusOf(member: Member): PipelineStatus {
    const { checkpoint, run } = member;
    const lagBytes = this.source?.lagBytes ?? 0;
    const nowUs = this.#ports.clock.nowUs();
    const trouble = this.trouble ?? run?.publisher.trouble;
    const size = run?.transform.size ?? { keys: 0, bytes: 0 };
    return {
      pipelineId: checkpoint.pipelineId,
      generation: checkpoint.generation,
      state: stateOf(member, lagBytes, trouble),
      reason: member.reason ?? trouble,
      hint: member.hint,
      backfillDone: member.backfillDone,
      backfillTotal: member.backfillTotal,
      lagBytes,
      lagMs:
        lagBytes > 0 && run && run.lastCommitTimeUs > 0
          ? Math.max(0, Math.round((nowUs - run.lastCommitTimeUs) / 1000))
          : 0,
      rowsPerSecond: this.#rate(checkpoint.pipelineId, run?.rows ?? 0, nowUs),
      // A pipeline that has just started is ahead of the group.
      retainedWalBytes:
        checkpoint.endLsn > 0n && this.#ports.state.group
          ? Math.max(0, Number(this.#ports.state.group.endLsn - checkpoint.endLsn))
          : 0,
      stateKeys: size.keys,
      stateBytes: size.bytes,
    };
  }

  #rate(id: number, rows: number, atUs: number): number {
    const last = this.#rates.get(id);
    this.#rates.set(id, { rows, atUs });
    return last && atUs > last.atUs && rows >= last.rows
      ? Math.round(((rows - last.rows) * 1e6) / (atUs - last.atUs))
      : 0;
  }
}

function stateOf(member: Member, lagBytes: number, trouble: string | undefined): PipelineState {
  const stands = member.state !== 'running' && member.state !== 'catching up';
  if (stands) return member.state;
  if (trouble !== undefined) return 'degraded';
  return lagBytes > CATCHING_UP_BYTES ? 'catching up' : 'running';
}
