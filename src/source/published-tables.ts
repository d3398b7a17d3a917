// What Postgres must know of a table to publish it: its replica identity, its owner, its columns. Deciding is apart from asking.

import type { ClientBase } from 'pg';
import type { TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { quoteIdentifier, quoteTable } from '../warehouse/quoting.ts';

/** A table and the columns of it that a pipeline reads. */
export interface PublishedColumns {
  readonly table: TableName;
  readonly columns: readonly string[];
}

/** One table of the catalog. A partitioned one counts as a whole: FULL where any partition is, and none where any has none. */
export interface TableFacts {
  readonly table: TableName;
  readonly kind: string;
  readonly persistence: string;
  readonly owner: string;
  /** We have the rights of its owner. */
  readonly owned: boolean;
  readonly columns: readonly { readonly name: string; readonly generated: boolean }[];
  readonly identity: 'columns' | 'full' | 'none';
  readonly identityColumns: readonly string[];
  /** A unique index over not-null columns that could become the replica identity. */
  readonly candidateIndex: string | undefined;
}

/** Rejects with SQL_INVALID where a table is not there. */
export async function tableFacts(client: ClientBase, table: TableName): Promise<TableFacts> {
  const found = await client.query<{
    kind: string;
    persistence: string;
    owner: string;
    owned: boolean;
    columns: { name: string; generated: boolean }[];
    identities: { kind: string; columns: string[] | null }[];
    candidate: string | null;
  }>(TABLE_FACTS, [table.schema, table.name]);
  const row = found.rows[0];
  if (!row)
    throw new MillraceError('SQL_INVALID', `the table ${quoteTable(table)} does not exist`, {
      hint: 'Check the FROM of the view.',
      table: quoteTable(table),
    });
  const { identities } = row;
  const none = identities.some((identity) => identity.kind === 'none');
  const full = identities.some((identity) => identity.kind === 'full');
  return {
    table,
    kind: row.kind,
    persistence: row.persistence,
    owner: row.owner,
    owned: row.owned,
    columns: row.columns,
    identity: none ? 'none' : full ? 'full' : 'columns',
    identityColumns: [...new Set(identities.flatMap((identity) => identity.columns ?? []))],
    candidateIndex: row.candidate ?? undefined,
  };
}

// A deferrable unique index is no identity. Rows of a partitioned table are written, and so identified, in its leaves.
const TABLE_FACTS = `
  with target as (
    select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2
  ), leaf as (
    select oid, relreplident from target where relkind <> 'p'
    union all
    select c.oid, c.relreplident from target t, pg_partition_tree(t.oid) p join pg_class c on c.oid = p.relid
     where t.relkind = 'p' and (p.isleaf or p.level = 0)
  ), identity as (
    select case when l.relreplident = 'f' then 'full' when i.indexrelid is null then 'none' else 'columns' end as kind,
           (select array_agg(a.attname::text) from pg_attribute a
             where a.attrelid = l.oid and a.attnum = any(i.indkey::int2[])) as columns
      from leaf l
      left join pg_index i on i.indrelid = l.oid and i.indimmediate and i.indisvalid
       and (l.relreplident = 'd' and i.indisprimary or l.relreplident = 'i' and i.indisreplident)
  )
  select t.relkind::text as kind, t.relpersistence::text as persistence,
         pg_get_userbyid(t.relowner)::text as owner, pg_has_role(t.relowner, 'usage') as owned,
         (select coalesce(json_agg(json_build_object('name', attname, 'generated', attgenerated <> '') order by attnum), '[]')
            from pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped) as columns,
         (select coalesce(json_agg(json_build_object('kind', kind, 'columns', columns)), '[]') from identity) as identities,
         (select min(quote_ident(x.relname)) from pg_index i join pg_class x on x.oid = i.indexrelid
           where i.indrelid = t.oid and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
             and not 0 = any(i.indkey::int2[])
             and not exists (select from pg_attribute a where a.attrelid = t.oid and not a.attnotnull
                              and a.attnum = any(i.indkey::int2[]))) as candidate
    from target t`;

/**
 * The column list for a publication, sorted: what is read and what identifies a row; undefined for the whole table (REPLICA
 * IDENTITY FULL, and servers before 15, which know no lists). A list without the identity would make the owner's own UPDATE and
 * DELETE fail, and so would publishing a table without one: it throws TABLE_IDENTITY with the statement to run instead.
 */
export function columnList(
  facts: TableFacts,
  wanted: readonly string[],
  serverVersion: number,
): readonly string[] | undefined {
  const name = quoteTable(facts.table);
  if (!(facts.kind === 'r' || facts.kind === 'p') || facts.persistence !== 'p')
    throw new MillraceError('SQL_UNSUPPORTED', `${name} is not a permanent table, so its changes are not in the WAL`, {
      hint: 'Only ordinary and partitioned tables can be followed: no views, foreign, temporary or unlogged tables.',
      table: name,
    });
  if (facts.identity === 'none')
    throw new MillraceError(
      'TABLE_IDENTITY',
      `${name} has no replica identity: publishing it would make UPDATE and DELETE on it fail`,
      {
        hint:
          facts.candidateIndex === undefined
            ? `As its owner: alter table ${name} add primary key (…); or: alter table ${name} replica identity full;`
            : `As its owner: alter table ${name} replica identity using index ${facts.candidateIndex};`,
        table: name,
      },
    );
  for (const column of wanted) {
    const known = facts.columns.find((candidate) => candidate.name === column);
    if (!known)
      throw new MillraceError('SQL_INVALID', `the table ${name} has no column ${quoteIdentifier(column)}`, {
        hint: 'Check the view.',
        table: name,
      });
    if (known.generated)
      throw new MillraceError(
        'SQL_UNSUPPORTED',
        `the column ${quoteIdentifier(column)} of ${name} is generated, so it is not in the replication stream`,
        { hint: "Write the column's expression into the view instead.", table: name },
      );
  }
  if (serverVersion < 150_000 || facts.identity === 'full') return undefined;
  return [...new Set([...wanted, ...facts.identityColumns])].sort();
}
