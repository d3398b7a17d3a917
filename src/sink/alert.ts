// `alert_when`: its types are asked of Postgres once for each definition, then it is compiled; Postgres never executes it.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { AlertWhen } from '../scores/scorer.ts';
import { alertColumns, compileAlert, describePredicate } from '../transform/predicate.ts';
import { connect } from '../warehouse/connection.ts';

/** For {@link SinkPorts.compileAlert}. Rejects with SQL_INVALID or SQL_UNSUPPORTED and the place in the condition. */
export function alertCompiler(url: string): (definition: SinkDefinition) => Promise<AlertWhen | undefined> {
  return async (definition) => {
    if (definition.alertWhen === undefined) return undefined;
    const client = await connect({ url, applicationName: 'millrace sink alert' });
    try {
      const facts = await describePredicate(
        client,
        definition.alertWhen,
        alertColumns(definition),
        definition.timezone,
      );
      return compileAlert(definition, facts);
    } finally {
      await client.end();
    }
  };
}
