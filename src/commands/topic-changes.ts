// When a sink should look for topics again: the control plane or a connector says so (NOTIFY millrace), and at the latest after a
// while, as a notification can be missed while a connection is being made again.

import type pg from 'pg';
import { BackOff } from '../runtime/back-off.ts';
import { systemClock } from '../runtime/clock.ts';
import { connect } from '../warehouse/connection.ts';

const AT_THE_LATEST_MS = 10_000;

/**
 * Yields whenever topics may have come or gone, until `signal` aborts.
 * @param tidy called before each, with a session: removes what belongs to pipelines that are gone
 */
export async function* topicChanges(
  url: string,
  signal: AbortSignal,
  tidy: (client: pg.Client) => Promise<void>,
): AsyncGenerator<void> {
  const backOff = new BackOff({ firstMs: 200, capMs: 10_000, random: Math.random });
  while (!signal.aborted) {
    try {
      const client = await connect({ url, applicationName: 'millrace sink listener' });
      let wake = new AbortController();
      let lost = false;
      client.on('notification', () => wake.abort());
      client.once('end', () => {
        lost = true;
        wake.abort();
      });
      try {
        await client.query('listen millrace');
        backOff.succeeded();
        while (!signal.aborted) {
          await systemClock.sleep(AT_THE_LATEST_MS, AbortSignal.any([wake.signal, signal]));
          if (signal.aborted) return;
          wake = new AbortController();
          try {
            await tidy(client);
          } catch (error) {
            if (lost) throw error;
            // The broker may be away. Who looks at the topics now says so; nothing is tidied until it is back.
          }
          yield;
        }
      } finally {
        await client.end().catch(() => {});
      }
    } catch {
      await systemClock.sleep(backOff.next(), signal);
    }
  }
}
