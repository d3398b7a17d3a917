// Where Postgres simplifies an expression before it runs: `f(x, null)` is NULL whatever x raises. A compiled expression computes
// x, so it may raise where Postgres does not; never the other way round, and never another value.

import type { OracleSession } from './session.ts';

/** What is counted for it. */
export const FOLDED = 'Postgres folds constants and does not look at what they are combined with';

/**
 * Whether the planner left something of these expressions out, or made a NULL of it.
 * @param from of rows for which Postgres computes them all
 */
export async function folds(
  session: OracleSession,
  expressions: readonly { readonly sql: string; readonly unfolded: string; readonly columns: readonly string[] }[],
  from: string,
  timezone: string,
): Promise<boolean> {
  const list = expressions.map((expression) => expression.sql).join(', ');
  const plan = await session.attempt(
    `set timezone = '${timezone}'; explain (verbose, costs off) select ${list} ${from}`,
  );
  if (!plan) return true;
  const text = plan.map(([line]) => line!).join('\n');
  const columns = new Set(expressions.flatMap((expression) => expression.columns));
  if (text.includes('NULL::') || [...columns].some((name) => !new RegExp(`\\b${name}\\b`).test(text))) return true;
  // A NULL among what coalesce may choose from is not in the plan at all.
  const unfolded = expressions.map((expression) => expression.unfolded).join(', ');
  return (await session.attempt(`set timezone = '${timezone}'; select ${unfolded} ${from}`)) === undefined;
}
