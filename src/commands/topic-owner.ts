// Whose topics a sink reads: those that the connector of this very warehouse writes. Everything that names a topic is copied with a
// database, and what is restored or cloned would go on with the original's topics, and take its place among their readers.

import type pg from 'pg';
import { loadClaim } from '../catalog/folder.ts';
import { MillraceError } from '../runtime/errors.ts';
import { identifyWarehouse } from '../source/group.ts';
import type { TopicOwner } from '../stream/log.ts';
import { topicMark } from '../stream/topic-name.ts';

/**
 * Undefined while no connector has claimed topics for the group. Rejects with NOT_OUR_WAREHOUSE where the claim was made in another
 * database, server or timeline; retryably while this server is a standby.
 */
export async function topicOwner(client: pg.ClientBase, group: string): Promise<TopicOwner | undefined> {
  const claim = await loadClaim(client, group);
  if (claim?.databaseOid === undefined) return undefined;
  const here = await identifyWarehouse(client).catch(onceAgain);
  const parts = [
    ['server', claim.systemIdentifier, here.systemIdentifier],
    ['timeline', claim.timeline, here.timeline],
    ['database', claim.databaseOid, here.databaseOid],
  ] as const;
  const other = parts.find(([, claimed, found]) => claimed !== found);
  if (other === undefined) return { group, mark: topicMark(claim.folderId), unmarked: claim.unmarked };
  const [part, claimed, found] = other;
  throw new MillraceError(
    'NOT_OUR_WAREHOUSE',
    `the topics of group ${group} were written for the ${part} ${claimed}, and this is ${found}: a copy, or restored`,
    {
      hint: 'Start a connector here, with an empty data folder: it builds every pipeline anew from its tables, in topics of its own.',
    },
  );
}

/** In a failover a name may lead to the new primary before it is one. */
function onceAgain(error: unknown): never {
  if (!(error instanceof MillraceError) || error.code !== 'WAREHOUSE_NOT_READY') throw error;
  const { code, message, hint } = error;
  throw new MillraceError(code, message, { ...(hint === undefined ? {} : { hint }), retryable: true, cause: error });
}
