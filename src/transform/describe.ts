// Asks Postgres, once, for everything that the compiler needs to know of a pipeline's views.

import type pg from 'pg';
import type { PipelineDefinition, TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { PINNED_SETTINGS } from '../warehouse/connection.ts';
import { readCases, readCollations, readTable, readView } from './describe-catalog.ts';
import { describeTypes, innerQueries } from './describe-types.ts';
import { loadParser, parseView } from './parse-sql.ts';
import type { SqlText } from './refusal.ts';
import { expressionsOf, nodesOf, type QuerySyntax } from './syntax.ts';
import type { QueryFacts, TableFacts, ViewFacts } from './view-facts.ts';

/**
 * Describes feature and label view in a transaction with pinned settings and the definition's TimeZone, rolled back. Rejects
 * with VIEW_MISSING, SQL_INVALID, SQL_UNSUPPORTED or TABLE_IDENTITY.
 */
export async function describePipeline(client: pg.Client, definition: PipelineDefinition): Promise<ViewFacts> {
  await loadParser();
  return inPinnedTransaction(client, definition.timezone, async () => {
    const version = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`);
    const features = await describeView(client, definition.features);
    const labels = definition.labels && (await describeView(client, definition.labels));
    const tables = new Map<string, TableFacts>();
    for (const query of [features, ...(labels ? [labels] : [])]) {
      for (const { table, at } of tablesOf(query.query)) {
        const name = JSON.stringify(table);
        if (!tables.has(name)) tables.set(name, await readTableAt(client, table, query.sql, at));
      }
    }
    const collations = [...tables.values()].flatMap((table) => table.columns.map((column) => column.collation));
    const needsCases = [features, labels].some((view) => view && usesCase(view.query));
    return {
      formatVersion: 1,
      serverMajor: Math.floor(Number(version.rows[0]!.version) / 10000),
      features: features.facts,
      labels: labels?.facts,
      tables: [...tables.values()],
      collations: await readCollations(
        client,
        collations.filter((oid) => oid !== 0),
      ),
      cases: needsCases ? await readCases(client) : undefined,
    };
  });
}

interface DescribedView {
  readonly query: QuerySyntax;
  readonly sql: SqlText;
  readonly facts: QueryFacts;
}

async function describeView(client: pg.Client, name: TableName): Promise<DescribedView> {
  const view = await readView(client, name);
  const { query, sql } = parseView(view.text);
  // Tables first: a view in FROM is refused with its place, not by a type that is missing.
  for (const { table, at } of tablesOf(query)) await readTableAt(client, table, sql, at);
  const types = await describeTypes(client, query);
  return { query, sql, facts: { text: view.text, columns: view.columns, types } };
}

async function readTableAt(client: pg.Client, table: TableName, sql: SqlText, at: number): Promise<TableFacts> {
  try {
    return await readTable(client, table);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'SQL_UNSUPPORTED')
      sql.refuse(at, error.message, error.hint ?? '');
    throw error;
  }
}

function tablesOf(query: QuerySyntax): readonly { readonly table: TableName; readonly at: number }[] {
  return [query.table, ...innerQueries(query).map((inner) => inner.table)];
}

const CASE_FUNCTIONS = new Set(['lower', 'upper']);
const CASE_OPERATORS = new Set(['~~*', '!~~*']);

function usesCase(query: QuerySyntax): boolean {
  return [query, ...innerQueries(query)].some((level) =>
    expressionsOf(level).some((expression) =>
      [...nodesOf(expression)].some(
        (node) =>
          (node.kind === 'call' && CASE_FUNCTIONS.has(node.name)) ||
          (node.kind === 'operator' && CASE_OPERATORS.has(node.name)) ||
          (node.kind === 'membership' && CASE_OPERATORS.has(node.operator)),
      ),
    ),
  );
}

/** Settings hold for the transaction alone; whatever happens in it is undone. */
export async function inPinnedTransaction<T>(client: pg.Client, timezone: string, work: () => Promise<T>): Promise<T> {
  await client.query('begin read only');
  try {
    for (const [name, value] of Object.entries({ ...PINNED_SETTINGS, timezone })) {
      await client.query('select set_config($1, $2, true)', [name, value]);
    }
    return await work();
  } finally {
    await client.query('rollback');
  }
}
