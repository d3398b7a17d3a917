// The rows of a SQL query, as the features of a record have them: what Postgres's JSON makes of each value.

import { connect } from '../../warehouse/connection.ts';
import type { FeatureRow } from '../../model/model.ts';
import type { DataTable } from './data-table.ts';

/** The whole result, in memory, in the query's order. Rejects with what Postgres says of the query. */
export async function readQuery(warehouse: string, query: string): Promise<DataTable> {
  const client = await connect({ url: warehouse, applicationName: 'millrace evaluate' });
  try {
    await client.query('begin read only');
    const text = query.replace(/;\s*$/, '');
    const { fields } = await client.query(`select * from (${text}\n) as q limit 0`);
    const types = await client.query<{ oid: number; base: number; type: string }>(
      `select t.oid::int as oid, coalesce(nullif(t.typbasetype, 0), t.oid)::int as base, format_type(t.oid, null) as type
         from pg_type t where t.oid = any($1::oid[])`,
      [fields.map(({ dataTypeID }) => dataTypeID)],
    );
    const byOid = new Map(types.rows.map((row) => [row.oid, row]));
    const columns = fields.map(({ name, dataTypeID }) => {
      const found = byOid.get(dataTypeID);
      return { name, typeOid: found?.base ?? dataTypeID, type: found?.type ?? 'unknown' };
    });
    const { rows } = await client.query<{ row: string }>(`select row_to_json(q)::text as row from (${text}\n) as q`);
    return { columns, rows: rows.map(({ row }) => JSON.parse(row) as FeatureRow) };
  } finally {
    await client.end();
  }
}
