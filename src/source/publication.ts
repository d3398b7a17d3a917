// The group's publication: made before the slot (a slot older than its publication fails for good), one for the group, with the
// union of the columns that its pipelines read, since two publications with different lists for one table stop the slot.

import type { ClientBase } from 'pg';
import type { TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { quoteIdentifier, quoteTable } from '../warehouse/quoting.ts';
import { columnList, tableFacts, type PublishedColumns, type TableFacts } from './published-tables.ts';

/** A table as the publication has it; `columns` undefined for all of them. */
interface Published {
  readonly table: TableName;
  readonly columns: readonly string[] | undefined;
}

/**
 * Makes the publication have the tables: their columns, their identity, every kind of change, partitions as their root. `extend`
 * keeps what it had; `exact` takes away what nobody reads any more. One transaction, and no statement at all where nothing is to
 * be changed, so that a publication that a superuser maintains for us needs no rights of ours. Each row is decoded with the list
 * of its own time, so this is safe while the slot is behind.
 *
 * Rejects with TABLE_IDENTITY, SQL_UNSUPPORTED or SQL_INVALID for a table that cannot be published, and with
 * WAREHOUSE_NOT_READY and the statements for its owner where our role may not.
 */
export async function ensurePublication(
  client: ClientBase,
  publication: string,
  wanted: readonly PublishedColumns[],
  mode: 'extend' | 'exact' = 'extend',
): Promise<void> {
  const name = quoteIdentifier(publication);
  const version = await serverVersion(client);
  const current = await currentTables(client, publication, version);
  const statements: string[] = [];
  if (current === undefined)
    statements.push(
      `create publication ${name} with (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)`,
    );
  const refused: { readonly facts: TableFacts; readonly statement: string }[] = [];
  for (const { table, columns } of unionOf(wanted)) {
    const has = current?.find((published) => sameTable(published.table, table));
    const facts = await tableFacts(client, table);
    const kept = mode === 'extend' ? (has?.columns ?? []).filter((column) => hasColumn(facts, column)) : [];
    const list = columnList(facts, [...columns, ...kept], version);
    if (has && covers(has.columns, list, mode)) continue;
    const member =
      list === undefined ? quoteTable(table) : `${quoteTable(table)} (${list.map(quoteIdentifier).join(', ')})`;
    if (has) statements.push(`alter publication ${name} drop table ${quoteTable(table)}`);
    const statement = `alter publication ${name} add table ${member}`;
    if (!facts.owned) refused.push({ facts, statement });
    statements.push(statement);
  }
  if (refused.length > 0) throw await notOwner(client, refused);
  if (mode === 'exact')
    for (const { table } of current ?? [])
      if (!wanted.some((one) => sameTable(one.table, table)))
        statements.push(`alter publication ${name} drop table ${quoteTable(table)}`);
  await inTransaction(client, statements);
}

/** A table whose changes the stream does not have any more; `reason` goes on after its name. */
export interface MissingTable {
  readonly table: TableName;
  readonly reason: string;
}

/**
 * Tables that are not in the publication: `drop column … cascade` of a published column takes the table out in silence, as
 * `drop table` does, and its changes are in the stream no more. Tables whose owner's UPDATE and DELETE fail because of us are
 * taken out first. None where there is no publication at all: then the stream itself ends with an error.
 */
export async function missingTables(
  client: ClientBase,
  publication: string,
  wanted: readonly { readonly table: TableName }[],
): Promise<readonly MissingTable[]> {
  const withdrawn = await withdrawBroken(client, publication);
  const current = await currentTables(client, publication, await serverVersion(client));
  if (current === undefined) return [];
  const left =
    'has left the publication (a column dropped with cascade takes its table out): its changes no longer arrive';
  return wanted
    .filter(({ table }) => !current.some((has) => sameTable(has.table, table)))
    .map(({ table }) => ({
      table,
      reason: withdrawn.find((one) => sameTable(one.table, table))?.reason ?? left,
    }));
}

/** Nothing happens where there is none. */
export async function dropPublication(client: ClientBase, publication: string): Promise<void> {
  await client.query(`drop publication if exists ${quoteIdentifier(publication)}`);
}

/**
 * Takes out of the publication the tables whose owner's UPDATE and DELETE fail now, since their identity was changed after they
 * were published: nothing of ours may stand in their way. Where our role may not, the error says which statement is needed.
 */
async function withdrawBroken(client: ClientBase, publication: string): Promise<readonly MissingTable[]> {
  const version = await serverVersion(client);
  const broken: TableName[] = [];
  for (const { table, columns } of (await currentTables(client, publication, version)) ?? [])
    if (await isBroken(client, table, columns, version)) broken.push(table);
  const statements = broken.map(
    (table) => `alter publication ${quoteIdentifier(publication)} drop table ${quoteTable(table)}`,
  );
  await inTransaction(client, statements).catch((cause: unknown) => {
    throw new MillraceError(
      'TABLE_IDENTITY',
      `UPDATE and DELETE fail on ${broken.map(quoteTable).join(', ')}, whose replica identity was changed, while the publication has what it was`,
      { hint: `Run as the publication's owner: ${statements.join('; ')}`, cause },
    );
  });
  const reason =
    'has another replica identity than when it was published, and was taken out so that UPDATE and DELETE work';
  return broken.map((table) => ({ table, reason }));
}

async function isBroken(
  client: ClientBase,
  table: TableName,
  columns: readonly string[] | undefined,
  version: number,
): Promise<boolean> {
  try {
    return !covers(columns, columnList(await tableFacts(client, table), [], version), 'extend');
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'TABLE_IDENTITY') return true;
    throw error;
  }
}

/** Undefined where there is no such publication. */
async function currentTables(
  client: ClientBase,
  publication: string,
  version: number,
): Promise<readonly Published[] | undefined> {
  const exists = await client.query('select from pg_publication where pubname = $1', [publication]);
  if (exists.rowCount === 0) return undefined;
  const list =
    version < 150_000
      ? 'null::json'
      : `(select json_agg(a.attname order by a.attname) from pg_attribute a
           where a.attrelid = r.prrelid and a.attnum = any(r.prattrs::int2[]))`;
  const found = await client.query<{ schema: string; name: string; columns: string[] | null }>(
    `select n.nspname::text as schema, c.relname::text as name, ${list} as columns
       from pg_publication p join pg_publication_rel r on r.prpubid = p.oid
       join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
      where p.pubname = $1`,
    [publication],
  );
  return found.rows.map(({ schema, name, columns }) => ({ table: { schema, name }, columns: columns ?? undefined }));
}

/** One entry a table, however many pipelines read it. */
function unionOf(wanted: readonly PublishedColumns[]): readonly PublishedColumns[] {
  const byName = new Map<string, { readonly table: TableName; readonly columns: Set<string> }>();
  for (const { table, columns } of wanted) {
    const name = quoteTable(table);
    const entry = byName.get(name) ?? { table, columns: new Set<string>() };
    for (const column of columns) entry.columns.add(column);
    byName.set(name, entry);
  }
  return [...byName.values()].map(({ table, columns }) => ({ table, columns: [...columns] }));
}

function covers(
  has: readonly string[] | undefined,
  needed: readonly string[] | undefined,
  mode: 'extend' | 'exact',
): boolean {
  if (has === undefined) return mode === 'extend' || needed === undefined;
  if (needed === undefined) return false;
  return needed.every((column) => has.includes(column)) && (mode === 'extend' || has.length === needed.length);
}

const sameTable = (a: TableName, b: TableName): boolean => a.schema === b.schema && a.name === b.name;

const hasColumn = (facts: TableFacts, column: string): boolean => facts.columns.some(({ name }) => name === column);

async function serverVersion(client: ClientBase): Promise<number> {
  const found = await client.query<{ version: number }>(`select current_setting('server_version_num')::int as version`);
  return found.rows[0]!.version;
}

async function notOwner(
  client: ClientBase,
  refused: readonly { readonly facts: TableFacts; readonly statement: string }[],
): Promise<MillraceError> {
  const { rows } = await client.query<{ role: string }>('select current_user::text as role');
  const { role } = rows[0]!;
  const owners = [...new Set(refused.map(({ facts }) => facts.owner))];
  const tables = refused.map(({ facts }) => quoteTable(facts.table)).join(', ');
  const grants = owners.map((owner) => `grant ${quoteIdentifier(owner)} to ${quoteIdentifier(role)};`).join(' ');
  return new MillraceError(
    'WAREHOUSE_NOT_READY',
    `the role ${role} may not publish ${tables}: only the owner (${owners.join(', ')}) may`,
    {
      hint: `Make it a member of the owner: ${grants} Or, as a superuser: ${refused.map(({ statement }) => `${statement};`).join(' ')}`,
      table: tables,
    },
  );
}

async function inTransaction(client: ClientBase, statements: readonly string[]): Promise<void> {
  if (statements.length === 0) return;
  await client.query('begin');
  try {
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}
