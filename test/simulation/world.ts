// A whole Millrace in one process: the real connector and the real sink over stores in memory, under one scheduler.

import { PIPELINE_COLUMNS, PIPELINES_TABLE } from '../../src/catalog/pipeline-row.ts';
import { runConnector } from '../../src/connector/connector.ts';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { targetOf } from '../../src/model/target.ts';
import { isRetryable } from '../../src/runtime/errors.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { SinkReport } from '../../src/sink/ports.ts';
import { openMetrics } from '../../src/sink/quality.ts';
import { runSink } from '../../src/sink/sink.ts';
import type { TopicOwner } from '../../src/stream/log.ts';
import { topicMark } from '../../src/stream/topic-name.ts';
import { compileAlert } from '../../src/transform/predicate.ts';
import { MemoryLogStorage } from './memory-log.ts';
import { MemoryScoreStore } from './memory-score-store.ts';
import { MemoryFolder } from './memory-state.ts';
import { away, MemoryWarehouse, type Recording } from './memory-warehouse.ts';
import { tablesOf, type Fixtures } from './pipelines.ts';
import { logFrom, storeFrom } from './reach.ts';
import { Life, type Scheduler, type Weather } from './scheduler.ts';

export const GROUP = 'g';

/** One incarnation of connector or sink. */
export interface Process {
  readonly life: Life;
  /** What is in flight is finished. */
  drain(): void;
  /** What is in flight is dropped. */
  abort(): void;
  /** Everything that is there by now is processed first. */
  finish(): void;
  kill(): void;
  /** Told to drain or abort: it will end without having finished. */
  readonly stopping: boolean;
  /** Ended by itself: drained, aborted, finished, or with a failure that passes. */
  readonly ended: boolean;
  /** It ended with a failure that passes. */
  readonly failed: boolean;
}

export class World {
  readonly scheduler: Scheduler;
  readonly weather: Weather = { breaks: 0, stalls: 0 };
  readonly warehouse: MemoryWarehouse;
  readonly folder = new MemoryFolder();
  readonly topics = new MemoryLogStorage();
  readonly scores = new MemoryScoreStore();
  readonly #fixtures: Fixtures;
  readonly #partitions: number;

  constructor(scheduler: Scheduler, fixtures: Fixtures, partitions: number, recording?: Recording) {
    this.scheduler = scheduler;
    this.#fixtures = fixtures;
    this.#partitions = partitions;
    this.warehouse = new MemoryWarehouse(scheduler, recording);
    for (const { table, columns } of tablesOf(fixtures)) this.warehouse.createTable(table, columns);
    for (const [name, facts] of Object.entries(fixtures.views)) this.warehouse.facts.set(name, JSON.stringify(facts));
  }

  startConnector(): Process {
    const { scheduler } = this;
    return this.#process((life, drain, abort, finish) =>
      runConnector(
        {
          warehouse: this.warehouse.connectedFrom(life),
          state: this.folder.open(() => life.pause()),
          log: logFrom(life, this.topics),
          clock: life,
          random: scheduler.random,
          logger: silentLogger,
          checkDefinition: async () => {},
        },
        {
          group: GROUP,
          partitions: this.#partitions,
          controlTable: PIPELINES_TABLE,
          controlColumns: PIPELINE_COLUMNS,
          checkpointIntervalMs: scheduler.between(1, 3000),
          heartbeatIntervalMs: 10_000,
          statusIntervalMs: 20_000,
          publicationIntervalMs: 60_000,
          // The whole topic is compared at the end.
          trimIntervalMs: Infinity,
          maxBufferedRecords: scheduler.between(1, 40),
          walBudgetBytes: 1e12,
        },
        { drain, abort, finish },
      ),
    );
  }

  startSink(): Process {
    const { scheduler } = this;
    const process = this.#process((life, drain, abort, finish) =>
      runSink({
        ports: {
          log: logFrom(life, this.topics),
          store: storeFrom(life, this.scores),
          createModel,
          loadModel,
          openMetrics,
          targetOf,
          compileAlert: async (definition) =>
            compileAlert(definition, this.#fixtures.alerts[definition.alertWhen ?? '']),
          clock: life,
          random: scheduler.random,
        },
        owner: () => this.#topicOwner(life),
        read: { maxRecords: scheduler.pick([1, 3, 10, 50, 1000]), maxBytes: 1e6 },
        changes: nowAndThen(life),
        drain,
        abort,
        until: whenAborted(finish),
        report: (report) => this.#check(report),
      }),
    );
    const { kill } = process;
    return Object.assign(process, {
      kill: () => {
        kill();
        this.scores.crash();
      },
    });
  }

  async #topicOwner(life: Life): Promise<TopicOwner | undefined> {
    await life.pause();
    if (life.breaks()) throw away('the warehouse is away');
    return this.topicOwner;
  }

  /** Undefined before a connector has started. */
  get topicOwner(): TopicOwner | undefined {
    const { claim } = this.warehouse;
    return claim && { group: GROUP, mark: topicMark(claim.folderId), unmarked: claim.unmarked };
  }

  #check(report: SinkReport): void {
    const { pipelineId, generation } = report.topic;
    const definition = this.warehouse.definition(pipelineId);
    // A topic that is being removed may be found empty once more: by the time it is, nobody wants it.
    if (definition?.desired === 'dropped' || definition?.generation !== generation) return;
    if (report.state === 'failed')
      this.scheduler.fail(new Error(`the sink of pipeline ${report.topic.pipelineId} failed: ${report.reason}`));
  }

  #process(
    run: (life: Life, drain: AbortSignal, abort: AbortSignal, finish: AbortSignal) => Promise<unknown>,
  ): Process {
    const life = new Life(this.scheduler, this.weather);
    const [drain, abort, finish] = [new AbortController(), new AbortController(), new AbortController()];
    let ended = false;
    let failed = false;
    run(life, AbortSignal.any([drain.signal, abort.signal]), abort.signal, finish.signal).then(
      () => {
        ended = true;
      },
      (error: unknown) => {
        ended = failed = true;
        if (!isRetryable(error) && !(abort.signal.aborted && error === abort.signal.reason)) this.scheduler.fail(error);
      },
    );
    return {
      life,
      drain: () => drain.abort(),
      abort: () => abort.abort(),
      finish: () => finish.abort(),
      kill: () => life.kill(),
      get stopping() {
        return drain.signal.aborted || abort.signal.aborted;
      },
      get ended() {
        return ended;
      },
      get failed() {
        return failed;
      },
    };
  }
}

/** Topics may have come or gone. */
async function* nowAndThen(life: Life): AsyncGenerator<void> {
  for (;;) {
    await life.sleep(life.scheduler.between(200, 3000));
    yield;
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
