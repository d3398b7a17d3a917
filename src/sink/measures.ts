// What the sink tells Prometheus, in base units.

import type { Measure } from '../runtime/metrics.ts';
import type { SinkReport } from './ports.ts';

export function sinkMeasures(status: { reports(): readonly SinkReport[] }): Measure[] {
  const gauge = (name: string, help: string, value: (report: SinkReport) => number): Measure => ({
    name: `millrace_sink_${name}`,
    help,
    labels: ['pipeline_id'],
    read: () =>
      status
        .reports()
        .map((report) => ({ labels: { pipeline_id: String(report.topic.pipelineId) }, value: value(report) })),
  });
  return [
    gauge('lag_records', 'Records of the topic that are not in the warehouse yet', (report) => report.lagRecords),
    gauge('rows_scored_total', 'Rows scored since the start', (report) => report.rowsScored),
    gauge('examples_learned_total', 'Examples learned since the start', (report) => report.examplesLearned),
    gauge('dead_letters_total', 'Dead letters stored since the start', (report) => report.deadLetters),
    gauge('failed', '1 while the pipeline stands failed', (report) => (report.state === 'failed' ? 1 : 0)),
  ];
}
