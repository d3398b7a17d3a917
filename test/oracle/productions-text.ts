// Text: functions, patterns, and every type printed as text.

import type { Production, ScalarType } from './expression.ts';

function named(name: string, result: ScalarType, args: readonly ScalarType[], raises = false): Production {
  return {
    name: `${name}(${args.join(', ')})`,
    result,
    args,
    sql: (...given) => `${name}(${given.join(', ')})`,
    raises,
  };
}

function form(
  name: string,
  result: ScalarType,
  args: readonly ScalarType[],
  sql: Production['sql'],
  raises = false,
): Production {
  return { name, result, args, sql, raises };
}

const functions: Production[] = [
  named('lower', 'text', ['text']),
  named('upper', 'text', ['text']),
  named('trim', 'text', ['text']),
  named('btrim', 'text', ['text', 'text']),
  named('ltrim', 'text', ['text']),
  named('rtrim', 'text', ['text']),
  named('ltrim', 'text', ['text', 'text']),
  named('rtrim', 'text', ['text', 'text']),
  named('length', 'int4', ['text']),
  named('char_length', 'int4', ['text']),
  named('octet_length', 'int4', ['text']),
  named('reverse', 'text', ['text']),
  named('replace', 'text', ['text', 'text', 'text']),
  named('strpos', 'int4', ['text', 'text']),
  named('starts_with', 'bool', ['text', 'text']),
  named('translate', 'text', ['text', 'text', 'text']),
  named('concat', 'text', ['text', 'text', 'text']),
  named('concat', 'text', ['text', 'int4', 'bool']),
  named('concat_ws', 'text', ['text', 'text', 'text']),
  named('ascii', 'int4', ['text']),
  named('md5', 'text', ['text']),
  form('position(text in text)', 'int4', ['text', 'text'], (a, b) => `position(${a} in ${b})`),
  form('text || text', 'text', ['text', 'text'], (a, b) => `(${a} || ${b})`),
  form('text || int4', 'text', ['text', 'int4'], (a, b) => `(${a} || ${b})`),
  form('substring(text, int4)', 'text', ['text', 'int2'], (a, b) => `substring(${a} from (${b} % 5)::int4)`),
  form(
    'substring(text, int4, int4)',
    'text',
    ['text', 'int2', 'int2'],
    (a, b, c) => `substring(${a} from (${b} % 5)::int4 for abs(${c} % 5)::int4)`,
  ),
  form('substr(text, int4, int4)', 'text', ['text', 'int4', 'int4'], (a, b, c) => `substr(${a}, ${b}, ${c})`, true),
  form('left(text, int4)', 'text', ['text', 'int4'], (a, b) => `left(${a}, ${b} % 50)`),
  form('right(text, int4)', 'text', ['text', 'int4'], (a, b) => `right(${a}, ${b} % 50)`),
  form('split_part(text, text, int4)', 'text', ['text', 'text'], (a, b) => `split_part(${a}, ${b}, 2)`),
  form('repeat(text, int4)', 'text', ['text', 'int4'], (a, b) => `repeat(${a}, ${b} % 4)`),
  form('lpad(text, int4, text)', 'text', ['text', 'int2', 'text'], (a, b, c) => `lpad(${a}, (${b} % 9)::int4, ${c})`),
  form('rpad(text, int4, text)', 'text', ['text', 'int2', 'text'], (a, b, c) => `rpad(${a}, (${b} % 9)::int4, ${c})`),
  form('lpad(text, int4)', 'text', ['text', 'int2'], (a, b) => `lpad(${a}, (${b} % 9)::int4)`),
];

const patterns: Production[] = [
  ...['a%', '%b', '_', '%', 'E_R', '100\\%', '%é%', ''].flatMap((pattern): Production[] => [
    form('like', 'bool', ['text'], (a) => `(${a} like '${pattern}')`),
    form('not like', 'bool', ['text'], (a) => `(${a} not like '${pattern}')`),
    form('ilike', 'bool', ['text'], (a) => `(${a} ilike '${pattern}')`),
  ]),
  ...['^a', '[0-9]+', 'b$', '^[ ]*$', '(EUR|usd)', 'a.c', '^[^@]+@[a-z.]+$'].flatMap((pattern): Production[] => [
    form('~', 'bool', ['text'], (a) => `(${a} ~ '${pattern}')`),
    form('!~', 'bool', ['text'], (a) => `(${a} !~ '${pattern}')`),
  ]),
];

const PRINTED: readonly ScalarType[] = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'timestamptz',
  'timestamp',
  'date',
  'interval',
];
const prints: Production[] = PRINTED.map((type) => form(`${type}::text`, 'text', [type], (a) => `((${a})::text)`));

const casts: Production[] = [form('text::varchar(n)', 'text', ['text'], (a) => `((${a})::varchar(3))::text`)];

export const TEXT_PRODUCTIONS: readonly Production[] = [...functions, ...patterns, ...prints, ...casts];
