// A CSV file as typed rows: header first, empty fields are NULL, types are found by looking at every value.

import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { MillraceError } from '../../runtime/errors.ts';
import { columnTypeOf, valueOf, type DataTable } from './data-table.ts';

/** The whole file, in memory. `-` is standard input. Throws USAGE with file and line where it is no CSV. */
export async function readCsv(file: string): Promise<DataTable> {
  const parser = parse({ bom: true, skip_empty_lines: true, relax_column_count: false });
  const input = file === '-' ? process.stdin : createReadStream(file);
  input.on('error', (error: Error) => parser.destroy(error));
  input.pipe(parser);
  let names: readonly string[] | undefined;
  let columns: (string | null)[][] = [];
  try {
    for await (const record of parser as AsyncIterable<readonly string[]>) {
      if (names === undefined) {
        names = checkedNames(file, record);
        columns = names.map(() => []);
      } else for (let column = 0; column < columns.length; column++) columns[column]!.push(record[column]! || null);
    }
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    const { message } = cause as Error;
    throw new MillraceError('USAGE', `${file} cannot be read: ${message}`, {
      hint: 'A CSV file with a header line is expected: comma-separated, fields with commas or line breaks in double quotes.',
      cause,
    });
  }
  if (names === undefined || columns[0]?.length === 0)
    throw new MillraceError('USAGE', `${file} has no rows`, { hint: 'The first line names the columns, rows follow.' });
  const types = names.map((name, column) => columnTypeOf(name, columns[column]!));
  const rows = columns[0]!.map((_, row) =>
    Object.fromEntries(types.map((type, column) => [type.name, valueOf(type, columns[column]![row]!)])),
  );
  return { columns: types, rows };
}

function checkedNames(file: string, header: readonly string[]): readonly string[] {
  const names = header.map((name) => name.trim());
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (names.includes('') || twice !== undefined)
    throw new MillraceError(
      'USAGE',
      twice ? `${file} has two columns called ${twice}` : `${file} has a column without a name in its first line`,
      { hint: 'The first line names the columns, each once.' },
    );
  return names;
}
