// Judges what a compiled view emitted for one commit by asking Postgres, which still stands at that commit.

import type { Emission, FeaturesEmission } from '../../src/flow/record.ts';
import { FOLDED, folds } from './folding.ts';
import { compareJson, excuses, GUARDED, guardFrom, withinBound, type Guard } from './equality.ts';
import { topLevelJson, type LoggedChange, type OracleSession } from './session.ts';
import type { Tally } from './tally.ts';
import type { RandomView } from './views.ts';

interface ExpectedRow {
  readonly eventTime: string | null;
  readonly eventTimeUs: string | null;
  readonly features: readonly string[];
}

interface Expected {
  readonly rows: ReadonlyMap<string, ExpectedRow>;
  /** Rows for which Postgres raises. */
  readonly bad: ReadonlySet<string>;
  /** `with payments as (…)` that leaves the bad rows out; empty where there are none. */
  readonly without: string;
}

/** Follows one view through a history. */
export class ViewJudge {
  readonly #session: OracleSession;
  readonly #view: RandomView;
  readonly #name: string;
  readonly #tally: Tally;
  /** Keys with features or a dead letter at the sink. */
  #known = new Set<string>();
  /** Keys that are dead letters at the sink. */
  readonly #dead = new Set<string>();
  #before: ReadonlyMap<string, ExpectedRow> = new Map();

  constructor(session: OracleSession, view: RandomView, name: string, tally: Tally) {
    this.#session = session;
    this.#view = view;
    this.#name = name;
    this.#tally = tally;
  }

  /** What a sink has after rows that were not judged (a backfill). */
  know(keys: Iterable<string>): void {
    this.#known = new Set(keys);
  }

  /** Throws a {@link Difference} at the first emission that is not what Postgres says. */
  async judge(log: readonly LoggedChange[], emissions: readonly Emission[]): Promise<void> {
    this.#tally.commits++;
    const expected = await this.#expected();
    const aside = expected ? await this.#raisesUnasked(expected, emissions) : 'the view raises, and not for one row';
    for (const emission of emissions) {
      if (emission.kind === 'truncate') this.#dead.clear();
      else if (emission.kind === 'dead_letter' && emission.key !== null) this.#dead.add(emission.key);
      else if (emission.kind !== 'label' && emission.key !== null) this.#dead.delete(emission.key);
    }
    if (!expected || aside !== undefined) {
      this.#tally.setAside(aside!);
      this.#before = new Map();
      for (const emission of emissions) this.#note(emission);
      return;
    }
    const { touched, truncated, optional } = await this.#touched(log, expected.rows);
    this.#before = expected.rows;
    this.#order(emissions, truncated);
    if (truncated) this.#known.clear();
    const seen = new Map<string, Emission>();
    for (const emission of emissions) {
      if (emission.kind === 'truncate' || emission.kind === 'label' || emission.key === null) continue;
      if (seen.has(emission.key)) this.#fail(`two emissions for ${emission.key}`, emission);
      seen.set(emission.key, emission);
    }
    for (const key of touched.keys()) {
      const emission = seen.get(key);
      if (expected.bad.has(key)) {
        if (emission?.kind !== 'dead_letter')
          this.#fail(`${key}: Postgres raises for the row, so a dead letter`, emission);
        this.#tally.deadLetters++;
      } else if (expected.rows.has(key)) {
        if (emission?.kind !== 'features') this.#fail(`${key} changed and is in the view, so features`, emission);
        await this.#compare(emission, expected.rows.get(key)!, expected);
      } else if (this.#known.has(key)) {
        if (emission?.kind !== 'delete') this.#fail(`${key} left the view, so a delete`, emission);
        this.#tally.deletes++;
      } else if (emission) this.#fail(`${key} was not in the view and is not, so nothing`, emission);
    }
    for (const [key, emission] of seen) {
      if (touched.has(key)) continue;
      if (!optional.has(key)) this.#fail(`${key}: no column that the view reads changed, so nothing`, emission);
      const row = expected.rows.get(key);
      if (emission.kind === 'features' && row) await this.#compare(emission, row, expected);
    }
    this.#sequence(emissions, touched);
    for (const emission of emissions) this.#note(emission);
  }

  #note(emission: Emission): void {
    if (emission.kind === 'truncate') this.#known.clear();
    else if (emission.kind === 'delete') this.#known.delete(emission.key);
    else if (emission.kind !== 'label' && emission.key !== null) this.#known.add(emission.key);
  }

  /** Rule B: truncate, labels, then deletes and features. */
  #order(emissions: readonly Emission[], truncated: boolean): void {
    const truncates = emissions.filter((e) => e.kind === 'truncate').length;
    if (truncates !== (truncated ? 1 : 0))
      this.#fail(`${truncated ? 'one truncate' : 'no truncate'}, not ${truncates}`, emissions[0]);
    const rank = (e: Emission): number => (e.kind === 'truncate' ? 0 : e.kind === 'label' ? 1 : 2);
    emissions.forEach((e, i) => {
      if (i > 0 && rank(e) < rank(emissions[i - 1]!)) this.#fail('truncate, then labels, then the rest', e);
    });
  }

  /** In the order of each key's last change. */
  #sequence(emissions: readonly Emission[], touched: ReadonlyMap<string, number>): void {
    let last = -1;
    for (const emission of emissions) {
      if (emission.kind === 'truncate' || emission.kind === 'label' || emission.key === null) continue;
      const at = touched.get(emission.key);
      if (at === undefined || this.#view.alsoOnItems) continue;
      if (at < last) this.#fail('emissions in the order of the last change of their keys', emission);
      last = at;
    }
  }

  async #compare(emission: FeaturesEmission, row: ExpectedRow, expected: Expected): Promise<void> {
    this.#tally.emissions++;
    const members = topLevelJson(emission.features);
    const names = members.map(([name]) => name).join(' ');
    if (names !== this.#view.features.map((f) => f.name).join(' '))
      this.#fail(`the features' names, not ${names}`, emission);
    if (emission.late) this.#fail('nothing has expired, so nothing is late', emission);
    if (row.eventTime !== emission.eventTime) this.#fail(`event time ${row.eventTime}`, emission);
    if (row.eventTimeUs === null || Number.isFinite(Number(row.eventTimeUs))) {
      const us = row.eventTimeUs === null ? null : Number(row.eventTimeUs);
      if (us !== emission.eventTimeUs) this.#fail(`event time ${us} µs`, emission);
    }
    for (const [i, { name, expression }] of this.#view.features.entries()) {
      const theirs = row.features[i]!;
      const ours = members[i]![1];
      const verdict = compareJson(theirs, ours, expression.type);
      if (verdict === 'equal') {
        if (theirs !== 'null') this.#tally.count(expression.uses);
        continue;
      }
      const { bound, guard } = await this.#bounds(emission.key, i, expected);
      if (excuses(guard, theirs, ours)) this.#tally.setAside(GUARDED[guard]);
      else if (verdict === 'near' && withinBound(theirs, ours, bound)) this.#tally.count(expression.uses);
      else {
        this.#fail(
          `${name} of ${emission.key} is ${theirs}, ours is ${ours} (${expression.type}, bound ${bound}):\n  ${expression.sql}`,
          emission,
        );
      }
    }
  }

  /** Error bound and guards of one feature of one key, asked only where the plain comparison fails. */
  async #bounds(key: string, index: number, expected: Expected): Promise<{ bound: string | null; guard: Guard }> {
    const { expression } = this.#view.features[index]!;
    const keys = this.#view.key.map((name) => `p.${name}::text`).join(', ');
    const select = (what: string): string =>
      `set timezone = '${this.#view.timezone}'; ${expected.without} select v from (select json_build_array(${keys})::jsonb as k, ${what} as v ${this.#view.tail}) s where k = '${key.replaceAll("'", "''")}'::jsonb`;
    const bound =
      expression.error === undefined ? undefined : await this.#session.attempt(select(`(${expression.error})::float8`));
    if (expression.guards.length === 0) return { bound: bound?.[0]?.[0] ?? null, guard: 'clear' };
    const guarded = await this.#session.attempt(select(`coalesce(${expression.guards.join(' or ')}, false)`));
    return { bound: bound?.[0]?.[0] ?? null, guard: guardFrom(guarded) };
  }

  async #expected(): Promise<Expected | undefined> {
    const view = this.#view;
    const keys = view.key.map((name) => `${name}::text`).join(', ');
    const zoned = view.eventTime === 'at' ? 'event_time' : `(event_time::timestamp at time zone '${view.timezone}')`;
    const select = (from: string): string =>
      `select json_build_array(${keys})::text, event_time::text, round(extract(epoch from ${zoned}) * 1000000)::text, ${view.features
        .map((f) => `coalesce(to_json(${f.name})::text, 'null')`)
        .join(', ')} from ${from}`;
    const zone = `set timezone = '${view.timezone}'; `;
    const plain = await this.#session.attempt(zone + select(`shop.${this.#name}`));
    if (plain) return { rows: readRows(plain), bad: new Set(), without: '' };
    const bad = await this.#raising();
    if (bad.length === 0) return undefined;
    const list = bad.map((key) => `'${key.replaceAll("'", "''")}'::jsonb`).join(', ');
    const without = `with payments as materialized (select * from shop.payments where json_build_array(${keys})::jsonb not in (${list}))`;
    const rest = await this.#session.attempt(`${zone}${without} ${select(`(${view.query}) v`)}`);
    return rest ? { rows: readRows(rest), bad: new Set(bad), without } : undefined;
  }

  /**
   * Why rows may be dead letters here that Postgres computes: an argument of lag, or of a frame that no row has, raises for us
   * when its row comes, for Postgres when it is asked for; or Postgres folded what raises away.
   */
  async #raisesUnasked(expected: Expected, emissions: readonly Emission[]): Promise<string | undefined> {
    const dead = emissions.some(({ kind, ...e }) => kind === 'dead_letter' && 'key' in e && !expected.bad.has(e.key!));
    if (!dead && ![...this.#dead].some((key) => expected.rows.has(key))) return undefined;
    if (expected.bad.size === 0 && (await this.#raising()).length > 0)
      return 'a row raises only where no frame asks for it';
    const { rowExpressions, rowFrom, timezone } = this.#view;
    return (await folds(this.#session, rowExpressions, rowFrom, timezone)) ? FOLDED : undefined;
  }

  /** Keys of rows for which an expression over that row alone raises. */
  async #raising(): Promise<string[]> {
    const view = this.#view;
    const zone = `set timezone = '${view.timezone}'; `;
    const keys = view.key.map((name) => `${name}::text`).join(', ');
    const keyNames = view.key.join(', ');
    const rowQuery = `select row(${view.rowExpressions.map((e) => e.sql).join(', ')})::text ${view.rowFrom}`;
    const quotedKey = view.key.map((name) => `quote_literal(p.${name})`).join(` || ', ' || `);
    const probed = await this.#session.query(
      `${zone} select json_build_array(${keys})::text, row_query, shop.raises(row_query) from (
         select ${keyNames}, 'with payments as materialized (select * from shop.payments where (${keyNames}) = (' || ${quotedKey} || ')) ' || $probe$${rowQuery}$probe$ as row_query from shop.payments p) s`,
    );
    return probed.filter(([, , raises]) => raises === 't').map(([key]) => compact(key!));
  }

  /** Keys whose row changed in a column that the view reads, with the number of their last change. */
  async #touched(
    log: readonly LoggedChange[],
    rows: ReadonlyMap<string, ExpectedRow>,
  ): Promise<{ touched: Map<string, number>; truncated: boolean; optional: ReadonlySet<string> }> {
    const touched = new Map<string, number>();
    const references = new Set<string>();
    let truncated = false;
    let itemsTruncated = false;
    for (const [at, change] of log.entries()) {
      if (change.table === 'payments') {
        if (change.op === 'TRUNCATE') {
          touched.clear();
          truncated = true;
        } else if (differs(change, this.#view.reads.payments)) {
          for (const row of [change.old, change.new]) if (row) touched.set(keyOf(row, this.#view.key), at);
        }
      } else if (change.table === 'items' && this.#view.alsoOnItems) {
        if (change.op === 'TRUNCATE') itemsTruncated = true;
        else if (differs(change, this.#view.reads.items)) {
          for (const row of [change.old, change.new]) {
            const reference = row && this.#view.lateral!.match.map(([inner]) => row[inner]);
            // NULL equals nothing.
            if (reference && !reference.includes('null')) references.add(`[${reference.join(', ')}]`);
          }
        }
      }
    }
    const optional = new Set<string>();
    if (references.size > 0 || itemsTruncated) {
      const outer = this.#view.lateral!.match.map(([, name]) => name);
      const keys = this.#view.key.map((name) => `${name}::text`).join(', ');
      const driving = await this.#session.query(
        `select json_build_array(${keys})::text, jsonb_build_array(${outer.join(', ')})::text from shop.payments`,
      );
      for (const [key, reference] of driving) {
        const name = compact(key!);
        if (touched.has(name) || !(itemsTruncated || references.has(reference!))) continue;
        // An item that the lateral's condition leaves out touches no row, but may.
        if (this.#lateralChanged(name, rows)) touched.set(name, log.length);
        else optional.add(name);
      }
    }
    return { touched, truncated, optional };
  }

  #lateralChanged(key: string, rows: ReadonlyMap<string, ExpectedRow>): boolean {
    const after = rows.get(key);
    const before = this.#before.get(key);
    if (!after || !before) return false;
    return this.#view.lateralFeatures.some((i) => after.features[i] !== before.features[i]);
  }

  #fail(what: string, emission: Emission | undefined): never {
    throw new Difference(
      `expected ${what}\n  got ${show(emission)}\n  view (${this.#view.timezone}${this.#view.alsoOnItems ? ', also on items' : ''}): ${this.#view.query}`,
    );
  }
}

/** Ours is not what Postgres says. */
export class Difference extends Error {
  override readonly name = 'Difference';
}

function show(emission: Emission | undefined): string {
  return emission ? JSON.stringify(emission) : 'no emission';
}

function differs(change: LoggedChange, columns: readonly string[]): boolean {
  if (change.op !== 'UPDATE') return true;
  return columns.some((name) => change.old![name] !== change.new![name]);
}

/** The key's text as emissions carry it: a JSON array of the columns' texts. */
function keyOf(row: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  return JSON.stringify(
    names.map((name) => {
      const json = String(row[name]);
      return json.startsWith('"') ? (JSON.parse(json) as string) : json;
    }),
  );
}

/** Postgres puts spaces in JSON; keys have none. */
const compact = (json: string): string => JSON.stringify(JSON.parse(json));

function readRows(rows: readonly (readonly (string | null)[])[]): Map<string, ExpectedRow> {
  return new Map(
    rows.map(([key, eventTime, eventTimeUs, ...features]) => [
      compact(key!),
      { eventTime: eventTime ?? null, eventTimeUs: eventTimeUs ?? null, features: features as string[] },
    ]),
  );
}
