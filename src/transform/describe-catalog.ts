// What the catalog says of views, tables, collations and case: read once, in the transaction that describes a pipeline.

import type pg from 'pg';
import type { TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { CaseFacts, CaseTable, CollationFacts, QueryFacts, TableFacts } from './view-facts.ts';

export interface ViewText {
  readonly text: string;
  readonly columns: QueryFacts['columns'];
}

/** The view's text under the session's settings, and its columns. Rejects with VIEW_MISSING. */
export async function readView(client: pg.Client, view: TableName): Promise<ViewText> {
  const found = await client.query<{ oid: string; relkind: string; text: string }>(
    `select c.oid::text, c.relkind::text, case when c.relkind = 'v' then pg_get_viewdef(c.oid) end as text
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2`,
    [view.schema, view.name],
  );
  const row = found.rows[0];
  if (!row || row.relkind !== 'v') {
    const what = row ? 'is not a view' : 'does not exist';
    throw new MillraceError('VIEW_MISSING', `view ${view.schema}.${view.name} ${what}`, {
      hint: row
        ? 'Create a view over it: create view … as select … from it.'
        : 'Create it, or name it with its schema.',
    });
  }
  const columns = await client.query<{ name: string; oid: string; typmod: string; collation: string; type: string }>(
    `select attname as name, atttypid::oid::text as oid, atttypmod::text as typmod, attcollation::oid::text as collation,
            format_type(atttypid, atttypmod) as type
       from pg_attribute where attrelid = $1::oid and attnum > 0 and not attisdropped order by attnum`,
    [row.oid],
  );
  return {
    text: row.text,
    columns: columns.rows.map((column) => ({
      name: column.name,
      typeOid: Number(column.oid),
      typmod: Number(column.typmod),
      collation: Number(column.collation),
      type: column.type,
    })),
  };
}

/** Rejects with SQL_UNSUPPORTED for anything but an ordinary or partitioned table. */
export async function readTable(client: pg.Client, table: TableName): Promise<TableFacts> {
  const found = await client.query<{ oid: string; relkind: string; identity: TableFacts['replicaIdentity'] }>(
    `select c.oid::text, c.relkind::text, c.relreplident::text as identity
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2`,
    [table.schema, table.name],
  );
  const row = found.rows[0];
  const shown = `${table.schema}.${table.name}`;
  if (!row || !'rp'.includes(row.relkind)) {
    throw new MillraceError('SQL_UNSUPPORTED', `${shown} is not a table, but a view or the like`, {
      hint: 'Write the query in one level over its table.',
      table: shown,
    });
  }
  const columns = await client.query<Record<string, string>>(
    `select a.attname as name, a.atttypid::oid::text as oid, a.atttypmod::text as typmod, a.attcollation::oid::text as collation,
            format_type(a.atttypid, a.atttypmod) as type, a.attnotnull::text as notnull, a.attstorage::text as storage,
            a.attgenerated::text as generated,
            (case c.relreplident
               when 'f' then true
               when 'n' then false
               else exists (select from pg_index i
                             where i.indrelid = c.oid and a.attnum = any (i.indkey)
                               and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end)
             end)::text as identity
       from pg_attribute a join pg_class c on c.oid = a.attrelid
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [row.oid],
  );
  const keys = await client.query<{ primary: string; columns: string }>(
    `select i.indisprimary::text as primary,
            (select json_agg(a.attname order by k.place)
               from unnest(i.indkey::int2[]) with ordinality k(attnum, place)
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
              where k.place <= i.indnkeyatts)::text as columns
       from pg_index i
      where i.indrelid = $1::oid and i.indisunique and i.indisvalid and i.indimmediate
        and i.indpred is null and i.indexprs is null
      order by i.indisprimary desc, i.indexrelid`,
    [row.oid],
  );
  const truthy = (text: string | undefined): boolean => text === 'true' || text === 't';
  const uniqueKeys = keys.rows.map((key) => JSON.parse(key.columns) as string[]);
  return {
    table,
    oid: Number(row.oid),
    replicaIdentity: row.identity,
    columns: columns.rows.map((column) => ({
      name: column['name']!,
      typeOid: Number(column['oid']),
      typmod: Number(column['typmod']),
      collation: Number(column['collation']),
      type: column['type']!,
      notNull: truthy(column['notnull']),
      identity: truthy(column['identity']),
      storage: column['storage']!,
      generated: column['generated'] !== '',
    })),
    primaryKey: truthy(keys.rows[0]?.primary) ? uniqueKeys[0]! : [],
    uniqueKeys,
  };
}

/** The database's own (OID 100), C, and those of the given columns. */
export async function readCollations(client: pg.Client, oids: readonly number[]): Promise<readonly CollationFacts[]> {
  const found = await client.query<{ oid: string; name: string; collate: string; deterministic: string }>(
    `select c.oid::text, c.collname as name, c.collisdeterministic::text as deterministic,
            case when c.oid = 100 then (select datcollate from pg_database where datname = current_database())
                 else coalesce(to_jsonb(c) ->> 'collcollate', to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', '') end as collate
       from pg_collation c where c.oid = any ($1::oid[]) order by c.oid`,
    [[...new Set([100, 950, 951, ...oids])]],
  );
  const provider = await databaseProvider(client);
  return found.rows.map((row) => ({
    oid: Number(row.oid),
    name: row.name,
    c: (Number(row.oid) !== 100 || provider !== 'icu') && /^(C|POSIX|C\.utf-?8|ucs_basic)$/i.test(row.collate),
    deterministic: row.deterministic !== 'false' && row.deterministic !== 'f',
  }));
}

export async function databaseProvider(client: pg.Client): Promise<CaseFacts['provider']> {
  const found = await client.query<{ provider: string; ctype: string }>(
    `select coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider, datctype as ctype
       from pg_database d where datname = current_database()`,
  );
  const { provider, ctype } = found.rows[0]!;
  if (provider === 'i') return 'icu';
  if (provider === 'b') return 'builtin';
  return /^(C|POSIX)$/.test(ctype) ? 'c' : 'libc';
}

/** Case mapping of every code point in the database's collation: how Postgres maps differs from JavaScript (docs/correctness.md, rule B). */
export async function readCases(client: pg.Client): Promise<CaseFacts> {
  const found = await client.query<{ point: string; lower: string; upper: string }>(
    `select i::text as point, lower(chr(i)) as lower, upper(chr(i)) as upper
       from generate_series(1, 1114111) i
      where i not between 55296 and 57343 and (lower(chr(i)) <> chr(i) or upper(chr(i)) <> chr(i))
      order by i`,
  );
  const table = (side: 'lower' | 'upper'): CaseTable => {
    const runs: [number, number, number, number][] = [];
    const others: [number, string][] = [];
    for (const row of found.rows) {
      const point = Number(row.point);
      const mapped = row[side];
      const to = mapped.codePointAt(0)!;
      if (mapped === String.fromCodePoint(point)) continue;
      if (String.fromCodePoint(to) !== mapped) {
        others.push([point, mapped]);
        continue;
      }
      const last = runs.at(-1);
      const step = last ? point - last[1] : 0;
      if (last && to - point === last[3] && step <= 2 && (last[0] === last[1] || step === last[2])) {
        last[2] = step;
        last[1] = point;
      } else runs.push([point, point, 1, to - point]);
    }
    return { runs, others };
  };
  return { provider: await databaseProvider(client), lower: table('lower'), upper: table('upper') };
}
