// Runs random views over a random history: each commit in Postgres first, then through the slot's decoder and the compiled
// views, judged before the next commit.

import fc from 'fast-check';
import type pg from 'pg';
import { MillraceError } from '../../src/runtime/errors.ts';
import { connect } from '../../src/warehouse/connection.ts';
import { history, type HistoryTransaction } from './history.ts';
import { Difference, ViewJudge } from './judge.ts';
import { isDataError, type OracleSession } from './session.ts';
import { howToRepeat, SEED, SHRINK } from './settings.ts';
import { compileSubject, type Subject } from './subject.ts';
import { KEY_SHAPES, type TableOptions } from './tables.ts';
import type { Tally } from './tally.ts';
import { randomView, type RandomView } from './views.ts';

export interface HistoryCase {
  readonly tables: TableOptions;
  readonly views: readonly RandomView[];
  readonly transactions: readonly HistoryTransaction[];
  /** After which commits each view's state is taken down and opened again. */
  readonly reopenEvery: number;
}

export interface CaseOptions {
  readonly raising: boolean;
  readonly views: number;
  readonly transactions: number;
  /** Only these window calls. */
  readonly calls?: readonly string[] | undefined;
  /** A lateral in every view, of only these outputs. */
  readonly outputs?: readonly string[] | undefined;
}

export function historyCase(options: CaseOptions): fc.Arbitrary<HistoryCase> {
  const tables = fc.record({
    key: fc.constantFrom(...KEY_SHAPES),
    replicaIdentity: fc.constantFrom<('default' | 'full')[]>('default', 'full'),
  });
  const { raising, calls, outputs } = options;
  const whole = tables.chain((chosen) => {
    const view = randomView({ key: chosen.key, raising, ...(calls ? { calls } : {}), ...(outputs ? { outputs } : {}) });
    return fc.record({
      tables: fc.constant(chosen),
      views: fc.array(view, { minLength: 1, maxLength: options.views, size: 'max' }),
      transactions: history({
        key: chosen.key,
        extremes: true,
        transactions: { minLength: 1, maxLength: options.transactions },
      }),
      reopenEvery: fc.integer({ min: 1, max: 12 }),
    });
  });
  // Fast-check begins with small cases, of which a run of a few dozen would consist.
  return fc.noBias(whole);
}

/** Runs a property over histories; on failure throws the smallest counterexample's difference, with what repeats it. */
export async function judgeAll<T>(
  cases: fc.Arbitrary<T>,
  run: (given: T) => Promise<void>,
  options: { readonly runs: number; readonly limitMs: number; readonly seed?: number },
): Promise<void> {
  const details = await fc.check(fc.asyncProperty(cases, run), {
    seed: options.seed ?? SEED,
    numRuns: options.runs,
    interruptAfterTimeLimit: options.limitMs,
    endOnFailure: !SHRINK,
  });
  if (!details.failed || (details.interrupted && details.counterexample === null)) return;
  const error = details.errorInstance;
  throw new Difference(
    `case ${details.numRuns}, shrunk ${details.numShrinks} times; ${howToRepeat}\n${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
}

interface Running {
  readonly subject: Subject;
  readonly judge: ViewJudge;
}

/** Throws a {@link Difference} at the first difference. */
export async function runHistory(session: OracleSession, given: HistoryCase, tally: Tally): Promise<void> {
  tally.cases++;
  await session.reset(given.tables);
  const client = await connect({ url: session.url, applicationName: 'millrace oracle compile' });
  const running: Running[] = [];
  try {
    for (const [i, view] of given.views.entries()) {
      const started = await start(session, client, view, `view_${i}`, tally);
      if (started) running.push(started);
    }
  } finally {
    await client.end();
  }
  for (const [n, { statements }] of given.transactions.entries()) {
    const applied = await session.apply(statements);
    for (const { subject, judge } of running) {
      try {
        const emissions = applied.decoded.flatMap((transaction) => subject.run(transaction));
        await judge.judge(applied.log, emissions);
        if ((n + 1) % given.reopenEvery === 0) {
          subject.reopen();
          tally.reopened++;
        }
      } catch (error) {
        const history = given.transactions.slice(0, n + 1).map((t, at) => `  ${at + 1}: ${t.statements.join('; ')}`);
        throw located(error, history.join('\n'));
      }
    }
  }
}

async function start(
  session: OracleSession,
  client: pg.Client,
  view: RandomView,
  name: string,
  tally: Tally,
): Promise<Running | undefined> {
  const made = await session
    .attempt(`set timezone = '${view.timezone}'; create view shop.${name} as ${view.query}; select * from shop.${name}`)
    .catch((error: unknown) => {
      throw located(error, `  creating ${view.query}`);
    });
  if (!made) {
    await session.query(`drop view if exists shop.${name}`);
    tally.setAside('constants alone raise');
    return undefined;
  }
  tally.views++;
  try {
    const subject = await compileSubject(client, {
      features: { schema: 'shop', name },
      key: view.key,
      eventTime: 'event_time',
      timezone: view.timezone,
      alsoOn: view.alsoOnItems ? [{ schema: 'shop', name: 'items' }] : [],
    });
    return { subject, judge: new ViewJudge(session, view, name, tally) };
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'SQL_UNSUPPORTED') {
      tally.refuse(error.message);
      return undefined;
    }
    throw located(error, `  compiling ${view.query}`);
  }
}

function located(error: unknown, where: string): Error {
  if (isDataError(error)) return error;
  const text =
    error instanceof Difference
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  return new Difference(`${text}\n${where}`, { cause: error });
}
