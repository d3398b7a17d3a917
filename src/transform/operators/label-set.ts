// The label view as a set: which of its rows stands for each key, so that any change says what appeared, changed or went.

import type { RowChange } from '../../flow/change.ts';
import type { Emission, KeyText, LabelEmission } from '../../flow/record.ts';
import { numericToNumber, type NumericValue } from '../../flow/types/decimal.ts';
import { printerOf, textCastOf, type Print } from '../../flow/types/sql-text.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { StateEntry } from '../../state/state-store.ts';
import type { LabelPlan } from '../view-plan.ts';
import { instantOf } from './event-time.ts';
import { keyTextOf, TableReader } from './table-reader.ts';

interface Label {
  readonly label: string | null;
  readonly labelAtUs: number | null;
  readonly weight: number;
}

interface LabelRow extends Label {
  readonly identity: string;
  readonly slots: readonly SqlValue[];
  /** Undefined: in no label (filtered, NULL key, or it could not be computed). */
  readonly key: KeyText | undefined;
}

const SPACE = 'labels';

export class LabelSet {
  readonly #plan: LabelPlan;
  readonly reader: TableReader;
  readonly #key: readonly { evaluate: LabelPlan['label']['expression']['evaluate']; print: Print }[];
  readonly #print: Print;
  readonly #at: (value: SqlValue) => number | null;
  readonly #rows = new Map<string, LabelRow>();
  /** One row nearly always; more where the label table has several for a key. */
  readonly #byKey = new Map<KeyText, LabelRow | LabelRow[]>();
  /** Keys that the transaction touched, in the order of their last change, with what stood for them before it. */
  readonly #touched = new Map<KeyText, Label | undefined>();
  readonly #deadLetters: Emission[] = [];
  readonly #dirty = new Set<string>();

  constructor(plan: LabelPlan, timezone: string) {
    this.#plan = plan;
    this.reader = new TableReader(plan.table, timezone);
    this.#key = plan.key.map(({ expression }) => ({
      evaluate: expression.evaluate,
      print: printerOf(expression.type.oid, timezone),
    }));
    this.#print = textCastOf(plan.label.expression.type.oid, timezone);
    this.#at = plan.labelAt ? instantOf(plan.labelAt.expression.type.oid, timezone) : () => null;
  }

  get size(): number {
    return this.#rows.size;
  }

  apply(change: RowChange): void {
    const { relation } = change;
    const { reader } = this;
    if (change.kind === 'insert') {
      const slots = reader.slotsOf(relation, change.new!, undefined)!;
      this.#put(this.#freshIdentity(reader.identityOf(relation, change.new!)!), slots);
      return;
    }
    const identity = this.#lastIdentity(reader.identityOf(relation, change.old ?? change.new!)!);
    const row = this.#rows.get(identity);
    if (change.kind === 'delete') {
      if (row) this.#remove(row);
      return;
    }
    const slots = reader.slotsOf(relation, change.new!, row?.slots);
    if (!slots) {
      // Without its row the label cannot be said; the row of the label table is named, not a key.
      const message = `an update of ${reader.name} left out a large value that is not kept`;
      const text = reader.jsonOfCells(relation, change.new!);
      this.#deadLetters.push({
        kind: 'dead_letter',
        key: null,
        table: reader.name,
        row: text,
        code: 'TOAST_UNKNOWN',
        message,
      });
      return;
    }
    if (row && reader.same(row.slots, slots)) return;
    if (row) this.#remove(row);
    this.#put(
      change.old === undefined ? identity : this.#freshIdentity(reader.identityOf(relation, change.new!) ?? identity),
      slots,
    );
  }

  truncate(): void {
    for (const identity of [...this.#rows.keys()].sort()) this.#remove(this.#rows.get(identity)!);
  }

  /** What the transaction made appear, change or go. */
  finish(): Emission[] {
    const emissions: Emission[] = this.#deadLetters.splice(0);
    for (const [key, before] of this.#touched) {
      const after = this.#winner(key);
      if (sameLabel(before, after)) continue;
      emissions.push(emissionOf(key, after));
    }
    this.#touched.clear();
    return emissions;
  }

  *takeDirty(): Iterable<StateEntry> {
    for (const key of this.#dirty) {
      const row = this.#rows.get(key);
      yield { space: SPACE, key, value: row && JSON.stringify(this.reader.cells(row.slots)) };
    }
    this.#dirty.clear();
  }

  restore(entries: Iterable<readonly [key: string, value: string]>): void {
    for (const [identity, value] of entries)
      this.#put(identity, this.reader.restore(JSON.parse(value) as (string | null)[]));
    this.#dirty.clear();
    this.#touched.clear();
    this.#deadLetters.length = 0;
  }

  static readonly space = SPACE;

  #put(identity: string, slots: readonly SqlValue[]): void {
    const known = this.#rows.get(identity);
    if (known) this.#remove(known);
    const row = this.#read(identity, slots);
    this.#rows.set(identity, row);
    this.#dirty.add(identity);
    if (row.key === undefined) return;
    this.#touch(row.key);
    const others = this.#byKey.get(row.key);
    if (others === undefined) this.#byKey.set(row.key, row);
    else this.#byKey.set(row.key, Array.isArray(others) ? [...others, row] : [others, row]);
  }

  #remove(row: LabelRow): void {
    this.#rows.delete(row.identity);
    this.#dirty.add(row.identity);
    if (row.key === undefined) return;
    this.#touch(row.key);
    const rows = this.#byKey.get(row.key);
    const rest = Array.isArray(rows) ? rows.filter((other) => other !== row) : [];
    if (rest.length === 0) this.#byKey.delete(row.key);
    else this.#byKey.set(row.key, rest.length === 1 ? rest[0]! : rest);
  }

  #read(identity: string, slots: readonly SqlValue[]): LabelRow {
    const { where, label, labelAt, weight } = this.#plan;
    const none = { identity, slots, key: undefined, label: null, labelAtUs: null, weight: 1 };
    try {
      if (where !== undefined && where.evaluate(slots) !== true) return none;
      const key = keyTextOf(this.#key, slots);
      if (key === undefined) return none;
      const value = label.expression.evaluate(slots);
      return {
        identity,
        slots,
        key,
        label: value === null ? null : this.#print(value),
        labelAtUs: labelAt ? this.#at(labelAt.expression.evaluate(slots)) : null,
        weight: weight ? weightOf(weight.expression.type.oid, weight.expression.evaluate(slots)) : 1,
      };
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'DATA') throw error;
      const { name } = this.reader;
      this.#deadLetters.push({
        kind: 'dead_letter',
        key: null,
        table: name,
        row: this.reader.json(slots),
        code: error.code,
        message: error.message,
      });
      return none;
    }
  }

  #touch(key: KeyText): void {
    const before = this.#touched.has(key) ? this.#touched.get(key) : this.#winner(key);
    this.#touched.delete(key);
    this.#touched.set(key, before);
  }

  /** The latest `label_at`; of equal ones (NULL is the earliest) the greatest identity. */
  #winner(key: KeyText): LabelRow | undefined {
    const rows = this.#byKey.get(key);
    if (!Array.isArray(rows)) return rows;
    return rows.reduce((best, row) => {
      const difference = (row.labelAtUs ?? -Infinity) - (best.labelAtUs ?? -Infinity);
      return difference > 0 || (!(difference < 0) && row.identity > best.identity) ? row : best;
    });
  }

  #freshIdentity(identity: string): string {
    if (!this.reader.multiset) return identity;
    let free = identity;
    for (let copy = 2; this.#rows.has(free); copy++) free = `${identity}#${copy}`;
    return free;
  }
  #lastIdentity(identity: string): string {
    if (!this.reader.multiset) return identity;
    let last = identity;
    for (let copy = 2; this.#rows.has(`${identity}#${copy}`); copy++) last = `${identity}#${copy}`;
    return last;
  }
}

function emissionOf(key: KeyText, label: Label | undefined): LabelEmission {
  if (!label) return { kind: 'label', key, label: undefined, labelAtUs: null, weight: 1 };
  return { kind: 'label', key, label: label.label, labelAtUs: label.labelAtUs, weight: label.weight };
}

const sameLabel = (a: Label | undefined, b: Label | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.label === b.label && a.labelAtUs === b.labelAtUs && a.weight === b.weight);

/** No model learns from a negative weight; JSON has no NaN and no infinity. */
const UNUSABLE = -1;

/** NULL weighs as if there were no such column. */
function weightOf(oid: number, value: SqlValue): number {
  if (value === null) return 1;
  const weight = oid === OID.numeric ? numericToNumber(value as NumericValue) : Number(value);
  return Number.isFinite(weight) ? weight : UNUSABLE;
}
