// What model and metrics are made from, as a pipeline's definition says it.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { Model, ModelRequest } from '../model/model.ts';
import type { MetricsRequest } from './ports.ts';

export function metricsRequest(definition: SinkDefinition, { task }: Model): MetricsRequest {
  return { task, label: definition.label, segmentBy: segmentByOf(definition) };
}

export function segmentByOf({ model }: SinkDefinition): string | undefined {
  const by = model['metrics_by'];
  return typeof by === 'string' ? by : undefined;
}

/** The seed belongs to the generation, so that a run can be had again. */
export function modelRequest(definition: SinkDefinition): ModelRequest {
  const seed = (definition.pipelineId * 2_654_435_761 + definition.generation) % 4_294_967_296;
  const { model: options, features, label } = definition;
  return { options, features, label, seed };
}
