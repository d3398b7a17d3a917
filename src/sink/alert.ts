// `alert_when`: its types are asked of Postgres once for each definition, then it is compiled; Postgres never executes it.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import type { AlertWhen } from '../scores/scorer.ts';
import { alertColumns, compileAlert, describePredicate } from '../transform/predicate.ts';
import { connect } from '../warehouse/connection.ts';
import { alertGoalOf } from './alert-goal.ts';

/** For {@link SinkPorts.compileAlert}. Rejects with SQL_INVALID or SQL_UNSUPPORTED and the place in the condition. */
export function alertCompiler(url: string): (definition: SinkDefinition) => Promise<AlertWhen | undefined> {
  return async (definition) => {
    if (definition.alertWhen === undefined || alertGoalOf(definition) !== undefined) return undefined;
    const client = await connect({ url, applicationName: 'millrace sink alert' });
    try {
      const facts = await describePredicate(
        client,
        definition.alertWhen,
        alertColumns(definition),
        definition.timezone,
      );
      return compileAlert(definition, facts);
    } catch (error) {
      throw named(definition, error);
    } finally {
      await client.end();
    }
  };
}

/** What is wrong is in the condition, not in the view that the error would otherwise send to. */
function named(definition: SinkDefinition, error: unknown): unknown {
  if (!(error instanceof MillraceError) || isRetryable(error)) return error;
  const columns = alertColumns(definition).map(({ name }) => name);
  return new MillraceError(error.code, `alert_when (${definition.alertWhen}) cannot be used: ${error.message}`, {
    ...error.place,
    hint: `It is a condition over ${columns.join(', ')}, such as score > 0.9; or one goal: precision >= 0.9, recall >= 0.8, alerts_per_day <= 50 or alert_share <= 0.01.`,
    cause: error,
  });
}
