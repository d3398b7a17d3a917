// temporary
import type { SinkDefinition } from '../flow/pipeline.ts';
import type { AlertWhen } from '../scores/scorer.ts';

export function alertCompiler(_url: string): (definition: SinkDefinition) => Promise<AlertWhen | undefined> {
  return async (definition) =>
    definition.alertWhen === undefined ? undefined : (score) => score !== null && score > 0.9;
}
