// What of a definition holds for the generation that runs: its views are pinned, so new ones wait for the next.

import type { PipelineDefinition, TableName } from '../flow/pipeline.ts';

/**
 * A changed definition as far as the running generation follows it. Views stay as they were, and with another label view the
 * default label too, since it is of that view's type.
 */
export function inForce(former: PipelineDefinition, asked: PipelineDefinition): PipelineDefinition {
  const { features, labels } = former;
  return {
    ...asked,
    features,
    labels,
    labelDefault: isSame(labels, asked.labels) ? asked.labelDefault : former.labelDefault,
  };
}

/** For compiling pinned views again: whether a leak is meant was judged when they were pinned, by the options of that time. */
export function asJudged(definition: PipelineDefinition): PipelineDefinition {
  return { ...definition, model: { ...definition.model, allow_leak: true } };
}

function isSame(a: TableName | undefined, b: TableName | undefined): boolean {
  return a?.schema === b?.schema && a?.name === b?.name;
}
