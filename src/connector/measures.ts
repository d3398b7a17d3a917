// What the connector tells Prometheus: the last status of each pipeline, in base units.

import type { Measure } from '../runtime/metrics.ts';
import type { PipelineStatus } from './ports.ts';

export function connectorMeasures(statuses: () => readonly PipelineStatus[]): Measure[] {
  const gauge = (name: string, help: string, value: (status: PipelineStatus) => number): Measure => ({
    name: `millrace_connector_${name}`,
    help,
    labels: ['pipeline_id'],
    read: () =>
      statuses().map((status) => ({ labels: { pipeline_id: String(status.pipelineId) }, value: value(status) })),
  });
  return [
    gauge('lag_bytes', 'WAL between what was read and the end of the server', (status) => status.lagBytes),
    gauge('lag_seconds', 'Age of the last commit applied while there is more', (status) => status.lagMs / 1000),
    gauge('rows_per_second', 'Rows computed', (status) => status.rowsPerSecond),
    gauge('retained_wal_bytes', 'WAL that the slot keeps for the pipeline', (status) => status.retainedWalBytes),
    gauge('state_keys', 'Rows kept in state', (status) => status.stateKeys),
    gauge('state_bytes', 'Estimated memory of the state', (status) => status.stateBytes),
    {
      name: 'millrace_connector_pipeline_state',
      help: '1 for the state that the pipeline is in',
      labels: ['pipeline_id', 'state'],
      read: () =>
        statuses().map((status) => ({
          labels: { pipeline_id: String(status.pipelineId), state: status.state },
          value: 1,
        })),
    },
  ];
}
