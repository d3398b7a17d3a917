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
    const { message, code } = cause as NodeJS.ErrnoException;
    if (code !== undefined && FILE_ERRORS.has(code))
      throw new MillraceError('USAGE', `${file} cannot be read: ${message}`, { hint: 'Check the path.', cause });
    // What csv-parse says of a value is left out.
    throw new MillraceError('USAGE', `${file} cannot be read: ${message.replace(/, value is .*/s, '')}`, {
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

const SEPARATORS = [
  [';', 'semicolons'],
  ['\t', 'tabs'],
] as const;
const FILE_ERRORS: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EPERM']);

function checkedNames(file: string, header: readonly string[]): readonly string[] {
  const names = header.map((name) => name.trim());
  const separator = names.length === 1 ? SEPARATORS.find(([text]) => names[0]!.includes(text)) : undefined;
  if (separator)
    throw new MillraceError('USAGE', `${file} has one column, called ${names[0]}`, {
      hint: `Fields are to be separated by commas; these seem to be by ${separator[1]}.`,
    });
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (names.includes('') || twice !== undefined)
    throw new MillraceError(
      'USAGE',
      twice ? `${file} has two columns called ${twice}` : `${file} has a column without a name in its first line`,
      { hint: 'The first line names the columns, each once.' },
    );
  return names;
}
