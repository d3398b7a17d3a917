// A CSV file as typed rows: header first, empty fields are NULL, types are found by looking at every value.

import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { parse } from 'csv-parse';
import { MillraceError } from '../../runtime/errors.ts';
import { columnTypeOf, noticeOf, valueOf, type DataTable } from './data-table.ts';

/** The whole file, in memory. `-` is standard input. Throws USAGE with file and line where it is no CSV. */
export async function readCsv(file: string): Promise<DataTable> {
  const parser = parse({
    bom: true,
    trim: true,
    info: true,
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n', '\r'],
  });
  const input = file === '-' ? process.stdin : createReadStream(file);
  const decoded = Readable.from(asUtf8(file, input));
  decoded.on('error', (error: Error) => parser.destroy(error));
  decoded.pipe(parser);
  let names: readonly string[] | undefined;
  const columns: (string | null)[][] = [];
  const lines: number[] = [];
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      if (names === undefined) {
        if (isBlank(record)) continue;
        names = checkedNames(file, record);
        for (const _ of names) columns.push([]);
        // In a file of one column a blank line is a value that is not there.
      } else if (!isBlank(record) || names.length === 1) {
        if (record.length !== names.length) throw ragged(file, info.lines, record.length, names.length);
        for (const [column, text] of record.entries()) columns[column]!.push(text || null);
        lines.push(info.lines);
      }
    }
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : unreadable(file, cause as NodeJS.ErrnoException);
  }
  if (names === undefined || lines.length === 0)
    throw new MillraceError('USAGE', `${file} has no rows`, { hint: 'The first line names the columns, rows follow.' });
  const types = names.map((name, column) => columnTypeOf(name, columns[column]!));
  const rows = lines.map((_, row) =>
    Object.fromEntries(types.map((type, column) => [type.name, valueOf(type, columns[column]![row]!)])),
  );
  return {
    columns: types,
    rows,
    notices: types.flatMap((type, column) => noticeOf(type, columns[column]!, lines) ?? []),
  };
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function isBlank(record: readonly string[]): boolean {
  return record.length === 1 && record[0] === '';
}

/** Bytes that are no UTF-8 would become marks, the same for all: two categories one. UTF-16 says so at its beginning. */
async function* asUtf8(file: string, input: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let line = 1;
  for await (const chunk of input) {
    decoder ??= new TextDecoder(UTF16.get(chunk.toString('hex', 0, 2)) ?? 'utf-8', { fatal: true });
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw notUtf8(file, line + badLine(chunk));
    }
    yield text;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) line++;
  }
  try {
    decoder?.decode();
  } catch {
    throw notUtf8(file, line);
  }
}

const UTF16: ReadonlyMap<string, string> = new Map([
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
]);

/** How many lines into the chunk; its first one may begin within a character. */
function badLine(chunk: Buffer): number {
  let from = chunk.indexOf(10) + 1;
  for (let line = 1; from > 0; line++) {
    const end = chunk.indexOf(10, from);
    if (!isUtf8(chunk.subarray(from, end < 0 ? chunk.length : end))) return line;
    from = end + 1;
  }
  return 0;
}

function notUtf8(file: string, line: number): MillraceError {
  return new MillraceError('USAGE', `${file} has bytes in line ${line} that are not UTF-8`, {
    hint: 'Convert it first, for example: iconv -f LATIN1 -t UTF-8 old.csv > new.csv',
  });
}

function ragged(file: string, line: number, fields: number, expected: number): MillraceError {
  return new MillraceError(
    'USAGE',
    `${file} has ${fields} ${fields === 1 ? 'field' : 'fields'} in line ${line}, and ${expected} columns`,
    {
      hint: EXPECTED,
    },
  );
}

function unreadable(file: string, cause: NodeJS.ErrnoException): MillraceError {
  const { message, code } = cause;
  const isFile = code !== undefined && FILE_ERRORS.has(code);
  // What csv-parse says of a value is left out.
  return new MillraceError('USAGE', `${file} cannot be read: ${message.replace(/, value is .*/s, '')}`, {
    hint: isFile ? 'Check the path.' : EXPECTED,
    cause,
  });
}

const EXPECTED =
  'A CSV file with a header line is expected: comma-separated, fields with commas or line breaks in double quotes.';
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
