// `millrace sink`: from the topics to the score tables.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { removePipeline } from '../catalog/pipelines.ts';
import { removeGone } from '../scores/gone-generations.ts';
import type { Log, TopicOwner } from '../stream/log.ts';
import { checkSchema } from '../catalog/schema-version.ts';
import { createModel, loadModel } from '../model/create-model.ts';
import { targetOf } from '../model/target.ts';
import { systemClock } from '../runtime/clock.ts';
import { MillraceError } from '../runtime/errors.ts';
import { createLogger } from '../runtime/logger.ts';
import { createRegistry } from '../runtime/metrics.ts';
import { PostgresScoreStore } from '../scores/postgres-score-store.ts';
import { SessionPool } from '../scores/session-pool.ts';
import { serveHttp } from '../serve/http.ts';
import { alertCompiler } from '../sink/alert.ts';
import { sinkMeasures } from '../sink/measures.ts';
import { openMetrics } from '../sink/quality.ts';
import { SinkStatus } from '../sink/sink-status.ts';
import { runSink } from '../sink/sink.ts';
import { loadParser } from '../transform/compile.ts';
import { connect } from '../warehouse/connection.ts';
import { EXIT } from './exit.ts';
import { warehouseOf, type CommonFlags } from './flags.ts';
import { openLog } from './open-log.ts';
import { listenForSignals } from './signals.ts';
import { topicChanges } from './topic-changes.ts';
import { topicOwner } from './topic-owner.ts';

const READ = { maxRecords: 10_000, maxBytes: 8 * 2 ** 20 };

export async function runSinkProcess(flags: CommonFlags): Promise<void> {
  const url = warehouseOf(flags);
  const logger = createLogger('sink', flags.logLevel);
  using signals = listenForSignals(() => logger.info('draining'));
  if (flags.untilCaughtUp) signals.finishNow();
  await loadParser();
  const client = await connect({ url, applicationName: 'millrace sink start' });
  await checkSchema(client).finally(() => client.end());
  await using log = await openLog(flags, logger);
  await using store = new PostgresScoreStore(url, randomUUID());
  await using status = new SinkStatus({ url, logger });
  await using _http =
    flags.http &&
    (await serveHttp({
      ...flags.http,
      registry: createRegistry(sinkMeasures(status)),
      health: () => ({ ok: true, details: { stage: 'sink', group: flags.group } }),
    }));
  const ports = {
    log,
    store,
    createModel,
    loadModel,
    openMetrics,
    targetOf,
    compileAlert: alertCompiler(url),
    clock: systemClock,
    random: Math.random,
  };
  await using sessions = new SessionPool(url, 'millrace sink topics');
  const ended = new AbortController();
  const stop = AbortSignal.any([signals.drain, signals.abort, ended.signal]);
  const changes = topicChanges(url, stop, (client) => tidy(client, log, flags.group));
  // Ended before the log is closed: a look at the topics after that would open a connection that nobody closes.
  await using _listener = {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await changes.return(undefined);
    },
  };
  let saidNone = false;
  const owner = async (): Promise<TopicOwner | undefined> => {
    const found = await sessions.use((session) => topicOwner(session, flags.group));
    if (found === undefined && !saidNone)
      logger.info(`waiting for the first start of a connector of group ${flags.group}`);
    saidNone = found === undefined;
    return found;
  };
  await runSink({
    ports,
    owner,
    read: READ,
    changes,
    drain: signals.drain,
    abort: signals.abort,
    until: whenAborted(signals.finish),
    report: (report) => status.take(report),
    waits: (error, waitMs) =>
      logger.warn(
        { reason: error instanceof Error ? error.message : String(error), waitMs },
        'the topics cannot be listed, trying again',
      ),
  });
  if (signals.finish.aborted && (status.failed > 0 || status.degraded > 0 || status.deadLetters > 0))
    process.exitCode = EXIT.degraded;
}

/** Dropped pipelines and replaced generations leave nothing behind. */
async function tidy(client: pg.Client, log: Log, group: string): Promise<void> {
  const owner = await topicOwner(client, group).catch((error: unknown) => {
    // The sink itself says so.
    if (error instanceof MillraceError && error.code === 'NOT_OUR_WAREHOUSE') return undefined;
    throw error;
  });
  // Without one nothing is known to be gone.
  if (owner === undefined) return;
  for (const id of await removeGone(client, await log.list(owner))) await removePipeline(client, id);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
