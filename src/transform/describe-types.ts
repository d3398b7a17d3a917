// The types of all inner expressions of a query level, asked of Postgres by one Parse/Describe: nothing is executed.

import type pg from 'pg';
import { MillraceError } from '../runtime/errors.ts';
import { quoteIdentifier } from '../warehouse/quoting.ts';
import { isAggregateName } from './aggregate-names.ts';
import { fromText } from './parse-query.ts';
import { expressionsOf, nodesOf, type QuerySyntax, type Syntax } from './syntax.ts';
import { MAIN_LEVEL, type TypeFacts } from './view-facts.ts';

type Described = readonly { readonly dataTypeID: number; readonly dataTypeModifier: number }[];

/** Columns of a SELECT list; Postgres allows 1664. */
const MAX_EXPRESSIONS = 1600;

/** Asks for every level of the query. Rejects with SQL_INVALID where Postgres does. */
export async function describeTypes(client: pg.Client, query: QuerySyntax): Promise<TypeFacts> {
  const facts: Record<string, Record<string, readonly [number, number]>> = {};
  facts[MAIN_LEVEL] = await describeLevel(client, expressionsOf(query), fromText(query.table, query.laterals));
  for (const inner of innerQueries(query)) {
    facts[inner.text] = await describeLevel(
      client,
      expressionsOf(inner),
      `${fromText(query.table, [])}, ${inner.table.text}`,
    );
  }
  return facts;
}

/** Lateral subqueries, then scalar ones, in the order they stand. */
export function innerQueries(query: QuerySyntax): readonly QuerySyntax[] {
  const scalar = expressionsOf(query).flatMap((expression) =>
    [...nodesOf(expression)].flatMap((node) => (node.kind === 'subquery' ? [node.query] : [])),
  );
  return [...query.laterals.map((lateral) => lateral.query), ...scalar];
}

export async function describeLevel(
  client: pg.Client,
  expressions: readonly Syntax[],
  from: string,
): Promise<Record<string, readonly [number, number]>> {
  const asked = new Map<string, string>();
  for (const expression of expressions) {
    for (const node of nodesOf(expression)) if (isAskable(node)) asked.set(node.text, askableText(node));
  }
  const texts = [...asked.keys()];
  if (texts.length > MAX_EXPRESSIONS) {
    throw new MillraceError(
      'SQL_UNSUPPORTED',
      `the view has ${texts.length} inner expressions, more than ${MAX_EXPRESSIONS}`,
      {
        hint: 'Divide it into several pipelines.',
      },
    );
  }
  const list = texts.map((text, index) => `${asked.get(text)!} as ${quoteIdentifier(`e${index}`)}`).join(', ');
  const fields = await describeStatement(client, `select ${list} from ${from}`);
  return Object.fromEntries(
    texts.map((text, index) => [text, [fields[index]!.dataTypeID, fields[index]!.dataTypeModifier]]),
  );
}

/** Bare constants take their type from where they stand, an array and a subquery from what is in them. */
const isAskable = (node: Syntax): boolean =>
  node.kind !== 'constant' && node.kind !== 'array' && !(node.kind === 'cast' && node.type.array);

/** An aggregate stands beside row values when it is a window call: its type is the same. */
function askableText(node: Syntax): string {
  let text = node.text;
  for (const part of nodesOf(node)) {
    if (part.kind !== 'call' || part.over || !isAggregateName(part.name)) continue;
    const plain = part.distinct ? part.text.replace('(distinct ', '(') : part.text;
    text = text.replaceAll(part.text, `${plain} over ()`);
  }
  return text;
}

/** Parse and Describe of the extended protocol, without Bind and Execute. */
class DescribeQuery {
  readonly #text: string;
  readonly #resolve: (fields: Described) => void;
  readonly #reject: (error: Error) => void;
  #fields: Described = [];
  #error: Error | undefined;
  /** pg wants it present; the promise is settled by the handlers below. */
  readonly callback = (): void => {};

  constructor(text: string, resolve: (fields: Described) => void, reject: (error: Error) => void) {
    this.#text = text;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    const wire = connection as unknown as {
      parse(query: { text: string; name?: string }): void;
      describe(message: { type: 'S'; name: string }): void;
      sync(): void;
    };
    wire.parse({ text: this.#text });
    wire.describe({ type: 'S', name: '' });
    wire.sync();
  }

  handleRowDescription(message: { fields: Described }): void {
    this.#fields = message.fields;
  }

  /** After an error the server still answers the Sync; pg hands that to nobody, so this is the end. */
  handleError(error: Error): void {
    this.#error = error;
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    if (!this.#error) this.#resolve(this.#fields);
  }

  handleParseComplete(): void {}
  handleEmptyQuery(): void {}
  handleCommandComplete(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
}

export async function describeStatement(client: pg.Client, text: string): Promise<Described> {
  try {
    return await new Promise<Described>((resolve, reject) => {
      client.query(new DescribeQuery(text, resolve, reject));
    });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !String(error.code).match(/^(42|22|0A)/)) throw error;
    throw new MillraceError('SQL_INVALID', `Postgres rejects it: ${error.message}`, {
      hint: 'Check that `select * from` the view works.',
      cause: error,
    });
  }
}
