// Gathers what the sink's pipelines say of themselves, for the log, for Prometheus, and each second for `millrace.status`.

import type pg from 'pg';
import { reportSink } from '../catalog/status.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { connect } from '../warehouse/connection.ts';
import type { SinkReport } from './ports.ts';

const INTERVAL_MS = 1000;

export class SinkStatus {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #reports = new Map<number, SinkReport>();
  readonly #rates = new Map<number, { readonly rows: number; readonly atUs: number }>();
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #client: pg.Client | undefined;

  constructor(options: { readonly url: string; readonly logger: Logger }) {
    this.#url = options.url;
    this.#logger = options.logger;
    this.#loop = this.#run();
  }

  take(report: SinkReport): void {
    const before = this.#reports.get(report.topic.pipelineId);
    if (before?.state !== report.state || before.reason !== report.reason) {
      const fields = {
        pipelineId: report.topic.pipelineId,
        generation: report.topic.generation,
        state: report.state,
        reason: report.reason,
      };
      if (report.state === 'failed') this.#logger.error(fields, 'a pipeline stopped');
      else if (report.state === 'waiting') this.#logger.warn(fields, 'a pipeline waits');
      else if (report.reason !== undefined) this.#logger.warn(fields, 'a pipeline does not run as asked');
      else this.#logger.info(fields, 'a pipeline changed its state');
    }
    this.#reports.set(report.topic.pipelineId, report);
  }

  reports(): readonly SinkReport[] {
    return [...this.#reports.values()];
  }

  get failed(): number {
    return this.reports().filter((report) => report.state === 'failed').length;
  }

  /** Of those that run: not as they were asked to. */
  get degraded(): number {
    return this.reports().filter(
      ({ state, reason }) => state !== 'failed' && state !== 'waiting' && reason !== undefined,
    ).length;
  }

  /** Dead letters since the start. */
  get deadLetters(): number {
    return this.reports().reduce((sum, report) => sum + report.deadLetters, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#write();
    await this.#client?.end().catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await systemClock.sleep(INTERVAL_MS, this.#stop.signal);
      await this.#write();
    }
  }

  /** A warehouse that is away is said by whoever needs it for the data itself. */
  async #write(): Promise<void> {
    try {
      this.#client ??= await connect({ url: this.#url, applicationName: 'millrace sink status' });
      await reportSink(
        this.#client,
        this.reports().map((report) => this.#reportOf(report)),
      );
    } catch (error) {
      this.#logger.debug({ err: error }, 'the status could not be written');
      await this.#client?.end().catch(() => {});
      this.#client = undefined;
    }
  }

  #reportOf(report: SinkReport): Parameters<typeof reportSink>[1][number] {
    const id = report.topic.pipelineId;
    const atUs = systemClock.nowUs();
    const last = this.#rates.get(id);
    this.#rates.set(id, { rows: report.rowsScored, atUs });
    const rate =
      last && report.rowsScored >= last.rows ? ((report.rowsScored - last.rows) * 1e6) / (atUs - last.atUs) : 0;
    return {
      pipelineId: id,
      reason: report.reason,
      hint: report.hint,
      lagRecords: report.lagRecords,
      lagMs:
        report.lagRecords > 0 && report.appliedUs !== undefined ? Math.max(0, (atUs - report.appliedUs) / 1000) : 0,
      rowsPerSecond: Math.round(rate),
    };
  }
}
