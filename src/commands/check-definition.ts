// What the sink would refuse of a definition, found before a table is read: the model's options and the alert condition.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { createModel } from '../model/create-model.ts';
import { alertCompiler } from '../sink/alert.ts';

/** Rejects with MODEL_INVALID, SQL_INVALID or SQL_UNSUPPORTED and what to do. */
export function definitionChecker(url: string): (definition: SinkDefinition) => Promise<void> {
  const compileAlert = alertCompiler(url);
  return async (definition) => {
    const { model: options, features, label } = definition;
    await createModel({ options, features, label, seed: 0 });
    await compileAlert(definition);
  };
}
