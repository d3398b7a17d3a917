// `millrace connector`: from the warehouse to the topics.

import { PIPELINE_COLUMNS, PIPELINES_TABLE } from '../catalog/pipeline-row.ts';
import { checkSchema } from '../catalog/schema-version.ts';
import { runConnector } from '../connector/connector.ts';
import { connectorMeasures } from '../connector/measures.ts';
import { PostgresWarehouse } from '../connector/postgres-warehouse.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { createRegistry } from '../runtime/metrics.ts';
import { serveHttp } from '../serve/http.ts';
import { openLmdbStore } from '../state/lmdb-store.ts';
import { loadParser } from '../transform/parse-sql.ts';
import { connect } from '../warehouse/connection.ts';
import { definitionChecker } from './check-definition.ts';
import { EXIT } from './exit.ts';
import { groupFolder, warehouseOf, type CommonFlags } from './flags.ts';
import { openLog } from './open-log.ts';
import { listenForSignals } from './signals.ts';

export async function runConnectorProcess(flags: CommonFlags): Promise<void> {
  const url = warehouseOf(flags);
  const logger = createLogger('connector', flags.logLevel);
  using signals = listenForSignals(() => logger.info('draining'));
  if (flags.untilCaughtUp) signals.finishNow();
  await loadParser();
  const client = await connect({ url, applicationName: 'millrace connector start' });
  await checkSchema(client).finally(() => client.end());
  await using state = await openLmdbStore(`${groupFolder(flags)}/state`);
  await using log = await openLog(flags, logger);
  await using warehouse = new PostgresWarehouse({ url, group: flags.group, logger });
  const ports = {
    warehouse,
    state,
    log,
    clock: systemClock,
    random: Math.random,
    logger,
    checkDefinition: definitionChecker(url),
  };
  const view = { statuses: () => warehouse.lastReport };
  await using _http =
    flags.http &&
    (await serveHttp({
      ...flags.http,
      registry: createRegistry(connectorMeasures(view.statuses)),
      health: () => ({ ok: true, details: { stage: 'connector', group: flags.group } }),
    }));
  const outcome = await runConnector(
    ports,
    {
      group: flags.group,
      partitions: flags.partitions,
      controlTable: PIPELINES_TABLE,
      controlColumns: PIPELINE_COLUMNS,
      checkpointIntervalMs: 1000,
      heartbeatIntervalMs: 10_000,
      statusIntervalMs: 1000,
      publicationIntervalMs: 60_000,
      trimIntervalMs: 60_000,
      maxBufferedRecords: 50_000,
      walBudgetBytes: 16 * 2 ** 30,
    },
    signals,
  );
  if (signals.finish.aborted && (outcome.failed > 0 || outcome.deadLetters > 0)) process.exitCode = EXIT.degraded;
}
