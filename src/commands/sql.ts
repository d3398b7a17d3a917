// `millrace sql "QUERY"`: runs it and draws the table, for machines without psql.

import { drawTable } from '../terminal/table.ts';
import { connect, TEXT_ONLY } from '../warehouse/connection.ts';
import { MillraceError } from '../runtime/errors.ts';
import { printJson } from './exit.ts';
import { warehouseOf, type CommonFlags } from './flags.ts';

export type Flags = Pick<CommonFlags, 'warehouse' | 'json'>;

export async function runSql(query: string, flags: Flags): Promise<void> {
  const client = await connect({ url: warehouseOf(flags), applicationName: 'millrace sql' });
  try {
    // As psql has it: names are found as the user's own sessions find them.
    await client.query('reset search_path');
    await client.query('set search_path to "$user", public');
    const answer = await client.query({ text: query, types: TEXT_ONLY, rowMode: 'array' }).catch((cause: unknown) => {
      throw explain(query, cause);
    });
    for (const result of Array.isArray(answer) ? answer : [answer]) print(result, flags.json === true);
  } finally {
    await client.end();
  }
}

interface Answer {
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

function print(result: Answer, json: boolean): void {
  const names = result.fields.map((field) => field.name);
  if (json) {
    printJson(
      'sql',
      names.length > 0
        ? result.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
        : { command: result.command, rows: result.rowCount },
    );
    return;
  }
  if (names.length === 0)
    process.stdout.write(`${result.command}${result.rowCount === null ? '' : ` ${result.rowCount}`}\n`);
  else
    process.stdout.write(
      `${drawTable(names, result.rows)}\n(${result.rows.length} ${result.rows.length === 1 ? 'row' : 'rows'})\n`,
    );
}

/** Postgres's error with the place in the text, as psql shows it. */
function explain(query: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('position' in cause) || typeof cause.position !== 'string') return cause;
  const before = query.slice(0, Number(cause.position) - 1);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  const text = query.split('\n')[line - 1] ?? '';
  const hint = 'hint' in cause && typeof cause.hint === 'string' ? { hint: cause.hint } : {};
  return new MillraceError(
    'SQL_INVALID',
    `${cause.message}\nline ${line}: ${text}\n${' '.repeat(`line ${line}: `.length + column - 1)}^`,
    { ...hint, line, column, cause },
  );
}
