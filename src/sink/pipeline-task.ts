// One generation of a pipeline: takes the learner's lock, reads its partitions, shares one model between them. Fails alone.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { BackOff } from '../runtime/back-off.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import { failPoint } from '../runtime/fail-points.ts';
import type { GenerationId } from '../scores/score-store.ts';
import type { ReadOptions, TopicName, TopicReader } from '../stream/log.ts';
import { Learning } from './learning.ts';
import { PartitionLoop, type BatchProgress } from './partition-loop.ts';
import type { SinkPorts, SinkReport, SinkState } from './ports.ts';
import { ShownRows } from './shown-rows.ts';

const METRICS_INTERVAL_MS = 1_000;
/** After which a model that is to be retrained is looked for again. */
const TRAINING_INTERVAL_MS = 1_000;

export interface PipelineOptions {
  readonly ports: SinkPorts;
  readonly topic: TopicName;
  readonly read: ReadOptions;
  /** Finish what is in flight, then stop. */
  readonly drain: AbortSignal;
  /** Drop it now. */
  readonly abort: AbortSignal;
  /** Aborted: stop when all partitions are as far as their ends were then. */
  readonly untilCaughtUp: AbortSignal;
  readonly report: (report: SinkReport) => void;
}

export class PipelineTask {
  readonly #options: PipelineOptions;
  readonly #id: GenerationId;
  #learning: Promise<Learning> | undefined;
  #opened: Learning | undefined;
  #turn: Promise<void> = Promise.resolve();
  readonly #lags: number[] = [];
  #appliedUs: number | undefined;
  #scored = 0;
  #deadLetters = 0;
  /** Of the definition in force. */
  #refused: SinkDefinition['refused'];
  #state: SinkState = 'waiting';

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { pipelineId, generation } = options.topic;
    this.#id = { pipelineId, generation };
  }

  get state(): SinkState {
    return this.#state;
  }

  /** Runs until drained, caught up, or failed for good; never rejects. Passing failures start it again from what is stored. */
  async run(): Promise<void> {
    const { drain, ports } = this.#options;
    const backOff = new BackOff({ firstMs: 200, capMs: 10_000, random: ports.random });
    for (;;) {
      const before = this.#appliedUs;
      try {
        await this.#attempt();
        this.#say(drain.aborted ? 'stopped' : 'caught up');
        return;
      } catch (error) {
        if (this.#options.abort.aborted) return this.#say('stopped');
        if (!isRetryable(error)) return this.#say('failed', error);
        this.#say('waiting', error);
        if (drain.aborted) return this.#say('stopped', error);
        if (this.#appliedUs !== before) backOff.succeeded();
        await ports.clock.sleep(backOff.next(), drain);
        if (drain.aborted) return this.#say('stopped', error);
      }
    }
  }

  async #attempt(): Promise<void> {
    const { ports, topic, read, drain, abort } = this.#options;
    this.#learning = undefined;
    this.#opened = undefined;
    this.#turn = Promise.resolve();
    const waiting = (): void =>
      this.#say(
        'waiting',
        new MillraceError('ALREADY_RUNNING', 'another sink learns this pipeline', {
          hint: 'This one takes over when the other ends.',
        }),
      );
    await using lease = await ports.store.lease(this.#id, waiting, AbortSignal.any([drain, abort]));
    if (lease === undefined) return;
    await using reader = await ports.log.openReader(topic, read);
    this.#say('running');
    const stop = new AbortController();
    const signal = AbortSignal.any([drain, abort, lease.lost, stop.signal]);
    const metrics = this.#writeMetrics(signal);
    const training = this.#train(signal);
    try {
      await this.#readPartitions(reader, signal, () => stop.abort());
      lease.lost.throwIfAborted();
      abort.throwIfAborted();
      await this.#saveLearning();
    } finally {
      stop.abort();
      await metrics;
      await training;
    }
  }

  async #readPartitions(reader: TopicReader, signal: AbortSignal, stop: () => void): Promise<void> {
    const running = new Map<number, { readonly done: Promise<void>; readonly stop: AbortController }>();
    let failure: { readonly error: unknown } | undefined;
    let left = reader.partitions;
    try {
      for await (const assigned of reader.assignments(signal)) {
        for (const [partition, task] of running) {
          if (assigned.includes(partition)) continue;
          running.delete(partition);
          task.stop.abort();
          await task.done;
        }
        for (const partition of assigned) {
          if (running.has(partition)) continue;
          const ended = new AbortController();
          const done = this.#readPartition(reader, partition, AbortSignal.any([signal, ended.signal])).then(
            (caughtUp) => {
              left -= caughtUp ? 1 : 0;
              if (left === 0) stop();
            },
            (error: unknown) => {
              failure ??= { error };
              stop();
            },
          );
          running.set(partition, { done, stop: ended });
        }
      }
      // An assignment that never changes may be told once.
      await Promise.all([...running.values()].map((task) => task.done));
    } finally {
      stop();
      await Promise.all([...running.values()].map((task) => task.done));
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Resolves to true when it stopped because it is as far as was asked. */
  async #readPartition(reader: TopicReader, partition: number, signal: AbortSignal): Promise<boolean> {
    const { ports, untilCaughtUp, abort } = this.#options;
    const id = { ...this.#id, partition };
    const range = await reader.range(partition);
    const state = await ports.store.open(id, range.first);
    this.#refused = state.definition?.refused ?? this.#refused;
    if (state.definition !== undefined) (await this.#model(state.definition)).resume(partition, state.scored);
    const reached = new AbortController();
    let target: number | undefined;
    const committed = (progress: BatchProgress): void => {
      this.#advance(partition, progress);
      if (target !== undefined && progress.nextOffset >= target) reached.abort();
    };
    const loop = new PartitionLoop({
      ports,
      id,
      reader,
      state,
      learning: (definition) => this.#model(definition),
      inTurn: (write) => this.#inTurn(write),
      committed,
      waits: (error) => this.#say('waiting', error),
      stopExpiry: signal,
      abort,
    });
    this.#lags[partition] = Math.max(0, range.end - state.nextOffset);
    const ended = AbortSignal.any([signal, reached.signal]);
    const aim = async (): Promise<void> => {
      await aborted(untilCaughtUp, ended);
      if (ended.aborted) return;
      target = (await reader.range(partition)).end;
      if (loop.nextOffset >= target) reached.abort();
    };
    const over = new AbortController();
    const aiming = aim().catch((error: unknown) => over.abort(error));
    try {
      await loop.run(AbortSignal.any([ended, over.signal]));
      over.signal.throwIfAborted();
    } finally {
      over.abort();
      reached.abort();
      await aiming;
    }
    return target !== undefined && loop.nextOffset >= target;
  }

  #model(definition: SinkDefinition): Promise<Learning> {
    this.#learning ??= Learning.open(
      { ...this.#options.ports, inTurn: (write) => this.#inTurn(write) },
      this.#id,
      definition,
    ).then((learning) => {
      this.#opened = learning;
      return learning;
    });
    return this.#learning;
  }

  /** Not after a failure: what follows was folded over it. */
  #inTurn(write: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(write);
    this.#turn.catch(() => {});
    return this.#turn;
  }

  async #saveLearning(): Promise<void> {
    await this.#opened?.retraining.keep();
    const checkpoint = this.#opened?.checkpointNow();
    if (checkpoint === undefined) return;
    await this.#options.ports.store.saveCheckpoint(this.#id, checkpoint);
    failPoint('sink.checkpoint-saved');
  }

  /** Shows quality while it changes, at most once a second, and once at the end. A failure to show it stops nothing. */
  async #writeMetrics(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#options.ports;
    let shown = -1;
    const rows = new ShownRows();
    for (;;) {
      await clock.sleep(METRICS_INTERVAL_MS, signal);
      const learning = this.#opened;
      if (learning !== undefined && learning.changes !== shown && !this.#options.abort.aborted) {
        shown = learning.changes;
        const values = rows.with(learning.metrics());
        try {
          await store.writeMetrics(this.#id, values, clock.nowUs());
        } catch (error) {
          if (!isRetryable(error)) this.#say('running', error);
          shown = -1;
        }
      }
      if (signal.aborted) return;
    }
  }

  /** Trains a model that may take the serving one's place, between batches. What is not done in time is waited for by a batch. */
  async #train(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.ports;
    for (;;) {
      await clock.sleep(TRAINING_INTERVAL_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#opened?.retraining.train(signal);
      } catch (error) {
        if (!isRetryable(error)) this.#say('running', error);
      }
    }
  }

  #advance(partition: number, progress: BatchProgress): void {
    this.#lags[partition] = progress.endOffset - progress.nextOffset;
    this.#appliedUs = progress.appliedUs ?? this.#appliedUs;
    this.#scored += progress.scored;
    this.#deadLetters += progress.deadLetters;
    this.#refused = progress.refused;
    this.#say('running');
  }

  #say(state: SinkState, error?: unknown): void {
    this.#state = state;
    this.#options.report({
      topic: this.#options.topic,
      state,
      reason: error === undefined ? this.#refused?.reason : error instanceof Error ? error.message : String(error),
      hint: error === undefined ? this.#refused?.hint : error instanceof MillraceError ? error.hint : undefined,
      lagRecords: this.#lags.reduce((sum, lag) => sum + (lag ?? 0), 0),
      appliedUs: this.#appliedUs,
      rowsScored: this.#scored,
      examplesLearned: this.#opened?.examples ?? 0,
      deadLetters: this.#deadLetters,
    });
  }
}

/** Resolves when either aborts. */
function aborted(...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const any = AbortSignal.any(signals);
    if (any.aborted) resolve();
    else any.addEventListener('abort', () => resolve(), { once: true });
  });
}
