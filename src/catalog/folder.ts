// The warehouse's memory of each group's data folder: tells the folder that we left from an older or another one, and the topics
// that it writes from those of other warehouses.

import type pg from 'pg';
import type { FolderIdentity } from '../state/state-store.ts';

/** What was last saved for a group; undefined before its first start. */
export async function loadFolder(client: pg.ClientBase, group: string): Promise<FolderIdentity | undefined> {
  const result = await client.query<{ folder_id: string; system_identifier: string; timeline: number; slot: string }>(
    'select folder_id, system_identifier, timeline, slot from millrace._groups where name = $1',
    [group],
  );
  const row = result.rows[0];
  return (
    row && {
      folderId: row.folder_id,
      systemIdentifier: row.system_identifier,
      timeline: row.timeline,
      slot: row.slot,
      group,
    }
  );
}

/** Saves it in place of what was there: only at a group's first start, when it has no slot. */
export async function saveFolder(client: pg.ClientBase, identity: FolderIdentity): Promise<void> {
  await client.query(
    `insert into millrace._groups (name, folder_id, system_identifier, timeline, slot) values ($1, $2, $3, $4, $5)
     on conflict (name) do update set folder_id = excluded.folder_id, system_identifier = excluded.system_identifier,
       timeline = excluded.timeline, slot = excluded.slot, created_at = now(), database = null, unmarked = '[]'`,
    [identity.group, identity.folderId, identity.systemIdentifier, identity.timeline, identity.slot],
  );
}

/** A group's claim to its topics: which folder writes them, and where the claim was made. */
export interface TopicClaim {
  readonly folderId: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Undefined: not claimed since the folder was saved, or since the schema was upgraded. */
  readonly databaseOid: number | undefined;
  /** Generations whose topics were made before topics had a mark. */
  readonly unmarked: readonly { readonly pipelineId: number; readonly generation: number }[];
}

/** Says that what the group's folder writes is this database's, and tells the sinks. */
export async function claimTopics(
  client: pg.ClientBase,
  group: string,
  unmarked: TopicClaim['unmarked'],
): Promise<void> {
  await client.query(
    `update millrace._groups set database = (select oid from pg_database where datname = current_database()), unmarked = $2
      where name = $1`,
    [group, JSON.stringify(unmarked)],
  );
  await client.query('notify millrace');
}

/** Undefined before the group's first start. */
export async function loadClaim(client: pg.ClientBase, group: string): Promise<TopicClaim | undefined> {
  const result = await client.query<{
    folder_id: string;
    system_identifier: string;
    timeline: number;
    database: number | null;
    unmarked: TopicClaim['unmarked'];
  }>('select folder_id, system_identifier, timeline, database, unmarked from millrace._groups where name = $1', [
    group,
  ]);
  const row = result.rows[0];
  return (
    row && {
      folderId: row.folder_id,
      systemIdentifier: row.system_identifier,
      timeline: row.timeline,
      databaseOid: row.database ?? undefined,
      unmarked: row.unmarked,
    }
  );
}

/** Forgets it, with the slot. */
export async function forgetFolder(client: pg.ClientBase, group: string): Promise<void> {
  await client.query('delete from millrace._groups where name = $1', [group]);
}
