// Who a session waits for. A new slot waits until every transaction that was running has ended, however long that takes: the user
// is told whose.

import type { ClientBase } from 'pg';

/** A transaction that another session waits for. Times are those of the server; what our role may not see is undefined. */
export interface BlockingTransaction {
  /** Undefined: a prepared transaction (`prepared` has its name). */
  readonly pid: number | undefined;
  readonly prepared: string | undefined;
  readonly applicationName: string | undefined;
  readonly user: string | undefined;
  readonly ageMs: number | undefined;
}

/** `process 4711 (psql, user ann, open for 84 s)` */
export function describeBlocking(blocking: BlockingTransaction): string {
  const facts = [
    blocking.applicationName,
    blocking.user && `user ${blocking.user}`,
    blocking.ageMs !== undefined && `open for ${Math.round(blocking.ageMs / 1_000)} s`,
  ].filter(Boolean);
  const who = blocking.pid === undefined ? `prepared transaction ${blocking.prepared}` : `process ${blocking.pid}`;
  return facts.length > 0 ? `${who} (${facts.join(', ')})` : who;
}

/** The transactions that the session `pid` waits for right now. */
export async function blockingTransactions(client: ClientBase, pid: number): Promise<BlockingTransaction[]> {
  const found = await client.query<Record<string, string | null>>(
    `select pid::text, null as prepared, nullif(application_name, '') as application_name, usename as username,
            (extract(epoch from clock_timestamp() - xact_start) * 1000)::text as age_ms
       from pg_stat_activity where pid = any(pg_blocking_pids($1))
     union all
     select null, gid, null, owner, (extract(epoch from clock_timestamp() - prepared) * 1000)::text
       from pg_prepared_xacts where 0 = any(pg_blocking_pids($1))`,
    [pid],
  );
  return found.rows.map((row) => ({
    pid: row['pid'] ? Number(row['pid']) : undefined,
    prepared: row['prepared'] ?? undefined,
    applicationName: row['application_name'] ?? undefined,
    user: row['username'] ?? undefined,
    ageMs: row['age_ms'] ? Number(row['age_ms']) : undefined,
  }));
}
