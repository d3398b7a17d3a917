// The one place where names and values become SQL text. Values go as parameters wherever Postgres takes parameters.

import pg from 'pg';
import type { TableName } from '../flow/pipeline.ts';

export const quoteIdentifier = (name: string): string => pg.escapeIdentifier(name);
export const quoteLiteral = (text: string): string => pg.escapeLiteral(text);
export const quoteTable = (table: TableName): string =>
  `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
