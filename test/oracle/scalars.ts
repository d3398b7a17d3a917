// Expressions alone, over a table of edge values: what each gives for each row in Postgres, and what the compiled one gives.

import fc from 'fast-check';
import type pg from 'pg';
import type { SqlValue } from '../../src/flow/types/sql-value.ts';
import { jsonPrinterOf, parserOf } from '../../src/flow/types/sql-text.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { PipelinePlan } from '../../src/transform/view-plan.ts';
import { compareJson, excuses, GUARDED, guardFrom, withinBound, type Guard } from './equality.ts';
import { column, ExpressionSource, isInexact, type Expression, type Production } from './expression.ts';
import { FOLDED, folds } from './folding.ts';
import type { OracleSession } from './session.ts';
import { compilePlan, definitionOf } from './plan.ts';
import { EDGE_VALUES, LITERALS, PAYMENT_COLUMNS } from './tables.ts';
import type { Tally } from './tally.ts';
import { PRODUCTIONS } from './views.ts';

/** Fills payments with rows of edge values: the first is all NULL. */
export function edgeRows(rows: number, seed: number): string {
  const value = fc.tuple(
    ...PAYMENT_COLUMNS.map((c) => {
      const fitting = EDGE_VALUES[c.type].filter((v) => c.name !== 'amount' || !/e20|Infinity|1234567890123/.test(v));
      return fc.oneof(
        { weight: 7, arbitrary: fc.constantFrom(...fitting) },
        { weight: 1, arbitrary: fc.constant('null') },
      );
    }),
  );
  const drawn = fc.sample(value, { numRuns: rows, seed });
  const all = [PAYMENT_COLUMNS.map(() => 'null'), ...drawn];
  return `insert into payments (id, ${PAYMENT_COLUMNS.map((c) => c.name).join(', ')}) values ${all
    .map((row, i) => `(${i + 1}, ${row.join(', ')})`)
    .join(', ')}`;
}

const EXPRESSIONS = new ExpressionSource({
  productions: PRODUCTIONS,
  leaves: PAYMENT_COLUMNS.map((c) => column(c.name, c.type)),
  literals: LITERALS,
  raising: true,
});

/** For each production `each` expressions with it at the root, over columns and constants. */
export function expressions(productions: readonly Production[], each: number, seed: number): Expression[] {
  return productions
    .flatMap((production, i) => {
      const depth = production.args.some(isInexact) ? 1 : 0;
      return fc.sample(EXPRESSIONS.root(production, depth)!, { numRuns: each, seed: seed + i });
    })
    .filter((expression) => expression.columns.length > 0);
}

/** Expressions of any type, up to three productions deep. */
export function deepExpressions(count: number, seed: number): Expression[] {
  return fc.sample(EXPRESSIONS.any(3), { numRuns: count, seed }).filter((expression) => expression.columns.length > 0);
}

/** Compares a batch over every row; gives what differs, as text. Halves the batch where it is refused as a whole. */
export async function compareBatch(
  session: OracleSession,
  client: pg.Client,
  batch: readonly Expression[],
  timezone: string,
  tally: Tally,
): Promise<string[]> {
  if (batch.length === 0) return [];
  const list = batch.map((expression, i) => `${expression.sql} as f${i}`).join(', ');
  const halves = async (): Promise<string[]> => {
    const half = batch.length >> 1;
    const left = await compareBatch(session, client, batch.slice(0, half), timezone, tally);
    return [...left, ...(await compareBatch(session, client, batch.slice(half), timezone, tally))];
  };
  const made = await session.attempt(
    `set timezone = '${timezone}'; drop view if exists shop.alone; create view shop.alone as select p.id, ${list} from payments p`,
  );
  if (!made) {
    if (batch.length > 1) return halves();
    tally.setAside('constants alone raise');
    return [];
  }
  let plan: PipelinePlan;
  try {
    const features = { schema: 'shop', name: 'alone' };
    plan = await compilePlan(client, definitionOf({ features, key: ['id'], eventTime: undefined, timezone }));
  } catch (error) {
    if (batch.length > 1) return halves();
    if (error instanceof MillraceError && error.code === 'SQL_UNSUPPORTED') {
      tally.views++;
      tally.refuse(`${error.message} (${batch[0]!.uses[0] ?? 'column'})`);
      return [];
    }
    if (!(await session.attempt('select * from shop.alone where false'))) {
      tally.setAside('constants alone raise');
      return [];
    }
    return [`compiling ${batch[0]!.sql}: ${error instanceof Error ? error.stack : String(error)}`];
  }
  tally.views += batch.length;
  const columns = plan.features.driving.columns;
  const rows = await session.query(
    `set timezone = 'UTC'; select ${columns.map((c) => `p.${c.name}::text`).join(', ')} from shop.payments p order by p.id`,
  );
  const parsers = columns.map((c) => parserOf(c.type.oid));
  const slots = rows.map((row) => row.map((text, i): SqlValue => (text === null ? null : parsers[i]!(text))));
  const theirs = await askAll(session, batch, timezone, rows.length);
  const differences: string[] = [];
  for (const [i, expression] of batch.entries()) {
    const output = plan.features.features.find((f) => f.name === `f${i}`)!.expression;
    const print = jsonPrinterOf(output.type.oid, timezone);
    const found: string[] = [];
    let foldedRaises: boolean | undefined;
    for (const [r, row] of slots.entries()) {
      const expected = theirs[i]![r]!;
      const actual = evaluate(() => output.evaluate(row), print);
      if (expected === actual && expected === RAISES) {
        tally.count([`raising: ${expression.uses[0]}`]);
        continue;
      }
      if (expected !== RAISES && actual !== RAISES && !actual.startsWith('!')) {
        const verdict = compareJson(expected, actual, expression.type);
        if (verdict === 'equal') {
          if (expected !== 'null') tally.count(expression.uses);
          continue;
        }
        const guard = await guardOf(session, expression, r + 1, timezone);
        if (excuses(guard, expected, actual)) {
          tally.setAside(GUARDED[guard]);
          continue;
        }
        if (verdict === 'near' && withinBound(expected, actual, await boundOf(session, expression, r + 1, timezone))) {
          tally.count(expression.uses);
          continue;
        }
      } else if (expected === RAISES) {
        foldedRaises ??= !(await session.attempt(
          `set timezone = '${timezone}'; select ${expression.sql} from shop.payments p where false`,
        ));
        if (foldedRaises) {
          tally.setAside('constants alone raise');
          continue;
        }
      }
      if (actual === RAISES && expected !== RAISES) {
        if (await folds(session, [expression], `from shop.payments p where p.id = ${r + 1}`, timezone)) {
          tally.setAside(FOLDED);
          continue;
        }
      }
      found.push(
        `row ${r + 1} ${show(
          rows[r]!,
          columns.map((c) => c.name),
          expression,
        )}: ${expected}, ours ${actual}`,
      );
    }
    if (found.length > 0) {
      differences.push(
        `${expression.sql} (${timezone}, ${found.length} of ${rows.length} rows)\n    ${found.slice(0, 3).join('\n    ')}`,
      );
    }
  }
  return differences;
}

const RAISES = 'raises';

/** One query for all, where nothing raises; else one an expression; else one a row. */
async function askAll(
  session: OracleSession,
  batch: readonly Expression[],
  timezone: string,
  rows: number,
): Promise<string[][]> {
  const zone = `set timezone = '${timezone}'; `;
  const json = (expression: Expression): string => `coalesce(to_json(${expression.sql})::text, 'null')`;
  const all = await session.attempt(`${zone}select ${batch.map(json).join(', ')} from shop.payments p order by p.id`);
  if (all) return batch.map((_, i) => all.map((row) => row[i]!));
  const results: string[][] = [];
  for (const expression of batch) {
    const one = await session.attempt(`${zone}select ${json(expression)} from shop.payments p order by p.id`);
    if (one) results.push(one.map((row) => row[0]!));
    else {
      const query = `select ${json(expression)} from shop.payments p where id = `;
      const each = await session.query(
        `${zone}select shop.attempt($q$${query}$q$ || n) from generate_series(1, ${rows}) n`,
      );
      results.push(each.map((row) => row[0] ?? RAISES));
    }
  }
  return results;
}

function evaluate(compute: () => SqlValue, print: (value: Exclude<SqlValue, null>) => string): string {
  try {
    const value = compute();
    return value === null ? 'null' : print(value);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'DATA') return RAISES;
    return `! ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error)}`;
  }
}

/** Whether a comparison or rounding could go either way in this row. */
async function guardOf(session: OracleSession, expression: Expression, id: number, timezone: string): Promise<Guard> {
  if (expression.guards.length === 0) return 'clear';
  const rows = await session.attempt(
    `set timezone = '${timezone}'; select coalesce(${expression.guards.join(' or ')}, false) from shop.payments p where id = ${id}`,
  );
  return guardFrom(rows);
}

async function boundOf(
  session: OracleSession,
  expression: Expression,
  id: number,
  timezone: string,
): Promise<string | null> {
  const rows = await session.attempt(
    `set timezone = '${timezone}'; select (${expression.error})::float8 from shop.payments p where id = ${id}`,
  );
  return rows?.[0]?.[0] ?? null;
}

function show(row: readonly (string | null)[], names: readonly string[], expression: Expression): string {
  return names
    .map((name, i) => [name, row[i]] as const)
    .filter(([name]) => expression.columns.includes(name))
    .map(([name, text]) => `${name}=${text === null ? 'NULL' : JSON.stringify(text)}`)
    .join(' ');
}
