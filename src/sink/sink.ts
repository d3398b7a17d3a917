// millrace sink: stream → model → scores, one task a pipeline.
//
//   topics ──▶ pipeline task ──▶ partition loop:  read ▶ fold (score, learn) ▶ one transaction ▶ next
//                  │ learner's lock, one model                                      │
//                  └── checkpoint when drained ◀────────── versions by count ◀──────┘

import { BackOff } from '../runtime/back-off.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import type { ReadOptions, TopicName, TopicOwner } from '../stream/log.ts';
import { PipelineTask } from './pipeline-task.ts';
import type { SinkPorts, SinkReport } from './ports.ts';

export interface SinkOptions {
  readonly ports: SinkPorts;
  /**
   * Whose topics are read; asked each time. Undefined: nobody of this warehouse has written any. Rejects with NOT_OUR_WAREHOUSE
   * where it is another one than theirs (a copy, a restore): then none is read until that changes.
   */
  readonly owner: () => Promise<TopicOwner | undefined>;
  readonly read: ReadOptions;
  /** An item whenever topics may have come or gone; failed pipelines are tried again then. May end. */
  readonly changes: AsyncIterable<unknown>;
  /** First signal: finish the batches in hand, save the models, stop. */
  readonly drain: AbortSignal;
  /** Second: stop now; what was not written is read again. */
  readonly abort: AbortSignal;
  /** When it resolves, the sink goes on to the end that each topic then has, and stops. Never, where undefined. */
  readonly until?: Promise<void>;
  readonly report: (report: SinkReport) => void;
  /** The topics cannot be listed for now (their broker is away); it is tried again after so long, or at the next change. */
  readonly waits?: (error: unknown, waitMs: number | undefined) => void;
}

/** Resolves when drained, aborted or caught up; rejects only where topics cannot be listed for good. */
export async function runSink(options: SinkOptions): Promise<void> {
  const tasks = new Map<string, RunningTask>();
  const caughtUp = new AbortController();
  const over = new AbortController();
  const stop = AbortSignal.any([options.drain, options.abort, over.signal]);
  const refresh = async (foreign: 'waits' | 'fails'): Promise<void> => {
    const topics = await listed(options, foreign, stop);
    if (topics !== undefined && !stop.aborted) startAndStop(newest(topics), tasks, options, caughtUp.signal);
  };
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    over.abort();
  };
  await refresh('waits');
  const following = follow(options.changes, () => refresh('waits'), stop).catch(fail);
  const finishing = options.until
    ?.then(async () => {
      await refresh('fails');
      caughtUp.abort();
      await Promise.all([...tasks.values()].map((task) => task.done));
      over.abort();
    })
    .catch(fail);
  await whenAborted(stop);
  for (const task of tasks.values()) task.stop.abort();
  await Promise.all([...tasks.values()].map((task) => task.done));
  await following;
  // Neither after a drain nor after a failure: `until` may never come.
  if (!options.drain.aborted && !options.abort.aborted && failure === undefined) await finishing;
  if (failure !== undefined) throw failure.error;
}

/**
 * The topics to be read, asked for until they are told or `stop` aborts (then undefined). In a warehouse that is not theirs there
 * are none, until its connector starts anew; who cannot wait for that fails.
 */
async function listed(
  options: SinkOptions,
  foreign: 'waits' | 'fails',
  stop: AbortSignal,
): Promise<readonly TopicName[] | undefined> {
  const { log, clock, random } = options.ports;
  const backOff = new BackOff({ firstMs: 200, capMs: 10_000, random });
  while (!stop.aborted) {
    try {
      const owner = await options.owner();
      return owner === undefined ? [] : await log.list(owner);
    } catch (error) {
      if (foreign === 'waits' && error instanceof MillraceError && error.code === 'NOT_OUR_WAREHOUSE') {
        options.waits?.(error, undefined);
        return [];
      }
      if (!isRetryable(error)) throw error;
      const waitMs = backOff.next();
      options.waits?.(error, waitMs);
      await clock.sleep(waitMs, stop);
    }
  }
  return undefined;
}

interface RunningTask {
  readonly topic: TopicName;
  readonly task: PipelineTask;
  readonly stop: AbortController;
  done: Promise<void>;
}

/** Starts what is new or had failed, drains what is gone. */
function startAndStop(
  topics: readonly TopicName[],
  tasks: Map<string, RunningTask>,
  options: SinkOptions,
  untilCaughtUp: AbortSignal,
): void {
  const wanted = new Set(topics.map(nameOf));
  for (const [name, running] of tasks) if (!wanted.has(name)) running.stop.abort();
  for (const topic of topics) {
    const before = tasks.get(nameOf(topic));
    if (before !== undefined && before.task.state !== 'failed') continue;
    const stop = new AbortController();
    const task = new PipelineTask({
      ports: options.ports,
      topic,
      read: options.read,
      drain: AbortSignal.any([options.drain, stop.signal]),
      abort: options.abort,
      untilCaughtUp,
      report: options.report,
    });
    tasks.set(nameOf(topic), { topic, task, stop, done: othersOf(topic, tasks).then(() => task.run()) });
  }
}

/**
 * Resolves when the pipeline's other generations have stopped: what they still write must not come after the newest has taken
 * the score table over.
 */
async function othersOf(topic: TopicName, tasks: ReadonlyMap<string, RunningTask>): Promise<void> {
  const others = [...tasks].filter(([name, { topic: other }]) => {
    return other.pipelineId === topic.pipelineId && name !== nameOf(topic);
  });
  await Promise.all(others.map(([, { done }]) => done));
}

/** A rebuilt pipeline's older generations are not read any more. */
function newest(topics: readonly TopicName[]): TopicName[] {
  const latest = new Map<number, TopicName>();
  for (const topic of topics) {
    const known = latest.get(topic.pipelineId);
    if (known === undefined || known.generation < topic.generation) latest.set(topic.pipelineId, topic);
  }
  return [...latest.values()];
}

async function follow(changes: AsyncIterable<unknown>, refresh: () => Promise<void>, stop: AbortSignal): Promise<void> {
  const iterator = changes[Symbol.asyncIterator]();
  const stopped = whenAborted(stop).then(() => undefined);
  for (;;) {
    const next = await Promise.race([iterator.next(), stopped]);
    if (next === undefined || next.done === true) break;
    await refresh();
  }
  // Not awaited: a generator that waits for its next item answers only then.
  iterator.return?.().catch(() => {});
}

const nameOf = ({ mark, pipelineId, generation }: TopicName): string => `${mark}.${pipelineId}.${generation}`;

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
