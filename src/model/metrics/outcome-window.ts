// The last outcomes, each in the place where it first came: a changed label changes it there, a withdrawn one leaves its place
// empty, and what has left the window is not touched any more.

import type { StateReader, StateWriter } from '../saved-state.ts';

export interface WindowOptions {
  readonly capacity: number;
  /** Numbers kept of each outcome. The second is what a label decides. */
  readonly columns: number;
  /** The first so many tell an outcome that is to change. */
  readonly matched: number;
}

/** Of outcomes that stand, oldest first. */
export interface Standing {
  readonly columns: readonly Float64Array[];
  /** Of each outcome, where it has one. */
  readonly notes: readonly (Float64Array | undefined)[];
  /** How many outcomes came after each, those withdrawn since included. */
  readonly ages: Float64Array;
}

export class OutcomeWindow {
  readonly #capacity: number;
  readonly #matched: number;
  /** In the second, NaN is an empty place. */
  readonly #columns: readonly Float64Array[];
  /** What was said beside, as many numbers as there are. */
  readonly #notes: (Float64Array | undefined)[] = [];
  #next = 0;
  #filled = 0;

  constructor({ capacity, columns, matched }: WindowOptions) {
    this.#capacity = capacity;
    this.#matched = matched;
    this.#columns = Array.from({ length: columns }, () => new Float64Array(capacity));
  }

  /**
   * @param cells of the outcome; undefined: it is withdrawn
   * @param prior those, matched, of the outcome that it replaces; undefined: none
   */
  fold(cells: Float64Array | undefined, prior: Float64Array | undefined, note?: Float64Array): void {
    if (prior !== undefined) {
      const place = this.#find(prior);
      if (place === undefined) return;
      if (cells !== undefined) this.#put(place, cells, note);
      else {
        this.#columns[1]![place] = Number.NaN;
        this.#notes[place] = undefined;
      }
    } else if (cells !== undefined) {
      this.#put(this.#next, cells, note);
      this.#next = (this.#next + 1) % this.#capacity;
      this.#filled = Math.min(this.#filled + 1, this.#capacity);
    }
  }

  /** @param where a column and what must stand in it */
  standing(where?: { readonly column: number; readonly value: number }): Standing {
    const columns = this.#columns.map((ring) => this.#inOrder(ring));
    const ages = new Float64Array(this.#filled);
    const notes: (Float64Array | undefined)[] = [];
    const told = columns[1]!;
    const asked = where && columns[where.column]!;
    let kept = 0;
    for (let i = 0; i < this.#filled; i++) {
      if (Number.isNaN(told[i]!) || (asked && asked[i] !== where.value)) continue;
      for (const column of columns) column[kept] = column[i]!;
      notes.push(this.#notes[this.#place(this.#filled - i)]);
      ages[kept++] = this.#filled - 1 - i;
    }
    return { columns: columns.map((column) => column.subarray(0, kept)), notes, ages: ages.subarray(0, kept) };
  }

  /** Before the columns. Lengths, 0 where there is none, then all of them in one. */
  saveNotes(writer: StateWriter): void {
    const notes = Array.from({ length: this.#filled }, (_, i) => this.#notes[this.#place(this.#filled - i)]);
    writer.floats(Float64Array.from(notes, (note) => note?.length ?? 0));
    const all = new Float64Array(notes.reduce((sum, note) => sum + (note?.length ?? 0), 0));
    let at = 0;
    for (const note of notes) {
      if (note === undefined) continue;
      all.set(note, at);
      at += note.length;
    }
    writer.floats(all);
  }

  loadNotes(reader: StateReader): void {
    const lengths = reader.floats();
    const all = reader.floats();
    let at = 0;
    for (const [place, length] of lengths.entries()) {
      this.#notes[place] = length === 0 ? undefined : all.slice(at, at + length);
      at += length;
    }
  }

  /** Oldest first, so that equal windows have equal bytes wherever they began. */
  save(writer: StateWriter): void {
    for (const ring of this.#columns) writer.floats(this.#inOrder(ring));
  }

  /** Columns that the saved window has not are NaN; those that it has beyond these, or from `known` on, are left out. Reads to the end. */
  load(reader: StateReader, known: number): void {
    for (let column = 0; !reader.atEnd || column < this.#columns.length; column++) {
      const saved = reader.atEnd ? undefined : reader.floats();
      if (column === 0) {
        this.#filled = saved?.length ?? 0;
        this.#next = this.#filled % this.#capacity;
      }
      if (saved && column < known) this.#columns[column]?.set(saved);
      else this.#columns[column]?.fill(Number.NaN, 0, this.#filled);
    }
  }

  /** A copy of what is filled, oldest first. */
  #inOrder(ring: Float64Array): Float64Array {
    const ordered = new Float64Array(this.#filled);
    const wrapped = ring.subarray(this.#filled < ring.length ? 0 : this.#next, this.#filled);
    ordered.set(wrapped);
    ordered.set(ring.subarray(0, this.#filled - wrapped.length), wrapped.length);
    return ordered;
  }

  #put(place: number, cells: Float64Array, note: Float64Array | undefined): void {
    this.#notes[place] = note;
    for (let column = 0; column < this.#columns.length; column++) this.#columns[column]![place] = cells[column]!;
  }

  /** The newest that matches; two that do are interchangeable but for when they leave, and what stands behind them. */
  #find(prior: Float64Array): number | undefined {
    const told = this.#columns[1]!;
    for (let age = 1; age <= this.#filled; age++) {
      const place = this.#place(age);
      if (told[place] !== prior[1]) continue;
      let column = 0;
      while (column < this.#matched && this.#columns[column]![place] === prior[column]) column++;
      if (column === this.#matched) return place;
    }
    return undefined;
  }

  /** Age 1 is the newest. */
  #place(age: number): number {
    return (this.#next - age + this.#capacity) % this.#capacity;
  }
}
