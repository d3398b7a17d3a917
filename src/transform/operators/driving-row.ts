// A driving row in state, and the queue in which rows wait to expire.

import type { DeadLetterEmission, FeaturesEmission, KeyText } from '../../flow/record.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import { hashText } from './ordered-rows.ts';
import { EMPTY } from './summary.ts';
import type { TableReader } from './table-reader.ts';
import type { WindowRow } from './window-group.ts';

export class DrivingRow implements WindowRow {
  readonly identity: string;
  readonly hash: number;
  readonly key: KeyText;
  /** JSON text of its cells, as state keeps it: a row at rest is one text, which costs a third of its values. */
  cells: string;
  /** Its values while a transaction is at it; undefined when at rest. */
  slots: readonly SqlValue[] | undefined;
  readonly nodes: number[];
  /** The clock when it last changed, microseconds: it is kept until the clock has passed that and what windows reach. */
  stampUs = -Infinity;
  /** WHERE is true. */
  inView = false;
  /** It could not be computed: a dead letter, and in no window until it is corrected. */
  failed = false;
  /** Features or a dead letter were given out for it, so that a delete is due when it goes. */
  reported = false;
  /** Has a value that Postgres may leave out of updates. */
  large = false;
  /** Not in the view's rows any more. */
  gone = false;
  /** Changed, or gone, since state was last taken; it stands in the list of those. */
  dirty = false;
  /** What is given out for it, from computing to the end of its transaction. */
  emission: FeaturesEmission | DeadLetterEmission | undefined = undefined;

  constructor(identity: string, key: KeyText, cells: string, groups: number) {
    this.identity = identity;
    this.hash = hashText(identity);
    // Mostly the same text, which is then kept once.
    this.key = key === identity ? identity : key;
    this.cells = cells;
    this.slots = undefined;
    this.nodes = new Array<number>(groups).fill(EMPTY);
  }
}

/** Rows by the clock of their last change. A row that changed again stands in it twice; the older place is void. */
export class ExpiryQueue {
  #rows: DrivingRow[] = [];
  #stamps: number[] = [];
  #head = 0;

  push(row: DrivingRow): void {
    let place = this.#rows.length;
    // Stamps follow the clock and do not fall; except where the clock began with rows that had no event time.
    while (place > this.#head && this.#stamps[place - 1]! > row.stampUs) place--;
    if (place === this.#rows.length) {
      this.#rows.push(row);
      this.#stamps.push(row.stampUs);
    } else {
      this.#rows.splice(place, 0, row);
      this.#stamps.splice(place, 0, row.stampUs);
    }
  }

  /** Takes out rows whose last change was before `us`, in order. */
  *takeBefore(us: number): Iterable<DrivingRow> {
    while (this.#head < this.#rows.length && this.#stamps[this.#head]! < us) {
      const row = this.#rows[this.#head]!;
      const current = row.stampUs === this.#stamps[this.#head];
      this.#head += 1;
      if (current) yield row;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#head);
      this.#stamps = this.#stamps.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#rows = [];
    this.#stamps = [];
    this.#head = 0;
  }
}

/** A row as state keeps it: `[stamp, flags, cells]`. */
export function encodeRow(row: DrivingRow): string {
  const flags = (row.inView ? 1 : 0) + (row.failed ? 2 : 0) + (row.reported ? 4 : 0) + (row.large ? 8 : 0);
  return `[${Number.isFinite(row.stampUs) ? row.stampUs : null},${flags},${row.cells}]`;
}

/** With its values, too. Throws STATE_CORRUPT where the row has other columns than the table of the plan. */
export function decodeRow(
  identity: string,
  value: string,
  reader: Pick<TableReader, 'restore'>,
  program: { readonly groups: readonly unknown[]; keyOf(slots: readonly SqlValue[]): KeyText | undefined },
): DrivingRow {
  const [stampUs, flags, cells] = JSON.parse(value) as [number | null, number, (string | null)[]];
  const slots = reader.restore(cells);
  const row = new DrivingRow(identity, program.keyOf(slots)!, JSON.stringify(cells), program.groups.length);
  row.slots = slots;
  row.stampUs = stampUs ?? -Infinity;
  row.inView = (flags & 1) !== 0;
  row.failed = (flags & 2) !== 0;
  row.reported = (flags & 4) !== 0;
  row.large = (flags & 8) !== 0;
  return row;
}
