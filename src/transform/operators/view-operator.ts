// The feature view at work: its driving rows, what a transaction touched, and what is computed, deleted and forgotten at the
// end of it (docs/correctness.md, rule B).

import type { RowChange } from '../../flow/change.ts';
import type { DeadLetterEmission, Emission, KeyText } from '../../flow/record.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { StateEntry } from '../../state/state-store.ts';
import type { ViewPlan } from '../view-plan.ts';
import { decodeRow, DrivingRow, encodeRow, ExpiryQueue } from './driving-row.ts';
import { JoinedRows } from './joined-rows.ts';
import { TableReader, type Slots } from './table-reader.ts';
import { TouchedInMemory, type TouchedKeys } from './touched-keys.ts';
import { keyColumnsOf, ViewProgram } from './view-program.ts';

export interface ViewOptions {
  readonly timezone: string;
  readonly lateByUs: number;
  readonly appendOnly: boolean;
  /** For each lateral: a change of its table computes the driving rows that it joins. */
  readonly alsoOn: readonly boolean[];
}

const SPACE = 'driving';

export class ViewOperator {
  readonly reader: TableReader;
  readonly program: ViewProgram;
  readonly #options: ViewOptions;
  readonly #keyIsIdentity: boolean;
  readonly #plan: ViewPlan;
  readonly #rows = new Map<string, DrivingRow>();
  readonly #touched: TouchedKeys = new TouchedInMemory();
  /** Rows whose WHERE or windows may have changed through a lateral. */
  readonly #refresh = new Set<DrivingRow>();
  readonly #joined: JoinedRows;
  readonly #deadLetters: Emission[] = [];
  readonly #queue = new ExpiryQueue();
  readonly #recheck: DrivingRow[] = [];
  /** In the order of their first change, so that what came for a key after another row had gone is written after that. */
  #dirty: DrivingRow[] = [];
  readonly counts = { filtered: 0, late: 0, deadLetters: 0 };

  constructor(plan: ViewPlan, options: ViewOptions) {
    this.#plan = plan;
    this.#options = options;
    const full = plan.driving.replicaIdentity === 'f';
    this.reader = new TableReader(plan.driving, options.timezone, full ? keyColumnsOf(plan) : undefined);
    this.program = new ViewProgram(plan, options.timezone);
    this.#keyIsIdentity = this.reader.isIdentity(keyColumnsOf(plan) ?? []);
    const placed = plan.where !== undefined || plan.windowGroups.length > 0;
    const asked = options.alsoOn.map((also) => placed || also);
    this.#joined = new JoinedRows(this.program.laterals, asked);
  }

  get size(): number {
    return this.#rows.size;
  }

  apply(change: RowChange): void {
    const { relation } = change;
    const { reader } = this;
    if (change.kind === 'insert') {
      const identity = reader.identityOf(relation, change.new!)!;
      this.#put(identity, reader.cellsOf(relation, change.new!, undefined)!, this.#rows.get(identity));
      return;
    }
    const identity = reader.identityOf(relation, change.old ?? change.new!)!;
    const row = this.#rows.get(identity);
    if (change.kind === 'delete') {
      this.#appendOnly(row, change);
      if (row) this.#remove(row);
      else this.#touchGone(this.program.keyOf(reader.partialSlotsOf(relation, change.old!)));
      return;
    }
    const moved = change.old === undefined ? identity : (reader.identityOf(relation, change.new!) ?? identity);
    if (!row && moved === identity) return; // its state has gone: features and score are left alone
    const cells = reader.cellsOf(relation, change.new!, row && parseCells(row.cells));
    if (!cells) return this.#unknown(change);
    if (row && reader.same(this.#slotsOf(row), reader.restore(cells))) return;
    this.#appendOnly(row, change);
    if (!row) this.#touchGone(this.program.keyOf(reader.partialSlotsOf(relation, change.old!)));
    this.#put(moved, cells, row ?? this.#rows.get(moved));
  }

  /** A change of a lateral's table. */
  applyLateral(index: number, change: RowChange): void {
    this.program.laterals[index]!.apply(
      change,
      (key) => this.#joinedChanged(index, key),
      (emission) => this.#deadLetters.push(emission),
    );
  }
  truncateLateral(index: number): void {
    for (const key of this.program.laterals[index]!.truncate()) this.#joinedChanged(index, key);
  }

  truncate(): void {
    for (const row of this.#rows.values()) this.#isGone(row);
    this.#rows.clear();
    this.#touched.clear();
    this.#refresh.clear();
    this.#queue.clear();
    this.#recheck.length = 0;
    for (const group of this.program.groups) group.clear();
    this.#joined.clear();
  }

  /** Puts every touched row where it now belongs; gives the greatest event time among those in the view, for the clock. */
  settle(notAboveUs: number): number {
    for (const row of this.#refresh) {
      // A dead letter waits for its own correction.
      if (!row.failed && !this.#isTouched(row)) this.#settleRefreshed(row);
    }
    this.#refresh.clear();
    let greatest = -Infinity;
    for (const { row } of this.#touched.touches()) {
      if (!row) continue;
      this.#settleRow(row);
      if (!row.inView || row.failed) continue;
      const us = this.program.eventTimeUs(this.#slotsOf(row));
      if (us === null || !Number.isFinite(us)) continue;
      // Dated a little ahead: a sender's clock. Dated far ahead: a mistake, which must not empty the windows of others.
      if (us <= notAboveUs + AHEAD_US) greatest = Math.max(greatest, Math.min(us, notAboveUs));
    }
    return greatest;
  }

  /** Computes each touched key, in the order of its last change. */
  finish(stampUs: number): Emission[] {
    this.#compute();
    const emissions: Emission[] = this.#deadLetters.splice(0);
    for (const [key, touch] of this.#touched.entries()) {
      const { row } = touch;
      if (touch.deadLetter) emissions.push(touch.deadLetter);
      else if (row && (row.failed || row.inView)) emissions.push(row.emission!);
      else if (touch.before) emissions.push({ kind: 'delete', key });
      if (!row) continue;
      row.reported = row.failed || row.inView;
      if (!row.reported) this.counts.filtered += 1;
      row.stampUs = stampUs;
      if (this.program.windowUs !== Infinity) this.#queue.push(row);
      this.#changed(row);
      row.slots = undefined;
      row.emission = undefined;
    }
    for (const emission of emissions) {
      if (emission.kind === 'dead_letter') this.counts.deadLetters += 1;
      if (emission.kind === 'features' && emission.late) this.counts.late += 1;
    }
    this.#touched.clear();
    return emissions;
  }

  /** Forgets what the clock has passed, in the order of its last change. */
  expire(clockUs: number): void {
    const reachUs = clockUs - this.program.windowUs - this.#options.lateByUs;
    if (!(reachUs > -Infinity)) {
      this.#recheck.length = 0;
      return;
    }
    for (const row of this.#queue.takeBefore(reachUs)) this.#expireRow(row, reachUs);
    for (const row of this.#recheck.splice(0)) if (row.stampUs < reachUs) this.#expireRow(row, reachUs);
  }

  *takeDirty(): Iterable<StateEntry> {
    for (const lateral of this.program.laterals) yield* lateral.takeDirty();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const row of dirty) {
      row.dirty = false;
      yield { space: SPACE, key: row.identity, value: row.gone ? undefined : encodeRow(row) };
    }
    for (const [index, group] of this.program.groups.entries()) {
      for (const key of group.dirtyFloors) {
        const floor = group.floorOf(key);
        yield { space: floorSpace(index), key, value: floor === undefined ? undefined : String(floor) };
      }
      group.dirtyFloors.clear();
    }
  }

  /** Laterals first, then floors, then rows: a row's place depends on both. */
  restore(entries: (space: string) => Iterable<readonly [key: string, value: string]>, clockUs: number): void {
    const { program } = this;
    program.laterals.forEach((lateral, index) => lateral.restore(entries(`lateral/${index}`)));
    program.groups.forEach((group, index) => {
      for (const [key, floor] of entries(floorSpace(index))) group.restoreFloor(key, Number(floor));
    });
    const reachUs = clockUs - program.windowUs - this.#options.lateByUs;
    const waiting: DrivingRow[] = [];
    for (const [identity, value] of entries(SPACE)) {
      const row = decodeRow(identity, value, this.reader, this.program);
      this.#rows.set(identity, row);
      this.#joined.join(row, row.slots!);
      if (row.inView && !row.failed) program.place(row, row.slots!, []);
      row.slots = undefined;
      // What is older is among the last rows of its partition, or large: neither waits for the clock.
      if (program.windowUs !== Infinity && !(row.stampUs < reachUs)) waiting.push(row);
    }
    waiting.sort((a, b) => a.stampUs - b.stampUs || (a.identity < b.identity ? -1 : 1));
    for (const row of waiting) this.#queue.push(row);
  }

  #put(identity: string, cells: readonly (string | null)[], known: DrivingRow | undefined): void {
    const slots = this.reader.restore(cells);
    if (known && known.identity === identity) {
      this.#leave(known);
      known.cells = JSON.stringify(cells);
      this.#enter(known, slots);
      return;
    }
    if (known) {
      this.#remove(known);
      const occupant = this.#rows.get(identity);
      if (occupant) this.#remove(occupant);
    }
    const key = this.#keyIsIdentity ? identity : this.program.keyOf(slots);
    if (key === undefined) return this.#keyless(slots);
    const row = new DrivingRow(identity, key, JSON.stringify(cells), this.program.groups.length);
    this.#rows.set(identity, row);
    this.#enter(row, slots);
  }

  #enter(row: DrivingRow, slots: Slots): void {
    row.slots = slots;
    row.large =
      !this.#options.appendOnly && this.#plan.driving.replicaIdentity !== 'f' && this.reader.hasLargeValue(slots);
    this.#joined.join(row, slots);
    this.#changed(row);
    this.#touch(row.key, row, row.reported);
  }

  /** A row at rest is read again. */
  #slotsOf(row: DrivingRow): Slots {
    return row.slots ?? this.reader.restore(parseCells(row.cells));
  }

  #leave(row: DrivingRow): void {
    if (this.#joined.asked) this.#joined.leave(row, this.#slotsOf(row));
  }

  #remove(row: DrivingRow): void {
    this.#leave(row);
    this.program.unplace(row);
    this.#rows.delete(row.identity);
    this.#refresh.delete(row);
    this.#isGone(row);
    this.#touch(row.key, undefined, row.reported);
  }

  #touch(key: KeyText, row: DrivingRow | undefined, before: boolean, deadLetter?: DeadLetterEmission): void {
    this.#touched.touch(key, { row, before, deadLetter });
  }

  #touchGone(key: KeyText | undefined): void {
    if (key !== undefined) this.#touch(key, undefined, true);
  }

  #isTouched(row: DrivingRow): boolean {
    return this.#touched.rowOf(row.key) === row;
  }

  #settleRow(row: DrivingRow): void {
    this.program.unplace(row);
    row.failed = false;
    row.inView = this.#attempt(row, () => this.program.place(row, this.#slotsOf(row), this.#recheck)) ?? false;
  }

  /** Another table's change may take a row out of its windows or bring it back; nothing is emitted for it. */
  #settleRefreshed(row: DrivingRow): void {
    const before = { inView: row.inView, failed: row.failed };
    this.#settleRow(row);
    if (row.inView !== before.inView || row.failed !== before.failed) this.#changed(row);
    this.#recheck.push(row);
  }

  /** Undefined where it raised: then the row is in no window. */
  #attempt<T>(row: DrivingRow, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'DATA') throw error;
      this.program.unplace(row);
      row.failed = true;
      this.#failures.set(row, error);
      return undefined;
    }
  }
  readonly #failures = new Map<DrivingRow, MillraceError>();

  /** Where a row raises it leaves the windows, so the others are computed again without it. */
  #compute(): void {
    for (let again = true; again;) {
      again = false;
      for (const { row } of this.#touched.touches()) {
        if (!row || !row.inView || row.failed) continue;
        const features = this.#attempt(row, () => this.program.compute(row, this.#slotsOf(row)));
        if (features) row.emission = features;
        else again = true;
      }
    }
    for (const [row, error] of this.#failures) {
      if (!this.#isTouched(row)) continue;
      row.emission = this.#deadLetter(row.key, this.#slotsOf(row), error.code, error.message);
    }
    this.#failures.clear();
  }

  #expireRow(row: DrivingRow, reachUs: number): void {
    // A dead letter stays until it is corrected.
    if (row.large || row.failed || row.gone) return;
    for (const group of this.program.groups) if (group.keeps(row)) return;
    for (const group of this.program.groups) group.expire(row, reachUs);
    this.#leave(row);
    this.#rows.delete(row.identity);
    this.#isGone(row);
  }

  #changed(row: DrivingRow): void {
    if (row.dirty) return;
    row.dirty = true;
    this.#dirty.push(row);
  }

  #isGone(row: DrivingRow): void {
    row.gone = true;
    this.#changed(row);
  }

  /** A lateral's aggregates changed for one match key. */
  #joinedChanged(index: number, key: string): void {
    for (const row of this.#joined.rows(index, key)) {
      if (this.#options.alsoOn[index]) this.#touch(row.key, row, row.reported);
      else this.#refresh.add(row);
    }
  }

  /** `append_only` promised that rows with large values are never changed, and so they are not kept for that. */
  #appendOnly(row: DrivingRow | undefined, { kind }: RowChange): void {
    if (!this.#options.appendOnly || !row || !this.reader.hasLargeValue(this.#slotsOf(row))) return;
    throw this.#stop(
      `${kind === 'delete' ? 'a delete' : 'an update'} of a row with a large value in ${this.reader.name}`,
    );
  }

  /** A value was not sent, and the row that had it is not kept. */
  #unknown(change: RowChange): void {
    const { reader, program } = this;
    if (this.#options.appendOnly) throw this.#stop(`an update of ${reader.name} that left out a large value`);
    if (change.old) this.#touchGone(program.keyOf(reader.partialSlotsOf(change.relation, change.old)));
    const key = program.keyOf(reader.partialSlotsOf(change.relation, change.new!));
    const message = 'the update left out a large value that is not kept';
    const row = reader.jsonOfCells(change.relation, change.new!);
    const emission: DeadLetterEmission = {
      kind: 'dead_letter',
      key: key ?? null,
      table: reader.name,
      row,
      code: 'TOAST_UNKNOWN',
      message,
    };
    if (key === undefined) this.#deadLetters.push(emission);
    else this.#touch(key, undefined, true, emission);
  }

  #stop(what: string): MillraceError {
    return new MillraceError('TOAST_UNKNOWN', `${what}, but the pipeline says append_only`, {
      table: this.reader.name,
      hint: 'Create the pipeline again without append_only, or set the table to REPLICA IDENTITY FULL, and rebuild.',
    });
  }

  #keyless(slots: Slots): void {
    this.#deadLetters.push(this.#deadLetter(null, slots, 'KEY_INVALID', 'a column of the key is NULL'));
  }

  #deadLetter(key: KeyText | null, slots: Slots, code: string, message: string): DeadLetterEmission {
    return { kind: 'dead_letter', key, table: this.reader.name, row: this.reader.json(slots), code, message };
  }
}

const parseCells = (text: string): (string | null)[] => JSON.parse(text) as (string | null)[];
const floorSpace = (group: number): string => `floors/${group}`;
/** A day. */
const AHEAD_US = 86_400_000_000;
