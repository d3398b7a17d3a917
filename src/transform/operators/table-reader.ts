// Rows of one table of a plan: from the stream's cells to typed slots, and which row is which.

import type { Cell, Relation, Row } from '../../flow/change.ts';
import type { TableName } from '../../flow/pipeline.ts';
import { jsonPrinterOf, parserOf, printerOf, type Parse, type Print } from '../../flow/types/sql-text.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { PlanTable } from '../view-plan.ts';

/** A row's slots, in the order of the {@link PlanTable}'s columns. */
export type Slots = readonly SqlValue[];

/** Types whose values Postgres prints in one way only, whatever the settings. */
const ONE_SPELLING: ReadonlySet<number> = new Set([OID.int2, OID.int4, OID.int8, OID.text]);

/** Over 2,000 bytes Postgres may store a value out of line, and then leaves it out of updates that do not change it. */
const TOAST_BYTES = 2000;

export class TableReader {
  readonly table: TableName;
  readonly name: string;
  /** Rows have no key that we know: equal rows are counted, not told apart. */
  readonly multiset: boolean;
  readonly #columns: PlanTable['columns'];
  readonly #replicaIdentity: PlanTable['replicaIdentity'];
  readonly #parsers: readonly Parse[];
  readonly #printers: readonly Print[];
  readonly #jsonPrinters: readonly Print[];
  readonly #identity: readonly number[];
  readonly #toastable: readonly number[];
  readonly #sources = new WeakMap<Relation, Int32Array>();

  /** @param identity the columns that tell rows apart; by default those of the replica identity */
  constructor(table: PlanTable, timezone: string, identity?: readonly number[]) {
    this.table = table.table;
    this.name = `${table.table.schema}.${table.table.name}`;
    this.#columns = table.columns;
    this.#replicaIdentity = table.replicaIdentity;
    this.#parsers = table.columns.map(({ type }) => parserOf(type.oid));
    this.#printers = table.columns.map(({ type }) => printerOf(type.oid, timezone));
    this.#jsonPrinters = table.columns.map(({ type }) => jsonPrinterOf(type.oid, timezone));
    const flagged = table.columns.flatMap((column, index) => (column.identity ? [index] : []));
    const all = table.columns.map((_, index) => index);
    this.#identity = identity ?? (flagged.length > 0 ? flagged : all);
    this.multiset = identity === undefined && table.replicaIdentity === 'f' && this.#identity.length === all.length;
    this.#toastable = table.columns.flatMap((column, index) => (column.toastable ? [index] : []));
  }

  get width(): number {
    return this.#columns.length;
  }

  /** A row's identity is the key of these columns: the same texts, and none of them NULL. */
  isIdentity(columns: readonly number[]): boolean {
    return (
      this.#replicaIdentity !== 'f' &&
      columns.length === this.#identity.length &&
      columns.every(
        (column, place) => column === this.#identity[place] && ONE_SPELLING.has(this.#columns[column]!.type.oid),
      )
    );
  }

  reads(relation: Pick<Relation, 'schema' | 'name'>): boolean {
    return relation.name === this.table.name && relation.schema === this.table.schema;
  }

  /** The row's identity as JSON text of its identity columns; undefined where the stream sent none of it. */
  identityOf(relation: Relation, row: Row): string | undefined {
    const source = this.#source(relation);
    if (this.#identity.length === 1) {
      const column = this.#identity[0]!;
      const cell = row[source[column]!];
      if (cell === undefined) return undefined;
      return cell === null ? '[null]' : `[${JSON.stringify(this.#normal(column, cell))}]`;
    }
    const texts: (string | null)[] = [];
    for (const column of this.#identity) {
      const cell = row[source[column]!];
      if (cell === undefined) return undefined;
      texts.push(cell === null ? null : this.#normal(column, cell));
    }
    return JSON.stringify(texts);
  }

  /** The cells of our columns as they came; what was not sent comes from `previous`. Undefined where that is not known either. */
  cellsOf(
    relation: Relation,
    row: Row,
    previous: readonly (string | null)[] | undefined,
  ): (string | null)[] | undefined {
    const source = this.#source(relation);
    const cells = new Array<string | null>(source.length);
    for (let column = 0; column < cells.length; column++) {
      const cell = row[source[column]!];
      if (cell !== undefined) cells[column] = cell;
      else if (previous !== undefined) cells[column] = previous[column]!;
      else return undefined;
    }
    return cells;
  }

  /** Typed slots; what was not sent comes from `previous`. Undefined where that is not known either. */
  slotsOf(relation: Relation, row: Row, previous: Slots | undefined): SqlValue[] | undefined {
    const source = this.#source(relation);
    const parsers = this.#parsers;
    const slots: SqlValue[] = new Array<SqlValue>(parsers.length);
    for (let column = 0; column < parsers.length; column++) {
      const cell: Cell = row[source[column]!];
      if (cell === null) slots[column] = null;
      else if (cell !== undefined) slots[column] = parsers[column]!(cell);
      else if (previous !== undefined) slots[column] = previous[column]!;
      else return undefined;
    }
    return slots;
  }

  /** Slots of a row of which only some columns were sent, the others NULL: for the key of a deleted row. */
  partialSlotsOf(relation: Relation, row: Row): SqlValue[] {
    return this.slotsOf(relation, row, new Array<SqlValue>(this.#columns.length).fill(null))!;
  }

  /** True where no column differs, as it would be printed: 1.0 and 1.00 differ. */
  same(a: Slots, b: Slots): boolean {
    for (let column = 0; column < a.length; column++) {
      const x = a[column]!;
      const y = b[column]!;
      if (Object.is(x, y)) continue;
      if (x === null || y === null || typeof x !== 'object' || typeof y !== 'object') return false;
      if (this.#printers[column]!(x) !== this.#printers[column]!(y)) return false;
    }
    return true;
  }

  hasLargeValue(slots: Slots): boolean {
    for (const column of this.#toastable) {
      const value = slots[column];
      if (typeof value === 'string') {
        if (value.length > TOAST_BYTES / 4 && Buffer.byteLength(value) > TOAST_BYTES) return true;
      } else if (value !== null && typeof value === 'object' && this.#printers[column]!(value).length > TOAST_BYTES) {
        return true;
      }
    }
    return false;
  }

  /** Each slot as Postgres prints it, for state. */
  cells(slots: Slots): (string | null)[] {
    return slots.map((value, column) => (value === null ? null : this.#printers[column]!(value)));
  }
  /** Typed slots of a row's cells. Throws STATE_CORRUPT where they are not those of the table's columns. */
  restore(cells: readonly (string | null)[]): SqlValue[] {
    if (cells.length !== this.#columns.length) {
      throw new MillraceError(
        'STATE_CORRUPT',
        `a stored row of ${this.name} has ${cells.length} columns, not ${this.#columns.length}`,
        {
          table: this.name,
          hint: 'Rebuild the pipeline.',
        },
      );
    }
    const slots = new Array<SqlValue>(cells.length);
    for (let column = 0; column < cells.length; column++) {
      const cell = cells[column]!;
      slots[column] = cell === null ? null : this.#parsers[column]!(cell);
    }
    return slots;
  }

  /** A JSON object of the row's columns, for a dead letter. */
  json(slots: Slots): string {
    const members = this.#columns.map(({ name }, column) => {
      const value = slots[column]!;
      return `${JSON.stringify(name)}:${value === null ? 'null' : this.#jsonPrinters[column]!(value)}`;
    });
    return `{${members.join(',')}}`;
  }

  /** The same of a row as it came, without what was not sent. */
  jsonOfCells(relation: Relation, row: Row): string {
    const object: Record<string, string | null> = {};
    const source = this.#source(relation);
    this.#columns.forEach(({ name }, column) => {
      const cell = row[source[column]!];
      if (cell !== undefined) object[name] = cell;
    });
    return JSON.stringify(object);
  }

  /** One text for one value, however it was spelled when it was sent. */
  #normal(column: number, cell: string): string {
    if (ONE_SPELLING.has(this.#columns[column]!.type.oid)) return cell;
    return this.#printers[column]!(this.#parsers[column]!(cell));
  }

  /** Rows are told apart by the identity of the time when the view was described; by another they would be taken for new ones. */
  #checkIdentity(relation: Relation): void {
    if (relation.replicaIdentity === 'f' || this.#replicaIdentity === 'f') return;
    const sent = relation.columns.filter(({ identity }) => identity).map(({ name }) => name);
    const known = this.#columns.filter(({ identity }) => identity).map(({ name }) => name);
    if (sent.length === known.length && sent.every((name) => known.includes(name))) return;
    throw new MillraceError('TABLE_IDENTITY', `the replica identity of ${this.name} was changed`, {
      table: this.name,
      hint: 'Rebuild the pipelines that read it.',
    });
  }

  /** For each of our columns, where the stream has it. Found once for each description of the table. */
  #source(relation: Relation): Int32Array {
    let source = this.#sources.get(relation);
    if (!source) {
      this.#checkIdentity(relation);
      const places = new Map(relation.columns.map(({ name }, index) => [name, index]));
      source = Int32Array.from(this.#columns, ({ name }) => {
        const place = places.get(name);
        if (place === undefined) {
          throw new MillraceError(
            'VIEW_MISSING',
            `the stream no longer has column ${name} of ${this.name}, which the view reads`,
            {
              table: this.name,
              hint: 'Was the column renamed or dropped? Rebuild the pipeline after mending the view.',
            },
          );
        }
        return place;
      });
      this.#sources.set(relation, source);
    }
    return source;
  }
}

/** A key of one or more columns, as the JSON array of their texts. Undefined where one is NULL. */
export function keyTextOf(
  expressions: readonly { readonly evaluate: (slots: Slots) => SqlValue; readonly print: Print }[],
  slots: Slots,
): string | undefined {
  if (expressions.length === 1) {
    const value = expressions[0]!.evaluate(slots);
    return value === null ? undefined : `[${JSON.stringify(expressions[0]!.print(value))}]`;
  }
  const texts: string[] = [];
  for (const { evaluate, print } of expressions) {
    const value = evaluate(slots);
    if (value === null) return undefined;
    texts.push(print(value));
  }
  return JSON.stringify(texts);
}
